//! Who says stop gets nothing more, by whatever road.

use partyline::carriers::Knobs;
use serde_json::json;
use uuid::Uuid;

use super::{ANN, MAIN, OFF, SALES, carried, person};
use crate::carriers::{Kind, over_every_carrier};

over_every_carrier!(
    every_spelling_of_stop_and_start_counts,
    stop_is_shown_confirmed_once_and_starts_no_clock,
    nothing_goes_to_who_said_stop_from_a_thread_a_group_a_retry_or_the_queue,
    an_agent_records_what_they_said_of_a_number_or_of_the_company,
    help_answers_with_the_company_s_text_once_a_day_and_two_robots_end,
    only_they_lift_what_they_said_themselves,
    the_pbx_lists_records_and_lifts,
);

async fn every_spelling_of_stop_and_start_counts(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hi").await;
    let stops = ["STOP", "stop.", "Stop all", "UNSUBSCRIBE", "cancel!", "End", "quit", "Revoke", "opt-out", "OPT OUT"];
    for (stop, start) in stops.iter().zip(["START", "un-stop", "Yes."].iter().cycle()) {
        engine.text_in(ANN, MAIN, stop).await;
        assert_eq!(jake.send(&thread, Uuid::now_v7(), "Hi?").await.code(), "opted_out", "{stop}");
        engine.text_in(ANN, MAIN, start).await;
        jake.say(&thread, "Welcome back").await;
    }
    engine.text_in(ANN, MAIN, "Stop by at five").await;
    jake.say(&thread, "See you").await;
}

async fn stop_is_shown_confirmed_once_and_starts_no_clock(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Offer of the day").await;
    // What is still queued would not go out any more.
    jake.delivery_until(&thread, 1, "delivered").await;
    let mut session = jake.connect().await;
    engine.text_in(ANN, MAIN, "STOP").await;
    session.event("consent.updated").await;
    engine.text_in(ANN, MAIN, "STOP").await;
    let row = jake.get(&format!("/v1/conversations/{thread}")).await.ok();
    assert_eq!((&row["opted_out"], row.get("needs_reply_since")), (&json!(true), None));
    let timeline = jake.history(&thread).await;
    let texts: Vec<_> = timeline.iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(texts[1..3], ["STOP", "Opted out of texts from +1 404-555-0100"]);
    assert_eq!(timeline[2]["event"], json!({"name": "opted_out", "our_number": MAIN, "by": null}));
    if kind.answers_keywords() {
        assert_eq!(texts[3..], ["STOP"], "the carrier confirms it");
        assert_eq!(engine.phone(ANN).await.len(), 1);
    } else {
        assert_eq!((texts.len(), texts[4]), (5, "STOP"), "the confirmation goes once: {texts:?}");
        assert_eq!((&timeline[3]["from"], &timeline[3]["kind"]), (&json!(null), &json!("text")));
        jake.delivery_until(&thread, 4, "delivered").await;
        assert_eq!(engine.phone(ANN).await.len(), 2);
    }
    let records = engine.api().get("/v1/pbx/consents").await.ok();
    assert_eq!((&records["items"][0]["number"], &records["items"][0]["source"]), (&json!(ANN), &json!("keyword")));
}

async fn nothing_goes_to_who_said_stop_from_a_thread_a_group_a_retry_or_the_queue(kind: Kind) {
    let engine = carried(kind, Knobs { delay_ms: 300, ..Knobs::default() }).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "first").await;
    jake.delivery_until(&thread, 1, "sending").await;
    jake.say(&thread, "already queued").await;
    engine.text_in(ANN, MAIN, "STOP").await;
    let queued = jake.delivery_until(&thread, 2, "failed").await;
    assert_eq!(queued["error"]["code"], "opted_out");
    assert_eq!(jake.retry(&thread, 2, ANN, 1).await.code(), "opted_out");
    assert_eq!(jake.send(&thread, Uuid::now_v7(), "Hi?").await.code(), "opted_out");
    person(&pbx, "202", &[]).await;
    let body =
        json!({"kind": "group", "client_id": Uuid::now_v7(), "name": "Ops", "extensions": ["202"], "numbers": [ANN]});
    let group = jake.post("/v1/conversations", body).await.ok()["id"].as_str().unwrap().to_owned();
    let said = jake.say(&group, "To all").await;
    assert_eq!(said["deliveries"][0]["error"]["code"], "opted_out", "members get it");
    let confirmations = if kind.answers_keywords() { 0 } else { 1 };
    if confirmations > 0 {
        jake.delivery_until(&thread, 5, "delivered").await;
    }
    let phone = engine.phone(ANN).await;
    assert_eq!((phone.len(), phone[0].as_str()), (1 + confirmations, "first"), "and our confirmation: {phone:?}");
}

async fn an_agent_records_what_they_said_of_a_number_or_of_the_company(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let (jake, wyatt) = (person(&pbx, "201", &[MAIN]).await, person(&pbx, "211", &[SALES]).await);
    let (mine, his) = (jake.thread(ANN).await, wyatt.thread(ANN).await);
    let record = async |opted_out: bool, scope: &str| {
        let body = json!({"number": ANN, "opted_out": opted_out, "scope": scope});
        jake.put(&format!("/v1/conversations/{mine}/consent"), body).await.ok()["opted_out"].clone()
    };
    assert_eq!(record(true, "number").await, true);
    assert_eq!(jake.send(&mine, Uuid::now_v7(), "Hi").await.code(), "opted_out");
    wyatt.say(&his, "From another number").await;
    record(false, "number").await;
    wyatt.say(&his, "Still there?").await;
    let mut session = wyatt.connect().await;
    record(true, "tenant").await;
    let told = session.event("consent.updated").await;
    assert_eq!(told, json!({"number": ANN, "our_number": null}));
    assert_eq!(wyatt.send(&his, Uuid::now_v7(), "Hi").await.code(), "opted_out");
    let before = jake.history(&mine).await.len();
    record(true, "tenant").await;
    assert_eq!(jake.history(&mine).await.len(), before, "what is so makes no entry");
    // Their own word lifts it.
    engine.text_in(ANN, MAIN, "START").await;
    jake.say(&mine, "Welcome back").await;
    wyatt.say(&his, "Welcome back").await;
    let other = json!({"number": OFF, "opted_out": true, "scope": "number"});
    assert_eq!(jake.put(&format!("/v1/conversations/{mine}/consent"), other).await.code(), "invalid_number");
}

async fn help_answers_with_the_company_s_text_once_a_day_and_two_robots_end(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hi").await;
    engine.text_in(ANN, MAIN, "HELP").await;
    assert_eq!(jake.history(&thread).await.len(), 2, "without a text of ours it is an ordinary one");
    let mut session = jake.connect().await;
    pbx.put("/v1/pbx/settings", json!({"help_text": "Acme, 404-555-0100. Reply STOP to end."})).await.ok();
    session.event("settings.updated").await;
    // A robot that answers each of ours with the next word: each word is answered once a day, which is within the hour's
    // budget of three.
    for word in ["HELP", "INFO", "STOP", "START", "HELP", "STOP", "START"] {
        engine.text_in(ANN, MAIN, word).await;
    }
    let automatic = jake.history(&thread).await;
    let automatic: Vec<_> = automatic.iter().filter(|m| m["kind"] == "text" && m["from"].is_null()).collect();
    if kind.answers_keywords() {
        assert!(automatic.is_empty(), "the carrier answers: {automatic:?}");
    } else {
        assert_eq!(automatic.len(), 3, "{automatic:?}");
        assert_eq!(automatic[0]["text"], "Acme, 404-555-0100. Reply STOP to end.");
    }
}

async fn only_they_lift_what_they_said_themselves(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    engine.text_in(ANN, MAIN, "STOP").await;
    let lift = json!({"number": ANN, "opted_out": false, "scope": "number"});
    assert_eq!(jake.put(&format!("/v1/conversations/{thread}/consent"), lift).await.code(), "forbidden");
    // A word that came in when it meant nothing means nothing when somebody reads it.
    engine.text_in(ANN, SALES, "Yes").await;
    let wyatt = person(&pbx, "211", &[SALES]).await;
    engine.text_in(ANN, SALES, "STOP").await;
    let unrouted = pbx.get("/v1/pbx/unrouted").await.ok();
    let id = unrouted["items"][0]["id"].as_str().unwrap();
    pbx.post(&format!("/v1/pbx/unrouted/{id}/assign"), json!({"extension": "211"})).await;
    let his = wyatt.thread(ANN).await;
    assert_eq!(wyatt.send(&his, Uuid::now_v7(), "Hi").await.code(), "opted_out");
}

async fn the_pbx_lists_records_and_lifts(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    let path = format!("/v1/pbx/consents/{MAIN}/{ANN}");
    assert_eq!(pbx.put(&path, json!({"reason": "by mail"})).await.status, 201);
    assert_eq!(pbx.put(&path, json!({"reason": "by mail"})).await.status, 200);
    assert_eq!(jake.send(&thread, Uuid::now_v7(), "Hi").await.code(), "opted_out");
    assert_eq!(pbx.put(&format!("/v1/pbx/consents/all/{OFF}"), json!({})).await.status, 201);
    let listed = pbx.get("/v1/pbx/consents").await.ok();
    let ours: Vec<_> = listed["items"].as_array().unwrap().iter().map(|c| c["our_number"].as_str().unwrap()).collect();
    assert_eq!(ours, ["all", MAIN]);
    let first = pbx.get("/v1/pbx/consents?limit=1").await.ok();
    let next = first["next"].as_str().unwrap().replace('+', "%2B").replace(' ', "%20");
    let second = pbx.get(&format!("/v1/pbx/consents?limit=1&after={next}")).await.ok();
    assert_eq!((&second["items"][0]["reason"], &second["next"]), (&json!("by mail"), &json!(null)));
    assert_eq!(pbx.delete(&path).await.status, 204);
    assert_eq!(pbx.delete(&path).await.code(), "not_found");
    jake.say(&thread, "Hi").await;
    assert_eq!(jake.get("/v1/pbx/consents").await.code(), "forbidden");
}
