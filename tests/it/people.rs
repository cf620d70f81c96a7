//! Signing in and out, and what the PBX says of people.

use reqwest::Method;
use serde_json::json;

use crate::{
    client::{Answer, PASSWORD},
    engine::{ORIGIN, TestEngine},
};

#[tokio::test]
async fn a_refused_login_does_not_tell_which_part_was_wrong() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    engine.api().put("/v1/pbx/extensions/202", json!({"name": "No password"})).await.ok();
    let off = json!({"name": "Off", "password": PASSWORD, "enabled": false});
    engine.api().put("/v1/pbx/extensions/203", off).await.ok();
    let mut answers = Vec::new();
    for (tenant, extension, password) in [
        ("default", "201", "wrong password"),
        ("default", "999", PASSWORD),
        ("default", "202", ""),
        ("default", "203", PASSWORD),
        ("nowhere", "201", PASSWORD),
    ] {
        let answer = people["201"].login(json!({"tenant": tenant, "extension": extension, "password": password})).await;
        assert_eq!(answer.code(), "unauthenticated");
        answers.push(answer.body);
    }
    assert!(answers.windows(2).all(|w| w[0] == w[1]), "{answers:?}");
}

#[tokio::test]
async fn failed_logins_are_limited_and_successes_do_not_count() {
    let engine = TestEngine::configured(|c| c.limits.failed_logins = 3).await;
    let people = engine.people(&["201", "202"]).await;
    let try_login = |extension: &str, password: &str| {
        let body = json!({"extension": extension, "password": password});
        let api = people["201"].clone();
        async move { api.login(body).await }
    };
    for _ in 0..5 {
        try_login("201", PASSWORD).await.ok();
    }
    for _ in 0..3 {
        assert_eq!(try_login("201", "wrong").await.code(), "unauthenticated");
    }
    let refused = try_login("201", PASSWORD).await;
    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.body["retry_after_s"].as_i64().unwrap() > 200);
    try_login("202", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_token_is_renewed_and_ends_with_the_logout_and_so_do_its_sessions() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let renewed = people["201"].post("/v1/token", json!(null)).await.ok();
    let second = people["201"].with_token(renewed["token"].as_str().unwrap());
    assert_eq!(second.get("/v1/me").await.ok()["extension"], "201");
    let (mut one, mut two) = (people["201"].connect().await, second.connect().await);
    assert_eq!(people["201"].post("/v1/logout", json!(null)).await.status, 204);
    assert_eq!(people["201"].get("/v1/me").await.code(), "unauthenticated");
    assert_eq!(one.closed().await, 4003);
    assert_eq!(second.get("/v1/me").await.status, 200);
    two.settled().await;
}

#[tokio::test]
async fn the_cookie_serves_reads_and_our_own_pages_writes_alone() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let client = reqwest::Client::builder().cookie_store(true).build().unwrap();
    let url = |path: &str| format!("{}{path}", engine.url);
    let login = json!({"extension": "201", "password": PASSWORD});
    let elsewhere =
        client.post(url("/v1/login")).header("origin", "http://evil.test").json(&login).send().await.unwrap();
    assert_eq!(Answer::of(elsewhere).await.code(), "forbidden");
    let signed_in = client.post(url("/v1/login")).header("origin", ORIGIN).json(&login).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(client.get(url("/v1/me")).send().await.unwrap().status().is_success());
    let begin = json!({"kind": "direct", "extension": "202"});
    for origin in [None, Some("http://evil.test"), Some("null")] {
        let mut request = client.post(url("/v1/conversations")).json(&begin);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(Answer::of(request.send().await.unwrap()).await.code(), "forbidden", "{origin:?}");
    }
    let ours = client.post(url("/v1/conversations")).header("origin", ORIGIN).json(&begin).send().await.unwrap();
    assert_eq!(ours.status(), 201);
    // A bearer token needs no origin: no browser adds it by itself.
    assert_eq!(people["201"].chat("202").await.len(), 36);
}

#[tokio::test]
async fn provisioning_again_changes_nothing_and_nobody_hears_of_it() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let mut ann = people["202"].connect().await;
    let pbx = engine.api();
    let put = |body| pbx.put("/v1/pbx/extensions/201", body);
    let same = json!({"name": "Name 201", "password": PASSWORD});
    assert_eq!(put(same.clone()).await.status, 200);
    assert_eq!(people["201"].get("/v1/me").await.status, 200, "the same password ends nothing");
    put(json!({"name": "Jake"})).await.ok();
    let event = ann.until_event("extension.updated").await;
    assert_eq!(event["data"], json!({"extension": "201", "name": "Jake", "enabled": true}));
    put(json!({"name": "Jake"})).await.ok();
    ann.settled().await;
    assert_eq!(ann.events.len(), 1);
    let cases = [
        (json!({"name": ""}), "invalid_name"),
        (json!({"name": "x".repeat(81)}), "invalid_name"),
        (json!({"name": "Jake", "colour": 1}), "invalid_request"),
        (json!({"name": "Jake", "role": "king"}), "invalid_request"),
        (json!({"name": "Jake", "password": "short"}), "invalid_request"),
        (json!({"role": "user"}), "invalid_request"),
        (json!([]), "invalid_request"),
    ];
    for (body, code) in cases {
        assert_eq!(put(body.clone()).await.code(), code, "{body}");
    }
    assert_eq!(pbx.put("/v1/pbx/extensions/abc", json!({"name": "x"})).await.code(), "invalid_request");
    let listed = pbx.get("/v1/pbx/extensions").await.ok();
    let expected = json!({
        "extension": "201", "name": "Jake", "role": "user", "enabled": true, "caller_ids": [], "phonebooks": [],
    });
    assert_eq!(listed["items"][0], expected);
}

#[tokio::test]
async fn a_changed_password_or_a_disabled_extension_ends_its_sessions_at_once() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    let chat = people["201"].chat("202").await;
    for body in [json!({"name": "Jake", "password": "another one"}), json!({"name": "Jake", "enabled": false})] {
        let login =
            json!({"extension": "201", "password": if body["enabled"] == false { "another one" } else { PASSWORD }});
        let jake = people["201"].with_token(pbx.login(login).await.ok()["token"].as_str().unwrap());
        let mut session = jake.connect().await;
        pbx.put("/v1/pbx/extensions/201", body).await.ok();
        assert_eq!(session.closed().await, 4003);
        assert_eq!(jake.get("/v1/me").await.code(), "unauthenticated");
        assert_eq!(jake.send(&chat, uuid::Uuid::now_v7(), "x").await.code(), "unauthenticated");
    }
}

#[tokio::test]
async fn only_the_pbx_and_administrators_provision() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    let body = json!({"name": "Somebody"});
    let put = async |api: &crate::client::Api| api.put("/v1/pbx/extensions/203", body.clone()).await;
    assert_eq!(put(&people["201"]).await.code(), "forbidden");
    assert_eq!(put(&pbx.with_token("pk_wrong")).await.code(), "unauthenticated");
    pbx.put("/v1/pbx/extensions/202", json!({"name": "Ann", "role": "admin"})).await.ok();
    assert_eq!(put(&people["202"]).await.status, 201);
    // A key is nobody: it can't chat.
    assert_eq!(pbx.get("/v1/me").await.code(), "unauthenticated");
    assert_eq!(pbx.request(Method::GET, "/v1/pbx/extensions").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_directory_is_searched_by_name_and_number() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "310"]).await;
    engine.api().put("/v1/pbx/extensions/203", json!({"name": "100%_Sure", "enabled": true})).await.ok();
    engine.api().put("/v1/pbx/extensions/204", json!({"name": "Gone", "enabled": false})).await.ok();
    let find = async |q: &str| {
        let found = people["201"].get(&format!("/v1/extensions?{q}")).await.ok();
        found["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["extension"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(find("").await, ["201", "202", "203", "310"], "who is disabled is not shown");
    assert_eq!(find("q=name%2020").await, ["201", "202"]);
    assert_eq!(find("q=31").await, ["310"]);
    assert_eq!(find("q=%25_s").await, ["203"], "a wildcard is a character");
    let page = people["201"].get("/v1/extensions?limit=2").await.ok();
    assert_eq!(page["next"], "202");
    assert_eq!(find("limit=2&after=202").await, ["203", "310"]);
}
