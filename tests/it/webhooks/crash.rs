//! kill -9 while events go out: none is lost, and each keeps its id and its bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Receiver, Reply, hook};
use crate::engine::Process;

const ALLOWED: &str = "[webhooks]\nallow_private = true\n";

#[tokio::test]
async fn a_killed_engine_loses_no_event_and_sends_it_under_the_same_id() {
    let mut engine = Process::configured(ALLOWED).await;
    let people = engine.api().people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let receiver = Receiver::start().await;
    hook(&engine.api(), &receiver, &["message.created"]).await;
    // There each start waits for the lease of the one that was killed.
    let rounds = if std::env::var("TEST_POSTGRES").is_ok() { 1 } else { 4 };
    let mut written = vec![];
    for round in 0..rounds {
        receiver.answers(|_, _| Reply::Silence);
        let (came, taken) = (receiver.got().len(), receiver.taken().len());
        for n in 0..8 {
            let text = format!("{round}.{n}");
            people["201"].say(&chat, &text).await;
            written.push(text);
        }
        // Stored, and under way: the receiver has the first, and says nothing.
        within(async || receiver.got().len() > came).await;
        engine.kill();
        receiver.answers(|_, _| Reply::Status(200, None));
        engine.restart().await;
        // Somewhere between an answer, and the next event on its way.
        within(async || receiver.taken().len() > taken + round).await;
        engine.kill();
        engine.restart().await;
        within(async || receiver.texts().contains(&written[written.len() - 1])).await;
    }
    let mut seen = BTreeSet::new();
    let firsts: Vec<_> = receiver.texts().into_iter().filter(|text| seen.insert(text.clone())).collect();
    assert_eq!(firsts, written, "every one arrives, in order");
    let mut forms: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for got in receiver.got() {
        forms.entry(got.text()).or_default().insert((got.id().to_owned(), got.bytes.clone()));
    }
    assert!(forms.values().all(|forms| forms.len() == 1), "{forms:?}");
    assert!(receiver.got().len() > written.len(), "some came again");
}

#[tokio::test]
async fn the_log_holds_no_secret_url_or_body() {
    let engine = Process::configured(ALLOWED).await;
    let people = engine.api().people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let receiver = Receiver::answering(|n, _| Reply::Status([500, 200][n.min(1)], None)).await;
    let secret = hook(&engine.api(), &receiver, &["message.created"]).await;
    people["201"].say(&chat, "a very private text").await;
    within(async || receiver.taken().len() == 1).await;
    let gone = Receiver::start().await;
    let url = gone.url.clone();
    drop(gone);
    engine.api().put(super::HOOK, serde_json::json!({"url": url, "events": ["message.created"]})).await.ok();
    people["201"].say(&chat, "another private text").await;
    within(async || engine.api().listed().await["state"] == "failing").await;
    let log = engine.log.lock().unwrap().clone();
    assert!(log.iter().any(|line| line.contains("can't be delivered yet")), "{log:?}");
    for line in log {
        for hidden in [&secret, &secret[6..], "private", "hidden"] {
            assert!(!line.contains(hidden), "{hidden}: {line}");
        }
    }
}

/// On PostgreSQL another process waits for the lease of the one that was killed.
async fn within(is_so: impl AsyncFn() -> bool) {
    for _ in 0..3_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within a minute");
}
