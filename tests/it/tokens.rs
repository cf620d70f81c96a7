//! Who may do what with what: tokens that the PBX asks for, keys that only read, and the company that a host names.

use reqwest::{Method, header};
use serde_json::{Value, json};

use partyline::storage::Scope;

use crate::{
    client::{Answer, Api, PASSWORD},
    engine::{TestEngine, manual_clock},
};

use partyline::app::Options;

#[tokio::test]
async fn the_pbx_signs_its_users_in() {
    let clock = manual_clock();
    let engine = TestEngine::with(Options { clock: clock.clone(), ..Options::default() }).await;
    let pbx = engine.api();
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    let path = "/v1/pbx/extensions/201/tokens";

    let issued = pbx.post(path, json!({"ttl_s": 60})).await;
    assert_eq!(issued.status, 201);
    assert!(issued.body["expires_at"].is_string());
    let jake = pbx.with_token(issued.body["token"].as_str().unwrap());
    assert_eq!(jake.get("/v1/me").await.ok()["extension"], "201");
    jake.connect().await;
    clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(jake.get("/v1/me").await.code(), "unauthenticated");

    let usual = pbx.post(path, json!({})).await.ok();
    let days = |answer: &Value| answer["expires_at"].as_str().unwrap()[..10].to_owned();
    assert!(days(&usual) > days(&issued.body), "30 days");
    for ttl_s in [json!(0), json!(59), json!(2_592_001), json!(-1), json!("60")] {
        assert_eq!(pbx.post(path, json!({"ttl_s": ttl_s})).await.code(), "invalid_request", "{ttl_s}");
    }
    assert_eq!(pbx.post(path, json!({"ttl": 60})).await.code(), "invalid_request");
    for nobody in ["999", "x", "%00"] {
        let path = format!("/v1/pbx/extensions/{nobody}/tokens");
        assert_eq!(pbx.post(&path, json!({})).await.code(), "not_found", "{nobody}");
    }
}

#[tokio::test]
async fn a_token_that_the_pbx_asked_for_ends_with_the_password_and_with_the_extension() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let put = async |body: Value| pbx.put("/v1/pbx/extensions/201", body).await.ok();
    let signed_in = async || {
        let issued = pbx.post("/v1/pbx/extensions/201/tokens", json!({})).await.ok();
        pbx.with_token(issued["token"].as_str().unwrap())
    };
    put(json!({"name": "Jake"})).await;
    for end in [json!({"name": "Jake", "password": PASSWORD}), json!({"name": "Jake", "enabled": false})] {
        let jake = signed_in().await;
        let mut session = jake.connect().await;
        put(end).await;
        assert_eq!(session.closed().await, 4003);
        assert_eq!(jake.get("/v1/me").await.code(), "unauthenticated");
    }
    let refused = pbx.post("/v1/pbx/extensions/201/tokens", json!({})).await;
    assert_eq!(refused.code(), "forbidden", "who is disabled is not signed in");
}

#[tokio::test]
async fn administrators_sign_others_in_and_others_nobody() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let path = "/v1/pbx/extensions/202/tokens";
    assert_eq!(people["201"].post(path, json!({})).await.code(), "forbidden");
    engine.api().put("/v1/pbx/extensions/201", json!({"name": "Jake", "role": "admin"})).await.ok();
    let issued = people["201"].post(path, json!({})).await.ok();
    let ann = engine.api().with_token(issued["token"].as_str().unwrap());
    assert_eq!(ann.get("/v1/me").await.ok()["extension"], "202");
    // A company's key finds its own people alone.
    let (_, key) = engine.tenant("other").await;
    assert_eq!(engine.api().with_token(&key).post(path, json!({})).await.code(), "not_found");
}

#[tokio::test]
async fn a_key_that_reads_changes_nothing() {
    let engine = TestEngine::start().await;
    engine.people(&["201"]).await;
    let tenant = engine.engine.storage.tenant("default").await.unwrap().unwrap();
    let key = engine.engine.storage.create_api_key(tenant, Scope::PbxRead).await.unwrap();
    let reader = engine.api().with_token(&key);
    assert_eq!(reader.get("/v1/pbx/extensions").await.ok()["items"][0]["extension"], "201");
    assert_eq!(reader.put("/v1/pbx/extensions/202", json!({"name": "x"})).await.code(), "forbidden");
    assert_eq!(reader.post("/v1/pbx/extensions/201/tokens", json!({})).await.code(), "forbidden");
    assert_eq!(reader.delete("/v1/pbx/numbers/+14045550100").await.code(), "forbidden");
    assert_eq!(reader.get("/v1/me").await.code(), "unauthenticated");
    assert_eq!(engine.api().get("/v1/pbx/extensions").await.ok()["items"].as_array().unwrap().len(), 1);
}

/// An answer to a request that names this host.
async fn at(engine: &TestEngine, host: &str, method: Method, body: Option<Value>) -> Answer {
    let request = engine.api().request(method, "/v1/login").header(header::HOST, host);
    let request = if let Some(body) = body { request.json(&body) } else { request };
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_host_names_the_company_and_none_is_named_that_it_does_not() {
    let engine = TestEngine::start().await;
    let form = async |host| at(&engine, host, Method::GET, None).await.ok();
    let unasked = json!({"company": null, "asks_company": false});
    assert_eq!(form("anything.test").await, unasked, "there is only one company");

    let (_, key) = engine.tenant("Acme.Test").await;
    engine.tenant("beta").await;
    let asked = json!({"company": null, "asks_company": true});
    assert_eq!(form("anything.test").await, asked);
    assert_eq!(form("acme.test.evil").await, asked);
    assert_eq!(form("acme.test").await, json!({"company": "Acme.Test", "asks_company": false}));
    assert_eq!(form("ACME.TEST:8443").await, json!({"company": "Acme.Test", "asks_company": false}));
    assert_eq!(form("beta").await, json!({"company": "beta", "asks_company": false}));

    engine.people(&["201"]).await;
    engine.api().with_token(&key).people_of("Acme.Test", &["301"]).await;
    let login = async |host, tenant: Option<&str>, extension: &str| {
        let mut body = json!({"extension": extension, "password": PASSWORD});
        if let Some(tenant) = tenant {
            body["tenant"] = tenant.into();
        }
        let answer = at(&engine, host, Method::POST, Some(body)).await;
        if answer.status == 200 { answer.body["me"]["tenant"].clone() } else { answer.code().into() }
    };
    assert_eq!(login("acme.test", None, "301").await, "Acme.Test");
    assert_eq!(login("acme.test", None, "201").await, "unauthenticated");
    assert_eq!(login("acme.test", Some("default"), "201").await, "default", "what is said counts first");
    assert_eq!(login("anything.test", None, "201").await, "default");
    assert_eq!(login("anything.test", None, "301").await, "unauthenticated");
}

#[tokio::test]
async fn a_browser_works_at_a_company_s_own_host_and_at_no_other() {
    let engine = TestEngine::start().await;
    let (_, key) = engine.tenant("acme.test").await;
    engine.tenant("beta.test").await;
    engine.api().with_token(&key).people_of("acme.test", &["301"]).await;
    let login = json!({"extension": "301", "password": PASSWORD});
    let from = async |host: &str, origin: &str, path: &str, cookie: Option<&str>| {
        let request = reqwest::Client::new().post(format!("{}{path}", engine.url));
        let request = request.header(header::HOST, host).header(header::ORIGIN, origin);
        let request = match cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request.json(&login),
        };
        request.send().await.unwrap()
    };
    let signed_in = from("acme.test:8443", "http://acme.test:8443", "/v1/login", None).await;
    assert_eq!(signed_in.status(), 200);
    let cookie = signed_in.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    for (host, origin) in [
        ("acme.test", "http://evil.test"),
        ("evil.test", "http://evil.test"),
        ("acme.test", "https://acme.test"),
        ("acme.test", "http://acme.test:81"),
        ("acme.test", "http://beta.test"),
    ] {
        assert_eq!(from(host, origin, "/v1/login", None).await.status(), 403, "{origin} at {host}");
        assert_eq!(from(host, origin, "/v1/token", Some(&cookie)).await.status(), 403, "{origin} at {host}");
    }
    assert_eq!(from("acme.test", "http://acme.test", "/v1/token", Some(&cookie)).await.status(), 200);
}

#[tokio::test]
async fn the_public_address_names_the_company_behind_a_proxy() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    // Of `public_url`, which is http://portal.test here.
    let (_, key) = engine.tenant("portal.test").await;
    let jake: Api = pbx.with_token(&key);
    jake.put("/v1/pbx/extensions/201", json!({"name": "Jake", "password": PASSWORD})).await.ok();
    let form = at(&engine, "10.0.0.7:8080", Method::GET, None).await.ok();
    assert_eq!(form, json!({"company": null, "asks_company": false}));
    let signed_in = pbx.login(json!({"extension": "201", "password": PASSWORD})).await.ok();
    assert_eq!(signed_in["me"]["tenant"], "portal.test");
}
