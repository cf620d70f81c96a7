//! The load generator: `cargo bench --bench load` starts an engine of its own and prints what it does;
//! `cargo bench --bench load -- --url http://HOST:PORT --key KEY [--pid PID]` loads one that runs (with generous
//! `[limits]`). `--only chat` (or `contacts`, `fan-out`, `group`, `idle`, `queues`, `reconnect`, `sms`, `smpp`) runs a part, `--seconds
//! N` sets how long each takes (what watches a queue: four times as long).
//!
//! Client and server share the machine: what counts is messages per second of the server's processor time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs)]

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures_util::{SinkExt, StreamExt, future::join_all, stream};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;

#[path = "load/contacts.rs"]
mod contacts;
#[path = "load/queues.rs"]
mod queues;
#[path = "load/smpp.rs"]
mod smpp;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const PAIRS: usize = 100;
const PASSWORD: &str = "load load load";

struct Target {
    url: String,
    key: String,
    pid: Option<u32>,
    started: Instant,
    seconds: u64,
    engine: Option<Engine>,
    client: OnceLock<reqwest::Client>,
}

struct Engine {
    process: Child,
    folder: tempfile::TempDir,
}

impl Engine {
    fn serve(folder: &tempfile::TempDir) -> Child {
        let config = folder.path().join("partyline.toml");
        Command::new(env!("CARGO_BIN_EXE_partyline")).arg("serve").arg("--config").arg(config).spawn().unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let arguments: Vec<_> = std::env::args().collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)).cloned();
    let seconds = option("--seconds").map_or(5, |s| s.parse().unwrap());
    let only = option("--only");
    let wanted = |part: &str| only.as_deref().is_none_or(|o| o == part);
    // An engine that runs has no link to it.
    let smsc = (wanted("smpp") && option("--url").is_none()).then(smpp::Smsc::start);
    let target = match option("--url") {
        Some(url) => Target {
            url,
            key: option("--key").expect("--key"),
            pid: option("--pid").map(|p| p.parse().unwrap()),
            started: Instant::now(),
            seconds,
            engine: None,
            client: OnceLock::new(),
        },
        None => start(seconds, smsc.as_ref().map_or("", |smsc| &smsc.section)).await,
    };
    let agents = target.people(if wanted("queues") { queues::WATCHERS } else { 2 * PAIRS }).await;
    let people = &agents[..2 * PAIRS];
    // Signing in takes memory for the passwords' hashes: what is measured below is not to be that.
    let target = Arc::new(target.restarted().await);
    if wanted("idle") {
        idle(&target, people).await;
    }
    if wanted("reconnect") {
        reconnect(&target, people).await;
    }
    if wanted("chat") {
        for in_flight in [1, 16] {
            chat(&target, people, in_flight).await;
        }
    }
    if wanted("fan-out") {
        for readers in [50, 500] {
            fan_out(&target, people, readers).await;
        }
    }
    if wanted("group") {
        let members = target.members(1_000 - people.len()).await;
        for size in [10, 1_000] {
            group(&target, people, &members, size).await;
        }
        group_fan_out(&target, people, &members).await;
    }
    if wanted("sms") {
        texts_in(&target, people).await;
        texts_out(&target, people, "sim", "+1404558").await;
    }
    if let Some(smsc) = &smsc {
        smpp::link(&target, people, smsc).await;
    }
    if wanted("contacts") {
        contacts::contacts(&target, people).await;
    }
    if wanted("queues") {
        for race in [false, true] {
            queues::claims(&target, &agents, race).await;
        }
        queues::watch(&target, &agents).await;
    }
}

async fn start(seconds: u64, link: &str) -> Target {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = folder.path().join("partyline.toml");
    let database = folder.path().join("partyline.db");
    let toml = format!(
        "listen = \"127.0.0.1:{port}\"\nlog = \"warn\"\ndatabase_url = \"sqlite://{}?mode=rwc\"\n[limits]\n\
         sends_per_s = 1000000\nsends_burst = 1000000\nframes_per_s = 1000000\nframes_burst = 1000000\n\
         [carriers.main]\nkind = \"twilio\"\naccount_sid = \"AC1\"\nauth_token = \"{TOKEN}\"\n\
         [carriers.sim]\nkind = \"simulator\"\npace_per_s = 100000\n{link}",
        database.display()
    );
    fs::write(&config, toml).unwrap();
    let binary = env!("CARGO_BIN_EXE_partyline");
    let create = ["api-key", "create", "--tenant", "default", "--scope", "pbx", "--config"];
    let made = Command::new(binary).args(create).arg(&config).output().unwrap();
    let key = String::from_utf8(made.stdout).unwrap().split_whitespace().last().unwrap().to_owned();
    let url = format!("http://127.0.0.1:{port}");
    let process = Engine::serve(&folder);
    let (pid, engine) = (Some(process.id()), Some(Engine { process, folder }));
    let target = Target { url, key, pid, started: Instant::now(), seconds, engine, client: OnceLock::new() };
    target.ready().await;
    target
}

struct Person {
    number: String,
    token: String,
}

impl Target {
    async fn ready(&self) {
        while !reqwest::get(format!("{}/readyz", self.url)).await.is_ok_and(|r| r.status() == 200) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The same engine, started anew, if it is ours to start.
    async fn restarted(mut self) -> Self {
        if let Some(engine) = &mut self.engine {
            engine.process.kill().unwrap();
            engine.process.wait().unwrap();
            engine.process = Engine::serve(&engine.folder);
            self.pid = Some(engine.process.id());
            self.ready().await;
        }
        self
    }

    fn client(&self) -> &reqwest::Client {
        self.client.get_or_init(reqwest::Client::new)
    }

    async fn call(&self, method: &str, path: &str, token: &str, body: Value) -> Value {
        let request = self.client().request(method.parse().unwrap(), format!("{}{path}", self.url)).bearer_auth(token);
        let response = request.json(&body).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap_or_default()
    }

    async fn people(&self, count: usize) -> Vec<Person> {
        let make = |n: usize| async move {
            let number = (1_000 + n).to_string();
            let body = json!({"name": format!("Load {number}"), "password": PASSWORD});
            self.call("PUT", &format!("/v1/pbx/extensions/{number}"), &self.key, body).await;
            let login = json!({"extension": number, "password": PASSWORD});
            let session = self.call("POST", "/v1/login", "", login).await;
            Person { number, token: session["token"].as_str().unwrap().to_owned() }
        };
        stream::iter(0..count).map(make).buffered(4).collect().await
    }

    /// People who never sign in.
    async fn members(&self, count: usize) -> Vec<String> {
        let make = |n: usize| async move {
            let number = (5_000 + n).to_string();
            let body = json!({"name": format!("Member {number}")});
            self.call("PUT", &format!("/v1/pbx/extensions/{number}"), &self.key, body).await;
            number
        };
        stream::iter(0..count).map(make).buffered(4).collect().await
    }

    async fn group(&self, by: &Person, others: Vec<&str>) -> String {
        let body = json!({"kind": "group", "client_id": Uuid::now_v7(), "name": "Load", "extensions": others});
        self.call("POST", "/v1/conversations", &by.token, body).await["id"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str, token: &str) -> Value {
        let client = self.client.get_or_init(reqwest::Client::new);
        let response = client.get(format!("{}{path}", self.url)).bearer_auth(token).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }

    async fn conversation(&self, a: &Person, b: &Person) -> String {
        let body = json!({"kind": "direct", "extension": b.number});
        let made = self.call("POST", "/v1/conversations", &a.token, body).await;
        made["id"].as_str().unwrap().to_owned()
    }

    /// Connects and reads up to `ready`; answers where it stands.
    async fn connect(&self, person: &Person, position: Option<&(i64, String)>) -> (Socket, (i64, String)) {
        let request = format!("{}/v1/ws", self.url.replace("http", "ws")).into_client_request().unwrap();
        let (mut socket, _) = connect_async(request).await.unwrap();
        let (cursor, epoch) = (position.map(|p| p.0), position.map(|p| &p.1));
        let hello = json!({"type": "hello", "token": person.token, "cursor": cursor, "epoch": epoch});
        socket.send(Message::text(hello.to_string())).await.unwrap();
        let mut epoch = String::new();
        loop {
            let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["type"].as_str() {
                Some("welcome") => epoch = frame["epoch"].as_str().unwrap().into(),
                Some("ready") => return (socket, (frame["cursor"].as_i64().unwrap(), epoch)),
                _ => {}
            }
        }
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap()
    }

    /// Seconds of processor time the server has used; 0 if it is somewhere else.
    fn cpu(&self) -> f64 {
        let Some(stat) = self.pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok()) else {
            return 0.0;
        };
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        ticks / 100.0
    }

    /// Milliseconds of the server's processor time that an action takes.
    async fn cost(&self, action: impl AsyncFn()) -> f64 {
        action().await;
        let (started, cpu) = (Instant::now(), self.cpu());
        let mut times = 0.0;
        while started.elapsed().as_secs() < self.seconds {
            action().await;
            times += 1.0;
        }
        (self.cpu() - cpu) * 1_000.0 / times
    }

    fn resident_kib(&self) -> f64 {
        let Some(status) = self.pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok()) else {
            return 0.0;
        };
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// What was measured: deliveries, and how long each took.
#[derive(Default)]
struct Tally {
    delivered: AtomicU64,
    acknowledged: AtomicU64,
    latencies: std::sync::Mutex<Vec<u64>>,
}

impl Tally {
    fn report(&self, what: &str, elapsed: f64, cpu: f64, per: &str) {
        let mut l = std::mem::take(&mut *self.latencies.lock().unwrap());
        l.sort_unstable();
        let at = |q| milliseconds(&l, q);
        let delivered = self.delivered.load(Ordering::Relaxed) as f64;
        println!(
            "{what}: {:.0} {per}/s, {:.0} {per} per server CPU-second, {:.0} messages/s acknowledged; \
             latency p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
            delivered / elapsed,
            delivered / cpu,
            self.acknowledged.load(Ordering::Relaxed) as f64 / elapsed,
            at(0.5),
            at(0.95),
            at(0.99),
        );
    }
}

/// Of sorted microseconds, those that so large a part of them does not exceed.
fn milliseconds(sorted: &[u64], part: f64) -> f64 {
    sorted.get((sorted.len() as f64 * part) as usize).copied().unwrap_or(0) as f64 / 1_000.0
}

fn frame(conversation: &str, now: u64) -> Message {
    let id = Uuid::now_v7();
    let text = format!("t={now:016} On my way, be there in ten minutes or so. Start without me, and keep me a seat!");
    Message::text(format!(
        r#"{{"type":"send","ref":"1","conversation":"{conversation}","client_id":"{id}","text":"{text}"}}"#
    ))
}

/// Counts what is delivered to a socket until it is told to stop.
fn listen(target: &Arc<Target>, mut socket: Socket, tally: &Arc<Tally>, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (target, tally, stop) = (target.clone(), tally.clone(), stop.clone());
    tokio::spawn(async move {
        let mut latencies = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let Ok(next) = tokio::time::timeout(Duration::from_millis(200), socket.next()).await else { continue };
            let Some(Ok(message)) = next else { break };
            let Message::Text(text) = message else { continue };
            let Some(at) = text.find("\"t=") else { continue };
            if text.starts_with("{\"type\":\"event\"") {
                let sent: u64 = text[at + 3..at + 19].parse().unwrap();
                latencies.push(target.micros() - sent);
                tally.delivered.fetch_add(1, Ordering::Relaxed);
            }
        }
        tally.latencies.lock().unwrap().extend(latencies);
    })
}

/// Sends with so many in flight until it is told to stop.
fn send(
    target: &Arc<Target>,
    mut socket: Socket,
    conversation: String,
    in_flight: usize,
    tally: &Arc<Tally>,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<()> {
    let (target, tally, stop) = (target.clone(), tally.clone(), stop.clone());
    tokio::spawn(async move {
        for _ in 0..in_flight {
            socket.feed(frame(&conversation, target.micros())).await.unwrap();
        }
        socket.flush().await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            if text.starts_with("{\"type\":\"ok\"") {
                tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                socket.send(frame(&conversation, target.micros())).await.unwrap();
            } else {
                assert!(!text.starts_with("{\"type\":\"error\""), "{text}");
            }
        }
    })
}

async fn measure(target: &Target, tally: &Tally, stop: &AtomicBool) -> (f64, f64) {
    // Warm, then measured.
    tokio::time::sleep(Duration::from_secs(1)).await;
    tally.delivered.store(0, Ordering::Relaxed);
    tally.acknowledged.store(0, Ordering::Relaxed);
    let (started, cpu) = (Instant::now(), target.cpu());
    tokio::time::sleep(Duration::from_secs(target.seconds)).await;
    let measured = (started.elapsed().as_secs_f64(), target.cpu() - cpu);
    stop.store(true, Ordering::Relaxed);
    measured
}

async fn chat(target: &Arc<Target>, people: &[Person], in_flight: usize) {
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let mut tasks = Vec::new();
    for pair in people.chunks(2) {
        let conversation = target.conversation(&pair[0], &pair[1]).await;
        let (from, to) = (target.connect(&pair[0], None).await.0, target.connect(&pair[1], None).await.0);
        tasks.push(listen(target, to, &tally, &stop));
        tasks.push(send(target, from, conversation, in_flight, &tally, &stop));
    }
    let (elapsed, cpu) = measure(target, &tally, &stop).await;
    join_all(tasks).await;
    tally.report(&format!("chat, {PAIRS} pairs, {in_flight} in flight each"), elapsed, cpu, "messages delivered");
}

async fn fan_out(target: &Arc<Target>, people: &[Person], readers: usize) {
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let conversation = target.conversation(&people[0], &people[1]).await;
    let mut tasks = Vec::new();
    for _ in 0..readers {
        tasks.push(listen(target, target.connect(&people[1], None).await.0, &tally, &stop));
    }
    let from = target.connect(&people[0], None).await.0;
    tasks.push(send(target, from, conversation, 8, &tally, &stop));
    let (elapsed, cpu) = measure(target, &tally, &stop).await;
    join_all(tasks).await;
    tally.report(&format!("fan-out to {readers} sessions, 8 in flight"), elapsed, cpu, "deliveries");
}

/// What each action costs in a group of this size, with ten of its members connected.
async fn group(target: &Arc<Target>, people: &[Person], members: &[String], size: usize) {
    const CONNECTED: usize = 10;
    let (me, newcomer) = (&people[0], &people[people.len() - 1].number);
    let others = people[1..people.len() - 1].iter().map(|p| &p.number).chain(members);
    let group = target.group(me, others.take(size - 1).map(String::as_str).collect()).await;
    let path = format!("/v1/conversations/{group}");
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    for person in &people[..CONNECTED] {
        listen(target, target.connect(person, None).await.0, &tally, &stop);
    }
    let text = async || {
        let body = json!({"client_id": Uuid::now_v7(), "text": "On my way"});
        target.call("POST", &format!("{path}/messages"), &me.token, body).await["seq"].as_i64().unwrap()
    };
    let open = target.cost(async || {
        for part in ["", "/messages", "/participants"] {
            target.get(&format!("{path}{part}"), &me.token).await;
        }
    });
    let open = open.await;
    let send = target
        .cost(async || {
            text().await;
        })
        .await;
    let add = target.cost(async || {
        target.call("POST", &format!("{path}/participants"), &me.token, json!({"extensions": [newcomer]})).await;
        target.call("DELETE", &format!("{path}/participants/{newcomer}"), &me.token, json!({})).await;
    });
    let add = add.await;
    // Their markers go together: a second's worth is one change.
    let read = target.cost(async || {
        let seq = text().await;
        let read = people[1..size.min(people.len() - 1)]
            .iter()
            .map(async |person| target.call("PUT", &format!("{path}/read"), &person.token, json!({"seq": seq})).await);
        join_all(read).await;
    });
    let read = read.await / (size.min(people.len() - 1) - 1) as f64;
    println!(
        "group of {size}, {CONNECTED} connected, milliseconds of the server's processor time: open {open:.2}, \
         send {send:.2}, add and remove {add:.2}, read {read:.2}"
    );
    stop.store(true, Ordering::Relaxed);
}

/// One writes, a thousand sessions of its members hear it.
async fn group_fan_out(target: &Arc<Target>, people: &[Person], members: &[String]) {
    const SESSIONS: usize = 1_000;
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let others = people[1..].iter().map(|p| &p.number).chain(members);
    let group = target.group(&people[0], others.take(999).map(String::as_str).collect()).await;
    let mut tasks = Vec::new();
    for n in 0..SESSIONS {
        tasks.push(listen(target, target.connect(&people[1 + n % (people.len() - 1)], None).await.0, &tally, &stop));
    }
    let from = target.connect(&people[0], None).await.0;
    tasks.push(send(target, from, group, 1, &tally, &stop));
    let (elapsed, cpu) = measure(target, &tally, &stop).await;
    join_all(tasks).await;
    tally.report(&format!("group of 1,000, {SESSIONS} sessions, 1 in flight"), elapsed, cpu, "deliveries");
}

async fn idle(target: &Arc<Target>, people: &[Person]) {
    const SESSIONS: usize = 4_000;
    // Whatever the first sessions bring with them is not theirs.
    let warm = target.connect(&people[0], None).await;
    let before = target.resident_kib();
    let mut sockets = Vec::new();
    for n in 0..SESSIONS {
        sockets.push(target.connect(&people[n % people.len()], None).await);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (target.resident_kib() - before) / SESSIONS as f64;
    println!("idle: {each:.1} KiB resident in the server for each of {SESSIONS} sessions");
    drop((warm, sockets));
}

async fn reconnect(target: &Arc<Target>, people: &[Person]) {
    const SESSIONS: usize = 4_000;
    let conversation = target.conversation(&people[0], &people[1]).await;
    let (mut first, position) = target.connect(&people[1], None).await;
    for _ in 0..5 {
        let mut from = target.connect(&people[0], None).await.0;
        from.send(frame(&conversation, target.micros())).await.unwrap();
        first.next().await;
    }
    let (started, cpu) = (Instant::now(), target.cpu());
    let back = stream::iter(0..SESSIONS).map(|n| target.connect(&people[n % people.len()], Some(&position)));
    let sockets: Vec<_> = back.buffer_unordered(64).collect().await;
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), target.cpu() - cpu);
    println!(
        "reconnect: {SESSIONS} sessions with a cursor in {elapsed:.2} s, {:.0} per server CPU-second",
        SESSIONS as f64 / cpu
    );
    drop(sockets);
}

/// What the benches' carrier signs with.
const TOKEN: &str = "load";

/// A text comes in: a request as Twilio makes it, signed over the default `public_url`.
async fn bring(target: &Target, from: &str, to: &str, text: &str) {
    const PATH: &str = "/v1/carriers/main/inbound";
    let sid = Uuid::now_v7().to_string();
    let form = [("MessageSid", &*sid), ("From", from), ("To", to), ("Body", text), ("NumMedia", "0")];
    let mut sorted = form;
    sorted.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(format!("http://localhost:8080{PATH}").as_bytes());
    sorted.iter().for_each(|(name, value)| mac.update(format!("{name}{value}").as_bytes()));
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let client = target.client.get_or_init(reqwest::Client::new);
    let request = client.post(format!("{}{PATH}", target.url)).header("x-twilio-signature", signature);
    assert_eq!(request.form(&form).send().await.unwrap().status(), 200);
}

/// Texts in through the webhook: signed, committed, delivered to an open session of whose thread it is.
async fn texts_in(target: &Arc<Target>, people: &[Person]) {
    const LINES: usize = 50;
    const AT_ONCE: usize = 64;
    let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let mut tasks = Vec::new();
    for (n, person) in people[..LINES].iter().enumerate() {
        let number = format!("+1404556{n:04}");
        let body = json!({"sms_enabled": true, "carrier": "main", "extension": person.number});
        target.call("PUT", &format!("/v1/pbx/numbers/{number}"), &target.key, body).await;
        tasks.push(listen(target, target.connect(person, None).await.0, &tally, &stop));
    }
    for worker in 0..AT_ONCE {
        let (target, tally, stop) = (target.clone(), tally.clone(), stop.clone());
        tasks.push(tokio::spawn(async move {
            let (to, from) = (format!("+1404556{:04}", worker % LINES), format!("+1404557{worker:04}"));
            while !stop.load(Ordering::Relaxed) {
                bring(&target, &from, &to, &format!("t={:016} Is my order ready?", target.micros())).await;
                tally.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    let (elapsed, cpu) = measure(target, &tally, &stop).await;
    join_all(tasks).await;
    tally.report(&format!("texts in, {LINES} numbers, {AT_ONCE} at once"), elapsed, cpu, "texts delivered");
}

/// Texts out from a thousand numbers, from the send to the phone's receipt.
async fn texts_out(target: &Arc<Target>, people: &[Person], carrier: &str, prefix: &str) {
    const NUMBERS: usize = 1_000;
    const EACH: usize = 10;
    const SENDERS: usize = 100;
    let numbers: Vec<_> = (0..NUMBERS).map(|n| format!("{prefix}{n:04}")).collect();
    for number in &numbers {
        let body = json!({"sms_enabled": true, "carrier": carrier});
        target.call("PUT", &format!("/v1/pbx/numbers/{number}"), &target.key, body).await;
    }
    let delivered = Arc::new(AtomicU64::new(0));
    let mut sessions = Vec::new();
    for (person, mine) in people[..SENDERS].iter().zip(numbers.chunks(NUMBERS / SENDERS)) {
        let body = json!({"name": "Load", "password": PASSWORD, "caller_ids": mine});
        target.call("PUT", &format!("/v1/pbx/extensions/{}", person.number), &target.key, body).await;
        let mut threads = Vec::new();
        for from in mine {
            let body = json!({"kind": "sms", "number": "+14045550199", "from": from});
            let thread = target.call("POST", "/v1/conversations", &person.token, body).await;
            threads.push(thread["id"].as_str().unwrap().to_owned());
        }
        sessions.push((target.connect(person, None).await.0, threads));
    }
    let (started, cpu) = (Instant::now(), target.cpu());
    let texts = NUMBERS * EACH;
    let mut tasks = Vec::new();
    for (socket, threads) in sessions {
        let (target, delivered) = (target.clone(), delivered.clone());
        tasks.push(tokio::spawn(async move {
            let mut socket = socket;
            let mine = threads.len() * EACH;
            let (mut sent, mut acknowledged, mut done) = (0, 0, 0);
            while done < mine {
                // The next text to each, when the last ones are acknowledged.
                if sent == acknowledged && sent < mine {
                    for thread in &threads {
                        socket.send(frame(thread, target.micros())).await.unwrap();
                    }
                    sent += threads.len();
                }
                let Some(Ok(Message::Text(text))) = socket.next().await else { continue };
                assert!(!text.starts_with("{\"type\":\"error\""), "{text}");
                acknowledged += usize::from(text.starts_with("{\"type\":\"ok\""));
                if text.starts_with("{\"type\":\"event\"") && text.contains("\"status\":\"delivered\"") {
                    done += 1;
                    delivered.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }
    tokio::time::timeout(Duration::from_secs(300), join_all(tasks)).await.expect("all arrive");
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), target.cpu() - cpu);
    println!(
        "texts out by {carrier}, {NUMBERS} numbers: {texts} from the send to the phone's receipt in {elapsed:.1} s, {:.0} per server \
         CPU-second",
        delivered.load(Ordering::Relaxed) as f64 / cpu
    );
}
