//! How texts go out: in order, at their pace, and never twice.

use std::time::Duration;

use futures_util::future::join_all;
use partyline::{app::Options, carriers::Knobs};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ANN, AT_ONCE, BOB, MAIN, OFF, carried, carried_with, eventually, person, put_number};
use crate::{
    carriers::{Kind, over_carriers, over_every_carrier},
    engine::manual_clock,
};

over_every_carrier!(
    texts_to_one_number_arrive_in_the_order_of_their_sends,
    two_clicks_on_retry_make_one_text,
    what_is_refused_for_a_while_goes_out_later_and_is_given_up_in_the_end,
    a_number_s_pace_is_in_segments,
    a_number_that_is_gone_while_its_text_waits_fails_it,
    a_clean_stop_waits_for_the_carrier_and_what_was_queued_goes_out_after_the_start,
    whatever_the_database_does_nothing_is_sent_twice,
    a_text_that_is_sent_again_to_one_keeps_its_place_for_the_others,
    who_lost_the_number_sends_nothing_more_from_it,
    an_inbound_text_survives_trouble_that_passes,
);
// Telnyx knows the attempt by its key.
over_carriers!(Simulator, Twilio, Smpp: a_lost_answer_is_unconfirmed_and_is_not_sent_again_by_itself);
over_carriers!(Telnyx: a_lost_answer_is_asked_for_again_and_is_one_text);
// Over SMPP the answer alone says what receipts will call the text.
over_carriers!(Simulator, Twilio, Telnyx: a_receipt_settles_a_lost_answer);

async fn texts_to_one_number_arrive_in_the_order_of_their_sends(kind: Kind) {
    let engine = carried(kind, Knobs { delay_ms: 4, throttle_every: 7, ..Knobs::default() }).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let threads = [jake.thread(ANN).await, jake.thread(BOB).await];
    let mut sent = vec![];
    for n in 0..12 {
        let text = format!("{n}");
        for thread in &threads {
            jake.say(thread, &text).await;
        }
        sent.push(text);
    }
    for number in [ANN, BOB] {
        eventually(async || {
            let phone = engine.phone(number).await;
            if phone.len() < sent.len() { Err(format!("{phone:?}")) } else { Ok(()) }
        })
        .await;
        assert_eq!(engine.phone(number).await, sent);
    }
}

async fn a_lost_answer_is_unconfirmed_and_is_not_sent_again_by_itself(kind: Kind) {
    let engine = carried(kind, Knobs { lose_answer_every: 1, silent: true, ..Knobs::default() }).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Did you get this?").await;
    jake.delivery_until(&thread, 1, "unconfirmed").await;
    // A later text to the same number does go out: the first is settled.
    jake.say(&thread, "And this?").await;
    jake.delivery_until(&thread, 2, "unconfirmed").await;
    assert_eq!(engine.phone(ANN).await, ["Did you get this?", "And this?"]);
    let again = jake.retry(&thread, 1, ANN, 1).await.ok();
    assert_eq!(again["deliveries"][0]["attempt"], 2, "a person may, who knows what it means");
}

async fn a_lost_answer_is_asked_for_again_and_is_one_text(kind: Kind) {
    let engine = carried(kind, Knobs { lose_answer_every: 1, silent: true, ..Knobs::default() }).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Did you get this?").await;
    let sent = jake.delivery_until(&thread, 1, "sent").await;
    assert_eq!(sent["attempt"], 1, "it is the same attempt");
    jake.say(&thread, "And this?").await;
    jake.delivery_until(&thread, 2, "sent").await;
    assert_eq!(engine.phone(ANN).await, ["Did you get this?", "And this?"]);
}

async fn a_receipt_settles_a_lost_answer(kind: Kind) {
    let engine = carried(kind, Knobs { lose_answer_every: 1, receipts: 3, reorder: true, ..Knobs::default() }).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hi").await;
    let delivered = jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!((&delivered["attempt"], engine.phone(ANN).await.len()), (&json!(1), 1));
}

async fn two_clicks_on_retry_make_one_text(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(OFF).await;
    jake.say(&thread, "Hello?").await;
    let failed = jake.delivery_until(&thread, 1, "failed").await;
    assert_eq!((&failed["error"]["source"], &failed["error"]["code"]), (&json!("carrier"), &json!(kind.unreachable())));
    assert!(!failed["error"]["remedy"].as_str().unwrap().is_empty());
    let clicks = join_all((0..10).map(|_| jake.retry(&thread, 1, OFF, 1))).await;
    assert!(clicks.iter().all(|a| a.status == 200), "{clicks:?}");
    let after = eventually(async || {
        let d = jake.deliveries(&thread, 1).await.remove(0);
        if d["status"] == "failed" { Ok(d) } else { Err(d.to_string()) }
    })
    .await;
    assert_eq!(after["attempt"], 2, "ten clicks, one attempt");
    assert_eq!(jake.retry(&thread, 1, OFF, 1).await.ok()["deliveries"][0]["attempt"], 2, "no longer the newest");
    assert_eq!(jake.retry(&thread, 1, ANN, 1).await.code(), "not_found", "it never went there");
    assert_eq!(jake.retry(&thread, 9, OFF, 1).await.code(), "not_found");
}

async fn what_is_refused_for_a_while_goes_out_later_and_is_given_up_in_the_end(kind: Kind) {
    let clock = manual_clock();
    let options = Options { clock: clock.clone(), ..Options::default() };
    let knobs = Knobs { throttle_every: 1, ..Knobs::default() };
    let engine = carried_with(kind, knobs, AT_ONCE, options).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hi").await;
    let given_up = eventually(async || {
        let d = jake.deliveries(&thread, 1).await.remove(0);
        // Whatever the pause is, it is over.
        clock.advance(Duration::from_secs(60));
        if d["status"] == "failed" { Ok(d) } else { Err(d.to_string()) }
    })
    .await;
    // Over SMPP it is the link that waits, within an attempt.
    let least = if kind == Kind::Smpp { 1 } else { 6 };
    assert!(given_up["attempt"].as_i64().unwrap() >= least, "{given_up}");
    assert_eq!(given_up["error"]["code"], kind.throttled(), "{given_up}");
    assert!(engine.phone(ANN).await.is_empty());
}

async fn a_number_s_pace_is_in_segments(kind: Kind) {
    let engine = carried_with(kind, Knobs::default(), 20.0, Options::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let mut last = None;
    for number in [ANN, BOB, "+14045550178", "+14045550179"] {
        let thread = jake.thread(number).await;
        let two_segments = "a".repeat(200);
        let sent = jake.say(&thread, &two_segments).await;
        assert_eq!(sent["deliveries"][0]["segments"], 2);
        last = Some(thread);
    }
    jake.delivery_until(&last.unwrap(), 1, "delivered").await;
    let arrived = async |number: &str| engine.network.phone(number).await[0].at;
    let took = arrived("+14045550179").await.since(arrived(ANN).await);
    // Three gaps of two segments at twenty a second. That it isn't faster is the rule; how much slower is the machine.
    assert!(took >= Duration::from_millis(290), "{took:?}");
}

async fn a_number_that_is_gone_while_its_text_waits_fails_it(kind: Kind) {
    let engine = carried(kind, Knobs { delay_ms: 300, ..Knobs::default() }).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "first").await;
    jake.say(&thread, "second").await;
    put_number(&pbx, MAIN, json!({"sms_enabled": false})).await;
    let failed = jake.delivery_until(&thread, 2, "failed").await;
    assert_eq!(failed["error"]["code"], "sms_not_enabled");
    put_number(&pbx, MAIN, json!({"carrier": "nowhere"})).await;
    jake.say(&thread, "third").await;
    let failed = jake.delivery_until(&thread, 3, "failed").await;
    assert_eq!(failed["error"]["code"], "no_carrier");
}

async fn a_clean_stop_waits_for_the_carrier_and_what_was_queued_goes_out_after_the_start(kind: Kind) {
    let engine = carried(kind, Knobs { delay_ms: 400, ..Knobs::default() }).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "under way").await;
    jake.delivery_until(&thread, 1, "sending").await;
    jake.say(&thread, "queued").await;
    let engine = engine.restart(Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    jake.delivery_until(&thread, 2, "delivered").await;
    let first = jake.deliveries(&thread, 1).await.remove(0);
    assert_eq!(engine.phone(ANN).await, ["under way", "queued"]);
    assert!(first["status"] == "sent" || first["status"] == "delivered", "{first}");
}

/// With failing commits and lost answers of the database, every text arrives once, or its state says that nobody knows.
async fn whatever_the_database_does_nothing_is_sent_twice(kind: Kind) {
    use partyline::storage::ledger::Fault;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };
    let (armed, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (is_armed, nth) = (armed.clone(), count.clone());
    let faults = Arc::new(move |_| {
        let n = nth.fetch_add(1, Ordering::SeqCst);
        match n % 5 {
            0 if is_armed.load(Ordering::SeqCst) => Fault::Abort,
            2 if is_armed.load(Ordering::SeqCst) => Fault::LoseAnswer,
            4 if is_armed.load(Ordering::SeqCst) => Fault::LoseCommit,
            _ => Fault::None,
        }
    });
    let options = Options { faults: Some(faults), ..Options::default() };
    let engine = carried_with(kind, Knobs { receipts: 2, ..Knobs::default() }, AT_ONCE, options).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    for n in 0..6 {
        armed.store(true, Ordering::SeqCst);
        let client_id = Uuid::now_v7();
        eventually(async || {
            let answer = jake.send(&thread, client_id, &format!("{n}")).await;
            if answer.status.is_success() { Ok(()) } else { Err(answer.body.to_string()) }
        })
        .await;
    }
    let settled = |m: &Value| ["sent", "delivered", "unconfirmed"].iter().any(|s| m["deliveries"][0]["status"] == *s);
    let timeline = eventually(async || {
        let timeline = jake.history(&thread).await;
        if timeline.iter().all(settled) { Ok(timeline) } else { Err(format!("{timeline:?}")) }
    })
    .await;
    armed.store(false, Ordering::SeqCst);
    let phone = engine.phone(ANN).await;
    for message in &timeline {
        let arrived = phone.iter().filter(|text| message["text"] == **text).count();
        let status = message["deliveries"][0]["status"].as_str().unwrap();
        assert!(arrived == 1 || (arrived == 0 && status == "unconfirmed"), "{arrived} {message}");
    }
    assert_eq!(timeline.len(), 6);
    assert!(phone.is_sorted(), "in their order, whatever happened: {phone:?}");
}

async fn a_text_that_is_sent_again_to_one_keeps_its_place_for_the_others(kind: Kind) {
    let engine = carried(kind, Knobs { delay_ms: 200, ..Knobs::default() }).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    person(&pbx, "202", &[]).await;
    let numbers = json!([ANN, OFF]);
    let body =
        json!({"kind": "group", "client_id": Uuid::now_v7(), "name": "Ops", "extensions": ["202"], "numbers": numbers});
    let ops = jake.post("/v1/conversations", body).await.ok()["id"].as_str().unwrap().to_owned();
    // The first holds Ann's line, so that the next two wait for it.
    for text in ["0", "1", "2"] {
        jake.say(&ops, text).await;
    }
    jake.delivery_until(&ops, 2, "failed").await;
    jake.retry(&ops, 2, OFF, 1).await.ok();
    jake.delivery_until(&ops, 4, "delivered").await;
    assert_eq!(engine.phone(ANN).await, ["0", "1", "2"]);
}

async fn who_lost_the_number_sends_nothing_more_from_it(kind: Kind) {
    let engine = carried(kind, Knobs { delay_ms: 300, ..Knobs::default() }).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "first").await;
    jake.say(&thread, "second").await;
    super::put_person(&pbx, "201", &[], true).await;
    assert_eq!(jake.delivery_until(&thread, 2, "failed").await["error"]["code"], "sms_not_enabled");
}

async fn an_inbound_text_survives_trouble_that_passes(kind: Kind) {
    use partyline::storage::ledger::Fault;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let trouble = Arc::new(AtomicUsize::new(0));
    let left = trouble.clone();
    let faults = Arc::new(move |_| {
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match before {
            Ok(n) if n % 2 == 1 => Fault::LoseAnswer,
            Ok(_) => Fault::Abort,
            Err(_) => Fault::None,
        }
    });
    let options = Options { faults: Some(faults), ..Options::default() };
    let engine = carried_with(kind, Knobs::default(), AT_ONCE, options).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    for n in 1..4 {
        trouble.store(n, Ordering::SeqCst);
        engine.text_in(ANN, MAIN, &format!("{n}")).await;
    }
    let timeline = jake.history(jake.threads().await[0]["id"].as_str().unwrap()).await;
    let texts: Vec<_> = timeline.iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["1", "2", "3"], "each once");
}
