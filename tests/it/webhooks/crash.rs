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
    let receiver = Receiver::answering(|_, _| Reply::Silence).await;
    hook(&engine.api(), &receiver, &["message.created"]).await;
    let mut written = vec![];
    for round in 0..4_u64 {
        // Stored, and under way: the receiver has it and says nothing.
        let before = receiver.got().len();
        for n in 0..5 {
            let text = format!("{round}.{n}");
            people["201"].say(&chat, &text).await;
            written.push(text);
        }
        patient(&receiver, before + 1).await;
        engine.kill();
        // Now and then it takes some before it is killed again.
        if round % 2 == 1 {
            receiver.answers(|_, _| Reply::Status(200, None));
            engine.restart().await;
            let taken = receiver.got().len();
            patient(&receiver, taken + 2).await;
            receiver.answers(|_, _| Reply::Silence);
            engine.kill();
        }
        engine.restart().await;
    }
    receiver.answers(|_, _| Reply::Status(200, None));
    let last = written.last().unwrap().clone();
    within(async || receiver.texts().contains(&last)).await;
    let mut taken = receiver.texts();
    taken.dedup();
    let firsts: Vec<_> = {
        let mut seen = BTreeSet::new();
        taken.into_iter().filter(|text| seen.insert(text.clone())).collect()
    };
    assert_eq!(firsts, written, "every one arrives, in order");
    let mut by_text: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for got in receiver.got() {
        by_text.entry(got.text()).or_default().insert((got.id().to_owned(), got.bytes.clone()));
    }
    assert!(by_text.values().all(|forms| forms.len() == 1), "{by_text:?}");
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

async fn patient(receiver: &Receiver, count: usize) {
    within(async || receiver.got().len() >= count).await;
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
