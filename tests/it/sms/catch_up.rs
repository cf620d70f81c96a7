//! Who was away hears what became of texts, as it is now.

use partyline::carriers::Knobs;
use serde_json::json;

use super::{ANN, MAIN, carried, person};
use crate::carriers::{Kind, over_every_carrier};

over_every_carrier!(what_was_missed_comes_as_it_is_now_and_each_once,);

async fn what_was_missed_comes_as_it_is_now_and_each_once(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    let mut session = jake.connect().await;
    jake.say(&thread, "before").await;
    session.event("message.created").await;
    let (cursor, epoch) = (session.cursor, session.epoch.clone());
    drop(session);
    jake.delivery_until(&thread, 1, "delivered").await;
    jake.say(&thread, "meanwhile").await;
    jake.delivery_until(&thread, 2, "delivered").await;
    engine.text_in(ANN, MAIN, "STOP").await;
    // Their word, the pill, and the confirmation, where it is ours.
    let newest = if kind.answers_keywords() { 4 } else { 5 };
    if newest == 5 {
        jake.delivery_until(&thread, newest, "delivered").await;
    }
    pbx.put("/v1/pbx/settings", json!({"region": "GB"})).await.ok();

    let session = jake.connect_at(Some(cursor), Some(&epoch)).await;
    assert!(session.resumed);
    let heard =
        |name: &str| -> Vec<_> { session.events.iter().filter(|e| e["name"] == name).map(|e| &e["data"]).collect() };
    let updated = heard("message.updated");
    assert_eq!(updated.len(), 1, "the one that was there before");
    assert_eq!((&updated[0]["seq"], &updated[0]["deliveries"][0]["status"]), (&json!(1), &json!("delivered")));
    let created: Vec<_> = heard("message.created").iter().map(|m| m["seq"].as_i64().unwrap()).collect();
    let mut sorted = created.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (2..=newest).collect::<Vec<_>>(), "{created:?}");
    let late = heard("message.created").into_iter().find(|m| m["seq"] == 2).unwrap();
    assert_eq!(late["deliveries"][0]["status"], "delivered");
    assert_eq!(heard("consent.updated").len(), 1);
    assert_eq!(heard("settings.updated").len(), 1);
}
