//! What is sent arrives once, in order, whatever is repeated.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::join_all;
use partyline::app::Options;
use serde_json::json;
use uuid::Uuid;

use crate::engine::TestEngine;

#[tokio::test]
async fn a_message_reaches_the_other_and_all_of_my_devices() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let (mut desk, mut phone) = (people["201"].connect().await, people["201"].connect().await);
    let mut other = people["202"].connect().await;

    let client_id = Uuid::now_v7();
    desk.send(&chat, client_id, "Hi 👋\n  there").await;
    let ok = desk.until("ok").await;
    assert_eq!(ok["ref"], client_id.to_string());
    for client in [&mut phone, &mut other] {
        let event = client.until_event("message.created").await;
        assert_eq!(event["data"], ok["message"], "the same for everyone");
    }
    let message = &ok["message"];
    assert_eq!(message["text"], "Hi 👋\n  there", "exactly as typed");
    assert_eq!(message["from"], json!({"extension": "201", "name": "Name 201"}));
    assert_eq!((&message["seq"], &message["text_no"]), (&json!(1), &json!(1)));
    assert_eq!(people["202"].history(&chat).await, std::slice::from_ref(message));
}

#[tokio::test]
async fn two_hundred_sends_at_once_get_two_hundred_places_without_a_hole() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let sends = (0..200).map(|n| {
        let (api, chat) = (people[if n % 2 == 0 { "201" } else { "202" }].clone(), chat.clone());
        async move { api.say(&chat, &format!("message {n}")).await }
    });
    let mut seqs: Vec<_> = join_all(sends).await.iter().map(|m| m["seq"].as_i64().unwrap()).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
    let history = people["202"].history(&chat).await;
    assert_eq!(history.iter().map(|m| m["seq"].as_i64().unwrap()).collect::<Vec<_>>(), seqs);
    let text_nos: Vec<_> = history.iter().map(|m| m["text_no"].as_i64().unwrap()).collect();
    assert_eq!(text_nos, seqs, "every one is a text");
}

#[tokio::test]
async fn the_same_client_id_at_once_is_one_message() {
    // Commits are held up until many sends wait, so that twins meet in one batch.
    let largest = Arc::new(AtomicUsize::new(0));
    let seen = largest.clone();
    let faults = Arc::new(move |units: usize| {
        seen.fetch_max(units, Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(20));
        Default::default()
    });
    let engine = TestEngine::with(Options { faults: Some(faults), ..Options::default() }).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let client_id = Uuid::now_v7();
    let answers = join_all((0..20).map(|_| people["201"].send(&chat, client_id, "once"))).await;
    assert!(largest.load(Ordering::SeqCst) > 1, "they never met");
    let made = answers.iter().filter(|a| a.status == 201).count();
    assert_eq!(made, 1, "one is new");
    let first = &answers[0].body;
    assert!(answers.iter().all(|a| a.status.is_success() && a.body == *first), "all answer the same message");
    assert_eq!(people["202"].history(&chat).await.len(), 1);
}

#[tokio::test]
async fn the_same_client_id_after_a_restart_is_the_same_message() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let client_id = Uuid::now_v7();
    let first = people["201"].send(&chat, client_id, "once").await.ok();
    let token = people["201"].token.clone();
    let folder = engine.stop().await;

    let engine = TestEngine::on(folder, Options::default(), |_| ()).await;
    let jake = engine.api().with_token(&token);
    let again = jake.send(&chat, client_id, "once").await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &first), "tokens survive a restart, too");
    assert_eq!(jake.history(&chat).await, [first]);
}

#[tokio::test]
async fn the_same_client_id_with_another_text_or_elsewhere_is_a_conflict() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let chat = people["201"].chat("202").await;
    let elsewhere = people["201"].chat("203").await;
    let client_id = Uuid::now_v7();
    people["201"].send(&chat, client_id, "once").await.ok();
    assert_eq!(people["201"].send(&chat, client_id, "twice").await.code(), "idempotency_conflict");
    assert_eq!(people["201"].send(&elsewhere, client_id, "once").await.code(), "idempotency_conflict");
    // Looked up before anything else: even where the caller may not write.
    let others = people["202"].chat("203").await;
    assert_eq!(people["201"].send(&others, client_id, "once").await.code(), "idempotency_conflict");
    assert_eq!(people["201"].send(&others, Uuid::now_v7(), "once").await.code(), "not_found");
    // It is the sender's own: another may use the same.
    assert_eq!(people["202"].send(&chat, client_id, "mine").await.status, 201);
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_sends() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203", "204"]).await;
    let chats = join_all(["202", "203", "204"].map(|n| people["201"].chat(n))).await;
    let mut jake = people["201"].connect().await;
    let mut sent = Vec::new();
    for n in 0..300 {
        let client_id = Uuid::now_v7();
        // Every seventh is refused, in its turn.
        let text = if n % 7 == 0 { "   ".to_owned() } else { format!("message {n}") };
        jake.send(&chats[n % 3], client_id, &text).await;
        sent.push((client_id.to_string(), n % 7 == 0));
    }
    for (named, refused) in sent {
        let answer = jake.until_matching(|f| f["type"] == "ok" || f["type"] == "error").await;
        assert_eq!((answer["ref"].as_str(), answer["type"] == "error"), (Some(named.as_str()), refused), "{answer}");
    }
    for chat in &chats {
        let texts: Vec<_> = people["201"].history(chat).await;
        let numbers: Vec<usize> =
            texts.iter().map(|m| m["text"].as_str().unwrap().replace("message ", "").parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
    }
}

#[tokio::test]
async fn sends_are_limited_for_each_extension() {
    let engine = TestEngine::configured(|c| {
        c.limits.sends_per_s = 50;
        c.limits.sends_burst = 200;
    })
    .await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut jake = people["201"].connect().await;
    for _ in 0..400 {
        jake.send(&chat, Uuid::now_v7(), "again").await;
    }
    let mut refused = 0;
    for _ in 0..400 {
        let answer = jake.until_matching(|f| f["type"] == "ok" || f["type"] == "error").await;
        if answer["type"] == "error" {
            assert_eq!(answer["code"], "rate_limited");
            assert!(answer["retry_after_s"].as_i64().unwrap() >= 1);
            refused += 1;
        }
    }
    assert!((1..=200).contains(&refused), "{refused} refused");
    assert_eq!(people["202"].send(&chat, Uuid::now_v7(), "mine").await.status, 201, "another's are not counted");
}
