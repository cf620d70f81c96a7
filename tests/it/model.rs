//! A reference model of one tenant, against the real ledger and switchboard: random commands, conflicts, failed commits,
//! unknown outcomes and restarts.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::join_all;
use partyline::{app::Options, storage::ledger::Fault};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::json;
use uuid::Uuid;

use crate::{
    client::{Api, Client},
    dice::Dice,
    engine::{TestEngine, database_url},
};

const PEOPLE: [&str; 4] = ["201", "202", "203", "204"];

/// What the tenant must be like, by what its people were told.
#[derive(Default)]
struct Model {
    /// By conversation: who is in it.
    chats: BTreeMap<String, [&'static str; 2]>,
    /// By conversation: what was acknowledged, by place: `client_id` and author.
    messages: HashMap<String, BTreeMap<i64, (Uuid, &'static str)>>,
    /// By conversation and person: how far they were told they have read.
    markers: HashMap<(String, &'static str), i64>,
}

impl Model {
    fn acknowledged(&mut self, chat: &str, seq: i64, client_id: Uuid, author: &'static str) {
        let before = self.messages.entry(chat.into()).or_default().insert(seq, (client_id, author));
        assert!(before.is_none_or(|b| b.0 == client_id), "two messages at {seq}");
        self.read(chat, author, seq);
    }

    fn read(&mut self, chat: &str, who: &'static str, seq: i64) {
        let marker = self.markers.entry((chat.into(), who)).or_default();
        *marker = seq.max(*marker);
    }

    async fn check(&self, api: &HashMap<&'static str, Api>) {
        for (chat, members) in &self.chats {
            let messages = self.messages.get(chat).cloned().unwrap_or_default();
            for me in members {
                let history = api[me].history(chat).await;
                let found: Vec<_> = history
                    .iter()
                    .map(|m| (m["seq"].as_i64().unwrap(), m["client_id"].as_str().unwrap().parse().unwrap()))
                    .collect();
                let expected: Vec<(i64, Uuid)> = messages.iter().map(|(seq, m)| (*seq, m.0)).collect();
                assert_eq!(found, expected, "what was acknowledged is there, and nothing else");
                assert!(expected.iter().enumerate().all(|(n, m)| m.0 == n as i64 + 1), "places without a hole");
                let row = api[me].get(&format!("/v1/conversations/{chat}")).await.ok();
                let read = self.markers.get(&(chat.clone(), *me)).copied().unwrap_or_default();
                assert_eq!(row["my_read"]["seq"], read);
                assert_eq!(row["unread"], messages.keys().filter(|seq| **seq > read).count());
            }
        }
    }
}

/// Somebody who listens all the time, and comes back with the cursor whenever the connection is cut.
struct Listener {
    who: &'static str,
    client: Option<Client>,
    /// All messages that came as events, over all connections.
    heard: Vec<(String, i64)>,
    position: (Option<i64>, Option<String>),
}

impl Listener {
    async fn connect(&mut self, api: &HashMap<&'static str, Api>) {
        let (cursor, epoch) = &self.position;
        let client = api[self.who].connect_at(*cursor, epoch.as_deref()).await;
        assert!(cursor.is_none() || client.resumed, "a little behind is told what changed");
        self.client = Some(client);
    }

    async fn disconnect(&mut self) {
        if let Some(mut client) = self.client.take() {
            client.settled().await;
            self.heard.extend(client.messages().into_iter().map(|m| (m.0, m.1)));
            self.position = (Some(client.cursor), Some(client.epoch.clone()));
        }
    }
}

/// One send, repeated under the same `client_id` until its outcome is known; `None`: certainly not done.
async fn send(api: &Api, chat: &str, client_id: Uuid) -> Option<i64> {
    let mut perhaps = false;
    loop {
        let answer = api.send(chat, client_id, "text").await;
        match answer.status.as_u16() {
            200 | 201 => return answer.body["seq"].as_i64(),
            _ if answer.code() == "outcome_unknown" => perhaps = true,
            _ => assert!(["storage_unavailable", "busy"].contains(&answer.code()), "{answer:?}"),
        }
        if !perhaps {
            return None;
        }
    }
}

async fn story(seed: u64) {
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let faults = |seed: u64| {
        let dice = AtomicU64::new(seed);
        let fault = move |_| {
            let roll = dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).rotate_left(23) % 24;
            [Fault::Abort, Fault::LoseAnswer, Fault::LoseCommit].get(roll as usize).copied().unwrap_or_default()
        };
        Options { faults: Some(Arc::new(fault)), ..Options::default() }
    };
    let engine = TestEngine::start().await;
    let people = engine.people(&PEOPLE).await;
    let tokens: Vec<_> = PEOPLE.iter().map(|p| people[p].token.clone()).collect();
    let mut model = Model::default();
    for (a, b) in [(0, 1), (0, 2), (2, 3)] {
        let chat = people[PEOPLE[a]].chat(PEOPLE[b]).await;
        model.chats.insert(chat, [PEOPLE[a], PEOPLE[b]]);
    }
    let mut folder = engine.stop().await;
    let mut listeners: Vec<_> =
        PEOPLE.map(|who| Listener { who, client: None, heard: vec![], position: (None, None) }).into();
    let chats: Vec<_> = model.chats.keys().cloned().collect();
    // Lives of the engine: each ends with a restart, each with other faults.
    for life in 0..3 {
        let engine = TestEngine::on(folder.clone(), faults(seed.wrapping_mul(31) + life), |_| ()).await;
        let api: HashMap<_, _> = PEOPLE.iter().zip(&tokens).map(|(p, t)| (*p, engine.api().with_token(t))).collect();
        let another_node = Database::connect(database_url(folder.path())).await.unwrap();
        let backend = another_node.get_database_backend();
        for listener in &mut listeners {
            listener.connect(&api).await;
        }
        for _ in 0..40 {
            let chat = &chats[dice.roll(chats.len() as u64) as usize];
            let members = model.chats[chat];
            match dice.roll(10) {
                // Several at once, from both sides, some of them twice.
                0..=4 => {
                    let mut sends = Vec::new();
                    for n in 0..1 + dice.roll(12) {
                        let (who, client_id) = (members[n as usize % 2], Uuid::now_v7());
                        for _ in 0..1 + dice.roll(2) {
                            let (api, chat) = (api[who].clone(), chat.clone());
                            sends.push(async move { (who, client_id, send(&api, &chat, client_id).await) });
                        }
                    }
                    let told = join_all(sends).await;
                    for (who, client_id, seq) in told {
                        if let Some(seq) = seq {
                            model.acknowledged(chat, seq, client_id, who);
                        }
                    }
                }
                5 | 6 => {
                    let who = members[dice.roll(2) as usize];
                    let newest = model.messages.get(chat).and_then(|m| m.keys().last().copied()).unwrap_or(0);
                    let seq = dice.roll(newest as u64 + 3) as i64;
                    let path = format!("/v1/conversations/{chat}/read");
                    // Repeated until it is certain: a marker moves forward only, so twice is once.
                    while api[who].put(&path, json!({"seq": seq})).await.status != 204 {}
                    model.read(chat, who, seq.min(newest));
                }
                // Another node has changed the conversation: what is decided here is in conflict.
                7 => {
                    let id: Uuid = chat.parse().unwrap();
                    let bump = "UPDATE conversation SET revision = revision + 1 WHERE id = $1";
                    let bump = Statement::from_sql_and_values(backend, bump, [id.into()]);
                    another_node.execute_raw(bump).await.unwrap();
                }
                _ => {
                    let listener = &mut listeners[dice.roll(PEOPLE.len() as u64) as usize];
                    listener.disconnect().await;
                    listener.connect(&api).await;
                }
            }
        }
        model.check(&api).await;
        for listener in &mut listeners {
            listener.disconnect().await;
        }
        another_node.close().await.unwrap();
        drop(api);
        folder = engine.stop().await;
    }
    let engine = TestEngine::on(folder, Options::default(), |_| ()).await;
    let api: HashMap<_, _> = PEOPLE.iter().zip(&tokens).map(|(p, t)| (*p, engine.api().with_token(t))).collect();
    model.check(&api).await;
    for listener in &mut listeners {
        listener.connect(&api).await;
        listener.disconnect().await;
        let mut expected: Vec<_> = model
            .chats
            .iter()
            .filter(|(_, members)| members.contains(&listener.who))
            .flat_map(|(chat, _)| {
                model.messages.get(chat).into_iter().flat_map(|m| m.keys()).map(|s| (chat.clone(), *s))
            })
            .collect();
        expected.sort();
        let mut heard = listener.heard.clone();
        for chat in &chats {
            assert!(heard.iter().filter(|h| h.0 == *chat).is_sorted(), "in order");
        }
        heard.sort();
        assert_eq!(heard, expected, "{} heard every message once", listener.who);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_is_what_the_model_says_whatever_fails() {
    // Side by side: they mostly wait. A story that fails says its seed.
    let stories = [1_u64, 2, 3, 5].map(|n| tokio::spawn(story(0x5851_f42d_4c95_7f2d_u64.wrapping_mul(n))));
    for story in join_all(stories).await {
        story.unwrap();
    }
}
