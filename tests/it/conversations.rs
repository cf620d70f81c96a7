//! Direct chats: exactly one per pair, unread as a subtraction, markers that only move forward.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::engine::TestEngine;

#[tokio::test]
async fn a_pair_has_one_chat_however_many_begin_it_at_once() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let begin = |n: usize| {
        let (me, other) = if n.is_multiple_of(2) { ("201", "202") } else { ("202", "201") };
        people[me].post("/v1/conversations", json!({"kind": "direct", "extension": other}))
    };
    let answers = join_all((0..40).map(begin)).await;
    let ids: HashSet<_> = answers.iter().map(|a| a.body["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1, "one is new");
    assert_eq!(people["201"].get("/v1/conversations").await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn both_hear_of_a_new_chat_and_it_is_named_after_the_other() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let mut ann = people["202"].connect().await;
    let chat = people["201"].chat("202").await;
    let event = ann.until_event("conversation.updated").await;
    assert_eq!(event["data"]["id"], chat);
    assert_eq!(event["data"]["joined"], json!({"seq": 0, "text_no": 0}));
    assert!(event["data"].get("name").is_none(), "a name depends on who looks");
    let row = |api: &str| people[api].get("/v1/conversations");
    assert_eq!(row("201").await.ok()["items"][0]["name"], "Name 202");
    assert_eq!(row("202").await.ok()["items"][0]["name"], "Name 201");
}

#[tokio::test]
async fn unread_is_what_others_wrote_after_my_marker() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    for n in 0..5 {
        people["201"].say(&chat, &format!("{n}")).await;
    }
    let row = async |who: &str| people[who].get(&format!("/v1/conversations/{chat}")).await.ok();
    assert_eq!(row("201").await["unread"], 0, "sending moves my own marker");
    assert_eq!(row("202").await["unread"], 5);
    let read = async |seq: i64| people["202"].put(&format!("/v1/conversations/{chat}/read"), json!({"seq": seq})).await;
    assert_eq!(read(3).await.status, 204);
    assert_eq!(row("202").await["unread"], 2);
    read(1).await.ok();
    assert_eq!(row("202").await["my_read"], json!({"seq": 3, "text_no": 3}), "markers only move forward");
    read(99).await.ok();
    assert_eq!(row("202").await["my_read"], json!({"seq": 5, "text_no": 5}), "at most to the newest message");
    assert_eq!(row("201").await["participants"].as_array().unwrap().len(), 2);
    let unread = people["202"].get("/v1/conversations?filter=unread").await.ok();
    assert_eq!(unread["items"], json!([]));
}

#[tokio::test]
async fn reading_on_one_device_reads_on_all_and_the_other_is_told() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let (mut desk, mut phone) = (people["202"].connect().await, people["202"].connect().await);
    let mut jake = people["201"].connect().await;
    people["201"].say(&chat, "Hi").await;
    desk.until_event("message.created").await;
    desk.say(json!({"type": "read", "ref": "r", "conversation": chat, "seq": 1})).await;
    let expected = json!({"conversation": chat, "readers": [{"extension": "202", "seq": 1, "text_no": 1}]});
    for client in [&mut phone, &mut jake] {
        assert_eq!(client.until_event("read.advanced").await["data"], expected);
    }
    assert_eq!(desk.until("ok").await["ref"], "r");
}

#[tokio::test]
async fn a_list_is_paged_newest_activity_first() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203", "204", "205"]).await;
    let mut chats = Vec::new();
    for other in ["202", "203", "204", "205"] {
        let chat = people["201"].chat(other).await;
        people["201"].say(&chat, other).await;
        chats.insert(0, chat);
    }
    people["202"].say(&chats[3], "newest").await;
    chats.rotate_right(1);
    let mut listed = Vec::new();
    let mut path = "/v1/conversations?limit=3".to_owned();
    loop {
        let page = people["201"].get(&path).await.ok();
        listed.extend(page["items"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/conversations?limit=3&after={next}");
    }
    assert_eq!(listed, chats);
    let found = people["201"].get("/v1/conversations?q=name%20203").await.ok();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    for none in ["needs_reply", "closed", "missed"] {
        let found = people["201"].get(&format!("/v1/conversations?filter={none}")).await.ok();
        assert_eq!(found["items"], json!([]), "{none}");
    }
    for bad in ["after=nonsense", "limit=0", "limit=201", "filter=green", "colour=1"] {
        assert_eq!(people["201"].get(&format!("/v1/conversations?{bad}")).await.code(), "invalid_request", "{bad}");
    }
}

#[tokio::test]
async fn a_timeline_is_paged_both_ways() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    for n in 1..=7 {
        people["201"].say(&chat, &n.to_string()).await;
    }
    let page = async |query: &str| {
        let page = people["202"].get(&format!("/v1/conversations/{chat}/messages?limit=3{query}")).await.ok();
        let seqs: Vec<_> = page["items"].as_array().unwrap().iter().map(|m| m["seq"].as_i64().unwrap()).collect();
        (seqs, page["next"].as_str().map(str::to_owned))
    };
    assert_eq!(page("").await, (vec![5, 6, 7], Some("down.5".into())));
    assert_eq!(page("&after=down.5").await, (vec![2, 3, 4], Some("down.2".into())));
    assert_eq!(page("&before_seq=2").await, (vec![1], None));
    assert_eq!(page("&after_seq=0").await, (vec![1, 2, 3], Some("up.3".into())));
    assert_eq!(page("&after=up.3").await, (vec![4, 5, 6], Some("up.6".into())));
    assert_eq!(page("&after_seq=6").await, (vec![7], None));
}

#[tokio::test]
async fn nobody_chats_alone_or_with_nobody() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let begin = |body| people["201"].post("/v1/conversations", body);
    assert_eq!(begin(json!({"kind": "direct", "extension": "201"})).await.code(), "too_few_participants");
    assert_eq!(begin(json!({"kind": "direct", "extension": "999"})).await.code(), "not_found");
    assert_eq!(begin(json!({"kind": "dance"})).await.code(), "invalid_request");
}

#[tokio::test]
async fn who_is_not_in_it_finds_nothing_and_hears_nothing() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let chat = people["201"].chat("202").await;
    people["201"].say(&chat, "private").await;
    let mut eve = people["203"].connect().await;
    let path = format!("/v1/conversations/{chat}");
    assert_eq!(people["203"].get(&path).await.code(), "not_found");
    assert_eq!(people["203"].get(&format!("{path}/messages")).await.code(), "not_found");
    assert_eq!(people["203"].put(&format!("{path}/read"), json!({"seq": 1})).await.code(), "not_found");
    assert_eq!(people["203"].send(&chat, Uuid::now_v7(), "x").await.code(), "not_found");
    eve.say(json!({"type": "read", "ref": "1", "conversation": chat, "seq": 1})).await;
    assert_eq!(eve.until("error").await["code"], "not_found");
    eve.say(json!({"type": "typing", "conversation": chat})).await;
    people["201"].say(&chat, "more").await;
    eve.settled().await;
    assert!(eve.messages().is_empty());
}
