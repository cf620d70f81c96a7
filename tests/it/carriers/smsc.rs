//! An SMSC, as a process of its own (`tests/smsc`), which a test can tell how bad to be, and ask what it saw.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use partyline::{carriers::Knobs, config::Carrier, domain::Timestamp};
use serde_json::{Value, json};

use super::exchange::{Got, TextIn};
use crate::client::ready_for_tls;

pub struct Smsc {
    child: Child,
    port: u64,
    control: String,
    client: reqwest::Client,
}

impl Smsc {
    pub async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smsc");
        install(&folder);
        let mut node = Command::new("node");
        let node = node.arg("smsc.mjs").current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = node.spawn().expect("the test needs Node");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).unwrap();
        ready_for_tls();
        let (port, control) = (ports["smpp"].as_u64().unwrap(), format!("http://127.0.0.1:{}", ports["control"]));
        Self { child, port, control, client: reqwest::Client::new() }
    }

    /// The engine's configuration for it.
    pub fn section(&self, pace_per_s: f64) -> Carrier {
        let section = json!({
            "kind": "smpp", "pace_per_s": pace_per_s, "host": "127.0.0.1", "port": self.port,
            "system_id": "partyline", "password": "secret",
        });
        serde_json::from_value(section).unwrap()
    }

    pub async fn turns(&self, knobs: Knobs) {
        self.set(json!({"knobs": knobs})).await;
    }

    /// Alters how it behaves: see `state` in `tests/smsc/smsc.mjs`.
    pub async fn set(&self, changes: Value) {
        self.tell("set", &changes).await;
    }

    /// What it does with the next submits, one each.
    pub async fn does(&self, manners: Value) {
        self.set(json!({"manners": manners})).await;
    }

    /// Brings these until the engine has taken all of them. Answers how it was answered, each time: a status, or null.
    pub async fn brings(&self, all: Value) -> Vec<Value> {
        self.tell("bring", &all).await.as_array().unwrap().clone()
    }

    /// Does this to all links: `reset`, `unbind`, or sends octets.
    pub async fn acts(&self, what: &str) {
        self.tell("act", &json!(what)).await;
    }

    /// Does this to the link over which it brings texts; `deafen`: it hears nothing on it any more.
    pub async fn acts_on_first(&self, what: &str) {
        self.tell("act_on_first", &json!(what)).await;
    }

    pub async fn seen(&self) -> Value {
        self.tell("seen", &Value::Null).await
    }

    pub async fn text_in(&self, TextIn { from, to, text, media, .. }: &TextIn<'_>) {
        assert!(media.is_empty(), "SMPP carries no pictures");
        self.brings(json!([{"from": from, "to": to, "text": text}])).await;
    }

    pub async fn phone(&self, number: &str) -> Vec<Got> {
        let text = |field: &Value| field.as_str().unwrap().to_owned();
        let at = |got: &Value| Timestamp::parse(got["at"].as_str().unwrap()).unwrap();
        let seen = self.seen().await;
        let phones = seen["phones"].as_array().unwrap().iter().filter(|got| got["number"] == number);
        phones.map(|got| Got { text: text(&got["text"]), at: at(got) }).collect()
    }

    async fn tell(&self, command: &str, what: &Value) -> Value {
        let request = self.client.post(format!("{}/{command}", self.control));
        request.json(what).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for Smsc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its packages, if they are not there yet, or of another time; by one test for all.
fn install(folder: &Path) {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let made = |file: &str| std::fs::metadata(folder.join(file)).and_then(|m| m.modified()).ok();
        if made("node_modules/.package-lock.json") < made("package-lock.json") {
            let mut npm = Command::new("npm");
            let npm = npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder).status();
            assert!(npm.expect("the test needs npm").success());
        }
    });
}
