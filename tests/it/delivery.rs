//! What goes wrong between the commit and the reader is noticed and mended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use partyline::{app::Options, storage::ledger::Fault};
use uuid::Uuid;

use crate::engine::TestEngine;

/// Lets the n-th commit from now fail in this way.
fn fail(fault: Fault) -> (Options, Arc<AtomicUsize>) {
    let armed = Arc::new(AtomicUsize::new(0));
    let next = armed.clone();
    let faults = Arc::new(move |_| {
        let hit = next.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)) == Ok(1);
        if hit { fault } else { Fault::None }
    });
    (Options { faults: Some(faults), ..Options::default() }, armed)
}

#[tokio::test]
async fn an_unknown_outcome_is_said_and_its_repetition_answers_what_was_done() {
    let (options, armed) = fail(Fault::LoseAnswer);
    let engine = TestEngine::with(options).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut ann = people["202"].connect().await;
    armed.store(1, Ordering::SeqCst);
    let client_id = Uuid::now_v7();
    assert_eq!(people["201"].send(&chat, client_id, "lost").await.code(), "outcome_unknown");
    // A last batch that nobody was told of is found by its version, without anything else happening.
    assert_eq!(ann.until_event("message.created").await["data"]["text"], "lost");
    let again = people["201"].send(&chat, client_id, "lost").await;
    assert_eq!(again.status, 200);
    assert_eq!(people["201"].history(&chat).await, [again.body]);
}

#[tokio::test]
async fn an_unknown_outcome_that_was_not_done_is_done_by_its_repetition() {
    let (options, armed) = fail(Fault::LoseCommit);
    let engine = TestEngine::with(options).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut ann = people["202"].connect().await;
    armed.store(1, Ordering::SeqCst);
    let client_id = Uuid::now_v7();
    assert_eq!(people["201"].send(&chat, client_id, "lost").await.code(), "outcome_unknown");
    assert_eq!(people["201"].send(&chat, client_id, "lost").await.status, 201);
    assert_eq!(ann.until_event("message.created").await["data"]["text"], "lost");
    ann.settled().await;
    assert_eq!(ann.messages().len(), 1);
}

#[tokio::test]
async fn a_hole_is_closed_and_order_is_kept() {
    let (options, armed) = fail(Fault::LoseAnswer);
    let engine = TestEngine::with(options).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut ann = people["202"].connect().await;
    people["201"].say(&chat, "1").await;
    armed.store(1, Ordering::SeqCst);
    assert_eq!(people["201"].send(&chat, Uuid::now_v7(), "2").await.code(), "outcome_unknown");
    for n in 3..=6 {
        people["201"].say(&chat, &n.to_string()).await;
    }
    let texts = async {
        while ann.messages().len() < 6 {
            ann.frame().await;
        }
        ann.messages().into_iter().map(|m| m.2).collect::<Vec<_>>()
    };
    assert_eq!(texts.await, ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn a_commit_that_failed_is_refused_and_leaves_nothing() {
    let (options, armed) = fail(Fault::Abort);
    let engine = TestEngine::with(options).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    armed.store(1, Ordering::SeqCst);
    let client_id = Uuid::now_v7();
    assert_eq!(people["201"].send(&chat, client_id, "no").await.code(), "storage_unavailable");
    assert!(people["201"].history(&chat).await.is_empty());
    assert_eq!(people["201"].send(&chat, client_id, "yes").await.status, 201, "nothing was remembered of it");
}

#[tokio::test]
async fn a_panic_in_a_conversation_harms_nobody_else_and_it_comes_back() {
    let deaths = Arc::new(AtomicUsize::new(0));
    let left = deaths.clone();
    let probe = Arc::new(move |_| {
        let die = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        assert!(!die, "a test's wish");
    });
    let engine = TestEngine::with(Options { probe: Some(probe), ..Options::default() }).await;
    let people = engine.people(&["201", "202", "203"]).await;
    let chat = people["201"].chat("202").await;
    let other = people["201"].chat("203").await;
    let mut ann = people["202"].connect().await;
    people["201"].say(&chat, "1").await;

    deaths.store(1, Ordering::SeqCst);
    // It dies before this reaches the ledger: asked once more by itself, it is done.
    assert_eq!(people["201"].say(&chat, "2").await["seq"], 2);
    assert_eq!(people["201"].say(&other, "1").await["seq"], 1);
    assert_eq!(people["201"].say(&chat, "3").await["seq"], 3);
    while ann.messages().len() < 3 {
        ann.frame().await;
    }

    // One that dies three times in a minute is left alone; the others work on.
    deaths.store(10, Ordering::SeqCst);
    let refusal = people["201"].send(&chat, Uuid::now_v7(), "4").await;
    assert_eq!(refusal.code(), "busy");
    deaths.store(0, Ordering::SeqCst);
    assert_eq!(people["201"].send(&chat, Uuid::now_v7(), "4").await.code(), "busy", "in quarantine");
    assert_eq!(people["201"].say(&other, "2").await["seq"], 2);
    assert_eq!(people["201"].history(&chat).await.len(), 3);
}

#[tokio::test]
async fn actors_that_nobody_uses_stop_and_lose_nothing() {
    let behaviour = partyline::actors::Behaviour {
        idle_after: Duration::from_millis(20),
        sends: partyline::domain::limits::Quota { per_s: 1e6, burst: 1e6 },
        ..Default::default()
    };
    let engine = TestEngine::with(Options { behaviour: Some(behaviour), ..Options::default() }).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    for n in 1..=30 {
        assert_eq!(people["201"].say(&chat, &n.to_string()).await["seq"], n);
        tokio::time::sleep(Duration::from_millis(n as u64 * 2)).await;
    }
}
