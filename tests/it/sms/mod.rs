//! Texts in and out: what is not about one carrier, over each of them.

mod catch_up;
mod consent;
mod crash;
mod deliveries;
mod mixed_groups;
mod routing;
mod threads;

use std::{collections::BTreeMap, ops::Deref, sync::Arc, time::Duration};

use partyline::{
    app::Options,
    carriers::Knobs,
    config::{Carrier, Config, Simulator},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    carriers::{Kind, NAME, Network, TextIn},
    client::{Api, Client, PASSWORD},
    engine::TestEngine,
};

pub const MAIN: &str = "+14045550100";
pub const SALES: &str = "+14045550101";
pub const ANN: &str = "+14045550199";
pub const BOB: &str = "+14045550177";
/// A phone that is switched off.
pub const OFF: &str = "+14045550000";

/// As fast as can be, in segments a second.
pub const AT_ONCE: f64 = 10_000.0;

/// A simulator as bad as these knobs say, and as fast as can be.
pub fn simulator(knobs: Knobs) -> BTreeMap<String, Carrier> {
    [(NAME.to_owned(), Carrier::Simulator(Simulator { pace_per_s: AT_ONCE, open: false, knobs }))].into()
}

/// An engine with the two numbers, and such a simulator.
pub async fn engine(knobs: Knobs) -> TestEngine {
    engine_with(Options::default(), |config| config.carriers = simulator(knobs)).await
}

pub async fn engine_with(options: Options, configure: impl FnOnce(&mut Config)) -> TestEngine {
    let engine = TestEngine::on(Arc::new(tempfile::tempdir().unwrap()), options, configure).await;
    for number in [MAIN, SALES] {
        put_number(&engine.api(), number, json!({})).await;
    }
    engine
}

/// An engine with the two numbers, and what its carrier connects it with.
pub struct Carried {
    engine: TestEngine,
    pub network: Network,
}

impl Deref for Carried {
    type Target = TestEngine;
    fn deref(&self) -> &TestEngine {
        &self.engine
    }
}

/// ... as bad as these knobs say, and as fast as can be.
pub async fn carried(kind: Kind, knobs: Knobs) -> Carried {
    carried_with(kind, knobs, AT_ONCE, Options::default()).await
}

pub async fn carried_with(kind: Kind, knobs: Knobs, pace_per_s: f64, options: Options) -> Carried {
    let network = Network::start(kind, knobs, options.clock.clone()).await;
    let section = network.section(pace_per_s);
    let engine = engine_with(options, |config| config.carriers = [(NAME.to_owned(), section)].into()).await;
    network.reaches(&engine.api()).await;
    Carried { engine, network }
}

impl Carried {
    /// Stops cleanly, and starts again; the network is so bad from then on.
    pub async fn restart(self, knobs: Knobs) -> Self {
        let Self { engine, network } = self;
        let folder = engine.stop().await;
        network.turns(knobs).await;
        let section = network.section(AT_ONCE);
        let configure = |config: &mut Config| config.carriers = [(NAME.to_owned(), section)].into();
        let engine = TestEngine::on(folder, Options::default(), configure).await;
        network.reaches(&engine.api()).await;
        Self { engine, network }
    }

    /// A customer texts in.
    pub async fn text_in(&self, from: &str, to: &str, text: &str) {
        let id = Uuid::now_v7().to_string();
        self.network.text_in(&TextIn { id: &id, from, to, text, media: &[] }).await.unwrap();
    }

    /// What a customer's phone received, oldest first.
    pub async fn phone(&self, number: &str) -> Vec<String> {
        self.network.phone(number).await.into_iter().map(|got| got.text).collect()
    }
}

/// A number of ours, with these fields beside the usual ones.
pub async fn put_number(pbx: &Api, number: &str, fields: Value) {
    let mut body = json!({"sms_enabled": true, "carrier": NAME});
    for (key, value) in fields.as_object().unwrap() {
        body[key] = value.clone();
    }
    pbx.put(&format!("/v1/pbx/numbers/{number}"), body).await.ok();
}

/// Somebody who may send from these numbers, signed in.
pub async fn person(pbx: &Api, extension: &str, caller_ids: &[&str]) -> Api {
    put_person(pbx, extension, caller_ids, true).await;
    let session = pbx.login(json!({"extension": extension, "password": PASSWORD})).await.ok();
    pbx.with_token(session["token"].as_str().unwrap())
}

pub async fn put_person(pbx: &Api, extension: &str, caller_ids: &[&str], enabled: bool) {
    let body = json!({
        "name": format!("Name {extension}"), "password": PASSWORD, "caller_ids": caller_ids, "enabled": enabled,
    });
    pbx.put(&format!("/v1/pbx/extensions/{extension}"), body).await.ok();
}

impl Api {
    /// My thread with a customer: its id.
    pub async fn thread(&self, number: &str) -> String {
        let made = self.post("/v1/conversations", json!({"kind": "sms", "number": number})).await.ok();
        made["id"].as_str().unwrap().to_owned()
    }

    /// A customer texts in.
    pub async fn text_in(&self, from: &str, to: &str, text: &str) -> Value {
        self.post("/v1/simulator/messages", json!({"from": from, "to": to, "text": text})).await.ok()
    }

    /// What a customer's phone received, oldest first.
    pub async fn phone(&self, number: &str) -> Vec<String> {
        let page = self.get(&format!("/v1/simulator/messages?number={}&limit=200", number.replace('+', "%2B"))).await;
        page.ok()["items"].as_array().unwrap().iter().map(|t| t["text"].as_str().unwrap().to_owned()).collect()
    }

    /// The deliveries of a message.
    pub async fn deliveries(&self, conversation: &str, seq: i64) -> Vec<Value> {
        let page = self.get(&format!("/v1/conversations/{conversation}/messages?after_seq={}&limit=1", seq - 1)).await;
        page.ok()["items"][0]["deliveries"].as_array().unwrap().clone()
    }

    /// The one delivery of a message, once it has come so far.
    pub async fn delivery_until(&self, conversation: &str, seq: i64, status: &str) -> Value {
        eventually(async || {
            let deliveries = self.deliveries(conversation, seq).await;
            deliveries.iter().find(|d| d["status"] == status).cloned().ok_or(format!("{deliveries:?}"))
        })
        .await
    }

    pub async fn retry(&self, conversation: &str, seq: i64, number: &str, attempt: i64) -> crate::client::Answer {
        let body = json!({"number": number, "attempt": attempt});
        self.post(&format!("/v1/conversations/{conversation}/messages/{seq}/retry"), body).await
    }

    pub async fn threads(&self) -> Vec<Value> {
        self.get("/v1/conversations").await.ok()["items"].as_array().unwrap().clone()
    }
}

impl Client {
    /// The next event of this name.
    pub async fn event(&mut self, name: &str) -> Value {
        self.until_event(name).await["data"].clone()
    }
}

/// Asks until it is so; else says what it was last.
pub async fn eventually<T>(ask: impl AsyncFn() -> Result<T, String>) -> T {
    let mut last = String::new();
    for _ in 0..1_000 {
        match ask().await {
            Ok(found) => return found,
            Err(why) => last = why,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {last}");
}
