//! SMPP against a real SMSC: what goes over the wire octet by octet, all that goes wrong on a link, and a kill -9 in the
//! middle of each: nothing is lost, and nothing doubled but what is said to be unconfirmed.

mod brought;
mod links;
mod receipts;
mod sent;
mod troubles;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use partyline::{
    app::Options,
    carriers::{Knobs, smpp::Timing},
    clock::Clock,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{NAME, link_is, smsc::Smsc};
use crate::{
    client::Api,
    engine::{Process, TestEngine},
    sms::{ANN, AT_ONCE, MAIN, eventually, person, put_number, simulator},
};

/// A carrier that is no link.
const ELSEWHERE: &str = "somewhere";

/// A link that comes back at once, and waits for nothing long.
const QUICK: Timing = Timing {
    reconnect: (Duration::from_millis(20), Duration::from_millis(100)),
    refused: (Duration::from_millis(20), Duration::from_millis(100)),
    steady: Duration::from_secs(60),
    throttled: (Duration::from_millis(20), Duration::from_millis(100)),
    answer: Duration::from_secs(2),
    enquire: Duration::from_secs(30),
    farewell: Duration::from_secs(2),
};

fn quick(clock: Clock) -> Options {
    Options { clock, links: QUICK, ..Options::default() }
}

/// An engine on an SMSC, and Jake, who texts from our number.
struct Office {
    smsc: Arc<Smsc>,
    engine: TestEngine,
    jake: Api,
}

impl Office {
    async fn open() -> Self {
        Self::with(quick(Clock::System), &[NAME]).await
    }

    /// These sections of the configuration share the account.
    async fn with(options: Options, sections: &[&str]) -> Self {
        let smsc = Smsc::start().await;
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let engine = engine(folder, &smsc, options, sections).await;
        link_is(&engine.api(), "up").await;
        put_number(&engine.api(), MAIN, json!({})).await;
        let jake = person(&engine.api(), "201", &[MAIN]).await;
        Self { smsc: Arc::new(smsc), engine, jake }
    }

    /// The texts of Jake's thread with Ann, oldest first.
    async fn texts(&self) -> Vec<String> {
        let Some(thread) = self.jake.threads().await.into_iter().find(|thread| thread["number"] == ANN) else {
            return vec![];
        };
        let timeline = self.jake.history(thread["id"].as_str().unwrap()).await;
        timeline.iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the thread has these texts, in this order, and nothing else.
    async fn says(&self, texts: &[&str]) {
        eventually(async || {
            let found = self.texts().await;
            if found == texts { Ok(()) } else { Err(format!("{found:#?} and not {texts:#?}")) }
        })
        .await;
    }

    /// Waits until the thread has these texts, in whatever order, and nothing else.
    async fn has(&self, texts: &[&str]) {
        let mut expected: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        expected.sort_unstable();
        eventually(async || {
            let mut texts = self.texts().await;
            texts.sort_unstable();
            if texts == expected { Ok(()) } else { Err(format!("{texts:#?} and not {expected:#?}")) }
        })
        .await;
    }
}

async fn engine(folder: Arc<TempDir>, smsc: &Smsc, options: Options, sections: &[&str]) -> TestEngine {
    let simulator = simulator(Knobs::default()).into_values();
    let mut carriers: BTreeMap<_, _> = simulator.map(|section| (ELSEWHERE.to_owned(), section)).collect();
    carriers.extend(sections.iter().map(|name| ((*name).to_owned(), smsc.section(AT_ONCE))));
    TestEngine::on(folder, options, |config| config.carriers = carriers).await
}

/// An engine on an SMSC that is to be killed. What comes after it is one with a quick link, on the same database.
struct Doomed {
    smsc: Arc<Smsc>,
    engine: Process,
    jake: Api,
}

impl Doomed {
    async fn open() -> Self {
        Self::on(Smsc::start().await, "up").await
    }

    /// With a link that gets into this state.
    async fn on(smsc: Smsc, state: &str) -> Self {
        let section = super::toml(&smsc.section(AT_ONCE));
        let engine = Process::configured(&section).await;
        link_is(&engine.api(), state).await;
        put_number(&engine.api(), MAIN, json!({})).await;
        let jake = person(&engine.api(), "201", &[MAIN]).await;
        Self { smsc: Arc::new(smsc), engine, jake }
    }

    /// Pulls the plug; the next engine lives by this clock.
    async fn killed(self, clock: Clock) -> Office {
        let Self { smsc, mut engine, jake } = self;
        engine.kill();
        let engine = self::engine(engine.folder.clone(), &smsc, quick(clock), &[NAME]).await;
        let jake = engine.api().with_token(&jake.token);
        Office { smsc, engine, jake }
    }
}

impl Smsc {
    /// Waits until this is so of what it saw.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(async || {
            let seen = self.seen().await;
            if is_so(&seen) { Ok(seen) } else { Err(format!("{seen:#}")) }
        })
        .await
    }

    /// Waits until so many submits have come.
    async fn until_submits(&self, count: usize) -> Vec<Value> {
        self.until(|seen| submits(seen).len() >= count).await["submits"].as_array().unwrap().clone()
    }
}

fn submits(seen: &Value) -> &Vec<Value> {
    seen["submits"].as_array().unwrap()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// In the GSM alphabet, of which tests use these characters.
fn gsm(text: &str) -> Vec<u8> {
    let octets = |c: char| match c {
        '@' => vec![0x00],
        'ü' => vec![0x7e],
        'ß' => vec![0x1e],
        '€' => vec![0x1b, 0x65],
        c => vec![u8::try_from(c).unwrap()],
    };
    text.chars().flat_map(octets).collect()
}

/// In UTF-16, high octets first.
fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}
