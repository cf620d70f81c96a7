//! Whose is a text that comes in?

use futures_util::future::join_all;
use partyline::carriers::Knobs;
use serde_json::json;

use super::{ANN, BOB, MAIN, SALES, carried, engine, person, put_number, put_person};
use crate::carriers::{Kind, TextIn, over_carriers, over_every_carrier};

over_every_carrier!(
    twenty_texts_at_once_from_a_new_number_make_one_thread,
    who_texted_them_last_gets_the_answer_while_they_have_the_number,
    what_is_nobody_s_is_kept_and_given_to_somebody_once,
    a_number_that_nobody_has_is_a_dead_letter_that_can_be_replayed,
    short_codes_and_names_text_in_and_can_t_be_texted_back,
    nothing_crosses_tenants,
);
// Over SMPP a text has no name.
over_carriers!(Simulator, Twilio, Telnyx: the_same_text_brought_again_is_one_message_wherever_it_would_go_by_now);

async fn twenty_texts_at_once_from_a_new_number_make_one_thread(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let texts: Vec<_> = (0..20).map(|n| format!("Text {n}")).collect();
    join_all(texts.iter().map(|text| engine.text_in(ANN, MAIN, text))).await;
    let threads = jake.threads().await;
    assert_eq!(threads.len(), 1, "{threads:?}");
    let timeline = jake.history(threads[0]["id"].as_str().unwrap()).await;
    let mut found: Vec<_> = timeline.iter().map(|m| m["text"].as_str().unwrap()).collect();
    found.sort_unstable();
    let mut expected: Vec<_> = texts.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

async fn the_same_text_brought_again_is_one_message_wherever_it_would_go_by_now(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let text = TextIn { id: "carrier-7", from: ANN, to: MAIN, text: "Hi", media: &[] };
    let twins = (0..10).map(|_| engine.network.text_in(&text));
    assert!(join_all(twins).await.iter().all(Result::is_ok));
    let wyatt = person(&pbx, "211", &[]).await;
    put_number(&pbx, MAIN, json!({"extension": "211"})).await;
    put_person(&pbx, "201", &[], true).await;
    engine.network.text_in(&text).await.unwrap();
    let thread = &jake.threads().await[0];
    assert_eq!((&thread["last_seq"], wyatt.threads().await.len()), (&json!(1), 0));
}

async fn who_texted_them_last_gets_the_answer_while_they_have_the_number(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let (jake, wyatt) = (person(&pbx, "201", &[MAIN]).await, person(&pbx, "211", &[MAIN]).await);
    let newest = async |who: &crate::client::Api| {
        who.threads().await.first().map(|t| t["last_message"]["text"].as_str().unwrap_or_default().to_owned())
    };
    engine.text_in(ANN, MAIN, "unasked").await;
    assert_eq!(newest(&jake).await.as_deref(), Some("unasked"), "the first who has it");
    put_number(&pbx, MAIN, json!({"extension": "211"})).await;
    engine.text_in(BOB, MAIN, "to who is named").await;
    assert_eq!(newest(&wyatt).await.as_deref(), Some("to who is named"));
    let thread = wyatt.thread(ANN).await;
    wyatt.say(&thread, "Hi Ann, Wyatt here").await;
    engine.text_in(ANN, MAIN, "to who texted last").await;
    assert_eq!(newest(&wyatt).await.as_deref(), Some("to who texted last"));
    put_number(&pbx, MAIN, json!({})).await;
    put_person(&pbx, "211", &[], true).await;
    engine.text_in(ANN, MAIN, "no longer Wyatt's").await;
    assert_eq!(newest(&jake).await.as_deref(), Some("no longer Wyatt's"));
    put_person(&pbx, "201", &[MAIN], false).await;
    engine.text_in(ANN, MAIN, "nobody is there").await;
    let unrouted = pbx.get("/v1/pbx/unrouted").await.ok();
    assert_eq!(unrouted["items"][0]["text"], "nobody is there");
}

async fn what_is_nobody_s_is_kept_and_given_to_somebody_once(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    pbx.put("/v1/pbx/extensions/200", json!({"name": "Boss", "password": crate::client::PASSWORD, "role": "admin"}))
        .await
        .ok();
    let session = pbx.login(json!({"extension": "200", "password": crate::client::PASSWORD})).await.ok();
    let mut boss = pbx.with_token(session["token"].as_str().unwrap()).connect().await;
    engine.text_in(ANN, SALES, "Anybody?").await;
    let told = boss.event("unrouted.updated").await;
    let listed = pbx.get("/v1/pbx/unrouted").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["number"]), (&told["id"], &json!(ANN)));
    let wyatt = person(&pbx, "211", &[SALES]).await;
    let path = format!("/v1/pbx/unrouted/{}/assign", told["id"].as_str().unwrap());
    assert_eq!(pbx.post(&path, json!({"extension": "999"})).await.code(), "not_found");
    let assigned = join_all((0..5).map(|_| pbx.post(&path, json!({"extension": "211"})))).await;
    assert_eq!(assigned.iter().filter(|a| a.status == 204).count(), 1, "once");
    assert_eq!(pbx.get("/v1/pbx/unrouted").await.ok()["items"], json!([]));
    let threads = wyatt.threads().await;
    assert_eq!((threads.len(), &threads[0]["last_message"]["text"]), (1, &json!("Anybody?")));
    let other = engine.tenant("other").await.1;
    assert_eq!(pbx.with_token(&other).post(&path, json!({"extension": "211"})).await.code(), "not_found");
}

async fn a_number_that_nobody_has_is_a_dead_letter_that_can_be_replayed(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &["+14045550150"]).await;
    engine.text_in(ANN, "+14045550150", "Premature").await;
    let letters = pbx.get("/v1/pbx/dead-letters").await.ok();
    let letter = &letters["items"][0];
    assert_eq!((&letter["carrier"], &letter["kind"]), (&json!("sim"), &json!("inbound")));
    assert!(letter["body"].as_str().unwrap().contains("Premature"));
    let path = format!("/v1/pbx/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    assert_eq!(pbx.post(&path, json!(null)).await.code(), "invalid_request", "still nobody's");
    let other = engine.tenant("other").await.1;
    assert_eq!(pbx.with_token(&other).get("/v1/pbx/dead-letters").await.ok()["items"], json!([]));
    assert_eq!(pbx.with_token(&other).post(&path, json!(null)).await.code(), "not_found");
    put_number(&pbx, "+14045550150", json!({})).await;
    assert_eq!(pbx.post(&path, json!(null)).await.status, 204);
    assert_eq!(jake.threads().await[0]["last_message"]["text"], "Premature");
    assert_eq!(pbx.post(&path, json!(null)).await.code(), "not_found", "once");
    assert_eq!(pbx.get("/v1/pbx/dead-letters").await.ok()["items"], json!([]));
}

async fn short_codes_and_names_text_in_and_can_t_be_texted_back(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    for sender in ["72345", "PARCELCO"] {
        engine.text_in(sender, MAIN, "Your code is 1234").await;
        let thread = jake.threads().await[0].clone();
        assert_eq!(thread["number"], sender);
        let refused = jake.send(thread["id"].as_str().unwrap(), uuid::Uuid::now_v7(), "Thanks").await;
        assert_eq!(refused.code(), "invalid_number");
    }
}

#[tokio::test]
async fn a_simulated_phone_has_a_number_or_a_name() {
    let engine = engine(Knobs::default()).await;
    let nonsense = json!({"from": "a name that is too long", "to": MAIN, "text": "x"});
    assert_eq!(engine.api().post("/v1/simulator/messages", nonsense).await.code(), "invalid_number");
}

async fn nothing_crosses_tenants(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let (_, key) = engine.tenant("other").await;
    let other = engine.api().with_token(&key);
    put_number(&other, "+14045550300", json!({})).await;
    let jake = person(&engine.api(), "201", &[MAIN, "+14045550300"]).await;
    let theirs = other.people_of("other", &["201"]).await;
    engine.text_in(ANN, "+14045550300", "For the other company").await;
    assert_eq!(jake.threads().await.len(), 0, "a caller ID of another company's number is none");
    assert_eq!(other.get("/v1/pbx/unrouted").await.ok()["items"][0]["text"], "For the other company");
    assert_eq!(engine.api().get("/v1/pbx/unrouted").await.ok()["items"], json!([]));
    let begin = json!({"kind": "sms", "number": ANN, "from": "+14045550300"});
    assert_eq!(jake.post("/v1/conversations", begin).await.code(), "sms_not_enabled");
    // Who said stop to one company may be texted by another.
    engine.text_in(ANN, MAIN, "STOP").await;
    assert_eq!(other.get("/v1/pbx/consents").await.ok()["items"], json!([]));
    drop(theirs);
}
