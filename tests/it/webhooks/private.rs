//! What is in a network of the engine's own is not called, unless that is allowed.

use std::sync::Arc;

use serde_json::json;

use super::{HOOK, Receiver, engine, hook, quick};
use crate::engine::TestEngine;

#[tokio::test]
async fn an_address_that_is_not_public_is_refused() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    for url in [
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://10.1.2.3/hook",
        "https://192.168.1.1:8443/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://100.100.1.1/hook",
        "https://[fd12::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://0/hook",
        "https://localhost/hook",
        "http://pbx.example.com/hook",
    ] {
        let refused = pbx.put(HOOK, json!({"url": url, "events": ["*"]})).await;
        assert_eq!(refused.code(), "invalid_request", "{url}");
        assert!(refused.body["detail"].as_str().unwrap().starts_with("url: "), "{refused:?}");
    }
}

#[tokio::test]
async fn what_was_allowed_before_is_not_called_once_it_is_not() {
    let before = engine(quick()).await;
    let receiver = Receiver::start().await;
    hook(&before.api(), &receiver, &["extension.updated"]).await;
    let folder = before.stop().await;
    let engine = TestEngine::on(Arc::clone(&folder), quick(), |_| ()).await;
    engine.api().put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    let shown = engine.api().until_state("failing").await;
    assert!(shown["last_error"].as_str().unwrap().starts_with("url: "), "{shown}");
    assert_eq!(receiver.got().len(), 0);
}

#[tokio::test]
async fn a_name_that_means_a_private_address_is_not_called() {
    // Every machine knows itself by this name, and its address is its own network's; the name alone doesn't tell.
    let Some(name) = own_name().await else { return };
    let engine = TestEngine::on(Arc::new(tempfile::tempdir().unwrap()), quick(), |_| ()).await;
    let pbx = engine.api();
    let put = pbx.put(HOOK, json!({"url": format!("https://{name}:9/hook"), "events": ["extension.updated"]})).await;
    assert_eq!(put.status, 201, "{put:?}");
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    let shown = pbx.until_state("failing").await;
    assert!(shown["last_error"].as_str().unwrap().contains("its address is not public"), "{shown}");
}

/// The machine's own name, if it is one that is looked up.
async fn own_name() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?.trim().to_owned();
    let is_found = tokio::net::lookup_host((name.as_str(), 9)).await.is_ok();
    (is_found && !name.starts_with("localhost")).then_some(name)
}
