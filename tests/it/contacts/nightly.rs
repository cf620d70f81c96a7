//! A nightly sync: everything the PBX has, over and over, by one function that knows nothing but the interface.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::{BOOKS, rows};
use crate::{
    client::{Answer, Api, PASSWORD},
    engine::{Process, TestEngine},
    sms::eventually,
};

/// What the largest company's PBX has; without optimisation, a part of it.
const EXTENSIONS: usize = if cfg!(debug_assertions) { 300 } else { 1_000 };
const NUMBERS: usize = 2 * EXTENSIONS;
const CONTACTS: usize = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
/// Requests under way at once.
const AT_ONCE: usize = 8;

/// One night, and how many answers it has had.
#[derive(Clone)]
struct Night {
    api: Api,
    answers: Arc<AtomicUsize>,
}

impl Night {
    fn of(api: &Api) -> Self {
        Self { api: api.clone(), answers: Arc::default() }
    }

    /// Makes everything as the PBX has it. `Err`: the engine is gone.
    async fn run(&self) -> Result<(), String> {
        self.put_all((0..NUMBERS).map(number)).await?;
        self.put_all((0..EXTENSIONS).map(extension)).await?;
        self.put_all(books()).await?;
        self.call(Method::PUT, &format!("{BOOKS}/crm/contacts"), Some(contacts(CONTACTS))).await?;
        self.call(Method::PUT, &format!("{BOOKS}/cnam/contacts"), Some(contacts(100))).await?;
        self.call(Method::POST, "/v1/pbx/calls", Some(calls())).await?;
        self.take_away("/v1/pbx/numbers", "number", (0..NUMBERS).map(e164).collect()).await?;
        self.take_away("/v1/pbx/extensions", "extension", (0..EXTENSIONS).map(digits).collect()).await?;
        self.take_away(BOOKS, "key", ["crm".to_owned(), "cnam".to_owned()].into()).await
    }

    async fn put_all(&self, what: impl IntoIterator<Item = (String, Value)>) -> Result<(), String> {
        let puts = what
            .into_iter()
            .map(|(path, body)| async move { self.call(Method::PUT, &path, Some(body.to_string())).await.map(drop) });
        stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Deletes what the PBX has no longer.
    async fn take_away(&self, path: &str, name: &str, wanted: BTreeSet<String>) -> Result<(), String> {
        for key in self.list(path, name).await?.difference(&wanted) {
            self.call(Method::DELETE, &format!("{path}/{key}"), None).await?;
        }
        Ok(())
    }

    async fn list(&self, path: &str, name: &str) -> Result<BTreeSet<String>, String> {
        let (mut found, mut after) = (BTreeSet::new(), String::new());
        loop {
            let page = self.call(Method::GET, &format!("{path}?limit=200{after}"), None).await?;
            let items = page["items"].as_array().unwrap();
            found.extend(items.iter().map(|item| item[name].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { return Ok(found) };
            after = format!("&after={}", super::encoded(next));
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<String>) -> Result<Value, String> {
        let lines = body.as_ref().is_some_and(|body| !body.starts_with('[') && path.ends_with("/contacts"));
        let content_type = if lines { "application/x-ndjson" } else { "application/json" };
        let request = self.api.request(method, path).header("content-type", content_type);
        let response = request.body(body.unwrap_or_default()).send().await.map_err(|e| e.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|e| e.to_string())?;
        assert!(status.is_success(), "{path}: {status} {text}");
        self.answers.fetch_add(1, Ordering::Relaxed);
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

fn e164(n: usize) -> String {
    format!("+1404{:07}", 5_000_000 + n)
}

fn digits(n: usize) -> String {
    (2_000 + n).to_string()
}

fn number(n: usize) -> (String, Value) {
    let body = json!({"label": format!("Line {n}"), "sms_enabled": !n.is_multiple_of(3), "carrier": "sim",
                      "extension": digits(n % EXTENSIONS)});
    (format!("/v1/pbx/numbers/{}", e164(n)), body)
}

/// A few have passwords, which cost more than all else.
fn extension(n: usize) -> (String, Value) {
    let mut body = json!({"name": format!("Person {n}"), "role": if n.is_multiple_of(50) { "admin" } else { "user" },
                          "caller_ids": [e164(n), e164(n + EXTENSIONS)], "phonebooks": ["crm", "cnam"]});
    if n.is_multiple_of(100) {
        body["password"] = json!(PASSWORD);
    }
    (format!("/v1/pbx/extensions/{}", digits(n)), body)
}

fn books() -> [(String, Value); 2] {
    let book = |key: &str| (format!("{BOOKS}/{key}"), json!({"name": key, "source": key}));
    [book("crm"), book("cnam")]
}

fn contacts(count: usize) -> String {
    let one =
        |n: usize| json!({"key": format!("c{n}"), "name": format!("Contact {n}"), "numbers": [e164(1_000_000 + n)]});
    (0..count).map(|n| format!("{}\n", one(n))).collect()
}

fn calls() -> String {
    let call = |n: usize| {
        json!({"key": format!("call{n}"), "extension": digits(n % EXTENSIONS), "direction": "inbound",
               "number": e164(1_000_000 + n), "caller_name": "SOMEBODY", "at": "2026-11-23T09:00:00Z"})
    };
    json!((0..1_000).map(call).collect::<Vec<_>>()).to_string()
}

/// Everything is as the PBX has it.
async fn check(api: &Api) {
    let night = Night::of(api);
    let listed = async |path: &str, name: &str| night.list(path, name).await.unwrap();
    assert_eq!(listed("/v1/pbx/numbers", "number").await, (0..NUMBERS).map(e164).collect());
    assert_eq!(listed("/v1/pbx/extensions", "extension").await, (0..EXTENSIONS).map(digits).collect());
    let books = api.get(BOOKS).await.ok();
    let counts: Vec<_> =
        books["items"].as_array().unwrap().iter().map(|b| (b["key"].as_str(), b["contacts"].as_u64())).collect();
    assert_eq!(counts, [(Some("cnam"), Some(100)), (Some("crm"), Some(CONTACTS as u64))]);
    let keys = listed(&format!("{BOOKS}/crm/contacts"), "key").await;
    assert_eq!(keys, (0..CONTACTS).map(|n| format!("c{n}")).collect());
    for n in [0, 1, 57, EXTENSIONS - 1] {
        let (path, mut body) = extension(n);
        let shown = api.get(&format!("/v1/pbx/extensions?q={}", digits(n))).await.ok()["items"][0].clone();
        body.as_object_mut().unwrap().remove("password");
        body["extension"] = json!(digits(n));
        body["enabled"] = json!(true);
        assert_eq!(shown, body, "{path}");
    }
}

async fn sign_in(api: &Api) -> Api {
    let session = api.login(json!({"extension": digits(0), "password": PASSWORD})).await.ok();
    api.with_token(session["token"].as_str().unwrap())
}

#[tokio::test]
async fn the_second_night_changes_nothing_and_nobody_hears_of_it() {
    let engine = TestEngine::start().await;
    let (api, storage) = (engine.api(), &engine.engine.storage);
    let tenant = storage.tenant("default").await.unwrap().unwrap();
    // What the PBX has no longer.
    api.put("/v1/pbx/extensions/1999", json!({"name": "Gone"})).await.ok();
    api.put("/v1/pbx/numbers/+14046660000", json!({"sms_enabled": true, "carrier": "sim"})).await.ok();
    api.put(&format!("{BOOKS}/gone"), json!({"name": "Gone", "source": "crm"})).await.ok();
    Night::of(&api).run().await.unwrap();
    check(&api).await;

    let person = sign_in(&api).await;
    let mut client = person.connect().await;
    let version = storage.current_version(tenant).await.unwrap();
    let audited = rows(engine.folder.path(), "audit").await;
    Night::of(&api).run().await.unwrap();
    assert_eq!(storage.current_version(tenant).await.unwrap(), version, "no version is used");
    assert_eq!(rows(engine.folder.path(), "audit").await, audited, "and nobody has changed anything");
    check(&api).await;
    api.put("/v1/pbx/settings", json!({"alert_tone": "marimba"})).await.ok();
    client.until_event("settings.updated").await;
    assert_eq!(client.names(), ["settings.updated"]);
    eventually(async || match rows(engine.folder.path(), "contact").await {
        n if n == CONTACTS as i64 + 100 => Ok(()),
        n => Err(format!("{n} contacts are stored")),
    })
    .await;
}

#[tokio::test]
async fn a_night_that_is_killed_halfway_is_repaired_by_the_next() {
    let mut engine = Process::configured("[carriers.sim]\nkind = \"simulator\"\n").await;
    let api = engine.api();
    // Among the numbers, among the extensions, and in the middle of the contacts.
    for answers in [NUMBERS / 2, NUMBERS + EXTENSIONS / 2, NUMBERS + EXTENSIONS + 2] {
        let night = Night::of(&api);
        let running = tokio::spawn({
            let night = night.clone();
            async move { night.run().await }
        });
        let folder = engine.folder.clone();
        eventually(async || {
            let so_far = night.answers.load(Ordering::Relaxed);
            let loading = answers > NUMBERS + EXTENSIONS && rows(folder.path(), "contact").await == 0;
            if so_far >= answers && !loading { Ok(()) } else { Err(format!("{so_far} of {answers}, {loading}")) }
        })
        .await;
        engine.kill();
        let broken = running.await.unwrap();
        assert!(broken.is_err(), "it was killed in the middle");
        engine.restart().await;
    }
    Night::of(&api).run().await.unwrap();
    check(&api).await;
    let person = sign_in(&api).await;
    let stand = person.stand().await;
    let mut client = person.connect_at(Some(stand.0), Some(&stand.1)).await;
    Night::of(&api).run().await.unwrap();
    assert_eq!(person.stand().await, stand, "and the one after that changes nothing");
    client.settled().await;
    assert!(client.events.is_empty());
    let forbidden: Answer = person.get("/v1/pbx/extensions").await;
    assert_eq!(forbidden.status, 200, "the first of them is an administrator");
}
