//! The interface as a whole: what is documented is served, and every refusal looks alike.

use partyline::http;
use reqwest::Method;
use serde_json::Value;

use crate::{client::Answer, engine::TestEngine};

#[tokio::test]
async fn the_document_is_served_and_names_the_frames() {
    let engine = TestEngine::start().await;
    let served: Value = reqwest::get(format!("{}/openapi.json", engine.url)).await.unwrap().json().await.unwrap();
    assert_eq!(served, serde_json::to_value(http::document()).unwrap());
    for schema in ["ClientFrame", "ServerFrame", "Event", "Problem", "Message", "Conversation"] {
        assert!(served["components"]["schemas"][schema].is_object(), "{schema}");
    }
    let page = reqwest::get(format!("{}/docs", engine.url)).await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(!page.contains("://"), "nothing from elsewhere: {page}");
}

#[test]
fn the_portal_s_types_are_those_of_this_engine() {
    let theirs: Value = serde_json::from_str(include_str!("../../web/openapi.json")).unwrap();
    let ours = serde_json::to_value(http::document()).unwrap();
    assert!(theirs == ours, "run script/types: web/openapi.json is not what the engine says");
}

#[tokio::test]
async fn refusals_look_alike_everywhere() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let api = &people["201"];
    let raw = async |method: Method, path: &str, kind: &str, body: String| {
        let request = api.request(method, path).header("content-type", kind).body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        Answer::of(response).await.code().to_owned()
    };
    let messages = format!("/v1/conversations/{chat}/messages");
    let json = "application/json";
    assert_eq!(raw(Method::DELETE, "/v1/me", json, String::new()).await, "method_not_allowed");
    assert_eq!(raw(Method::GET, "/v1/nowhere", json, String::new()).await, "not_found");
    assert_eq!(raw(Method::GET, "/v1/conversations/x", json, String::new()).await, "not_found");
    assert_eq!(raw(Method::POST, &messages, "text/plain", "x".into()).await, "unsupported_media_type");
    assert_eq!(raw(Method::POST, &messages, json, "{".into()).await, "invalid_request");
    assert_eq!(raw(Method::POST, &messages, json, " ".repeat(70_000)).await, "payload_too_large");
    assert_eq!(raw(Method::POST, &messages, json, "{\"text\":1}".into()).await, "invalid_request");
    assert_eq!(raw(Method::GET, "/v1/extensions?after=%00", json, String::new()).await, "invalid_request");
    assert_eq!(raw(Method::GET, "/v1/conversations/%00", json, String::new()).await, "not_found");
    // An object is meant, and not a list of what its fields would be.
    assert_eq!(raw(Method::POST, "/v1/sms/estimate", json, "[\"Hi\"]".into()).await, "invalid_request");
    assert_eq!(raw(Method::POST, "/v1/token", json, "[]".into()).await, "invalid_request");
    assert_eq!(raw(Method::GET, "/v1/ws", json, String::new()).await, "invalid_request");
    let allow = api.request(Method::PATCH, "/v1/login").send().await.unwrap().headers()["allow"].clone();
    assert_eq!(allow, "GET, POST");
    assert!(people["202"].history(&chat).await.is_empty());
}

#[tokio::test]
async fn operators_see_that_it_lives_and_counts_and_no_secrets() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    people["201"].say(&chat, "a private word").await;
    let get = async |path: &str| reqwest::get(format!("{}{path}", engine.url)).await.unwrap().text().await.unwrap();
    assert_eq!((get("/healthz").await.as_str(), get("/readyz").await.as_str()), ("ok", "ready"));
    let metrics = get("/metrics").await;
    for counted in [
        "partyline_messages_committed_total",
        "partyline_http_requests_total",
        "partyline_ledger_commit_seconds_bucket",
        "partyline_actors",
    ] {
        assert!(metrics.contains(counted), "{counted} in {metrics}");
    }
    for secret in ["private", &chat, people["201"].token.as_str(), engine.key.as_str()] {
        assert!(!metrics.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_portal_is_served_with_a_strict_policy() {
    let engine = TestEngine::start().await;
    let page = reqwest::get(format!("{}/", engine.url)).await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    let page = page.text().await.unwrap();
    let script = page.split("src=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(script.starts_with("/assets/"), "{page}");
    let script = reqwest::get(format!("{}{script}", engine.url)).await.unwrap();
    assert!(script.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(reqwest::get(format!("{}/assets/../../Cargo.toml", engine.url)).await.unwrap().status(), 404);
}
