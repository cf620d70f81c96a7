//! Groups that reach outside.

use partyline::carriers::Knobs;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ANN, BOB, MAIN, SALES, carried, eventually, person};
use crate::{
    carriers::{Kind, over_every_carrier},
    client::Api,
};

async fn group(by: &Api, others: &[&str], numbers: &[&str]) -> String {
    let client_id = Uuid::now_v7();
    let body =
        json!({"kind": "group", "client_id": client_id, "name": "Ops", "extensions": others, "numbers": numbers});
    by.post("/v1/conversations", body).await.ok()["id"].as_str().unwrap().to_owned()
}

over_every_carrier!(
    each_text_goes_out_from_its_author_s_number_and_the_reply_lands_in_the_author_s_own_thread,
    who_has_no_number_writes_all_the_same,
    numbers_come_and_go,
);

async fn each_text_goes_out_from_its_author_s_number_and_the_reply_lands_in_the_author_s_own_thread(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let (jake, wyatt) = (person(&pbx, "201", &[MAIN]).await, person(&pbx, "211", &[SALES]).await);
    let ops = group(&jake, &["211"], &[ANN, BOB, "(404) 555-0199"]).await;
    let row = wyatt.get(&format!("/v1/conversations/{ops}")).await.ok();
    assert_eq!((&row["participant_count"], &row["outsider_count"]), (&json!(4), &json!(2)));
    assert_eq!(row["participants"].as_array().unwrap()[2..], [json!({"number": BOB}), json!({"number": ANN})]);

    let said = wyatt.say(&ops, "Wyatt to all").await;
    let from: Vec<_> = said["deliveries"].as_array().unwrap().iter().map(|d| d["our_number"].clone()).collect();
    assert_eq!(from, [SALES, SALES]);
    eventually(async || {
        let phones = (engine.phone(ANN).await, engine.phone(BOB).await);
        if phones.0.len() == 1 && phones.1.len() == 1 { Ok(()) } else { Err(format!("{phones:?}")) }
    })
    .await;
    engine.text_in(ANN, SALES, "Ann to Wyatt").await;
    let thread = &wyatt.threads().await[0];
    assert_eq!(
        (&thread["kind"], &thread["number"], &thread["our_number"]),
        (&json!("sms"), &json!(ANN), &json!(SALES))
    );
    assert_eq!(jake.threads().await.len(), 1, "the group alone");
    let said: Vec<Value> = wyatt.history(&ops).await;
    assert_eq!(said.len(), 2, "never into the group");
}

async fn who_has_no_number_writes_all_the_same(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let (jake, ann) = (person(&pbx, "201", &[MAIN]).await, person(&pbx, "202", &[]).await);
    let ops = group(&jake, &["202"], &[ANN]).await;
    let mut session = jake.connect().await;
    let said = ann.say(&ops, "I can't text").await;
    assert_eq!(
        (&said["deliveries"][0]["status"], &said["deliveries"][0]["error"]["code"]),
        (&json!("failed"), &json!("sms_not_enabled"))
    );
    assert_eq!(session.event("message.created").await["text"], "I can't text");
    super::put_person(&pbx, "202", &[SALES], true).await;
    let said = ann.say(&ops, "Now I can").await;
    assert_eq!(said["deliveries"][0]["our_number"], SALES);
    super::put_number(&pbx, SALES, json!({"sms_enabled": false})).await;
    assert_eq!(ann.say(&ops, "The plan is gone").await["deliveries"][0]["error"]["code"], "sms_not_enabled");
    super::put_number(&pbx, SALES, json!({})).await;
    assert_eq!(ann.say(&ops, "The plan is back").await["deliveries"][0]["status"], "queued");
    let path = format!("/v1/conversations/{ops}/messages");
    let named = json!({"client_id": Uuid::now_v7(), "text": "Hi", "from": MAIN});
    assert_eq!(ann.post(&path, named).await.code(), "sms_not_enabled", "that one is Jake's");
    let retried = jake.retry(&ops, said["seq"].as_i64().unwrap(), ANN, 1).await;
    assert_eq!(retried.code(), "forbidden", "it goes out from her number");
}

async fn numbers_come_and_go(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let (jake, ann) = (person(&pbx, "201", &[MAIN]).await, person(&pbx, "202", &[]).await);
    let ops = group(&jake, &["202"], &[]).await;
    let mut session = ann.connect().await;
    let path = format!("/v1/conversations/{ops}/participants");
    jake.post(&path, json!({"numbers": ["404 555 0199"]})).await.ok();
    let changed = session.event("participants.changed").await;
    assert_eq!((&changed["added"], &changed["participant_count"]), (&json!([{"number": ANN}]), &json!(3)));
    let pill = session.event("message.created").await;
    assert_eq!(pill["text"], "+1 404-555-0199 added by Name 201 (201)");
    assert_eq!(pill["event"]["who"], json!({"number": ANN}));
    assert_eq!(jake.say(&ops, "Hi Ann").await["deliveries"].as_array().unwrap().len(), 1);
    let listed = ann.get(&format!("{path}?limit=2")).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let next = listed["next"].as_str().unwrap().replace('+', "%2B");
    let rest = ann.get(&format!("{path}?limit=2&after={next}")).await.ok();
    assert_eq!((&rest["items"], &rest["next"]), (&json!([{"number": ANN}]), &json!(null)));
    assert_eq!(ann.delete(&format!("{path}/{ANN}")).await.status, 204);
    assert_eq!(session.event("participants.changed").await["removed"], json!([{"number": ANN}]));
    assert_eq!(ann.delete(&format!("{path}/{ANN}")).await.code(), "not_found");
    assert_eq!(jake.say(&ops, "Just us").await["deliveries"], json!([]));
    for (numbers, code) in
        [(json!(["911"]), "invalid_number"), (json!(vec!["+14045550199"; 201]), "too_many_participants")]
    {
        assert_eq!(jake.post(&path, json!({"numbers": numbers})).await.code(), code);
    }
    let many: Vec<_> = (0..51).map(|n| format!("+1404556{n:04}")).collect();
    assert_eq!(jake.post(&path, json!({"numbers": many})).await.code(), "too_many_participants");
}
