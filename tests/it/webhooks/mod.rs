//! Events to the PBX, from outside: a receiver that takes them, or doesn't.

mod absence;
mod crash;
mod deliveries;
mod failures;
mod nodes;
mod private;
mod put;
mod receiver;
mod requests;

use std::{sync::Arc, time::Duration};

use partyline::{
    actors::{Behaviour, WebhookBehaviour},
    app::Options,
    clock::Clock,
    config::Config,
    domain::limits::Quota,
    webhooks::Key,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{client::Api, engine::TestEngine, sms::eventually};

pub use receiver::{Got, Receiver, Reply};

pub const HOOK: &str = "/v1/pbx/webhooks/pbx";

/// With pauses that a test need not wait for.
pub fn quick() -> Options {
    pausing(vec![Duration::from_millis(10); 10_000])
}

pub fn pausing(pauses: Vec<Duration>) -> Options {
    let webhooks =
        WebhookBehaviour { pauses, answer_within: Duration::from_millis(400), look_every: Duration::from_millis(20) };
    let sends = Quota { per_s: 1e6, burst: 1e6 };
    Options { behaviour: Some(Behaviour { webhooks, sends, ..Behaviour::default() }), ..Options::default() }
}

pub fn with_clock(options: Options, clock: &Clock) -> Options {
    Options { clock: clock.clone(), ..options }
}

/// An engine that may call this machine.
pub async fn engine(options: Options) -> TestEngine {
    on(Arc::new(tempfile::tempdir().unwrap()), options).await
}

pub async fn on(folder: Arc<TempDir>, options: Options) -> TestEngine {
    TestEngine::on(folder, options, allowed).await
}

pub fn allowed(config: &mut Config) {
    config.webhooks.allow_private = true;
}

/// Asks for these events: the secret.
pub async fn hook(pbx: &Api, receiver: &Receiver, events: &[&str]) -> String {
    let made = pbx.put(HOOK, json!({"url": receiver.url, "events": events})).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["secret"].as_str().unwrap().to_owned()
}

impl Api {
    /// The webhook as it is listed.
    pub async fn listed(&self) -> Value {
        self.get("/v1/pbx/webhooks").await.ok()["items"][0].clone()
    }

    pub async fn until_state(&self, state: &str) -> Value {
        eventually(async || {
            let listed = self.listed().await;
            if listed["state"] == state { Ok(listed) } else { Err(format!("{listed}")) }
        })
        .await
    }

    /// What it was sent and is to be sent, newest first.
    pub async fn sent(&self) -> Vec<Value> {
        let (mut all, mut after) = (vec![], String::new());
        loop {
            let page = self.get(&format!("{HOOK}/deliveries?limit=200{after}")).await.ok();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    /// Waits until all of these have come so far: they, oldest first.
    pub async fn until_all(&self, count: usize, status: &str) -> Vec<Value> {
        eventually(async || {
            let mut sent = self.sent().await;
            sent.reverse();
            let all = sent.len() >= count && sent.iter().all(|d| d["status"] == status);
            if all { Ok(sent) } else { Err(format!("{sent:#?}")) }
        })
        .await
    }

    pub async fn replay(&self, id: &str) -> crate::client::Answer {
        self.post(&format!("{HOOK}/deliveries/{id}/replay"), json!({})).await
    }
}

/// Each was signed with this, at its own time.
pub fn assert_signed(got: &[Got], secret: &str) {
    let key = Key::parse(secret).unwrap();
    for one in got {
        let at_s = one.headers["webhook-timestamp"].parse().unwrap();
        assert_eq!(one.headers["webhook-signature"], key.sign(one.id(), at_s, &one.bytes), "{one:?}");
        assert_eq!(one.headers["content-type"], "application/json");
    }
}
