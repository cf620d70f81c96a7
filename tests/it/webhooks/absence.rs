//! A receiver, or the engine, that was away: every message arrives, and the last state of everything else.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{Got, Receiver, Reply, engine, hook, on, pausing, quick};

#[tokio::test]
async fn after_an_absence_every_message_arrives_and_the_last_state_of_the_rest() {
    let engine = engine(pausing(vec![Duration::from_millis(100); 10_000])).await;
    let people = engine.people(&["201", "202", "203"]).await;
    let pbx = engine.api();
    let group = people["201"].group("Ops", &["202"]).await;
    let receiver = Receiver::answering(|_, _| Reply::Status(500, None)).await;
    hook(&pbx, &receiver, &["*"]).await;
    // The first is stored, and holds up what follows.
    people["201"].say(&group, "0").await;
    receiver.until(|got| !got.is_empty()).await;
    // More than is read at once.
    let mut jake = people["201"].connect().await;
    for n in 1..=700 {
        jake.send(&group, Uuid::now_v7(), &n.to_string()).await;
    }
    jake.until_matching(|f| f["type"] == "ok" && f["message"]["text"] == "700").await;
    for name in ["Dev", "Sales", "Support"] {
        people["201"].rename(&group, name).await.ok();
        pbx.put("/v1/pbx/extensions/203", json!({"name": name})).await.ok();
    }
    people["201"].add(&group, &["203"]).await.ok();
    people["202"].put(&format!("/v1/conversations/{group}/read"), json!({"seq": 300})).await.ok();
    people["202"].put(&format!("/v1/conversations/{group}/read"), json!({"seq": 600})).await.ok();
    people["203"].remove(&group, "me").await.ok();
    people["201"].say(&group, "last").await;

    receiver.answers(|_, _| Reply::Status(200, None));
    receiver.until_text("last").await;
    let got = receiver.taken();
    let numbers: Vec<_> = receiver.texts().iter().filter_map(|text| text.parse::<i64>().ok()).collect();
    assert_eq!(numbers, (0..=700).collect::<Vec<_>>(), "each once, in order");
    let of = |kind: &str| got.iter().filter(|g| g.kind() == kind).map(Got::data).collect::<Vec<_>>();
    let rows = of("conversation.updated");
    assert_eq!((rows.len(), &rows[0]["name"], &rows[0]["participant_count"]), (1, &json!("Support"), &json!(2)));
    let colleagues = of("extension.updated");
    assert_eq!((colleagues.len(), &colleagues[0]["name"]), (1, &json!("Support")));
    let read = of("read.advanced");
    assert_eq!((read.len(), &read[0]["readers"][0]["seq"]), (1, &json!(600)));
    assert_eq!(of("conversation.removed").len(), 1);
    let seqs: Vec<_> = of("message.created").iter().map(|m| m["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b));
}

#[tokio::test]
async fn an_engine_that_starts_again_goes_on_where_it_was() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let receiver = Receiver::answering(|n, _| Reply::Status(if n < 3 { 200 } else { 500 }, None)).await;
    hook(&engine.api(), &receiver, &["message.created"]).await;
    for n in 0..10 {
        people["201"].say(&chat, &n.to_string()).await;
    }
    receiver.until(|got| got.len() >= 4).await;
    let token = people["201"].token.clone();
    let folder = engine.stop().await;
    receiver.answers(|_, _| Reply::Status(200, None));
    let engine = on(folder, quick()).await;
    receiver.until_text("9").await;
    engine.api().with_token(&token).say(&chat, "10").await;
    receiver.until_text("10").await;
    assert_eq!(receiver.texts(), (0..=10).map(|n| n.to_string()).collect::<Vec<_>>());
}
