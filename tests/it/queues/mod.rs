//! SMS queues from outside: agents at work, supervisors, the PBX that sets them up, and customers who text.

mod agents;
mod claim;
mod close;
mod deadlines;
mod model;
mod races;
mod reference;
mod release;
mod routing;
mod start;
mod transfer;

use std::{collections::HashMap, ops::Index, time::Duration};

use futures_util::future::join_all;
use partyline::{app::Options, carriers::Knobs, clock::Clock, config::Config};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    client::{Answer, Api, Client},
    engine::TestEngine,
    sms::{MAIN, SALES, engine_with, eventually, put_number, simulator},
};

pub const JAKE: &str = "201";
pub const WYATT: &str = "211";
/// The agent of *Billing Queue*.
pub const MIA: &str = "212";
/// Supervises, and is in no queue.
pub const SUE: &str = "300";
/// An administrator.
pub const BOSS: &str = "200";
/// Has nothing to do with queues.
pub const EVE: &str = "400";

/// What a colleague is answered who would steer what somebody else holds.
pub const NOT_HIS: &[&str] = &["not_found", "already_claimed"];

pub const SUPPORT: &str = "SMS Support Queue";
pub const BILLING: &str = "Billing Queue";

/// A company with two queues: *SMS Support Queue*, which `MAIN` feeds, and *Billing Queue*, which `SALES` feeds.
pub struct Desk {
    pub engine: TestEngine,
    pub pbx: Api,
    pub clock: Clock,
    /// The queues' ids.
    pub support: String,
    pub billing: String,
    members: Vec<String>,
    people: HashMap<String, Api>,
}

impl Index<&str> for Desk {
    type Output = Api;
    fn index(&self, number: &str) -> &Api {
        &self.people[number]
    }
}

impl Desk {
    /// These are the agents of support, and all of them are available.
    pub async fn open(agents: &[&str]) -> Self {
        Self::with(Options::default(), agents).await
    }

    pub async fn with(options: Options, agents: &[&str]) -> Self {
        let desk = Self::closed(options, agents).await;
        for agent in agents {
            desk[*agent].on_duty(&desk.support).await;
        }
        desk[MIA].on_duty(&desk.billing).await;
        desk
    }

    /// ... and none of them has logged in yet.
    pub async fn closed(options: Options, agents: &[&str]) -> Self {
        let clock = options.clock.clone();
        let engine = engine_with(options, |config| config.carriers = simulator(Knobs::default())).await;
        let pbx = engine.api();
        let others = [(MIA, "user"), (SUE, "supervisor"), (BOSS, "admin"), (EVE, "user")];
        let all = agents.iter().map(|a| (*a, "user")).chain(others);
        let signed_in = all.map(async |(number, role)| (number.to_owned(), sign_in(&engine, &pbx, number, role).await));
        let people: HashMap<_, _> = join_all(signed_in).await.into_iter().collect();
        let members = agents.iter().map(|a| (*a).to_owned()).collect();
        let mut desk = Self { engine, pbx, clock, support: String::new(), billing: String::new(), members, people };
        desk.support = desk.set("support", json!({})).await;
        desk.billing = desk.set("billing", json!({})).await;
        put_number(&desk.pbx, MAIN, json!({"queue": "support"})).await;
        put_number(&desk.pbx, SALES, json!({"queue": "billing"})).await;
        desk
    }

    /// Sets a queue up, as it was but for these fields: its id.
    pub async fn set(&self, key: &str, fields: Value) -> String {
        let mut body = match key {
            "support" => json!({"name": SUPPORT, "members": self.members}),
            _ => json!({"name": BILLING, "members": [MIA]}),
        };
        for (field, value) in fields.as_object().unwrap() {
            body[field] = value.clone();
        }
        self.pbx.put(&format!("/v1/pbx/queues/{key}"), body).await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// A customer texts to support's number: the pair's open conversation.
    pub async fn text(&self, customer: &str, text: &str) -> String {
        self.pbx.text_in(customer, MAIN, text).await;
        self.open_of(customer).await.unwrap_or_else(|| panic!("{customer} waits nowhere"))
    }

    /// The open conversation of a customer, if there is one.
    pub async fn open_of(&self, customer: &str) -> Option<String> {
        let mut open = vec![];
        for queue in [&self.support, &self.billing] {
            for state in ["waiting", "claimed"] {
                open.extend(self[SUE].in_queue(queue, state).await.into_iter().filter(|row| row["number"] == customer));
            }
        }
        assert!(open.len() < 2, "a pair has one open conversation: {open:?}");
        open.first().map(|row| row["id"].as_str().unwrap().to_owned())
    }

    /// A text that somebody has claimed.
    pub async fn claimed(&self, customer: &str, by: &str) -> String {
        let id = self.text(customer, "Hello?").await;
        self[by].claim(&id).await.ok();
        id
    }

    /// What a conversation's timeline says, entry by entry.
    pub async fn words(&self, conversation: &str) -> Vec<String> {
        words(&self[SUE].history(conversation).await)
    }

    /// The row, once the conversation is in this state.
    pub async fn until(&self, conversation: &str, state: &str) -> Value {
        eventually(async || {
            let row = self[SUE].row(conversation).await;
            if row["queue"]["state"] == state { Ok(row) } else { Err(row["queue"].to_string()) }
        })
        .await
    }

    /// The manual clock moves on.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What a customer's phone has received, once it is so many. A clock that stands still would hold the next text up.
    pub async fn phone_until(&self, customer: &str, count: usize) -> Vec<String> {
        eventually(async || {
            self.clock.advance(Duration::from_millis(1));
            let phone = self.pbx.phone(customer).await;
            if phone.len() >= count { Ok(phone) } else { Err(format!("{phone:?}")) }
        })
        .await
    }

    /// A second engine on the same database, where there can be one: a second on the same SQLite file is refused.
    pub async fn second(&self) -> Option<TestEngine> {
        std::env::var("TEST_POSTGRES").ok()?;
        let options = Options { clock: self.clock.clone(), ..Options::default() };
        let configure = |config: &mut Config| config.carriers = simulator(Knobs::default());
        Some(TestEngine::on(self.engine.folder.clone(), options, configure).await)
    }

    /// Somebody at the second engine; at the only one, if there is no second.
    pub fn at(&self, second: Option<&TestEngine>, number: &str) -> Api {
        second.map_or_else(|| self[number].clone(), |engine| engine.api().with_token(&self[number].token))
    }

    /// Stops, lets this happen meanwhile, and starts again where it was.
    pub async fn restart(mut self, options: Options, meanwhile: impl FnOnce()) -> Self {
        let options = Options { clock: self.clock.clone(), ..options };
        let folder = self.engine.stop().await;
        meanwhile();
        let configure = |config: &mut Config| config.carriers = simulator(Knobs::default());
        self.engine = TestEngine::on(folder, options, configure).await;
        self.pbx = self.engine.api();
        for person in self.people.values_mut() {
            *person = self.pbx.with_token(&person.token);
        }
        self
    }
}

/// Somebody with this role, signed in. Without a password, as those cost more than the tests they are for.
pub async fn sign_in(engine: &TestEngine, pbx: &Api, number: &str, role: &str) -> Api {
    let body = json!({"name": format!("Name {number}"), "role": role});
    pbx.put(&format!("/v1/pbx/extensions/{number}"), body).await.ok();
    let storage = &engine.engine.storage;
    let tenant = storage.tenant("default").await.unwrap().unwrap();
    let extension = storage.extension(tenant, number).await.unwrap().unwrap().extension;
    let day = Duration::from_secs(400 * 24 * 3_600);
    let token = storage.issue_token(tenant, extension.id, extension.credential, day).await.unwrap().0;
    pbx.with_token(&token)
}

/// The n-th customer's number.
pub fn customer(n: usize) -> String {
    format!("+1404555{:04}", 2_001 + n)
}

/// What is said, entry by entry.
pub fn words(timeline: &[Value]) -> Vec<String> {
    timeline.iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect()
}

/// `{extension, name}` of somebody.
pub fn person(number: &str) -> Value {
    json!({"extension": number, "name": format!("Name {number}")})
}

/// Milliseconds since 1970.
pub fn ms(at: &Value) -> Option<i64> {
    let at = OffsetDateTime::parse(at.as_str()?, &Rfc3339).unwrap();
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

pub fn id(row: &Value) -> String {
    row["id"].as_str().unwrap_or_else(|| panic!("no row: {row}")).to_owned()
}

pub fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(id).collect()
}

impl Api {
    /// My queues, whole.
    pub async fn queues(&self) -> Vec<Value> {
        self.get("/v1/queues").await.ok()["items"].as_array().unwrap().clone()
    }

    pub async fn queue(&self, id: &str) -> Value {
        let queues = self.queues().await;
        queues.iter().find(|q| q["id"] == id).cloned().unwrap_or_else(|| panic!("no {id} in {queues:?}"))
    }

    /// Says what I am in a queue.
    pub async fn duty(&self, queue: &str, body: Value) -> Answer {
        self.put(&format!("/v1/queues/{queue}/agent"), body).await
    }

    pub async fn on_duty(&self, queue: &str) -> Value {
        self.duty(queue, json!({"logged_in": true, "paused": false})).await.ok()
    }

    pub async fn pause(&self, queue: &str) -> Value {
        self.duty(queue, json!({"logged_in": true, "paused": true})).await.ok()
    }

    pub async fn off_duty(&self, queue: &str) -> Value {
        self.duty(queue, json!({"logged_in": false, "paused": false})).await.ok()
    }

    pub async fn act(&self, conversation: &str, what: &str, body: Value) -> Answer {
        self.post(&format!("/v1/conversations/{conversation}/{what}"), body).await
    }

    pub async fn claim(&self, conversation: &str) -> Answer {
        self.act(conversation, "claim", json!({})).await
    }

    pub async fn release(&self, conversation: &str) -> Answer {
        self.act(conversation, "release", json!({})).await
    }

    pub async fn close(&self, conversation: &str) -> Answer {
        self.act(conversation, "close", json!({})).await
    }

    pub async fn transfer_to(&self, conversation: &str, extension: &str) -> Answer {
        self.act(conversation, "transfer", json!({"extension": extension})).await
    }

    pub async fn transfer_into(&self, conversation: &str, queue: &str) -> Answer {
        self.act(conversation, "transfer", json!({"queue": queue})).await
    }

    /// Begins a text from this number of ours.
    pub async fn begin(&self, number: &str, from: &str) -> Answer {
        self.post("/v1/conversations", json!({"kind": "sms", "number": number, "from": from})).await
    }

    pub async fn row(&self, conversation: &str) -> Value {
        self.get(&format!("/v1/conversations/{conversation}")).await.ok()
    }

    /// Whether I may read it; both ways to read it say the same.
    pub async fn reads(&self, conversation: &str) -> bool {
        let path = format!("/v1/conversations/{conversation}");
        let (row, timeline) = (self.get(&path).await, self.get(&format!("{path}/messages")).await);
        assert_eq!(row.status, timeline.status, "{row:?} {timeline:?}");
        if !row.status.is_success() {
            assert_eq!((row.code(), timeline.code()), ("not_found", "not_found"));
        }
        row.status.is_success()
    }

    /// Every item of a list.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut after) = (vec![], String::new());
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{path}{joint}limit=200{after}")).await.ok();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    }

    pub async fn in_queue(&self, queue: &str, state: &str) -> Vec<Value> {
        self.all(&format!("/v1/queues/{queue}/conversations?state={state}")).await
    }

    pub async fn filtered(&self, filter: &str) -> Vec<String> {
        ids(&self.all(&format!("/v1/conversations?filter={filter}")).await)
    }
}

impl Client {
    /// Asks over the WebSocket, and waits for the answer.
    pub async fn ask(&mut self, mut frame: Value) -> Value {
        let name = uuid::Uuid::now_v7().to_string();
        frame["ref"] = json!(name);
        self.say(frame).await;
        self.until_matching(|f| f["ref"] == name.as_str()).await
    }

    pub async fn act(&mut self, what: &str, conversation: &str) -> Value {
        self.ask(json!({"type": what, "conversation": conversation})).await
    }

    /// The data of the events of this name so far.
    pub fn heard(&self, name: &str) -> Vec<Value> {
        self.events.iter().filter(|e| e["name"] == name).map(|e| e["data"].clone()).collect()
    }
}
