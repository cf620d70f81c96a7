//! kill -9 while texts go out and come in: every state is true afterwards, and no text went out twice.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use partyline::{carriers::Knobs, clock::Clock};
use serde_json::json;
use uuid::Uuid;

use super::{ANN, AT_ONCE, MAIN, eventually, person, put_number};
use crate::{
    carriers::{Kind, Network, TextIn, over_every_carrier},
    engine::Process,
};

over_every_carrier!(
    a_killed_engine_sends_nothing_twice_and_forgets_nothing,
    what_a_carrier_was_told_is_taken_is_on_disk,
);

/// An engine that can be killed, and its carrier's network, which takes its time.
async fn process(kind: Kind) -> (Process, Arc<Network>) {
    let knobs = Knobs { delay_ms: 30, receipt_delay_ms: 10, ..Knobs::default() };
    let network = Network::start(kind, knobs, Clock::System).await;
    let engine = Process::configured(&network.toml(AT_ONCE)).await;
    network.reaches(&engine.api()).await;
    (engine, Arc::new(network))
}

async fn a_killed_engine_sends_nothing_twice_and_forgets_nothing(kind: Kind) {
    let (mut engine, network) = process(kind).await;
    put_number(&engine.api(), MAIN, json!({})).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let customers: Vec<_> = (0..8).map(|n| format!("+1404555{:04}", 2_001 + n)).collect();
    let mut threads = vec![];
    for customer in &customers {
        threads.push(jake.thread(customer).await);
    }
    let mut sent = vec![];
    for round in 0..6_u64 {
        for thread in &threads {
            let text = format!("{round}");
            jake.say(thread, &text).await;
            sent.push((thread.clone(), text));
        }
        // Somewhere between the commit, the hand-over, the answer and the receipts.
        tokio::time::sleep(Duration::from_millis(5 + round * 11)).await;
        engine.kill();
        engine.restart().await;
    }
    for (customer, thread) in customers.iter().zip(&threads) {
        let timeline = eventually(async || {
            let timeline = jake.history(thread).await;
            let moving = |s: &serde_json::Value| s == "queued" || s == "sending";
            let is_moving = timeline.iter().any(|m| moving(&m["deliveries"][0]["status"]));
            if is_moving { Err(format!("{timeline:?}")) } else { Ok(timeline) }
        })
        .await;
        assert_eq!(timeline.len(), 6, "each is stored once");
        let phone: Vec<_> = network.phone(customer).await.into_iter().map(|got| got.text).collect();
        for message in &timeline {
            let arrived = phone.iter().filter(|text| message["text"] == **text).count();
            match message["deliveries"][0]["status"].as_str().unwrap() {
                "sent" | "delivered" => assert_eq!(arrived, 1, "{message}"),
                // Who knows attempts by their names is asked what became of them.
                "unconfirmed" => assert!(arrived <= 1 && kind != Kind::Telnyx, "{message}"),
                other => panic!("{other}: {message}"),
            }
        }
        assert!(phone.is_sorted(), "in order: {phone:?}");
    }
}

async fn what_a_carrier_was_told_is_taken_is_on_disk(kind: Kind) {
    let (mut engine, network) = process(kind).await;
    put_number(&engine.api(), MAIN, json!({})).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let taken: Arc<Mutex<Vec<String>>> = Arc::default();
    for round in 1..=4 {
        let is_over = Arc::new(AtomicBool::new(false));
        let (from, kept, ends) = (network.clone(), taken.clone(), is_over.clone());
        let bringing = tokio::spawn(async move {
            while !ends.load(Ordering::SeqCst) {
                let id = Uuid::now_v7().to_string();
                match from.text_in(&text(&id)).await {
                    Ok(()) => kept.lock().unwrap().push(id),
                    Err(_) => return,
                }
            }
        });
        // In the middle of whichever comes after these.
        while taken.lock().unwrap().len() < round * 8 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(round as u64 * 3)).await;
        is_over.store(true, Ordering::SeqCst);
        engine.kill();
        engine.restart().await;
        bringing.await.unwrap();
    }
    let taken = taken.lock().unwrap().clone();
    // A carrier brings everything again whose answer it did not get, and some whose answer it did: those have a name.
    for id in taken.iter().filter(|_| kind != Kind::Smpp) {
        network.text_in(&text(id)).await.unwrap();
    }
    let thread = jake.threads().await[0]["id"].as_str().unwrap().to_owned();
    // What a killed engine had taken and not shown yet is shown in a moment.
    eventually(async || {
        let timeline = jake.history(&thread).await;
        let is_there = |id: &&String| timeline.iter().any(|m| m["text"] == **id);
        let missing: Vec<_> = taken.iter().filter(|id| !is_there(id)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
    })
    .await;
    let timeline = jake.history(&thread).await;
    for id in taken {
        assert_eq!(timeline.iter().filter(|m| m["text"] == id).count(), 1, "{id}");
    }
}

fn text(id: &str) -> TextIn<'_> {
    TextIn { id, from: ANN, to: MAIN, text: id, media: &[] }
}
