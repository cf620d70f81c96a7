//! The reference model against the real engine: random commands, clocks that jump, restarts, and commits that fail just
//! when timeouts fire. After each step the two agree on every conversation, every list, and what each agent was told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use partyline::{actors::sweep, app::Options, storage::ledger::Fault};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Desk, JAKE, SUE, WYATT, customer, id, ids, ms, person,
    reference::{AGENTS, ANSWER, Command, Company, MEMBER_OF, State, number, told},
};
use crate::{
    client::{Answer, Client},
    dice::Dice,
    engine::manual_clock,
    sms::MAIN,
};

const PAIRS: usize = 5;
const STEPS: usize = 110;

/// One agent's screen: what it shows, by what it was told.
struct Screen {
    who: &'static str,
    session: Client,
    held: BTreeSet<String>,
    waiting: BTreeMap<String, BTreeSet<String>>,
}

impl Screen {
    async fn new(desk: &Desk, who: &'static str) -> Self {
        let session = desk[who].connect().await;
        let mut screen = Self { who, session, held: BTreeSet::new(), waiting: BTreeMap::new() };
        screen.begin();
        screen
    }

    /// Comes back with the cursor.
    async fn reconnect(&mut self, desk: &Desk) {
        let (cursor, epoch) = (self.session.cursor, self.session.epoch.clone());
        self.session = desk[self.who].connect_at(Some(cursor), Some(&epoch)).await;
        assert!(self.session.resumed, "a little behind is told what changed");
        self.begin();
    }

    fn begin(&mut self) {
        for frame in std::mem::take(&mut self.session.beginning) {
            self.show(&frame);
        }
    }

    fn show(&mut self, frame: &Value) {
        let data = &frame["data"];
        let text = |field: &str| data[field].as_str().unwrap_or_else(|| panic!("{field}: {frame}")).to_owned();
        match (frame["type"].as_str().unwrap(), frame["name"].as_str()) {
            ("queues", _) => {
                let queues = frame["queues"].as_array().unwrap().iter();
                self.waiting =
                    queues.map(|q| (id(q), ids(q["waiting"].as_array().unwrap()).into_iter().collect())).collect();
            }
            (_, Some("queue.waiting")) => {
                self.waiting.entry(text("queue")).or_default().insert(id(&data["conversation"]));
            }
            (_, Some("queue.taken")) => {
                if let Some(waiting) = self.waiting.get_mut(&text("queue")) {
                    waiting.remove(&text("conversation"));
                }
            }
            (_, Some("conversation.updated")) => {
                if data["joined"].is_object() {
                    self.held.insert(text("id"));
                }
                if data["queue"]["state"] == "closed" {
                    self.held.remove(&text("id"));
                }
            }
            (_, Some("conversation.removed")) => {
                self.held.remove(&text("conversation"));
            }
            _ => {}
        }
    }

    /// Waits until it shows this, and nothing else.
    async fn shows(&mut self, held: &BTreeSet<String>, waiting: &BTreeMap<String, BTreeSet<String>>) {
        for _ in 0..200 {
            for frame in self.session.settled().await {
                self.show(&frame);
            }
            if (&self.held, &self.waiting) == (held, waiting) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((&self.held, &self.waiting), (held, waiting), "{} sees what there is", self.who);
    }
}

struct Story {
    /// None while the engine is down.
    desk: Option<Desk>,
    company: Company,
    /// By pair, oldest first.
    conversations: Vec<Vec<String>>,
    screens: Vec<Screen>,
    armed: Arc<AtomicBool>,
    steps: usize,
}

/// Commits that fail, and answers of the database that are lost, while it is armed.
fn faults(seed: u64, armed: &Arc<AtomicBool>) -> Options {
    let (dice, armed) = (AtomicU64::new(seed), armed.clone());
    let fault = move |_| {
        let roll = dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).rotate_left(23) % 6;
        let fault = [Fault::Abort, Fault::LoseAnswer, Fault::LoseCommit].get(roll as usize).copied();
        fault.filter(|_| armed.load(Ordering::SeqCst)).unwrap_or_default()
    };
    Options { faults: Some(Arc::new(fault)), ..Options::default() }
}

impl Story {
    async fn begin(seed: u64) -> Self {
        let armed = Arc::new(AtomicBool::new(false));
        let options = Options { clock: manual_clock(), ..faults(seed, &armed) };
        let desk = Desk::with(options, &[JAKE, WYATT]).await;
        let mut company = Company::new(PAIRS, desk.clock.now().0.div_euclid(1_000));
        company.duty =
            [[(true, false), (false, false)], [(true, false), (false, false)], [(false, false), (true, false)]];
        let conversations = vec![vec![]; PAIRS];
        let mut story = Self { desk: Some(desk), company, conversations, screens: vec![], armed, steps: 0 };
        for queue in 0..2 {
            let set = Command::Set { queue, idle: 60_000, unclaimed: 0 };
            story.company.take(&set);
            story.perform(&set, seed).await;
        }
        story.sweep_more();
        for who in AGENTS {
            let screen = Screen::new(story.desk(), who).await;
            story.screens.push(screen);
        }
        story
    }

    /// Whatever falls due is looked for by three, as on three nodes.
    fn sweep_more(&self) {
        for _ in 0..2 {
            tokio::spawn(sweep::deadlines(Arc::downgrade(&self.desk().engine.engine)));
        }
    }

    fn desk(&self) -> &Desk {
        self.desk.as_ref().unwrap()
    }

    fn queue(&self, queue: usize) -> &str {
        [&self.desk().support, &self.desk().billing][queue]
    }

    async fn step(&mut self, command: Command, seed: u64) {
        self.steps += 1;
        println!("{seed:x} {}: {command:?}", self.steps);
        // What goes out goes out while time passes.
        let before = self.company.said();
        self.company.take(&Command::Wait { ms: 1 });
        self.desk().clock.advance(Duration::from_millis(1));
        if self.company.said() > before {
            self.check(None).await;
        }
        let allowed = self.company.clone().take(&command);
        if allowed.is_empty() {
            return; // There is nothing yet that it could be about.
        }
        let answer = self.perform(&command, seed).await;
        let answered = answer.as_ref().map_or("ok", |a| if a.status.is_success() { "ok" } else { a.code() });
        assert!(allowed.contains(&answered), "{command:?}: {answer:?}, and not one of {allowed:?}");
        self.company.take(&command);
        for pair in 0..PAIRS {
            if self.conversations[pair].len() < self.company.pairs[pair].len() {
                let newest = self.desk().open_of(&customer(pair)).await.expect("it is open");
                self.conversations[pair].push(newest);
            }
        }
        self.check(command.pair()).await;
        self.armed.store(false, Ordering::SeqCst);
    }

    async fn perform(&mut self, command: &Command, seed: u64) -> Option<Answer> {
        let last = |pair: &usize| self.conversations[*pair].last().cloned().unwrap_or_default();
        let by = |who: &usize| &self.desk()[number(*who)];
        Some(match command {
            Command::Text { pair, text } => {
                self.desk().pbx.text_in(&customer(*pair), MAIN, text).await;
                return None;
            }
            Command::Start { who, pair } => by(who).begin(&customer(*pair), MAIN).await,
            Command::Claim { who, pair } => by(who).claim(&last(pair)).await,
            Command::Release { who, pair } => by(who).release(&last(pair)).await,
            Command::Close { who, pair } => by(who).close(&last(pair)).await,
            Command::Give { who, pair, to } => by(who).transfer_to(&last(pair), number(*to)).await,
            Command::Pass { who, pair, queue } => by(who).transfer_into(&last(pair), self.queue(*queue)).await,
            Command::Say { who, pair, text } => by(who).send(&last(pair), Uuid::now_v7(), text).await,
            Command::Duty { who, queue, logged_in, paused } => {
                let body = json!({"logged_in": logged_in, "paused": paused});
                by(who).duty(self.queue(*queue), body).await
            }
            Command::Set { queue, idle, unclaimed } => {
                let members: Vec<_> = (0..AGENTS.len()).filter(|a| MEMBER_OF[*a].contains(queue)).map(number).collect();
                let (idle, unclaimed) = (idle / 1_000, unclaimed / 1_000);
                let fields = json!({"idle_timeout_s": idle, "unclaimed_timeout_s": unclaimed, "members": members,
                                    "timeout_response": ANSWER});
                self.desk().set(["support", "billing"][*queue], fields).await;
                return None;
            }
            Command::Wait { ms } => {
                self.armed.store(true, Ordering::SeqCst);
                self.desk().clock.advance(Duration::from_millis(*ms as u64));
                return None;
            }
            Command::Restart { ms } => {
                self.restart(Duration::from_millis(*ms as u64), seed).await;
                return None;
            }
        })
    }

    async fn restart(&mut self, down: Duration, seed: u64) {
        for screen in &mut self.screens {
            screen.session.socket.close(None).await.unwrap();
        }
        let options = faults(seed ^ self.steps as u64, &self.armed);
        self.armed.store(true, Ordering::SeqCst);
        let clock = self.desk().clock.clone();
        let desk = self.desk.take().unwrap().restart(options, move || clock.advance(down)).await;
        for screen in &mut self.screens {
            screen.reconnect(&desk).await;
        }
        self.desk = Some(desk);
        self.sweep_more();
    }

    /// Everything is as the model says; what a timeout does may take a moment. `about`: the one pair that may have changed.
    async fn check(&mut self, about: Option<usize>) {
        for pair in about.map_or(0..PAIRS, |pair| pair..pair + 1) {
            let Some((expected, id)) = self.company.pairs[pair].last().zip(self.conversations[pair].last()) else {
                continue;
            };
            let expected = self.describe(expected);
            let mut found = json!(null);
            for _ in 0..200 {
                found = self.found(id).await;
                if found == expected {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(found, expected, "after {} steps, {}", self.steps, customer(pair));
        }
        let in_state = |queue: usize, wanted: &dyn Fn(&State) -> bool| -> BTreeSet<String> {
            let pairs = self.company.pairs.iter().zip(&self.conversations);
            let open = pairs.filter_map(|(pair, ids)| Some((pair.last()?, ids.last()?)));
            open.filter(|(c, _)| c.queue == queue && wanted(&c.state)).map(|(_, id)| id.clone()).collect()
        };
        let sue = &self.desk()[SUE];
        for queue in 0..2 {
            let waiting = in_state(queue, &|s| *s == State::Waiting);
            let claimed = in_state(queue, &|s| matches!(s, State::Claimed(_)));
            let listed = join_all(["waiting", "claimed"].map(|state| sue.in_queue(self.queue(queue), state))).await;
            assert_eq!(ids(&listed[0]).into_iter().collect::<BTreeSet<_>>(), waiting, "nothing is lost from the list");
            assert_eq!(ids(&listed[1]).into_iter().collect::<BTreeSet<_>>(), claimed);
            assert_eq!(listed[0].len() + listed[1].len(), waiting.len() + claimed.len(), "nothing is listed twice");
        }
        let mut shown = vec![];
        for who in 0..AGENTS.len() {
            let is_mine = |s: &State| *s == State::Claimed(AGENTS[who].into());
            let held: BTreeSet<_> = (0..2).flat_map(|queue| in_state(queue, &is_mine)).collect();
            let waiting: BTreeMap<_, _> = MEMBER_OF[who]
                .iter()
                .map(|&queue| {
                    let sees = self.company.is_available(who, queue);
                    (self.queue(queue).to_owned(), in_state(queue, &|s| sees && *s == State::Waiting))
                })
                .collect();
            let mine = &self.desk()[AGENTS[who]];
            assert_eq!(mine.filtered("all").await.into_iter().collect::<BTreeSet<_>>(), held);
            for queue in mine.queues().await {
                let rows = queue["waiting"].as_array().unwrap();
                assert_eq!(ids(rows).into_iter().collect::<BTreeSet<_>>(), waiting[&id(&queue)]);
                let since: Vec<_> = rows.iter().map(|row| ms(&row["queue"]["waiting_since"]).unwrap()).collect();
                assert!(since.is_sorted(), "oldest wait first: {since:?}");
                let here = (0..2).find(|n| self.queue(*n) == queue["id"]).unwrap();
                assert_eq!(queue["claimed_by_me"], in_state(here, &is_mine).len());
            }
            shown.push((held, waiting));
        }
        for (screen, (held, waiting)) in self.screens.iter_mut().zip(&shown) {
            screen.shows(held, waiting).await;
        }
    }

    fn describe(&self, c: &super::reference::Conversation) -> Value {
        let (state, by) = match &c.state {
            State::Waiting => ("waiting", json!(null)),
            State::Claimed(by) => ("claimed", person(by)),
            State::Closed => ("closed", json!(null)),
        };
        let waiting_since = (c.state == State::Waiting).then(|| c.owed.unwrap_or(c.since));
        json!({"queue": self.queue(c.queue), "state": state, "claimed_by": by, "missed": c.missed, "says": c.says,
               "deadline": self.company.deadline(c), "waiting_since": waiting_since})
    }

    async fn found(&self, id: &str) -> Value {
        let sue = &self.desk()[SUE];
        let queue = sue.row(id).await["queue"].clone();
        let timeline = sue.history(id).await;
        let closed = queue["state"] == "closed";
        let by = if closed { json!(null) } else { queue["claimed_by"].clone() };
        let waiting_since = if queue["state"] == "waiting" { ms(&queue["waiting_since"]) } else { None };
        json!({"queue": queue["id"], "state": queue["state"], "claimed_by": by, "missed": queue["missed"],
               "says": super::words(&timeline), "deadline": ms(&queue["deadline"]), "waiting_since": waiting_since})
    }
}

fn choose(dice: &mut Dice, company: &Company, step: usize) -> Command {
    let roll = |dice: &mut Dice, sides: usize| dice.roll(sides as u64) as usize;
    let pair = roll(dice, PAIRS);
    let open = company.pairs[pair].last().filter(|c| c.state != State::Closed);
    let holder = open.and_then(|c| match &c.state {
        State::Claimed(by) => AGENTS.iter().position(|a| a == by),
        _ => None,
    });
    // Mostly who may, sometimes anybody.
    let anybody = roll(dice, 4);
    let who = holder.filter(|_| roll(dice, 4) > 0).unwrap_or(anybody);
    let text = format!("{step}");
    match roll(dice, 24) {
        0..=4 => Command::Text { pair, text },
        5..=8 => Command::Claim { who: anybody % 3, pair },
        9 => Command::Start { who: anybody % 3, pair },
        10 | 11 => Command::Release { who, pair },
        12 | 13 => Command::Close { who, pair },
        14 => Command::Give { who, pair, to: roll(dice, 3) },
        15 => Command::Pass { who, pair, queue: open.map_or(1, |c| 1 - c.queue) },
        16..=18 => Command::Say { who, pair, text },
        19 | 20 => {
            let who = anybody % 3;
            let queue = MEMBER_OF[who][roll(dice, MEMBER_OF[who].len())];
            Command::Duty { who, queue, logged_in: roll(dice, 5) > 0, paused: roll(dice, 4) == 0 }
        }
        21 => {
            let (idle, unclaimed) = ([5, 20, 60, 300][roll(dice, 4)], [0, 10, 40, 600][roll(dice, 4)]);
            Command::Set { queue: roll(dice, 2), idle: idle * 1_000, unclaimed: unclaimed * 1_000 }
        }
        22 => Command::Wait { ms: 1 + dice.roll(90_000) as i64 },
        _ if roll(dice, 2) == 0 => Command::Restart { ms: dice.roll(60_000) as i64 },
        _ => Command::Wait { ms: 1 + dice.roll(3_000) as i64 },
    }
}

async fn story(seed: u64) -> (usize, usize) {
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut story = Story::begin(seed).await;
    for step in 0..STEPS {
        let command = choose(&mut dice, &story.company, step);
        story.step(command, seed).await;
        if dice.roll(12) == 0 {
            let screen = dice.roll(AGENTS.len() as u64) as usize;
            let Story { desk, screens, .. } = &mut story;
            screens[screen].reconnect(desk.as_ref().unwrap()).await;
        }
    }
    // Every timeline can be read from its beginning, and each text of a customer is in one of them.
    let (mut texts, mut count) = (BTreeSet::new(), 0);
    for (pair, conversations) in story.company.pairs.iter().zip(&story.conversations) {
        for (expected, conversation) in pair.iter().zip(conversations) {
            let timeline = story.desk()[SUE].history(conversation).await;
            assert_eq!(told(&timeline), expected.state);
            assert_eq!(super::words(&timeline), expected.says, "what is over stays as it was");
            count += 1;
            for text in timeline.iter().filter(|m| m["direction"] == "inbound") {
                assert!(texts.insert(text["text"].to_string()), "twice: {text}");
            }
        }
    }
    (count, texts.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queue_conversations_are_what_the_model_says_whatever_happens() {
    // Side by side: they mostly wait. A story that fails says its seed, and each step it took.
    let stories = [3_u64, 5, 7, 11].map(|n| tokio::spawn(story(0x5851_f42d_4c95_7f2d_u64.wrapping_mul(n))));
    for story in join_all(stories).await {
        let (conversations, texts) = story.unwrap();
        println!("{conversations} conversations, {texts} texts");
        assert!(conversations >= PAIRS && texts > 10, "there was something to see");
    }
}
