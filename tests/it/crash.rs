//! kill -9 under load: nothing acknowledged is lost, doubled or out of order.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::StreamExt;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::engine::{Process, create_key};

#[tokio::test]
async fn a_killed_engine_has_lost_nothing_it_acknowledged() {
    let mut engine = Process::start().await;
    let numbers: Vec<String> = (201..=208).map(|n| n.to_string()).collect();
    let people = engine.api().people(&numbers.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut pairs = Vec::new();
    for pair in numbers.chunks(2) {
        pairs.push((pair[0].clone(), people[&pair[0]].chat(&pair[1]).await));
    }
    // What each writer was told: client_id → seq.
    let acknowledged: Arc<Mutex<HashMap<String, (String, i64)>>> = Arc::default();
    // What each writer wrote, in order.
    let written: Arc<Mutex<HashMap<String, Vec<String>>>> = Arc::default();
    for round in 0..5 {
        let mut writers = Vec::new();
        for (number, chat) in &pairs {
            let (api, chat) = (people[number].clone(), chat.clone());
            let (acknowledged, written) = (acknowledged.clone(), written.clone());
            let mut client = api.connect().await;
            writers.push(tokio::spawn(async move {
                // Sixteen in flight, until the plug is pulled.
                for n in 0.. {
                    let client_id = Uuid::now_v7();
                    written.lock().unwrap().entry(chat.clone()).or_default().push(client_id.to_string());
                    let frame = json!({"type": "send", "ref": client_id, "conversation": chat, "client_id": client_id, "text": format!("{round}.{n}")});
                    use futures_util::SinkExt;
                    if client.socket.send(Message::text(frame.to_string())).await.is_err() {
                        break;
                    }
                    let mut answered = n < 16;
                    while !answered {
                        let Some(Ok(Message::Text(text))) = client.socket.next().await else { return };
                        let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                        if frame["type"] == "ok" {
                            let seq = frame["message"]["seq"].as_i64().unwrap();
                            let named = frame["ref"].as_str().unwrap().to_owned();
                            acknowledged.lock().unwrap().insert(named, (chat.clone(), seq));
                            answered = true;
                        }
                    }
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(150 + round * 90)).await;
        engine.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        engine.restart().await;
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > 200, "there was load: {}", acknowledged.len());
    let mut found = HashMap::new();
    for (number, chat) in &pairs {
        let history = people[number].history(chat).await;
        let order: Vec<_> = history.iter().map(|m| m["client_id"].as_str().unwrap().to_owned()).collect();
        let sent = &written.lock().unwrap()[chat];
        let places: Vec<_> = order.iter().map(|id| sent.iter().position(|s| s == id).unwrap()).collect();
        assert!(places.is_sorted_by(|a, b| a < b), "in the order of the sends, each once");
        for (n, message) in history.iter().enumerate() {
            assert_eq!(message["seq"], n as i64 + 1, "without a hole");
            found.insert(order[n].clone(), (chat.clone(), n as i64 + 1));
        }
    }
    for (client_id, place) in acknowledged {
        assert_eq!(found.get(&client_id), Some(&place), "{client_id} was acknowledged");
    }
}

#[tokio::test]
async fn a_clean_stop_tells_every_session_when_to_come_back() {
    let mut engine = Process::start().await;
    let people = engine.api().people(&["201"]).await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(people["201"].connect().await);
    }
    assert!(Command::new("kill").arg(engine.pid().to_string()).status().unwrap().success());
    let mut pauses = Vec::new();
    for session in &mut sessions {
        let close = loop {
            if let Err(close) = session.try_frame().await {
                break close.expect("a close frame");
            }
        };
        assert_eq!(u16::from(close.code), 1001);
        let reason: serde_json::Value = serde_json::from_str(&close.reason).unwrap();
        pauses.push(reason["retry_after_ms"].as_u64().unwrap());
    }
    pauses.sort_unstable();
    pauses.dedup();
    assert_eq!(pauses.len(), 5, "spread out: {pauses:?}");
    let status = tokio::task::spawn_blocking(move || engine.child.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_second_engine_on_the_same_file_is_refused_and_a_key_is_made_beside_the_first() {
    let engine = Process::start().await;
    let file = engine.folder.path().join("partyline.toml");
    let key = create_key(&file);
    assert_eq!(engine.api().with_token(&key).get("/v1/pbx/extensions").await.status, 200);
    if std::env::var("TEST_POSTGRES").is_ok() {
        return; // There is no file: a second engine is another node.
    }
    let second = Command::new(env!("CARGO_BIN_EXE_partyline"))
        .args(["serve", "--config"])
        .arg(&file)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another partyline"), "{said}");
}

#[tokio::test]
async fn an_unknown_key_in_the_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.toml");
    std::fs::write(&file, "colour = \"red\"\n").unwrap();
    let refused =
        Command::new(env!("CARGO_BIN_EXE_partyline")).args(["serve", "--config"]).arg(&file).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8(refused.stderr).unwrap().contains("colour"));
}
