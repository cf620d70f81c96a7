//! Nothing crosses tenants, ever.

use serde_json::json;
use uuid::Uuid;

use crate::engine::TestEngine;

#[tokio::test]
async fn another_company_s_ids_are_not_there() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let (_, key) = engine.tenant("other").await;
    let others = engine.api().with_token(&key).people_of("other", &["201", "203"]).await;
    let chat = people["201"].chat("202").await;
    let message = people["201"].say(&chat, "ours").await;
    let mut eve = others["201"].connect().await;

    let path = format!("/v1/conversations/{chat}");
    assert_eq!(others["201"].get(&path).await.code(), "not_found");
    assert_eq!(others["201"].get(&format!("{path}/messages")).await.code(), "not_found");
    assert_eq!(others["201"].put(&format!("{path}/read"), json!({"seq": 1})).await.code(), "not_found");
    assert_eq!(others["201"].send(&chat, Uuid::now_v7(), "x").await.code(), "not_found");
    let client_id: Uuid = message["client_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(others["201"].send(&chat, client_id, "ours").await.code(), "not_found");
    let begin = json!({"kind": "direct", "extension": "202"});
    assert_eq!(others["201"].post("/v1/conversations", begin).await.code(), "not_found");
    for frame in [
        json!({"type": "send", "ref": "1", "conversation": chat, "client_id": Uuid::now_v7(), "text": "x"}),
        json!({"type": "read", "ref": "1", "conversation": chat, "seq": 1}),
    ] {
        eve.say(frame).await;
        assert_eq!(eve.until("error").await["code"], "not_found");
    }
    eve.say(json!({"type": "typing", "conversation": chat})).await;
    eve.say(json!({"type": "watch", "extensions": ["202", "203"]})).await;
    assert_eq!(eve.until("presence").await["states"], json!({"203": "offline"}));

    // Lists, the directory and the PBX's own each see one company.
    assert_eq!(others["201"].get("/v1/conversations").await.ok()["items"], json!([]));
    let numbers = |body: serde_json::Value| -> Vec<String> {
        body["items"].as_array().unwrap().iter().map(|e| e["extension"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(numbers(others["201"].get("/v1/extensions").await.ok()), ["201", "203"]);
    assert_eq!(numbers(engine.api().with_token(&key).get("/v1/pbx/extensions").await.ok()), ["201", "203"]);
    people["201"].say(&chat, "ours again").await;
    eve.settled().await;
    assert!(eve.events.is_empty());
    assert_eq!(people["201"].history(&chat).await.len(), 2);
}

#[tokio::test]
async fn each_company_counts_its_own_versions() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let (_, key) = engine.tenant("other").await;
    let others = engine.api().with_token(&key).people_of("other", &["201", "202"]).await;
    for company in [&people, &others] {
        let chat = company["201"].chat("202").await;
        // Two extensions, one conversation, and then messages.
        assert_eq!(company["201"].say(&chat, "Hi").await["version"], 4);
        assert_eq!(company["202"].say(&chat, "Hi").await["version"], 5);
    }
}
