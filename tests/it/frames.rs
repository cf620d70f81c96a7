//! Whatever comes over the WebSocket gets a clear answer, and changes nothing where it should not.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use partyline::{actors::Behaviour, app::Options};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};
use uuid::Uuid;

use crate::{
    client::Client,
    engine::{ORIGIN, TestEngine},
};

#[tokio::test]
async fn what_cannot_be_understood_is_refused_by_name_and_the_session_goes_on() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut jake = people["201"].connect().await;
    let id = Uuid::now_v7();
    let send = |text: &str| json!({"type": "send", "ref": "r", "conversation": chat, "client_id": id, "text": text});
    let mut with_more = send("Hi");
    with_more["colour"] = json!("red");
    let cases = [
        ("nonsense".to_owned(), "invalid_request", ""),
        ("[1]".into(), "invalid_request", ""),
        ("{}".into(), "invalid_request", "type"),
        (r#"{"type":"dance"}"#.into(), "invalid_request", "dance"),
        (r#"{"type":"ping"} {"type":"ping"}"#.into(), "invalid_request", ""),
        (with_more.to_string(), "invalid_request", "colour"),
        (
            json!({"type": "send", "ref": "r", "conversation": chat, "text": "x"}).to_string(),
            "invalid_request",
            "client_id",
        ),
        (
            json!({"type": "send", "ref": "r", "conversation": chat, "client_id": "7", "text": "x"}).to_string(),
            "invalid_request",
            "",
        ),
        (
            json!({"type": "send", "ref": "r", "conversation": 7, "client_id": id, "text": "x"}).to_string(),
            "invalid_request",
            "",
        ),
        (json!({"type": "read", "ref": "r", "conversation": chat, "seq": "x"}).to_string(), "invalid_request", ""),
        (json!({"type": "read", "ref": "r", "conversation": chat, "seq": 1.5}).to_string(), "invalid_request", ""),
        (json!({"type": "watch", "extensions": vec!["201"; 201]}).to_string(), "invalid_request", "extensions"),
        (json!({"type": "hello", "cursor": null, "epoch": null}).to_string(), "invalid_request", "hello"),
        (send("").to_string(), "empty_text", ""),
        (send(" \n\u{3000}").to_string(), "empty_text", ""),
        (send("a\0b").to_string(), "invalid_text", ""),
        (send(&"é".repeat(4_001)).to_string(), "too_long", "4001"),
        (send("x").to_string().replace("\"x\"", "\"\\ud800\""), "invalid_request", ""),
        (send("x").to_string().replace(&chat, "nowhere"), "not_found", ""),
        (send("x").to_string().replace(&chat, &Uuid::now_v7().to_string()), "not_found", ""),
    ];
    for (frame, code, detail) in cases {
        jake.socket.send(Message::text(frame.clone())).await.unwrap();
        let error = jake.frame().await;
        assert_eq!((&error["type"], error["code"].as_str()), (&json!("error"), Some(code)), "{frame}: {error}");
        assert!(error["detail"].as_str().unwrap().contains(detail), "{frame}: {error}");
        if frame.contains("\"ref\":\"r\"") {
            assert_eq!(error["ref"], "r", "{frame}");
        }
    }
    jake.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(jake.frame().await["code"], "invalid_request");
    assert!(people["202"].history(&chat).await.is_empty(), "nothing was changed");
    jake.send(&chat, Uuid::now_v7(), &"é".repeat(4_000)).await;
    assert_eq!(jake.until("ok").await["message"]["seq"], 1, "and it goes on");
}

#[tokio::test]
async fn a_frame_may_come_in_pieces_up_to_the_limit() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut jake = people["201"].connect().await;
    let frame =
        json!({"type": "send", "ref": "r", "conversation": chat, "client_id": Uuid::now_v7(), "text": "in pieces 🧩"});
    let bytes = frame.to_string().into_bytes();
    let pieces: Vec<_> = bytes.chunks(7).collect();
    for (n, piece) in pieces.iter().enumerate() {
        let opcode = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
        let piece = Frame::message(piece.to_vec(), opcode, n == pieces.len() - 1);
        jake.socket.send(Message::Frame(piece)).await.unwrap();
    }
    assert_eq!(jake.until("ok").await["message"]["text"], "in pieces 🧩");

    // Without an end, it ends at the limit.
    for n in 0..10 {
        let opcode = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
        let piece = Frame::message(vec![b' '; 10_000], opcode, false);
        if jake.socket.send(Message::Frame(piece)).await.is_err() {
            break;
        }
    }
    assert_eq!(jake.closed().await, 1009);
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_session() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let mut jake = people["201"].connect().await;
    jake.socket.send(Message::text(" ".repeat((64 << 10) + 1))).await.unwrap();
    assert_eq!(jake.closed().await, 1009);
}

#[tokio::test]
async fn what_is_no_websocket_ends_the_session() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let mut jake = people["201"].connect().await;
    // A continuation of nothing.
    let piece = Frame::message(b"x".to_vec(), OpCode::Data(Data::Continue), true);
    jake.socket.send(Message::Frame(piece)).await.unwrap();
    assert_eq!(jake.closed().await, 1008);
    // Bytes that are no frame at all: an unmasked one.
    let mut jake = people["201"].connect().await;
    let tokio_tungstenite::MaybeTlsStream::Plain(stream) = jake.socket.get_mut() else { unreachable!() };
    stream.write_all(&[0x81, 0x02, b'h', b'i']).await.unwrap();
    assert_eq!(jake.closed().await, 1008);
}

#[tokio::test]
async fn hello_comes_first_and_in_time() {
    let behaviour = Behaviour { hello_within: Duration::from_secs(2), ..Behaviour::default() };
    let engine = TestEngine::with(Options { behaviour: Some(behaviour), ..Options::default() }).await;
    let people = engine.people(&["201"]).await;
    let mut silent = people["201"].open().await;
    assert_eq!(silent.closed().await, 4001);

    let mut hasty = people["201"].open().await;
    hasty.say(json!({"type": "active", "active": true})).await;
    assert_eq!(hasty.frame().await["code"], "unauthenticated");

    let mut stranger = people["201"].open().await;
    stranger.say(json!({"type": "hello", "token": "wrong"})).await;
    assert_eq!(stranger.closed().await, 4001);
    let mut nobody = people["201"].open().await;
    nobody.say(json!({"type": "hello"})).await;
    assert_eq!(nobody.closed().await, 4001);
}

#[tokio::test]
async fn what_is_said_right_after_hello_waits_for_ready_and_is_not_lost() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut jake = people["201"].open().await;
    jake.say(json!({"type": "hello", "token": people["201"].token})).await;
    jake.say(json!({"type": "watch", "extensions": ["201", "202"]})).await;
    jake.send(&chat, Uuid::now_v7(), "hasty").await;
    let mut kinds = Vec::new();
    while kinds.iter().filter(|k| ["ok", "presence", "event"].contains(&String::as_str(k))).count() < 3 {
        kinds.push(jake.frame().await["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(kinds[..4], ["welcome", "snapshot", "queues", "ready"]);
}

#[tokio::test]
async fn a_session_that_is_silent_ends_and_one_that_answers_pings_lives() {
    let behaviour = Behaviour { heartbeat: Duration::from_millis(600), ..Behaviour::default() };
    let engine = TestEngine::with(Options { behaviour: Some(behaviour), ..Options::default() }).await;
    let people = engine.people(&["201"]).await;
    let mut silent = people["201"].connect().await;
    let mut lively = people["201"].connect().await;
    // Reading answers the server's pings; not reading doesn't.
    let alive = tokio::time::timeout(Duration::from_secs(5), lively.socket.next());
    let first = alive.await;
    assert!(matches!(first, Ok(Some(Ok(Message::Ping(_))))), "{first:?}");
    for _ in 0..7 {
        let _ = tokio::time::timeout(Duration::from_millis(600), lively.socket.next()).await;
    }
    lively.say(json!({"type": "ping"})).await;
    lively.until("pong").await;
    // The silent one's pings wait unanswered in its socket; then comes the end.
    assert_eq!(silent.closed().await, 0);
}

#[tokio::test]
async fn the_cookie_opens_a_websocket_only_from_our_own_pages() {
    use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let with = async |token: &str, origin: Option<&str>| {
        let mut request = format!("{}/v1/ws", engine.url.replace("http", "ws")).into_client_request().unwrap();
        request.headers_mut().insert("cookie", format!("partyline={token}").parse().unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        connect_async(request).await.ok().map(|(socket, _)| Client::of(socket))
    };
    let token = people["201"].token.as_str();
    assert!(with(token, Some(ORIGIN)).await.is_some());
    assert!(with(token, Some("http://evil.test")).await.is_none());
    assert!(with(token, None).await.is_none());
    // A page is not shown an upgrade's status: that its cookie is void, it learns by the close code.
    let mut void = with("void", Some(ORIGIN)).await.unwrap();
    void.say(json!({"type": "hello"})).await;
    assert_eq!(void.closed().await, 4001);
}
