//! Links come and go.

use std::time::Duration;

use partyline::{
    app::Options,
    carriers::{CONNECT_WITHIN, smpp::Timing},
    clock::Clock,
};
use serde_json::{Value, json};

use super::{
    Doomed, NAME, Office, QUICK, engine, hex, link_is, quick, submits,
    troubles::{FROM_ANN, pdu},
};
use crate::{
    carriers::smsc::Smsc,
    client::Api,
    engine::manual_clock,
    sms::{ANN, BOB, MAIN, eventually, person, put_number},
};

/// A carrier that refuses us is asked again after this, and a little.
const PARKED: Duration = Duration::from_secs(100);

/// An engine whose password the carrier does not take.
async fn refused(clock: &Clock) -> Office {
    let smsc = Smsc::start().await;
    smsc.set(json!({"bind_status": 0x0e})).await;
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let engine = engine(folder, &smsc, quick(clock.clone()), &[NAME]).await;
    link_is(&engine.api(), "refused").await;
    put_number(&engine.api(), MAIN, json!({})).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    Office { smsc: std::sync::Arc::new(smsc), engine, jake }
}

#[tokio::test]
async fn a_refused_bind_is_shown_and_tried_again_and_texts_wait() {
    let clock = manual_clock();
    let Office { smsc, engine, jake } = refused(&clock).await;
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

/// Nobody waits out pauses that grew while there was no link.
#[tokio::test]
async fn after_a_long_outage_texts_go_out_soon() {
    let clock = manual_clock();
    let office = Office::with(quick(clock.clone()), &[NAME]).await;
    // A system error.
    office.smsc.set(json!({"bind_status": 0x08})).await;
    office.smsc.acts("reset").await;
    link_is(&office.engine.api(), "down").await;
    let thread = office.jake.thread(ANN).await;
    office.jake.say(&thread, "Hi").await;
    waits_again(&office.jake, &thread).await;
    for _ in 0..2 {
        clock.advance(Duration::from_secs(30 * 60));
        // A try would be over by then.
        tokio::time::sleep(CONNECT_WITHIN + Duration::from_secs(2)).await;
        waits_again(&office.jake, &thread).await;
    }
    office.smsc.set(json!({"bind_status": 0})).await;
    link_is(&office.engine.api(), "up").await;
    clock.advance(Duration::from_secs(5));
    office.jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!(office.smsc.phone(ANN).await.len(), 1);
}

/// Two links of one account: the number's own, which is not there, and another.
#[tokio::test]
async fn what_can_t_go_by_a_number_s_own_link_goes_by_another_of_the_account() {
    let smsc = Smsc::start().await;
    // Nobody answers there.
    let silence = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let own = silence.local_addr().unwrap().port();
    let mut sections = std::collections::BTreeMap::new();
    for (name, port) in [(NAME, Some(own)), ("second", None)] {
        let mut section = serde_json::to_value(smsc.section(10.0)).unwrap();
        section["port"] = port.map_or(section["port"].clone(), |port| json!(port));
        sections.insert(name.to_owned(), serde_json::from_value(section).unwrap());
    }
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let engine = crate::engine::TestEngine::on(folder, quick(Clock::System), |config| config.carriers = sections).await;
    link_is(&engine.api(), "down").await;
    smsc.until(|seen| seen["links"] == 1).await;
    put_number(&engine.api(), MAIN, json!({})).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, &"a".repeat(161)).await;
    let delivered = jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!(delivered["attempt"], 1);
    assert_eq!(smsc.phone(ANN).await.len(), 1);
    smsc.brings(json!([{"from": ANN, "to": MAIN, "text": "and back"}])).await;
    eventually(async || {
        let history = jake.history(&thread).await;
        if history.iter().any(|m| m["text"] == "and back") { Ok(()) } else { Err(format!("{history:?}")) }
    })
    .await;
}

/// A carrier that refused us, then was not there, and then lets us in.
#[tokio::test]
async fn who_was_refused_and_then_not_there_waits_for_no_more_than_the_link() {
    let clock = manual_clock();
    let Office { smsc, engine, jake } = refused(&clock).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hi").await;
    waits_again(&jake, &thread).await;
    smsc.set(json!({"bind_status": 0x08})).await;
    link_is(&engine.api(), "down").await;
    clock.advance(PARKED);
    eventually(async || {
        let delivery = jake.deliveries(&thread, 1).await.remove(0);
        if delivery["status"] == "queued" && delivery["attempt"] == 3 { Ok(()) } else { Err(delivery.to_string()) }
    })
    .await;
    // However long the link stays down, and whenever it was looked at last.
    clock.advance(PARKED);
    tokio::time::sleep(Duration::from_secs(2)).await;
    smsc.set(json!({"bind_status": 0})).await;
    link_is(&engine.api(), "up").await;
    clock.advance(Duration::from_secs(5));
    jake.delivery_until(&thread, 1, "delivered").await;
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

/// The pauses before the binds grow, though each bind is a success.
#[tokio::test]
async fn who_is_thrown_out_after_each_bind_comes_back_more_and_more_slowly() {
    let first = Duration::from_millis(50);
    let smsc = Smsc::start().await;
    smsc.set(json!({"kicks": true})).await;
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let links = Timing { reconnect: (first, Duration::from_secs(60)), ..QUICK };
    let engine = engine(folder, &smsc, Options { links, ..quick(Clock::System) }, &[NAME]).await;
    let seen = smsc.until(|seen| seen["binds"].as_array().unwrap().len() >= 5).await;
    let at: Vec<_> = seen["bound_at"].as_array().unwrap().iter().map(|at| at.as_f64().unwrap()).collect();
    // A pause begins after what it is a pause after: it is never shorter than it should be.
    for (between, factor) in at.windows(2).zip([1.0, 2.0, 4.0, 8.0]) {
        let paused = Duration::from_secs_f64((between[1] - between[0]) / 1_000.0);
        assert!(paused >= first.mul_f64(factor * 0.95), "{at:?}");
    }
    smsc.set(json!({"kicks": false})).await;
    link_is(&engine.api(), "up").await;
}

/// They are in one segment with the answer to the bind, and nothing comes after them.
#[tokio::test]
async fn what_comes_together_with_the_answer_to_the_bind_is_heard() {
    let enquire = pdu(0x15, b"");
    let text = pdu(0x05, &[FROM_ANN, b"\x05Hello"].concat());
    for (octets, answers) in [
        (enquire.clone(), &["enquire_link_resp"][..]),
        ([text, enquire].concat(), &["deliver_sm_resp", "enquire_link_resp"]),
    ] {
        let smsc = Smsc::start().await;
        smsc.set(json!({"with_bind": hex(&octets)})).await;
        let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
        let _engine = engine(folder, &smsc, quick(Clock::System), &[NAME]).await;
        let has =
            |seen: &Value, answer: &str| seen["others"].as_array().unwrap().iter().any(|o| o["command"] == answer);
        smsc.until(|seen| answers.iter().all(|answer| has(seen, answer))).await;
    }
}

/// It would refuse all that comes on this link, and answers enquire_link as if all were well.
#[tokio::test]
async fn a_carrier_that_has_forgotten_the_bind_is_bound_to_anew() {
    let clock = manual_clock();
    let office = Office::with(quick(clock.clone()), &[NAME]).await;
    let thread = office.jake.thread(ANN).await;
    for (n, status) in [0x04, 0x05].into_iter().enumerate() {
        office.smsc.does(json!([{"status": status}])).await;
        office.jake.say(&thread, "Hi").await;
        office.smsc.until(|seen| seen["binds"].as_array().unwrap().len() == n + 2 && seen["links"] == 1).await;
        link_is(&office.engine.api(), "up").await;
        // It goes again as any text that may pass later.
        eventually(async || {
            clock.advance(Duration::from_secs(30));
            let delivery = office.jake.deliveries(&thread, n as i64 + 1).await.remove(0);
            if delivery["status"] == "delivered" { Ok(()) } else { Err(delivery.to_string()) }
        })
        .await;
    }
    assert_eq!(office.smsc.phone(ANN).await.len(), 2);
}

#[tokio::test]
async fn what_was_written_before_a_carrier_forgot_the_bind_has_time_to_be_answered() {
    let office = Office::open().await;
    let (ann, bob) = (office.jake.thread(ANN).await, office.jake.thread(BOB).await);
    office.smsc.does(json!([{"held": true}, {"status": 0x04}])).await;
    office.jake.say(&ann, "Hi").await;
    office.smsc.until_submits(1).await;
    office.jake.say(&bob, "Hi").await;
    office.smsc.until(|seen| submits(seen).get(1).is_some_and(|submit| submit["answered"] == 0x04)).await;
    office.smsc.set(json!({"released": true})).await;
    office.jake.delivery_until(&ann, 1, "delivered").await;
    office.smsc.until(|seen| seen["binds"] == json!([0, 0])).await;
}

/// As many as come in after the carrier was away for a while, all at once.
#[tokio::test]
async fn a_thousand_texts_at_once_all_arrive_once_and_do_not_hide_an_answer() {
    let office = Office::open().await;
    let thread = office.jake.thread(ANN).await;
    let texts: Vec<_> = (0..1_000).map(|n| format!("text {n}")).collect();
    let all: Vec<_> = texts.iter().map(|text| json!({"from": ANN, "to": MAIN, "text": text})).collect();
    let smsc = office.smsc.clone();
    let bringing = tokio::spawn(async move { smsc.brings(json!(all)).await });
    office.smsc.until(|seen| seen["others"].as_array().unwrap().len() > 1).await;
    let said = office.jake.say(&thread, "meanwhile").await;
    office.jake.delivery_until(&thread, said["seq"].as_i64().unwrap(), "delivered").await;
    let answers = bringing.await.unwrap();
    let put_off = answers.iter().filter(|answers| **answers != json!([0])).count();
    assert!(put_off > 0, "it was more than is held");
    let expected: Vec<_> = texts.iter().map(String::as_str).chain(["meanwhile"]).collect();
    office.has(&expected).await;
    assert_eq!(office.smsc.seen().await["binds"], json!([0]), "on the same link");
}

#[tokio::test]
async fn a_carrier_that_says_nothing_any_more_is_asked_and_left() {
    let links = Timing { enquire: Duration::from_millis(50), answer: Duration::from_millis(500), ..QUICK };
    let office = Office::with(Options { links, ..quick(Clock::System) }, &[NAME]).await;
    let is_asked = |seen: &Value| {
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
