//! Two things at the same moment: whichever comes first, the outcome is one that the rules allow, and the timeline tells
//! it truly.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Desk, JAKE, SUE, WYATT, customer, id, person,
    reference::{State, told},
};
use crate::{
    client::{Answer, Client},
    dice::Dice,
    sms::MAIN,
};

/// Each pair races so often.
const RACES: usize = 1_000;
/// Conversations that race at once.
const AT_ONCE: usize = 50;

/// All of them, so many at a time.
async fn all<T>(what: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(what).buffered(AT_ONCE).collect().await
}

fn held_by(number: &str) -> State {
    State::Claimed(number.into())
}

fn code(answer: &Answer) -> &str {
    if answer.status.is_success() { "ok" } else { answer.code() }
}

impl Desk {
    /// So many customers text in: their conversations, in order.
    async fn waiting(&self, customers: std::ops::Range<usize>) -> Vec<String> {
        all(customers.clone().map(async |n| self.pbx.text_in(&customer(n), MAIN, "Hello?").await)).await;
        let rows = self[SUE].in_queue(&self.support, "waiting").await;
        let by_number: BTreeMap<_, _> = rows.iter().map(|row| (row["number"].as_str().unwrap(), id(row))).collect();
        customers.map(|n| by_number[customer(n).as_str()].clone()).collect()
    }

    /// What the rows say.
    async fn states(&self) -> BTreeMap<String, State> {
        let mut states = BTreeMap::new();
        for state in ["waiting", "claimed"] {
            for row in self[SUE].in_queue(&self.support, state).await {
                let by = row["queue"]["claimed_by"]["extension"].as_str();
                let told = by.map_or(State::Waiting, held_by);
                assert!(states.insert(id(&row), told).is_none(), "in two states at once");
            }
        }
        states
    }

    /// What a timeline says after a place.
    async fn after(&self, conversation: &str, seq: i64) -> Vec<Value> {
        let path = format!("/v1/conversations/{conversation}/messages?after_seq={seq}");
        self[SUE].get(&path).await.ok()["items"].as_array().unwrap().clone()
    }

    /// Reads every timeline: where it says that its conversation stands.
    async fn timelines(&self, conversations: &[String]) -> Vec<(State, Vec<Value>)> {
        let read = conversations.iter().map(async |c| {
            let timeline = self[SUE].history(c).await;
            (told(&timeline), timeline)
        });
        all(read).await
    }
}

/// What somebody does over their WebSocket to all of these, one right after the other: what each was answered.
async fn frames(session: &mut Client, what: &str, conversations: &[String]) -> Vec<Value> {
    for (n, conversation) in conversations.iter().enumerate() {
        session.say(json!({"type": what, "ref": format!("{n}"), "conversation": conversation})).await;
    }
    let mut answers = BTreeMap::new();
    while answers.len() < conversations.len() {
        let frame = session.until_matching(|f| f["ref"].is_string()).await;
        answers.insert(frame["ref"].as_str().unwrap().parse::<usize>().unwrap(), frame);
    }
    answers.into_values().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claim_against_release() {
    let begun = Instant::now();
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let conversations = desk.waiting(0..AT_ONCE).await;
    let second = desk.second().await;
    let wyatt = desk.at(second.as_ref(), WYATT);
    let mut won = 0;
    for round in 0..RACES / AT_ONCE {
        all(conversations.iter().map(|c| desk[JAKE].claim(c))).await.into_iter().for_each(|a| drop(a.ok()));
        // Both at the same moment, or the release a little later: a claim has more to read first.
        let answers = all(conversations.iter().enumerate().map(async |(n, c)| {
            let released = async {
                tokio::time::sleep(Duration::from_millis((n + round) as u64 % 8 * 8)).await;
                desk[JAKE].release(c).await
            };
            tokio::join!(released, wyatt.claim(c))
        }));
        let answers = answers.await;
        let states = desk.states().await;
        let mut taken = vec![];
        for (conversation, (released, claimed)) in conversations.iter().zip(&answers) {
            assert_eq!(code(released), "ok", "he holds it until he lets go");
            if claimed.status.is_success() {
                assert_eq!(states[conversation], held_by(WYATT));
                taken.push(conversation);
            } else {
                assert_eq!((claimed.code(), &claimed.body["claimed_by"]), ("already_claimed", &person(JAKE)));
                assert_eq!(states[conversation], State::Waiting);
            }
        }
        won += taken.len();
        all(taken.into_iter().map(|c| wyatt.release(c))).await.into_iter().for_each(|a| drop(a.ok()));
    }
    for (state, timeline) in desk.timelines(&conversations).await {
        assert_eq!(state, State::Waiting);
        assert_eq!(
            timeline.iter().filter(|m| m["event"]["name"] == "claimed" && m["event"]["by"] == person(JAKE)).count(),
            RACES / AT_ONCE
        );
    }
    println!("claim against release: {won} of {RACES} came after it, {:?}", begun.elapsed());
}

/// Of an agent's pause and what would reach them, whichever was committed first counts: what came after the pause did not
/// happen.
async fn against_pause(paused: &str, what: &str, done: &str, act: impl AsyncFn(&Desk, &str) -> Answer) {
    const ROUND: usize = 20;
    let begun = Instant::now();
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let conversations = desk.waiting(0..ROUND).await;
    let mut watcher = desk[WYATT].connect().await;
    let mut came_first = 0;
    let mut until_now = vec![0_i64; ROUND];
    for round in 0..RACES / ROUND {
        if paused == WYATT {
            all(conversations.iter().map(|c| desk[JAKE].claim(c))).await.into_iter().for_each(|a| drop(a.ok()));
        }
        // The pause comes in the middle of them, each time elsewhere.
        let at = round % ROUND;
        let (answers, _) = tokio::join!(all(conversations.iter().map(|c| act(&desk, c))), async {
            tokio::time::sleep(Duration::from_micros(at as u64 * 1_500)).await;
            desk[paused].pause(&desk.support).await
        });
        let pause = watcher
            .until_matching(|f| {
                f["name"] == "agent.updated"
                    && f["data"]["agent"]["extension"] == paused
                    && f["data"]["agent"]["paused"] == true
            })
            .await;
        let pause = pause["version"].as_i64().unwrap();
        let states = desk.states().await;
        let fresh = conversations.iter().zip(&until_now).map(|(c, seq)| desk.after(c, *seq));
        let fresh = all(fresh).await;
        let mut holds = vec![];
        for ((conversation, answer), fresh) in conversations.iter().zip(&answers).zip(&fresh) {
            let is_step =
                |m: &&Value| m["event"]["name"] == done && (done != "claimed" || m["event"]["by"] == person(paused));
            let step = fresh.iter().find(is_step);
            match code(answer) {
                "ok" => {
                    let version = step.expect("it is told")["version"].as_i64().unwrap();
                    assert!(version < pause, "{what} at {version}, after the pause at {pause}");
                    assert_eq!(states[conversation], held_by(paused));
                    came_first += 1;
                }
                "agent_unavailable" => {
                    assert!(step.is_none(), "refused, and done: {step:?}");
                    // After the pause, never.
                    assert_eq!(act(&desk, conversation).await.code(), "agent_unavailable");
                }
                other => panic!("{other}"),
            }
            if let State::Claimed(by) = &states[conversation] {
                holds.push((by.clone(), conversation));
            }
        }
        all(holds.iter().map(|(by, c)| desk[by.as_str()].release(c))).await.into_iter().for_each(|a| drop(a.ok()));
        for (seq, fresh) in until_now.iter_mut().zip(&fresh) {
            *seq = fresh.last().map_or(*seq, |last| last["seq"].as_i64().unwrap());
        }
        desk[paused].on_duty(&desk.support).await;
    }
    for (state, _) in desk.timelines(&conversations).await {
        assert_eq!(state, State::Waiting, "and each timeline tells it from its beginning");
    }
    println!("{what} against pause: {came_first} of {RACES} came first, {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claim_against_pause() {
    against_pause(JAKE, "claim", "claimed", async |desk, c| desk[JAKE].claim(c).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfer_against_pause() {
    against_pause(WYATT, "transfer", "transferred", async |desk, c| desk[JAKE].transfer_to(c, WYATT).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_against_the_customer_s_next_text() {
    let begun = Instant::now();
    let desk = Desk::open(&[JAKE]).await;
    let mut open = desk.waiting(0..AT_ONCE).await;
    let mut jake = desk[JAKE].connect().await;
    let (mut ever, mut anew, mut texts) = (open.clone(), 0, 0);
    for round in 0..RACES / AT_ONCE {
        for answer in frames(&mut jake, "claim", &open).await {
            assert_eq!(answer["type"], "ok", "{answer}");
        }
        let word = |n: usize| format!("{n} {round}");
        // The end comes a little later each time: a text has more to read first.
        let closed = async {
            tokio::time::sleep(Duration::from_millis(round as u64 % 8 * 8)).await;
            frames(&mut jake, "close", &open).await
        };
        let (closed, _) = tokio::join!(
            closed,
            all((0..AT_ONCE)
                .map(|n| (n, word(n)))
                .map(async |(n, text)| desk.pbx.text_in(&customer(n), MAIN, &text).await))
        );
        texts += AT_ONCE;
        assert!(closed.iter().all(|a| a["type"] == "ok"), "{closed:?}");
        // Whose text came after the end waits anew; the others begin again with another word.
        let rows = desk[SUE].in_queue(&desk.support, "waiting").await;
        let waiting: BTreeMap<_, _> =
            rows.iter().map(|row| (row["number"].as_str().unwrap().to_owned(), id(row))).collect();
        assert_eq!(rows.len(), waiting.len(), "one for each");
        anew += waiting.len();
        for row in &rows {
            let n: usize = row["number"].as_str().unwrap()[8..].parse::<usize>().unwrap() - 2_001;
            assert_eq!(row["last_message"]["text"], word(n).as_str());
        }
        let quiet = (0..AT_ONCE).filter(|n| !waiting.contains_key(&customer(*n)));
        all(quiet.map(async |n| desk.pbx.text_in(&customer(n), MAIN, "Hello?").await)).await;
        let rows = desk[SUE].in_queue(&desk.support, "waiting").await;
        let waiting: BTreeMap<_, _> =
            rows.iter().map(|row| (row["number"].as_str().unwrap().to_owned(), id(row))).collect();
        open = (0..AT_ONCE).map(|n| waiting[&customer(n)].clone()).collect();
        ever.extend(open.iter().cloned());
    }
    let mut heard = BTreeSet::new();
    for (state, timeline) in desk.timelines(&ever).await {
        assert!(state == State::Closed || state == State::Waiting);
        for text in timeline.iter().filter(|m| m["direction"] == "inbound" && m["text"] != "Hello?") {
            assert!(heard.insert(text["text"].as_str().unwrap().to_owned()), "in two conversations: {text}");
        }
    }
    assert_eq!(heard.len(), texts, "no text is lost");
    println!("close against the next text: {anew} of {RACES} began anew, {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_idle_timeout_against_a_reply() {
    const WAVE: usize = 200;
    let begun = Instant::now();
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let second = desk.second().await;
    let jake = desk.at(second.as_ref(), JAKE);
    let mut dice = Dice(0x5851_f42d_4c95_7f2d);
    let (mut released, mut replied) = (0, 0);
    desk.set("support", json!({"idle_timeout_s": 3})).await;
    for wave in 0..RACES / WAVE {
        let conversations = desk.waiting(wave * WAVE..(wave + 1) * WAVE).await;
        let claimed = conversations.iter().map(async |c| {
            let row = desk[JAKE].claim(c).await.ok();
            // A slow machine may have come to the end already.
            super::ms(&row["queue"]["deadline"]).unwrap_or(0)
        });
        // Each reply comes within some milliseconds of the moment at which the time is over, before or after.
        let due = all(claimed).await;
        let replies =
            conversations.iter().zip(&due).map(|(conversation, due)| (conversation, due - 50 + dice.roll(70) as i64));
        let replies = join_all(replies.map(async |(conversation, at)| {
            let until = at - desk.clock.now().0 / 1_000;
            tokio::time::sleep(Duration::from_millis(until.max(0) as u64)).await;
            jake.send(conversation, Uuid::now_v7(), "Hi").await
        }));
        let answers = replies.await;
        let states = desk.states().await;
        let timelines = desk.timelines(&conversations).await;
        for ((conversation, answer), (state, timeline)) in conversations.iter().zip(&answers).zip(timelines) {
            let last = timeline.last().unwrap();
            match code(answer) {
                "ok" => {
                    replied += 1;
                    assert_eq!((&last["text"], &state), (&json!("Hi"), &held_by(JAKE)), "answered, it is kept");
                }
                "not_claimed" | "not_found" => {
                    released += 1;
                    assert_eq!((&last["event"]["name"], &state), (&json!("timed_out"), &State::Waiting));
                }
                other => panic!("{other}"),
            }
            assert_eq!(states[conversation], state, "the row says what the timeline says");
        }
    }
    println!("timeout against reply: {replied} replied, {released} released, {:?}", begun.elapsed());
}
