//! What a receiver that takes everything is sent, and what is kept of it.

use std::time::Duration;

use partyline::{carriers::Knobs, config::Config};
use serde_json::json;

use super::{Got, HOOK, Receiver, allowed, assert_signed, engine, hook, quick, with_clock};
use crate::{
    engine::manual_clock,
    sms::{ANN, MAIN, engine_with, eventually, person, put_number, simulator},
};

#[tokio::test]
async fn events_come_in_order_as_sessions_get_them_and_signed() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    let receiver = Receiver::start().await;
    let secret = hook(&pbx, &receiver, &["*"]).await;
    let mut ann = people["202"].connect().await;
    let chat = people["201"].chat("202").await;
    for n in 0..20 {
        people["201"].say(&chat, &format!("Grüße 👋 {n}")).await;
    }
    people["202"].put(&format!("/v1/conversations/{chat}/read"), json!({"seq": 20})).await.ok();
    let got = receiver.until(|got| got.iter().any(|g| g.kind() == "read.advanced")).await;
    assert_signed(&got, &secret);

    ann.until_event("read.advanced").await;
    for name in ["message.created", "read.advanced"] {
        let told: Vec<_> = ann.events.iter().filter(|e| e["name"] == name).map(|e| e["data"].clone()).collect();
        let sent: Vec<_> = got.iter().filter(|g| g.kind() == name).map(Got::data).collect();
        assert_eq!(sent, told, "{name}");
    }
    let made = got.iter().find(|g| g.kind() == "conversation.updated").unwrap().data();
    assert_eq!((&made["id"], &made["kind"], &made["joined"]), (&json!(chat), &json!("direct"), &json!(null)));
    let body = got[0].json();
    let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields.len(), 3, "type, timestamp, data: {fields:?}");
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));

    let sent = pbx.until_all(got.len(), "delivered").await;
    for (sent, got) in sent.iter().zip(&got) {
        assert_eq!((&sent["id"], &sent["body"]), (&json!(got.id()), &json!(got.bytes)));
        assert_eq!((&sent["attempts"], &sent["last_status"]), (&json!(1), &json!(204)));
        assert_eq!((&sent["last_error"], &sent["next_attempt_at"]), (&json!(null), &json!(null)));
    }
    let page = pbx.get(&format!("{HOOK}/deliveries?limit=3")).await.ok();
    assert_eq!(page["items"][0]["id"], sent.last().unwrap()["id"], "newest first");
    let metrics = reqwest::get(format!("{}/metrics", engine.url)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("partyline_webhook_attempts_total{outcome=\"delivered\"}"));
}

#[tokio::test]
async fn only_what_is_asked_for_comes_and_a_new_one_begins_with_what_happens_from_now_on() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    people["201"].say(&chat, "before").await;
    let receiver = Receiver::start().await;
    hook(&engine.api(), &receiver, &["message.created"]).await;
    people["201"].say(&chat, "after").await;
    people["202"].put(&format!("/v1/conversations/{chat}/read"), json!({"seq": 2})).await.ok();
    engine.api().put("/v1/pbx/extensions/201", json!({"name": "Jacob"})).await.ok();
    people["201"].say(&chat, "last").await;
    receiver.until_text("last").await;
    assert_eq!(receiver.texts(), ["after", "last"]);
    assert_eq!(receiver.got().len(), 2);
}

#[tokio::test]
async fn what_is_put_anew_counts_from_then_on_and_what_is_deleted_is_over() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    let chat = people["201"].chat("202").await;
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    let secret = hook(&pbx, &first, &["message.created"]).await;
    people["201"].say(&chat, "1").await;
    first.until_text("1").await;
    pbx.put(HOOK, json!({"url": second.url, "events": ["message.created"]})).await.ok();
    people["201"].say(&chat, "2").await;
    assert_signed(&[second.until_text("2").await], &secret);
    assert_eq!(pbx.delete(HOOK).await.status, 204);
    people["201"].say(&chat, "3").await;
    let again = hook(&pbx, &first, &["message.created"]).await;
    assert_ne!(again, secret);
    people["201"].say(&chat, "4").await;
    first.until_text("4").await;
    assert_eq!((first.texts(), second.texts()), (vec!["1".into(), "4".into()], vec!["2".into()]));
    assert_eq!(pbx.until_all(1, "delivered").await.len(), 1, "what the other had is forgotten");
}

#[tokio::test]
async fn a_replay_sends_the_same_bytes_under_the_same_id() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    let chat = people["201"].chat("202").await;
    let receiver = Receiver::start().await;
    let secret = hook(&pbx, &receiver, &["message.created"]).await;
    people["201"].say(&chat, "1").await;
    people["201"].say(&chat, "2").await;
    let sent = pbx.until_all(2, "delivered").await;
    let id = sent[0]["id"].as_str().unwrap();
    let replayed = pbx.replay(id).await;
    assert_eq!((replayed.status.as_u16(), &replayed.body["status"]), (202, &json!("waiting")));
    let got = receiver.until_taken(3).await;
    assert_eq!((got[2].id(), &got[2].bytes), (id, &got[0].bytes));
    assert_signed(&got, &secret);
    assert_eq!(pbx.until_all(2, "delivered").await[0]["attempts"], 2);
    for unknown in ["x", "0199aaaa-0000-7000-8000-000000000000"] {
        assert_eq!(pbx.replay(unknown).await.code(), "not_found");
    }
}

#[tokio::test]
async fn texts_that_wait_in_a_queue_come_though_nobody_is_in_the_conversation() {
    let configure = |config: &mut Config| {
        config.carriers = simulator(Knobs::default());
        allowed(config);
    };
    let engine = engine_with(quick(), configure).await;
    let (pbx, jake) = (engine.api(), person(&engine.api(), "201", &[]).await);
    let queue = pbx.put("/v1/pbx/queues/support", json!({"name": "Support", "members": ["201"]})).await.ok();
    put_number(&pbx, MAIN, json!({"queue": "support"})).await;
    let receiver = Receiver::start().await;
    hook(&pbx, &receiver, &["*"]).await;
    jake.text_in(ANN, MAIN, "Hello?").await;
    let came = receiver.until_text("Hello?").await.data();
    assert_eq!((&came["from"]["number"], &came["direction"]), (&json!(ANN), &json!("inbound")));
    let waits = receiver.until(|got| got.iter().any(|g| g.data()["queue"]["state"] == "waiting")).await;
    assert!(waits.iter().any(|g| g.data()["id"] == came["conversation"]));

    let agent = format!("/v1/queues/{}/agent", queue["id"].as_str().unwrap());
    jake.put(&agent, json!({"logged_in": true, "paused": false})).await.ok();
    let claim = format!("/v1/conversations/{}/claim", came["conversation"].as_str().unwrap());
    jake.post(&claim, json!({})).await.ok();
    let got = receiver.until(|got| got.iter().any(|g| g.data()["queue"]["state"] == "claimed")).await;
    let agents: Vec<_> = got.iter().filter(|g| g.kind() == "agent.updated").map(Got::data).collect();
    assert_eq!((&agents[0]["queue"], &agents[0]["agent"]["logged_in"]), (&queue["id"], &json!(true)));
}

#[tokio::test]
async fn what_was_settled_is_forgotten_after_seven_days() {
    let clock = manual_clock();
    let engine = engine(with_clock(quick(), &clock)).await;
    let pbx = engine.api();
    let receiver = Receiver::start().await;
    hook(&pbx, &receiver, &["extension.updated"]).await;
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    pbx.until_all(1, "delivered").await;
    clock.advance(Duration::from_secs(6 * 24 * 3_600));
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jacob"})).await.ok();
    pbx.until_all(2, "delivered").await;
    clock.advance(Duration::from_secs(2 * 24 * 3_600));
    eventually(async || {
        let sent = pbx.sent().await;
        if sent.len() == 1 { Ok(()) } else { Err(format!("{sent:?}")) }
    })
    .await;
    assert!(pbx.sent().await[0]["body"].as_str().unwrap().contains("Jacob"));
}
