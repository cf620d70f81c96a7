//! Threads with customers.

use partyline::carriers::Knobs;
use serde_json::json;
use uuid::Uuid;

use super::{ANN, MAIN, SALES, carried, eventually, person, put_number, put_person};
use crate::carriers::{Kind, TextIn, over_carriers, over_every_carrier};

over_every_carrier!(
    a_text_goes_out_and_its_answer_comes_back_into_the_same_thread,
    who_waits_for_a_reply_is_listed_until_one_arrives,
    a_thread_is_its_owner_s_alone,
    who_has_no_number_is_told_so_and_a_number_given_counts_at_once,
    the_same_client_id_is_one_text,
    what_goes_out_is_shorter_and_names_its_own_number,
);
// SMPP carries no pictures.
over_carriers!(Simulator, Twilio, Telnyx: a_picture_comes_in_is_fetched_and_shown_to_its_reader_alone);

async fn a_text_goes_out_and_its_answer_comes_back_into_the_same_thread(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let mut session = jake.connect().await;
    let made = jake.post("/v1/conversations", json!({"kind": "sms", "number": "(404) 555-0199"})).await;
    assert_eq!(made.status, 201);
    let row = made.ok();
    assert_eq!((&row["number"], &row["our_number"], &row["kind"]), (&json!(ANN), &json!(MAIN), &json!("sms")));
    assert_eq!((&row["name"], &row["participant_count"]), (&json!("+1 404-555-0199"), &json!(1)));
    let thread = row["id"].as_str().unwrap();
    let again = jake.post("/v1/conversations", json!({"kind": "sms", "number": ANN, "from": MAIN})).await;
    assert_eq!((again.status.as_u16(), &again.body["id"]), (200, &row["id"]));

    let sent = jake.say(thread, "Your order is ready").await;
    assert_eq!((&sent["direction"], &sent["deliveries"][0]["status"]), (&json!("outbound"), &json!("queued")));
    let created = session.event("message.created").await;
    assert_eq!(created["deliveries"], sent["deliveries"]);
    let mut statuses = vec![];
    while statuses.last() != Some(&json!("delivered")) {
        let updated = session.event("message.updated").await;
        assert_eq!((&updated["seq"], &updated["text"]), (&sent["seq"], &sent["text"]));
        statuses.push(updated["deliveries"][0]["status"].clone());
    }
    // A receipt may come before the answer is stored: then it was never seen as sent.
    assert_eq!(statuses[0], "sending", "{statuses:?}");
    assert_eq!(engine.phone(ANN).await, ["Your order is ready"]);

    engine.text_in(ANN, MAIN, "Thank you!").await;
    let answer = session.event("message.created").await;
    assert_eq!((&answer["conversation"], &answer["direction"]), (&row["id"], &json!("inbound")));
    assert_eq!(answer["from"], json!({"number": ANN}));
    let row = jake.get(&format!("/v1/conversations/{thread}")).await.ok();
    assert_eq!((&row["unread"], &row["needs_reply_since"]), (&json!(1), &answer["created_at"]));
}

async fn who_waits_for_a_reply_is_listed_until_one_arrives(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let waiting = async || {
        let page = jake.get("/v1/conversations?filter=needs_reply").await.ok();
        page["items"].as_array().unwrap().len()
    };
    engine.text_in(ANN, MAIN, "Hello?").await;
    assert_eq!(waiting().await, 1);
    let thread = jake.threads().await[0]["id"].as_str().unwrap().to_owned();
    jake.say(&thread, "Hi Ann").await;
    assert_eq!(waiting().await, 0);

    // A reply that never arrives is none.
    engine.text_in(super::OFF, MAIN, "Are you open?").await;
    let thread = jake.threads().await[0]["id"].as_str().unwrap().to_owned();
    let sent = jake.say(&thread, "Yes, until six").await;
    let seq = sent["seq"].as_i64().unwrap();
    jake.delivery_until(&thread, seq, "failed").await;
    assert_eq!(waiting().await, 1);
    // Sent again it is one, until that fails as well.
    jake.retry(&thread, seq, "404-555-0000", 1).await.ok();
    eventually(async || {
        let d = jake.deliveries(&thread, seq).await.remove(0);
        if d["attempt"] == 2 && d["status"] == "failed" { Ok(()) } else { Err(d.to_string()) }
    })
    .await;
    assert_eq!(waiting().await, 1);
}

async fn a_thread_is_its_owner_s_alone(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let (jake, wyatt) = (person(&pbx, "201", &[MAIN]).await, person(&pbx, "211", &[MAIN]).await);
    let thread = jake.thread(ANN).await;
    let seq = jake.say(&thread, "Hi").await["seq"].as_i64().unwrap();
    assert_ne!(wyatt.thread(ANN).await, thread, "each has their own");
    let path = format!("/v1/conversations/{thread}");
    assert_eq!(wyatt.get(&path).await.code(), "not_found");
    assert_eq!(wyatt.send(&thread, Uuid::now_v7(), "Hi").await.code(), "not_found");
    assert_eq!(wyatt.retry(&thread, seq, ANN, 1).await.code(), "not_found");
    let consent = json!({"number": ANN, "opted_out": true, "scope": "number"});
    assert_eq!(wyatt.put(&format!("{path}/consent"), consent).await.code(), "not_found");
    assert_eq!(jake.add(&thread, &["211"]).await.code(), "forbidden");
    assert_eq!(jake.remove(&thread, "me").await.code(), "forbidden");
}

async fn who_has_no_number_is_told_so_and_a_number_given_counts_at_once(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[]).await;
    let begin = async |number: &str| jake.post("/v1/conversations", json!({"kind": "sms", "number": number})).await;
    let refused = begin(ANN).await;
    assert_eq!(refused.code(), "sms_not_enabled");
    assert!(refused.body["detail"].as_str().unwrap().contains("administrator"));
    put_person(&pbx, "201", &[MAIN], true).await;
    let thread = begin(ANN).await.ok()["id"].as_str().unwrap().to_owned();
    jake.say(&thread, "Hi").await;
    put_number(&pbx, MAIN, json!({"queue": "support"})).await;
    jake.say(&thread, "A queue that isn't there yet takes no number").await;
    let support = json!({"name": "SMS Support Queue", "members": []});
    pbx.put("/v1/pbx/queues/support", support).await;
    for gone in [json!({"sms_enabled": false}), json!({"queue": "support"})] {
        put_number(&pbx, MAIN, gone).await;
        assert_eq!(jake.send(&thread, Uuid::now_v7(), "Hi?").await.code(), "sms_not_enabled");
        assert_eq!(jake.get(&format!("/v1/conversations/{thread}")).await.status, 200, "it can be read");
        put_number(&pbx, MAIN, json!({})).await;
        jake.say(&thread, "And again").await;
    }
    put_person(&pbx, "201", &[SALES], true).await;
    assert_eq!(jake.send(&thread, Uuid::now_v7(), "Hi?").await.code(), "sms_not_enabled");
    assert_eq!(begin("911").await.code(), "invalid_number");
    assert_eq!(begin("72345").await.code(), "invalid_number");
    let foreign = json!({"kind": "sms", "number": ANN, "from": "+14045559999"});
    assert_eq!(jake.post("/v1/conversations", foreign).await.code(), "sms_not_enabled");
}

async fn the_same_client_id_is_one_text(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    let client_id = Uuid::now_v7();
    let sends = (0..10).map(|_| jake.send(&thread, client_id, "Once"));
    let answers = futures_util::future::join_all(sends).await;
    assert!(answers.iter().all(|a| a.status.is_success() && a.body["seq"] == 1), "{answers:?}");
    jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!(engine.phone(ANN).await, ["Once"]);
    assert_eq!(jake.send(&thread, client_id, "Twice").await.code(), "idempotency_conflict");
}

async fn what_goes_out_is_shorter_and_names_its_own_number(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN, SALES]).await;
    let thread = jake.thread(ANN).await;
    assert_eq!(jake.send(&thread, Uuid::now_v7(), &"a".repeat(1_601)).await.code(), "too_long");
    let path = format!("/v1/conversations/{thread}/messages");
    let from = |number: &str| json!({"client_id": Uuid::now_v7(), "text": "Hi", "from": number});
    assert_eq!(jake.post(&path, from(SALES)).await.code(), "invalid_request");
    jake.post(&path, from(MAIN)).await.ok();
    let other = json!({"kind": "sms", "number": ANN, "from": SALES});
    let other = jake.post("/v1/conversations", other).await.ok();
    assert_eq!((&other["our_number"], other["id"] == json!(thread)), (&json!(SALES), false));
}

async fn a_picture_comes_in_is_fetched_and_shown_to_its_reader_alone(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let (jake, wyatt) = (person(&pbx, "201", &[MAIN]).await, person(&pbx, "211", &[SALES]).await);
    let mut session = jake.connect().await;
    let text = TextIn { id: "carrier-7", from: ANN, to: MAIN, text: "", media: &engine.network.media() };
    engine.network.text_in(&text).await.unwrap();
    let created = session.event("message.created").await;
    assert_eq!((&created["text"], created["attachments"].as_array().unwrap().len()), (&json!(""), 3));
    assert!(created["attachments"].as_array().unwrap().iter().all(|a| a["state"] == "pending" && a["url"].is_null()));
    let files = eventually(async || {
        let row = &jake.threads().await[0];
        let files = row["last_message"]["attachments"].clone();
        if files.as_array().unwrap().iter().any(|f| f["state"] == "pending") {
            Err(files.to_string())
        } else {
            Ok(files)
        }
    })
    .await;
    let states: Vec<_> = files.as_array().unwrap().iter().map(|f| f["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["stored", "failed", "failed"], "only what may be shown is kept");
    let url = files[0]["url"].as_str().unwrap();
    let had = jake.request(reqwest::Method::GET, url).send().await.unwrap();
    assert_eq!(had.headers()["content-type"], "image/png");
    assert!(had.headers()["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(had.bytes().await.unwrap().len(), 8);
    assert_eq!(wyatt.get(url).await.code(), "not_found");
}
