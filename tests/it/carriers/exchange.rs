//! A carrier that speaks HTTP, and the phones that it reaches: what is the same whatever its language is. It is as bad as
//! the simulator's knobs say.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use partyline::{carriers::Knobs, clock::Clock, config::Carrier, domain::Timestamp};
use uuid::Uuid;

use super::server::{Request, Response, Server};
use crate::{client::ready_for_tls, engine::ORIGIN};

/// How a carrier says things.
pub trait Language: Send + Sync {
    /// The engine's configuration for it.
    fn section(&self, base_url: String, pace_per_s: f64) -> Carrier;

    /// What it is asked to send; else how it says no.
    fn order(&self, request: &Request) -> Result<Order, Response>;

    /// It has the text, and calls it so.
    fn accepts(&self, id: &str, order: &Order) -> Response;

    fn refuses(&self, why: Refusal) -> Response;

    /// What it posts to the engine when a text comes in.
    fn text_in(&self, text: &TextIn<'_>, now: Timestamp) -> Post;

    /// What it posts to the engine when a text that it has comes so far.
    fn news(&self, id: &str, order: &Order, stage: Stage, now: Timestamp) -> Post;
}

/// A text that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub from: String,
    pub to: String,
    pub text: String,
    /// Where it is to say what becomes of the text.
    pub callback: String,
    /// Under the same key it is the same text, however often it is ordered.
    pub key: Option<String>,
}

#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    TooFast,
    Unreachable,
    /// It does not know us.
    Credentials,
    /// They said stop.
    Stopped,
    /// It has trouble of its own.
    Trouble,
    /// Something else was ordered under the same key.
    Another,
    /// What was ordered under the same key is being done.
    InProgress,
}

/// Bad beyond the knobs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whims {
    /// It refuses whatever is ordered.
    pub refuses: Option<Refusal>,
    /// ... but only what was ordered before under the same key.
    pub only_again: bool,
    /// It closes the connection when it has heard what is ordered, and does nothing.
    pub hangs_up: bool,
    /// What it says a phone did with a text.
    pub stopped: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Stage {
    Sent,
    Delivered,
    /// They said stop.
    Stopped,
}

/// A customer's text.
#[derive(Clone, Copy, Debug)]
pub struct TextIn<'a> {
    pub id: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub text: &'a str,
    /// Where its pictures are.
    pub media: &'a [String],
}

/// A signed request of the carrier's: what the path is at the engine, headers, and the body.
pub struct Post {
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// What a phone received.
#[derive(Clone, Debug)]
pub struct Got {
    pub text: String,
    pub at: Timestamp,
}

/// The path of an address of ours: carriers are told those, and sign them, though no test's engine is there.
pub fn path_of(url: &str) -> String {
    url.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{url} is not ours")).to_owned()
}

pub struct Exchange {
    language: Box<dyn Language>,
    clock: Clock,
    knobs: Mutex<Knobs>,
    /// How often it hung up.
    hung_up: AtomicU64,
    /// Texts ordered so far; one that was ordered again counts once.
    texts: AtomicU64,
    whims: Mutex<Whims>,
    /// What was ordered under a key, and its name for that once it has it.
    known: Mutex<HashMap<String, (Order, Option<String>)>>,
    phones: Mutex<HashMap<String, Vec<Got>>>,
    /// Where the engine really is.
    engine: Mutex<String>,
    client: reqwest::Client,
}

impl Exchange {
    pub async fn start(language: impl Language + 'static, knobs: Knobs, clock: Clock) -> (Arc<Self>, Server) {
        ready_for_tls();
        let exchange = Arc::new(Self {
            language: Box::new(language),
            clock,
            knobs: Mutex::new(knobs),
            hung_up: AtomicU64::default(),
            texts: AtomicU64::default(),
            whims: Mutex::default(),
            known: Mutex::default(),
            phones: Mutex::default(),
            engine: Mutex::default(),
            client: reqwest::Client::new(),
        });
        let answering = exchange.clone();
        let server = Server::start(move |request| answering.clone().answer(request)).await;
        (exchange, server)
    }

    pub fn section(&self, base_url: &str, pace_per_s: f64) -> Carrier {
        self.language.section(base_url.to_owned(), pace_per_s)
    }

    pub fn reaches(&self, engine: &str) {
        engine.clone_into(&mut self.engine.lock().unwrap());
    }

    pub fn turns(&self, knobs: Knobs) {
        *self.knobs.lock().unwrap() = knobs;
    }

    pub fn takes_a_whim(&self, whims: Whims) {
        *self.whims.lock().unwrap() = whims;
    }

    pub fn has_hung_up(&self) -> bool {
        self.hung_up.load(Ordering::Relaxed) > 0
    }

    pub fn phone(&self, number: &str) -> Vec<Got> {
        self.phones.lock().unwrap().get(number).cloned().unwrap_or_default()
    }

    /// A customer texts in; `Err` is why the engine did not take it.
    pub async fn text_in(&self, text: &TextIn<'_>) -> Result<(), String> {
        self.post(self.language.text_in(text, self.clock.now())).await
    }

    /// Posts once what is signed for our public address to where the engine really is.
    pub async fn post(&self, Post { path, headers, body }: Post) -> Result<(), String> {
        let url = format!("{}{path}", self.engine.lock().unwrap());
        let request =
            headers.into_iter().fold(self.client.post(url), |request, (name, value)| request.header(name, value));
        match request.body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("{}: {}", answer.status(), answer.text().await.unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// `None`: the connection is closed without an answer.
    async fn answer(self: Arc<Self>, request: Request) -> Option<Response> {
        if request.method == "GET" {
            return Some(file(&request.path));
        }
        let order = match self.language.order(&request) {
            Ok(order) => order,
            Err(refusal) => return Some(refusal),
        };
        let whims = *self.whims.lock().unwrap();
        if whims.hangs_up {
            self.hung_up.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let known = order.key.as_ref().and_then(|key| self.known.lock().unwrap().get(key).cloned());
        if let Some(why) = whims.refuses.filter(|_| known.is_some() || !whims.only_again) {
            return Some(self.language.refuses(why));
        }
        match known {
            Some((before, _)) if before != order => return Some(self.language.refuses(Refusal::Another)),
            Some((_, Some(id))) => return Some(self.language.accepts(&id, &order)),
            Some((_, None)) => return Some(self.language.refuses(Refusal::InProgress)),
            None => self.note(&order, None),
        }
        let knobs = self.knobs.lock().unwrap().clone();
        let nth = self.texts.fetch_add(1, Ordering::Relaxed) + 1;
        let one_of = |every: u64| every > 0 && nth.is_multiple_of(every);
        let half = Duration::from_micros(knobs.delay_ms * 500);
        tokio::time::sleep(half).await;
        if one_of(knobs.throttle_every) {
            return Some(self.refuses(&order, Refusal::TooFast));
        }
        if one_of(knobs.fail_every) || order.to.ends_with("0000") {
            return Some(self.refuses(&order, Refusal::Unreachable));
        }
        if whims.stopped {
            let id = Uuid::now_v7().simple().to_string();
            self.note(&order, Some(id.clone()));
            tokio::spawn(self.clone().brings(id.clone(), order.clone(), Stage::Stopped, 2));
            return Some(self.language.accepts(&id, &order));
        }
        let id = self.deliver(&order);
        if !knobs.silent {
            tokio::spawn(self.clone().receipts(id.clone(), order.clone(), knobs.clone()));
        }
        tokio::time::sleep(half).await;
        (!one_of(knobs.lose_answer_every)).then(|| self.language.accepts(&id, &order))
    }

    fn note(&self, order: &Order, id: Option<String>) {
        if let Some(key) = &order.key {
            self.known.lock().unwrap().insert(key.clone(), (order.clone(), id));
        }
    }

    /// Only what it took is known by its key.
    fn refuses(&self, order: &Order, why: Refusal) -> Response {
        self.known.lock().unwrap().remove(order.key.as_deref().unwrap_or_default());
        self.language.refuses(why)
    }

    fn deliver(&self, order: &Order) -> String {
        let id = Uuid::now_v7().simple().to_string();
        self.note(order, Some(id.clone()));
        let got = Got { text: order.text.clone(), at: self.clock.now() };
        self.phones.lock().unwrap().entry(order.to.clone()).or_default().push(got);
        id
    }

    async fn receipts(self: Arc<Self>, id: String, order: Order, knobs: Knobs) {
        let mut stages = [Stage::Sent, Stage::Delivered];
        if knobs.reorder {
            stages.reverse();
        }
        for stage in stages {
            tokio::time::sleep(Duration::from_millis(knobs.receipt_delay_ms)).await;
            self.clone().brings(id.clone(), order.clone(), stage, knobs.receipts.max(1)).await;
        }
    }

    /// Brings news of a text, so many times. As carriers do, it brings again what was not taken.
    pub async fn brings(self: Arc<Self>, id: String, order: Order, stage: Stage, times: u64) {
        for _ in 0..times {
            while let Err(why) = self.post(self.language.news(&id, &order, stage, self.clock.now())).await {
                println!("a receipt is brought again: {why}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Brings this news of all that was ordered under a key, once more.
    pub async fn brings_again(self: &Arc<Self>, stage: Stage) {
        let known = self.known.lock().unwrap().clone();
        for (order, id) in known.into_values() {
            self.clone().brings(id.unwrap(), order, stage, 1).await;
        }
    }
}

/// The files that come with texts, by their paths.
fn file(path: &str) -> Response {
    match path {
        super::PICTURE => Response { status: 200, content_type: "image/png", body: b"\x89PNG\r\n\x1a\n".to_vec() },
        super::PAGE => Response { status: 200, content_type: "text/html", body: b"<b>".to_vec() },
        _ => Response { status: 404, content_type: "text/plain", body: vec![] },
    }
}
