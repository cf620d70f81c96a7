//! A receiver that fails, is slow, redirects, asks for time, or is gone.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Got, HOOK, Receiver, Reply, assert_signed, engine, hook, pausing, quick, with_clock};
use crate::{client::Api, engine::manual_clock, sms::eventually};

fn fails(status: u16) -> Reply {
    Reply::Status(status, None)
}

fn takes(_: usize, _: &Got) -> Reply {
    fails(200)
}

/// Someone who says things: their chat.
async fn chat(pbx: &Api) -> (Api, String) {
    let people = pbx.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    (people["201"].clone(), chat)
}

/// What is first to go, once it was tried so often.
async fn tried(pbx: &Api, attempts: u64) -> Value {
    eventually(async || {
        let first = pbx.sent().await.pop().unwrap_or_default();
        if first["attempts"].as_u64() >= Some(attempts) { Ok(first) } else { Err(format!("{first}")) }
    })
    .await
}

#[tokio::test]
async fn a_failed_one_comes_again_as_it_was_and_nothing_overtakes_it() {
    let engine = engine(quick()).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let receiver = Receiver::answering(|n, _| fails([500, 404, 503, 400][n % 4])).await;
    let secret = hook(&pbx, &receiver, &["message.created"]).await;
    for n in 0..5 {
        jake.say(&chat, &n.to_string()).await;
    }
    let shown = pbx.until_state("failing").await;
    assert!(shown["last_error"].as_str().unwrap().starts_with("it answered "), "{shown}");
    receiver.until(|got| got.len() >= 6).await;
    receiver.answers(takes);
    receiver.until_text("4").await;
    assert_eq!(receiver.texts(), ["0", "1", "2", "3", "4"]);
    let got = receiver.got();
    assert_signed(&got, &secret);
    let first: BTreeSet<_> =
        got.iter().filter(|g| g.text() == "0").map(|g| (g.id().to_owned(), g.bytes.clone())).collect();
    assert_eq!(first.len(), 1, "the same id and bytes each time");
    assert_eq!(got.iter().map(Got::id).collect::<BTreeSet<_>>().len(), 5);
    assert!(got.iter().skip_while(|g| g.text() == "0").all(Got::is_taken), "the others waited");
    let sent = pbx.until_all(5, "delivered").await;
    assert!(sent[0]["attempts"].as_u64() >= Some(7), "{}", sent[0]);
    let shown = pbx.until_state("active").await;
    assert_eq!(shown["last_error"], Value::Null);
}

#[tokio::test]
async fn one_who_does_not_answer_in_time_has_not_taken_it() {
    let engine = engine(quick()).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let receiver = Receiver::answering(|n, _| if n < 2 { Reply::Silence } else { fails(200) }).await;
    hook(&pbx, &receiver, &["message.created"]).await;
    jake.say(&chat, "Hi").await;
    let first = tried(&pbx, 1).await;
    assert!(first["last_error"].as_str().unwrap().contains("no answer within 0.4 s"), "{first}");
    assert_eq!(first["last_status"], Value::Null);
    receiver.until_text("Hi").await;
    assert_eq!(receiver.got().len(), 3);
}

#[tokio::test]
async fn one_who_is_not_there_is_tried_until_they_are() {
    let engine = engine(quick()).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let gone = Receiver::start().await;
    hook(&pbx, &gone, &["message.created"]).await;
    let url = gone.url.clone();
    drop(gone);
    jake.say(&chat, "Hi").await;
    let shown = pbx.until_state("failing").await;
    let why = shown["last_error"].as_str().unwrap();
    assert!(why.starts_with("no connection") && !why.contains("hidden"), "{shown}");
    let receiver = Receiver::start().await;
    assert_ne!(receiver.url, url);
    pbx.put(HOOK, json!({"url": receiver.url, "events": ["message.created"]})).await.ok();
    receiver.until_text("Hi").await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_nobody_is_called_there() {
    let engine = engine(quick()).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let elsewhere = Receiver::start().await;
    let to = elsewhere.url.clone();
    let receiver =
        Receiver::answering(move |n, _| Reply::Status([301, 302, 307, 308][n % 4], Some(("location", to.clone()))))
            .await;
    hook(&pbx, &receiver, &["message.created"]).await;
    jake.say(&chat, "Hi").await;
    let first = tried(&pbx, 4).await;
    assert!(first["last_error"].as_str().unwrap().contains("redirects are not followed"), "{first}");
    assert_eq!(first["status"], "waiting");
    assert_eq!(elsewhere.got().len(), 0);
}

#[tokio::test]
async fn one_who_says_410_is_left_alone_until_they_are_put_again() {
    let engine = engine(quick()).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let receiver = Receiver::answering(|_, _| fails(410)).await;
    hook(&pbx, &receiver, &["message.created"]).await;
    jake.say(&chat, "1").await;
    let shown = pbx.until_state("disabled").await;
    assert!(shown["last_error"].as_str().unwrap().contains("410"));
    jake.say(&chat, "2").await;
    // Another one, put later, has heard of both by the time that this one might have.
    let other = Receiver::start().await;
    pbx.put("/v1/pbx/webhooks/zzz", json!({"url": other.url, "events": ["message.created"]})).await.ok();
    jake.say(&chat, "3").await;
    other.until_text("3").await;
    assert_eq!(receiver.got().len(), 1, "it was not called again");

    receiver.answers(takes);
    let put = pbx.put(HOOK, json!({"url": receiver.url, "events": ["message.created"]})).await;
    assert_eq!((put.status.as_u16(), &put.body["state"]), (200, &json!("active")));
    receiver.until_text("3").await;
    assert_eq!(receiver.texts(), ["1", "2", "3"], "what happened meanwhile, too");
    let got = receiver.got();
    assert_eq!((got[0].id(), &got[0].bytes), (got[1].id(), &got[1].bytes));
}

#[tokio::test]
async fn one_who_asks_for_time_gets_it() {
    let engine = engine(quick()).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let receiver = Receiver::answering(|n, _| match n {
        0 => Reply::Status(429, Some(("retry-after", "1".into()))),
        1 => Reply::Status(503, Some(("retry-after", "1".into()))),
        _ => fails(200),
    })
    .await;
    hook(&pbx, &receiver, &["message.created"]).await;
    jake.say(&chat, "Hi").await;
    receiver.until_text("Hi").await;
    let at: Vec<Instant> = receiver.got().iter().map(|g| g.at).collect();
    // The pauses are 10 ms otherwise. An answer is a moment older than its arrival.
    for (earlier, later) in at.iter().zip(&at[1..]) {
        assert!(later.duration_since(*earlier) > Duration::from_millis(950), "{at:?}");
    }
}

#[tokio::test]
async fn what_is_tried_too_often_is_given_up_and_the_next_one_goes_on() {
    let engine = engine(pausing(vec![Duration::from_millis(5); 2])).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let receiver = Receiver::answering(|_, got| fails(if got.text() == "bad" { 500 } else { 200 })).await;
    hook(&pbx, &receiver, &["message.created"]).await;
    jake.say(&chat, "bad").await;
    jake.say(&chat, "good").await;
    receiver.until_text("good").await;
    let sent = pbx.sent().await;
    let failed = sent.last().unwrap();
    assert_eq!((&failed["status"], &failed["attempts"]), (&json!("failed"), &json!(3)));
    assert_eq!((&failed["last_status"], &failed["next_attempt_at"]), (&json!(500), &Value::Null));

    // Replayed, it goes out beside what waits, and is given up again; what comes meanwhile does not wait for it.
    let id = failed["id"].as_str().unwrap();
    assert_eq!(pbx.replay(id).await.status, 202);
    jake.say(&chat, "meanwhile").await;
    receiver.until_text("meanwhile").await;
    assert_eq!(tried(&pbx, 6).await["status"], "failed");
    receiver.answers(takes);
    assert_eq!(pbx.replay(id).await.status, 202);
    assert_eq!(receiver.until_text("bad").await.id(), id);
    pbx.until_all(3, "delivered").await;
}

#[tokio::test]
async fn the_pauses_are_those_of_the_convention_and_a_replay_does_not_wait_for_them() {
    let clock = manual_clock();
    let mut options = with_clock(quick(), &clock);
    options.behaviour.as_mut().unwrap().webhooks.pauses = partyline::domain::webhook::pauses();
    let engine = engine(options).await;
    let pbx = engine.api();
    let (jake, chat) = chat(&pbx).await;
    let receiver = Receiver::answering(|_, _| fails(500)).await;
    hook(&pbx, &receiver, &["message.created"]).await;
    jake.say(&chat, "Hi").await;
    for (attempts, pause) in [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1_800)] {
        let first = tried(&pbx, attempts).await;
        assert_eq!(first["attempts"].as_u64(), Some(attempts));
        let due = super::super::queues::ms(&first["next_attempt_at"]).unwrap();
        let pause_ms = due - clock.now().0 / 1_000;
        assert!((pause * 900..=pause * 1_100 + 1).contains(&pause_ms), "{pause} s: {pause_ms} ms");
        clock.advance(Duration::from_millis(u64::try_from(pause_ms).unwrap() + 1));
    }
    let first = tried(&pbx, 6).await;
    receiver.answers(takes);
    assert_eq!(pbx.replay(first["id"].as_str().unwrap()).await.body["status"], "waiting");
    receiver.until_text("Hi").await;
}
