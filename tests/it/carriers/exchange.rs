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
#[derive(Clone, Debug)]
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
}

#[derive(Clone, Copy, Debug)]
pub enum Stage {
    Sent,
    Delivered,
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
    /// Texts ordered so far; one that was ordered again counts once.
    texts: AtomicU64,
    /// Its name for what was ordered under a key.
    known: Mutex<HashMap<String, String>>,
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
            texts: AtomicU64::default(),
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
        if let Some(id) = self.known(&order) {
            return Some(self.language.accepts(&id, &order));
        }
        let knobs = self.knobs.lock().unwrap().clone();
        let nth = self.texts.fetch_add(1, Ordering::Relaxed) + 1;
        let one_of = |every: u64| every > 0 && nth.is_multiple_of(every);
        let half = Duration::from_micros(knobs.delay_ms * 500);
        tokio::time::sleep(half).await;
        if one_of(knobs.throttle_every) {
            return Some(self.language.refuses(Refusal::TooFast));
        }
        if one_of(knobs.fail_every) || order.to.ends_with("0000") {
            return Some(self.language.refuses(Refusal::Unreachable));
        }
        let id = self.deliver(&order);
        if !knobs.silent {
            tokio::spawn(self.clone().receipts(id.clone(), order.clone(), knobs.clone()));
        }
        tokio::time::sleep(half).await;
        (!one_of(knobs.lose_answer_every)).then(|| self.language.accepts(&id, &order))
    }

    fn known(&self, order: &Order) -> Option<String> {
        self.known.lock().unwrap().get(order.key.as_ref()?).cloned()
    }

    fn deliver(&self, order: &Order) -> String {
        let id = Uuid::now_v7().simple().to_string();
        if let Some(key) = &order.key {
            self.known.lock().unwrap().insert(key.clone(), id.clone());
        }
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
            for _ in 0..knobs.receipts.max(1) {
                // As carriers do, it brings again what was not taken.
                while let Err(why) = self.post(self.language.news(&id, &order, stage, self.clock.now())).await {
                    println!("a receipt is brought again: {why}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
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
