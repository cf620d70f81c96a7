//! kill -9 while texts go out and come in: every state is true afterwards, and no text went out twice.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use uuid::Uuid;

use super::{ANN, MAIN, eventually, person, put_number};
use crate::engine::Process;

const SIMULATOR: &str = "[carriers.sim]\nkind = \"simulator\"\npace_per_s = 10000\n\
    [carriers.sim.knobs]\ndelay_ms = 30\nreceipt_delay_ms = 10\n";

#[tokio::test]
async fn a_killed_engine_sends_nothing_twice_and_forgets_nothing() {
    let mut engine = Process::configured(SIMULATOR).await;
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
        let phone = jake.phone(customer).await;
        for message in &timeline {
            let arrived = phone.iter().filter(|text| message["text"] == **text).count();
            match message["deliveries"][0]["status"].as_str().unwrap() {
                "sent" | "delivered" => assert_eq!(arrived, 1, "{message}"),
                "unconfirmed" => assert!(arrived <= 1, "{message}"),
                other => panic!("{other}: {message}"),
            }
        }
        assert!(phone.is_sorted(), "in order: {phone:?}");
    }
}

#[tokio::test]
async fn what_a_carrier_was_told_is_taken_is_on_disk() {
    let mut engine = Process::configured(SIMULATOR).await;
    put_number(&engine.api(), MAIN, json!({})).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let taken: Arc<Mutex<Vec<String>>> = Arc::default();
    for round in 1..=4 {
        let (api, kept) = (engine.api(), taken.clone());
        let bringing = tokio::spawn(async move {
            loop {
                let id = Uuid::now_v7().to_string();
                let body = json!({"from": ANN, "to": MAIN, "text": id, "id": id});
                let request = api.request(reqwest::Method::POST, "/v1/simulator/messages").json(&body).send().await;
                match request {
                    Ok(answer) if answer.status() == 201 => kept.lock().unwrap().push(id),
                    _ => return,
                }
            }
        });
        // In the middle of whichever comes after these.
        while taken.lock().unwrap().len() < round * 8 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(round as u64 * 3)).await;
        engine.kill();
        bringing.await.unwrap();
        engine.restart().await;
    }
    let taken = taken.lock().unwrap().clone();
    // A carrier brings everything again whose answer it did not get, and some whose answer it did.
    for id in &taken {
        jake.post("/v1/simulator/messages", json!({"from": ANN, "to": MAIN, "text": id, "id": id})).await.ok();
    }
    let thread = jake.threads().await[0]["id"].as_str().unwrap().to_owned();
    let timeline = jake.history(&thread).await;
    for id in taken {
        assert_eq!(timeline.iter().filter(|m| m["text"] == id).count(), 1, "{id}");
    }
}
