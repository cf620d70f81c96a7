//! Coming back with a cursor: nothing lost, nothing doubled, however far behind.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use partyline::app::Options;
use serde_json::json;
use uuid::Uuid;

use crate::engine::TestEngine;

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_over_a_restart_too() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let chat = people["201"].chat("202").await;
    people["201"].say(&chat, "before").await;
    let mut ann = people["202"].connect().await;
    assert!(!ann.resumed, "the first time is a snapshot");
    ann.socket.close(None).await.unwrap();
    people["201"].say(&chat, "while away").await;
    people["203"].chat("202").await;
    let tokens: Vec<_> = ["201", "202"].map(|n| people[n].token.clone()).into();
    let folder = engine.stop().await;

    let engine = TestEngine::on(folder, Options::default(), |_| ()).await;
    let [jake, her] = [0, 1].map(|n: usize| engine.api().with_token(&tokens[n]));
    jake.say(&chat, "after the restart").await;
    let mut back = her.connect_at(Some(ann.cursor), Some(&ann.epoch)).await;
    assert!(back.resumed);
    let texts: Vec<_> = back.messages().into_iter().map(|m| m.2).collect();
    assert_eq!(texts, ["while away", "after the restart"]);
    let names: Vec<_> = back.events.iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["message.created", "conversation.updated", "message.created"], "merged by version");
    jake.say(&chat, "live").await;
    assert_eq!(back.until_event("message.created").await["data"]["text"], "live");
}

#[tokio::test]
async fn a_cursor_that_means_nothing_here_begins_anew() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    people["201"].say(&chat, "Hi").await;
    let first = people["202"].connect().await;
    let another_past = Uuid::now_v7().to_string();
    for (cursor, epoch) in
        [(first.cursor, another_past.as_str()), (first.cursor + 1_000, &first.epoch), (-5, &first.epoch)]
    {
        let client = people["202"].connect_at(Some(cursor), Some(epoch)).await;
        assert!(!client.resumed, "{cursor} {epoch}");
        let kinds: Vec<_> = client.beginning.iter().map(|f| f["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["welcome", "snapshot", "queues", "ready"]);
        let row = &client.beginning[1]["conversations"][0];
        assert_eq!((&row["id"], &row["unread"], &row["last_message"]["text"]), (&json!(chat), &json!(1), &json!("Hi")));
    }
    // The same for who has no WebSocket.
    let sync = people["202"].get("/v1/sync").await.ok();
    assert_eq!((&sync["resumed"], &sync["cursor"]), (&json!(false), &json!(first.cursor)));
    let path = format!("/v1/sync?cursor={}&epoch={}", first.cursor, first.epoch);
    people["201"].say(&chat, "more").await;
    let sync = people["202"].get(&path).await.ok();
    assert_eq!((&sync["resumed"], &sync["events"][0]["data"]["text"]), (&json!(true), &json!("more")));
}

#[tokio::test]
async fn who_was_away_for_ten_thousand_messages_gets_one_page_at_once() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let chat = people["201"].chat("202").await;
    people["203"].chat("202").await;
    let mut ann = people["202"].connect().await;
    ann.socket.close(None).await.unwrap();
    let mut jake = people["201"].connect().await;
    for n in 0..10_000 {
        jake.send(&chat, Uuid::now_v7(), &format!("message {n}")).await;
        if n % 500 == 499 {
            for _ in 0..500 {
                assert_eq!(jake.until_matching(|f| f["type"] != "event").await["type"], "ok");
            }
        }
    }
    let back = people["202"].connect_at(Some(ann.cursor), Some(&ann.epoch)).await;
    assert!(!back.resumed);
    let snapshot = &back.beginning[1]["conversations"];
    assert_eq!(snapshot[0]["unread"], 10_000);
    assert_eq!(snapshot[0]["last_message"]["text"], "message 9999");
    let bytes: usize = back.beginning.iter().map(|f| f.to_string().len()).sum();
    assert!(bytes < 10_000, "one page, not the account: {bytes} bytes");
    // A thousand behind is still told row by row.
    let near = people["202"].connect_at(Some(back.cursor - 1_000), Some(&back.epoch)).await;
    assert!(near.resumed);
    assert_eq!(near.messages().len(), 1_000);
}

#[tokio::test]
async fn a_hundred_reconnects_in_heavy_traffic_miss_nothing_and_double_nothing() {
    let engine = TestEngine::start().await;
    let numbers = ["201", "202", "203", "204", "205"];
    let people = engine.people(&numbers).await;
    let mut chats = Vec::new();
    for other in &numbers[1..] {
        chats.push(people["201"].chat(other).await);
    }
    // Before the first word: what is in a snapshot already does not come as an event.
    let mut client = people["201"].connect().await;
    let writing = Arc::new(AtomicBool::new(true));
    let writers: Vec<_> = chats
        .iter()
        .zip(&numbers[1..])
        .map(|(chat, number)| {
            let (api, chat, writing) = (people[number].clone(), chat.clone(), writing.clone());
            tokio::spawn(async move {
                let mut written = 0;
                while writing.load(Ordering::Relaxed) {
                    api.say(&chat, &written.to_string()).await;
                    written += 1;
                }
                written
            })
        })
        .collect();
    let mut got = Vec::new();
    for n in 0..100 {
        // Some stay a while, some are cut in the middle of a frame.
        for _ in 0..n % 7 {
            client.until_event("message.created").await;
        }
        got.extend(client.messages());
        let (cursor, epoch) = (client.cursor, client.epoch.clone());
        drop(client);
        client = people["201"].connect_at(Some(cursor), Some(&epoch)).await;
        assert!(client.resumed);
        assert!(client.events.iter().all(|e| e["version"].as_i64().unwrap() > cursor));
    }
    writing.store(false, Ordering::Relaxed);
    let mut written = BTreeMap::new();
    for (chat, writer) in chats.iter().zip(writers) {
        written.insert(chat.clone(), writer.await.unwrap());
    }
    let total: usize = written.values().sum();
    while got.len() + client.messages().len() < total {
        client.until_event("message.created").await;
    }
    got.extend(client.messages());
    client.settled().await;
    assert_eq!(got.len(), total);
    for (chat, count) in written {
        let mine: Vec<_> = got.iter().filter(|m| m.0 == chat).map(|m| (m.1, m.2.clone())).collect();
        let expected: Vec<_> = (0..count).map(|n| (n as i64 + 1, n.to_string())).collect();
        assert_eq!(mine, expected, "every message exactly once, in order");
    }
}
