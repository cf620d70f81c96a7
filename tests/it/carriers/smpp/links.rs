//! Links come and go.

use std::time::Duration;

use partyline::{app::Options, carriers::smpp::Timing, clock::Clock};
use serde_json::json;

use super::{Doomed, NAME, Office, QUICK, engine, link_is, quick, submits};
use crate::{
    carriers::smsc::Smsc,
    client::Api,
    engine::manual_clock,
    sms::{ANN, MAIN, eventually, person, put_number},
};

/// A carrier that refuses us is asked again after this, and a little.
const PARKED: Duration = Duration::from_secs(100);

#[tokio::test]
async fn a_refused_bind_is_shown_and_tried_again_and_texts_wait() {
    let clock = manual_clock();
    let smsc = Smsc::start().await;
    smsc.set(json!({"bind_status": 0x0e})).await;
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let engine = engine(folder, &smsc, quick(clock.clone()), &[NAME]).await;
    link_is(&engine.api(), "refused").await;
    put_number(&engine.api(), MAIN, json!({})).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let listed = engine.api().get("/v1/pbx/carriers").await.ok();
    assert!(listed["items"][0]["link"]["reason"].as_str().unwrap().contains("password"), "{listed}");
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hi").await;
    waits_again(&jake, &thread).await;
    let refused = smsc.until(|seen| seen["binds"].as_array().unwrap().len() >= 3).await;
    assert!(refused["binds"].as_array().unwrap().iter().all(|status| *status == 0x0e) && submits(&refused).is_empty());
    smsc.set(json!({"bind_status": 0})).await;
    link_is(&engine.api(), "up").await;
    clock.advance(PARKED);
    jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!(smsc.phone(ANN).await.len(), 1);
}

/// The refusal of its first attempt is on disk.
async fn waits_again(jake: &Api, thread: &str) {
    eventually(async || {
        let delivery = jake.deliveries(thread, 1).await.remove(0);
        if delivery["status"] == "queued" && delivery["attempt"] == 2 { Ok(()) } else { Err(delivery.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_killed_while_it_is_refused_has_lost_nothing() {
    let smsc = Smsc::start().await;
    smsc.set(json!({"bind_status": 0x0d})).await;
    let doomed = Doomed::on(smsc, "refused").await;
    let thread = doomed.jake.thread(ANN).await;
    doomed.jake.say(&thread, "Hi").await;
    waits_again(&doomed.jake, &thread).await;
    doomed.smsc.set(json!({"bind_status": 0})).await;
    let clock = manual_clock();
    clock.advance(PARKED);
    let office = doomed.killed(clock).await;
    office.jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!(office.smsc.phone(ANN).await.len(), 1);
}

#[tokio::test]
async fn an_engine_that_is_killed_while_it_binds_has_lost_nothing() {
    let smsc = Smsc::start().await;
    smsc.set(json!({"silent_binds": true})).await;
    let doomed = Doomed::on(smsc, "down").await;
    let thread = doomed.jake.thread(ANN).await;
    doomed.jake.say(&thread, "waits for the link").await;
    doomed.jake.say(&thread, "after").await;
    doomed.smsc.until(|seen| seen["binds"] == json!([null])).await;
    doomed.smsc.set(json!({"silent_binds": false})).await;
    let office = doomed.killed(Clock::System).await;
    office.jake.delivery_until(&thread, 2, "delivered").await;
    // It was handed over to a link that was not there yet.
    let first = office.jake.deliveries(&thread, 1).await.remove(0);
    let phone: Vec<_> = office.smsc.phone(ANN).await.into_iter().map(|got| got.text).collect();
    match first["status"].as_str().unwrap() {
        "unconfirmed" => assert_eq!(phone, ["after"]),
        _ => assert_eq!(phone, ["waits for the link", "after"], "{first}"),
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let smsc = Smsc::start().await;
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let mut section = serde_json::to_value(smsc.section(1.0)).unwrap();
    section["password"] = json!("wrong");
    let section = serde_json::from_value(section).unwrap();
    let configure = |config: &mut partyline::config::Config| config.carriers = [(NAME.to_owned(), section)].into();
    let engine = crate::engine::TestEngine::on(folder, quick(Clock::System), configure).await;
    link_is(&engine.api(), "refused").await;
    let listed = engine.api().get("/v1/pbx/carriers").await.ok().to_string();
    assert!(!listed.contains("wrong"), "{listed}");
}

#[tokio::test]
async fn a_link_that_is_reset_or_unbound_while_idle_comes_back() {
    let office = Office::open().await;
    let thread = office.jake.thread(ANN).await;
    for (n, act) in ["reset", "unbind", "00000000", "reset"].into_iter().enumerate() {
        office.smsc.acts(act).await;
        office.smsc.until(|seen| seen["binds"].as_array().unwrap().len() == n + 2 && seen["links"] == 1).await;
        link_is(&office.engine.api(), "up").await;
        office.jake.say(&thread, act).await;
        office.jake.delivery_until(&thread, n as i64 + 1, "delivered").await;
    }
    let seen = office.smsc.seen().await;
    let unbound = seen["others"].as_array().unwrap().iter().filter(|pdu| pdu["command"] == "unbind_resp");
    assert_eq!(unbound.count(), 1, "it is polite");
    assert_eq!(office.smsc.phone(ANN).await.len(), 4);
}

#[tokio::test]
async fn a_carrier_that_says_nothing_any_more_is_asked_and_left() {
    let links = Timing { enquire: Duration::from_millis(50), answer: Duration::from_millis(500), ..QUICK };
    let office = Office::with(Options { links, ..quick(Clock::System) }, &[NAME]).await;
    let is_asked = |seen: &serde_json::Value| {
        seen["others"].as_array().unwrap().iter().filter(|pdu| pdu["command"] == "enquire_link").count() >= 3
    };
    let seen = office.smsc.until(is_asked).await;
    assert_eq!(seen["binds"], json!([0]), "while it answers, the link stays");
    office.smsc.set(json!({"deaf": true})).await;
    office.smsc.until(|seen| seen["binds"].as_array().unwrap().len() > 1).await;
    office.smsc.set(json!({"deaf": false})).await;
    let thread = office.jake.thread(ANN).await;
    link_is(&office.engine.api(), "up").await;
    office.jake.say(&thread, "Hi").await;
    office.jake.delivery_until(&thread, 1, "delivered").await;
}

#[tokio::test]
async fn a_clean_stop_takes_its_leave() {
    let Office { smsc, engine, .. } = Office::open().await;
    engine.stop().await;
    let seen = smsc.until(|seen| seen["links"] == 0).await;
    assert_eq!(seen["others"].as_array().unwrap().last().unwrap()["command"], "unbind");
}

#[tokio::test]
async fn no_more_is_in_flight_than_the_window_has_room_for() {
    // However long the twelve take to be written.
    let links = Timing { answer: Duration::from_secs(60), ..QUICK };
    let office = Office::with(Options { links, ..quick(Clock::System) }, &[NAME]).await;
    office.smsc.does(json!(vec![json!({"held": true}); 12])).await;
    let numbers: Vec<_> = (0..12).map(|n| format!("+1404555{:04}", 2_001 + n)).collect();
    let mut threads = vec![];
    for number in &numbers {
        threads.push(office.jake.thread(number).await);
        office.jake.say(threads.last().unwrap(), "Hi").await;
    }
    for thread in &threads {
        office.jake.delivery_until(thread, 1, "sending").await;
    }
    assert_eq!(office.smsc.until_submits(10).await.len(), 10);
    office.smsc.set(json!({"released": true})).await;
    for (number, thread) in numbers.iter().zip(&threads) {
        office.jake.delivery_until(thread, 1, "delivered").await;
        assert_eq!(office.smsc.phone(number).await.len(), 1);
    }
}
