//! Texts over an SMPP link, to and from the SMSC of the tests, which is a process of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::Instant,
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Person, Tally, Target, listen, texts_out};

/// The carrier's section of the configuration.
pub const CARRIER: &str = "link";
const LINES: usize = 50;
const TEXTS: usize = 10_000;
/// Fewer than a link holds before it puts the carrier off.
const AT_ONCE: usize = 200;

/// A message centre that takes all, and says at once that the phone has it.
pub struct Smsc {
    process: Child,
    control: String,
    /// For the engine's configuration.
    pub section: String,
}

impl Smsc {
    /// Installs what it needs, if that is not there yet.
    pub fn start() -> Self {
        const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smsc");
        let mut npm = Command::new("npm");
        let installed = npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(FOLDER).status();
        assert!(installed.expect("npm").success());
        let mut node = Command::new("node");
        let node = node.arg("smsc.mjs").current_dir(FOLDER).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = node.spawn().expect("node");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ports: Value = serde_json::from_str(&line).unwrap();
        let section = format!(
            "[carriers.{CARRIER}]\nkind = \"smpp\"\nhost = \"127.0.0.1\"\nport = {}\nsystem_id = \"partyline\"\n\
             password = \"secret\"\nwindow = 100\npace_per_s = 100000\n",
            ports["smpp"]
        );
        Self { process, control: format!("http://127.0.0.1:{}", ports["control"]), section }
    }
}

impl Drop for Smsc {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Over one link, out and in.
pub async fn link(target: &Arc<Target>, people: &[Person], smsc: &Smsc) {
    texts_out(target, people, CARRIER, "+1404559").await;
    texts_in(target, people, smsc).await;
}

/// From the first PDU until the last text was delivered to an open session of whose thread it is.
async fn texts_in(target: &Arc<Target>, people: &[Person], smsc: &Smsc) {
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let mut tasks = Vec::new();
    for (n, person) in people[..LINES].iter().enumerate() {
        let body = json!({"sms_enabled": true, "carrier": CARRIER, "extension": person.number});
        target.call("PUT", &format!("/v1/pbx/numbers/+1404560{n:04}"), &target.key, body).await;
        tasks.push(listen(target, target.connect(person, None).await.0, &tally, &stop));
    }
    let client = reqwest::Client::new();
    let (started, cpu) = (Instant::now(), target.cpu());
    let brought = (0..AT_ONCE).map(async |worker| {
        for n in 0..TEXTS / AT_ONCE {
            let (from, to) = (format!("+1404561{worker:04}"), format!("+1404560{:04}", worker % LINES));
            let text = json!([{"from": from, "to": to, "text": format!("{n}: Is my order ready?")}]);
            client.post(format!("{}/bring", smsc.control)).json(&text).send().await.unwrap();
        }
    });
    join_all(brought).await;
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), target.cpu() - cpu);
    stop.store(true, Ordering::Relaxed);
    join_all(tasks).await;
    println!(
        "texts in over a link, {LINES} numbers, {AT_ONCE} at once: {TEXTS} on disk, taken and answered in {elapsed:.1} s, \
         {:.0} per server CPU-second",
        TEXTS as f64 / cpu
    );
}
