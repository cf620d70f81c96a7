//! SMS queues: what a claim costs, and what a thousand agents cost who watch. Conversations come as texts in.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt, future::join_all, stream};
use serde_json::{Value, json};
use tokio::{
    sync::Barrier,
    time::{interval, sleep, timeout},
};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::{Person, Socket, Target, bring, milliseconds};

/// Agents who claim what waits.
const CLAIMERS: usize = 20;
/// Agents who watch what comes, and claim it in turn.
pub const WATCHERS: usize = 1_000;
/// Conversations that arrive for them each second.
const ARRIVALS: usize = 50;

/// A queue, and the number that feeds it.
struct Queue {
    id: String,
    number: String,
}

impl Queue {
    /// With agents who are available in it. Each run has its own, as an earlier run's customers are somebody's already.
    async fn open(target: &Target, key: &str, exchange: u32, agents: &[Person]) -> Self {
        let run = std::process::id() % 10_000;
        let (key, number) = (format!("{key}-{run}"), format!("+1404{exchange}{run:04}"));
        let members: Vec<_> = agents.iter().map(|agent| &agent.number).collect();
        let body = json!({"name": "Load Queue", "members": members, "idle_timeout_s": 86_400});
        let made = target.call("PUT", &format!("/v1/pbx/queues/{key}"), &target.key, body).await;
        let body = json!({"sms_enabled": true, "carrier": "main", "queue": key});
        target.call("PUT", &format!("/v1/pbx/numbers/{number}"), &target.key, body).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let (path, on_duty) = (format!("/v1/queues/{id}/agent"), json!({"logged_in": true, "paused": false}));
        let log_in = async |agent: &Person| drop(target.call("PUT", &path, &agent.token, on_duty.clone()).await);
        stream::iter(agents).for_each_concurrent(8, log_in).await;
        Self { id, number }
    }

    /// A customer writes for the first time.
    async fn text(&self, target: &Target, customer: usize) {
        let text = format!("n={customer:07} Is my order ready?");
        bring(target, &format!("+1470{customer:07}"), &self.number, &text).await;
    }

    /// The conversations in this state, as far as this agent may read them.
    async fn list(&self, target: &Target, state: &str, agent: &Person) -> Vec<String> {
        let (mut ids, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/queues/{}/conversations?state={state}&limit=200{after}", self.id);
            let page = target.get(&path, &agent.token).await;
            let rows = page["items"].as_array().unwrap();
            ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return ids,
            }
        }
    }
}

fn claim(conversation: &str) -> Message {
    Message::text(format!(r#"{{"type":"claim","ref":"1","conversation":"{conversation}"}}"#))
}

/// An answer to a claim: who has the conversation, whether it is who asked, and after how many microseconds.
struct Answer {
    conversation: String,
    holder: String,
    won: bool,
    took: u64,
}

/// Claims one after the other; in a race, when the others are as far.
async fn claim_all(mut socket: Socket, conversations: Vec<String>, race: Option<Arc<Barrier>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for conversation in conversations {
        if let Some(race) = &race {
            race.wait().await;
        }
        let asked = Instant::now();
        socket.send(claim(&conversation)).await.unwrap();
        let answer: Value = loop {
            let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
            if text.starts_with("{\"type\":\"ok\"") || text.starts_with("{\"type\":\"error\"") {
                break serde_json::from_str(&text).unwrap();
            }
        };
        let took = u64::try_from(asked.elapsed().as_micros()).unwrap();
        let won = answer["type"] == "ok";
        assert!(won || answer["code"] == "already_claimed", "{answer}");
        let place = if won { &answer["conversation"]["queue"] } else { &answer };
        let holder = place["claimed_by"]["extension"].as_str().unwrap().to_owned();
        answers.push(Answer { conversation, holder, won, took });
    }
    answers
}

/// Twenty agents claim what waits: each conversation one of them, or all of them each at the same instant.
pub async fn claims(target: &Arc<Target>, agents: &[Person], race: bool) {
    let agents = &agents[..CLAIMERS];
    let queue = Queue::open(target, "claims", 559, agents).await;
    let count = usize::try_from(target.seconds).unwrap() * if race { 200 } else { 1_000 };
    let first = if race { 5_000_000 } else { 2_000_000 };
    let texts = stream::iter(first..first + count);
    texts.for_each_concurrent(64, |customer| queue.text(target, customer)).await;
    let waiting = queue.list(target, "waiting", &agents[0]).await;
    assert_eq!(waiting.len(), count);

    let mut claimers = Vec::new();
    let barrier = race.then(|| Arc::new(Barrier::new(CLAIMERS)));
    for (n, agent) in agents.iter().enumerate() {
        let (skip, step) = if race { (0, 1) } else { (n, CLAIMERS) };
        let mine = waiting.iter().skip(skip).step_by(step).cloned().collect();
        claimers.push(claim_all(target.connect(agent, None).await.0, mine, barrier.clone()));
    }
    let (started, cpu) = (Instant::now(), target.cpu());
    let answers = join_all(claimers.into_iter().map(tokio::spawn)).await;
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), target.cpu() - cpu);

    // What the agents were told is what the engine says they hold, and nobody else holds it.
    let mut holders = HashMap::new();
    for agent in agents {
        for conversation in queue.list(target, "claimed", agent).await {
            let other = holders.insert(conversation, &agent.number);
            assert!(other.is_none(), "two holders: {other:?} and {}", agent.number);
        }
    }
    let (mut won, mut latencies) = (0, Vec::new());
    for (agent, answers) in agents.iter().zip(answers) {
        for answer in answers.unwrap() {
            assert_eq!(holders[&answer.conversation], &answer.holder);
            assert_eq!(answer.won, answer.holder == agent.number);
            won += usize::from(answer.won);
            latencies.push(answer.took);
        }
    }
    assert_eq!(won, count, "each has one holder");
    latencies.sort_unstable();
    let (asked, at) = (latencies.len(), |q| milliseconds(&latencies, q));
    let how = if race { "all claim each at once" } else { "each its own" };
    println!(
        "claims over WebSocket, {CLAIMERS} agents, {how}: {:.0} claims/s, {:.0} claims per server CPU-second; \
         {won} won, {} lost, none with two holders; latency p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
        asked as f64 / elapsed,
        asked as f64 / cpu,
        asked - won,
        at(0.5),
        at(0.95),
        at(0.99),
    );
}

/// What happens while they watch. Times are microseconds; a customer's place is their number's.
struct Watch {
    accepted: Vec<AtomicU64>,
    /// When the last agent heard that it waits.
    heard: Vec<AtomicU64>,
    events: AtomicU64,
    claimed: AtomicU64,
    stop: AtomicBool,
}

impl Watch {
    fn of(arrivals: usize) -> Self {
        let times = || (0..arrivals).map(|_| AtomicU64::new(0)).collect();
        let (events, claimed, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Self { accepted: times(), heard: times(), events, claimed, stop }
    }

    /// How long each took to reach everyone, sorted.
    fn latencies(&self) -> Vec<u64> {
        let times = self.accepted.iter().zip(&self.heard);
        let took = |(accepted, heard): (&AtomicU64, &AtomicU64)| {
            heard.load(Ordering::Relaxed).saturating_sub(accepted.load(Ordering::Relaxed))
        };
        let mut latencies: Vec<_> = times.map(took).collect();
        latencies.sort_unstable();
        latencies
    }
}

/// What follows in a frame, up to the next quotation mark.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    let at = text.find(mark).unwrap() + mark.len();
    text[at..].split('"').next().unwrap()
}

/// Watches, and claims every thousandth. Answers how often it heard of each conversation that it waits, and is taken.
async fn watcher(target: Arc<Target>, mut socket: Socket, turn: usize, watch: Arc<Watch>) -> HashMap<Uuid, [usize; 2]> {
    let mut heard: HashMap<_, [usize; 2]> = HashMap::new();
    while !watch.stop.load(Ordering::Relaxed) {
        let Ok(next) = timeout(Duration::from_millis(200), socket.next()).await else { continue };
        let Some(Ok(message)) = next else { break };
        let Message::Text(text) = message else { continue };
        if text.contains("\"name\":\"queue.waiting\"") {
            let customer: usize = after(&text, "\"n=")[..7].parse().unwrap();
            let conversation = after(&text, "\"conversation\":{\"id\":\"");
            watch.heard[customer].fetch_max(target.micros(), Ordering::Relaxed);
            if customer % WATCHERS == turn {
                socket.send(claim(conversation)).await.unwrap();
            }
            heard.entry(conversation.parse().unwrap()).or_default()[0] += 1;
        } else if text.contains("\"name\":\"queue.taken\"") {
            heard.entry(after(&text, "\"conversation\":\"").parse().unwrap()).or_default()[1] += 1;
        } else {
            assert!(!text.starts_with("{\"type\":\"error\""), "{text}");
            watch.claimed.fetch_add(u64::from(text.starts_with("{\"type\":\"ok\"")), Ordering::Relaxed);
            continue;
        }
        watch.events.fetch_add(1, Ordering::Relaxed);
    }
    heard
}

/// A thousand agents watch a queue in which fifty conversations a second arrive, and are claimed at once, each by one.
pub async fn watch(target: &Arc<Target>, agents: &[Person]) {
    let queue = Arc::new(Queue::open(target, "watch", 560, agents).await);
    let seconds = usize::try_from(target.seconds).unwrap() * 4;
    let arrivals = ARRIVALS * seconds;
    let watch = Arc::new(Watch::of(arrivals));
    let mut watchers = Vec::new();
    for (turn, agent) in agents.iter().enumerate() {
        let socket = target.connect(agent, None).await.0;
        watchers.push(tokio::spawn(watcher(target.clone(), socket, turn, watch.clone())));
    }
    sleep(Duration::from_secs(1)).await;

    let (started, cpu) = (Instant::now(), target.cpu());
    let mut pace = interval(Duration::from_secs(1) / u32::try_from(ARRIVALS).unwrap());
    let mut texts = Vec::new();
    for customer in 0..arrivals {
        pace.tick().await;
        let (target, queue, watch) = (target.clone(), queue.clone(), watch.clone());
        texts.push(tokio::spawn(async move {
            queue.text(&target, customer).await;
            watch.accepted[customer].store(target.micros(), Ordering::Relaxed);
        }));
    }
    join_all(texts).await;
    // What is missed does not come: it is not waited for longer than this.
    let (expected, late) = (2 * arrivals * agents.len(), Instant::now() + Duration::from_secs(10));
    while watch.events.load(Ordering::Relaxed) < expected as u64 && Instant::now() < late {
        sleep(Duration::from_millis(10)).await;
    }
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), target.cpu() - cpu);
    sleep(Duration::from_secs(1)).await;
    watch.stop.store(true, Ordering::Relaxed);

    let (mut once, mut again) = (0, 0);
    for heard in join_all(watchers).await {
        for times in heard.unwrap().into_values().flatten().filter(|times| *times > 0) {
            once += 1;
            again += times - 1;
        }
    }
    let latencies = watch.latencies();
    println!(
        "{} agents watch, {ARRIVALS} conversations a second for {seconds} s, each claimed by one: {} claimed; \
         {:.0} events/s, {:.0} events per server CPU-second, {:.2} CPU-seconds a second; {} missed, {again} doubled; \
         from the text's acceptance until the last agent heard of it p50 {:.2} ms, p99 {:.2} ms",
        agents.len(),
        watch.claimed.load(Ordering::Relaxed),
        once as f64 / elapsed,
        once as f64 / cpu,
        cpu / elapsed,
        expected - once,
        milliseconds(&latencies, 0.5),
        milliseconds(&latencies, 0.99),
    );
}
