//! Who may see what of a group, under random orders of add, remove, leave, rename and send, many at once: against a
//! reference model that knows nothing but the timeline.
//!
//! The model folds the system messages into who was in it when. All else must agree with that: every text is by a
//! member, everybody heard exactly what was said while they were in it, and who is in it now finds all, who is not
//! finds nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::future::join_all;
use partyline::{app::Options, storage::ledger::Fault};
use serde_json::Value;

use crate::{
    client::{Api, Client},
    dice::Dice,
    engine::TestEngine,
};

const PEOPLE: [&str; 6] = ["201", "202", "203", "204", "205", "206"];

/// Who was in the group, by the place from which on it was so.
#[derive(Default)]
struct Model {
    now: BTreeSet<String>,
    /// The places of the entries that each was to hear.
    heard: BTreeMap<String, Vec<i64>>,
}

impl Model {
    fn of(timeline: &[Value], began_with: &[&str]) -> Self {
        let mut model = Self::default();
        for (entry, seq) in timeline.iter().zip(1..) {
            assert_eq!(entry["seq"], seq, "places without a hole");
            let event = &entry["event"];
            let who = |field: &str| event[field]["extension"].as_str().unwrap().to_owned();
            match event["name"].as_str() {
                Some("created") => model.now = began_with.iter().map(|n| (*n).to_owned()).collect(),
                // Who is added, hears that they are; who goes, doesn't read it.
                Some("added") => {
                    assert!(model.now.contains(&who("by")), "{entry}");
                    assert!(model.now.insert(who("who")), "twice in it: {entry}");
                }
                Some("removed") => {
                    assert!(model.now.contains(&who("by")) && model.now.remove(&who("who")), "{entry}");
                }
                Some("left") => assert!(model.now.remove(&who("who")), "{entry}"),
                Some("renamed") => assert!(model.now.contains(&who("by")), "{entry}"),
                _ => {
                    let author = entry["from"]["extension"].as_str().unwrap();
                    assert!(model.now.contains(author), "written by who is not in it: {entry}");
                }
            }
            for member in &model.now {
                model.heard.entry(member.clone()).or_default().push(seq);
            }
        }
        model
    }
}

enum Step {
    Say,
    Rename,
    Add(&'static str),
    Remove(&'static str),
    Leave,
}

/// One step, repeated until its outcome is known.
async fn take(api: Api, group: String, step: Step, name: String) {
    let client_id = uuid::Uuid::now_v7();
    loop {
        let answer = match &step {
            Step::Say => api.send(&group, client_id, &name).await,
            Step::Rename => api.rename(&group, &name).await,
            Step::Add(who) => api.add(&group, &[who]).await,
            Step::Remove(who) => api.remove(&group, who).await,
            Step::Leave => api.remove(&group, "me").await,
        };
        match answer.status.as_u16() {
            200..300 | 404 => return,
            503 => assert!(["outcome_unknown", "storage_unavailable", "busy"].contains(&answer.code())),
            _ => panic!("{answer:?}"),
        }
    }
}

/// `faulty`: commits fail, and outcomes are lost.
async fn story(seed: u64, faulty: bool) {
    println!("seed {seed}, faulty: {faulty}");
    let mut dice = Dice(seed);
    let failing = Arc::new(std::sync::Mutex::new(Dice(seed ^ 0xffff)));
    let fault = move |_| match failing.lock().unwrap().roll(30) {
        _ if !faulty => Fault::None,
        0 => Fault::Abort,
        1 => Fault::LoseAnswer,
        2 => Fault::LoseCommit,
        _ => Fault::None,
    };
    let engine = TestEngine::start().await;
    let people = engine.people(&PEOPLE).await;
    let began_with = ["201", "202", "203"];
    let group = people["201"].group("Ops", &began_with[1..]).await;
    let tokens = PEOPLE.map(|n| people[n].token.clone());
    let folder = engine.stop().await;
    let engine = TestEngine::on(folder, Options { faults: Some(Arc::new(fault)), ..Options::default() }, |_| ()).await;
    let api: BTreeMap<_, _> = PEOPLE.iter().zip(tokens).map(|(n, t)| (*n, engine.api().with_token(&t))).collect();
    let mut listeners: Vec<(&str, Client)> = Vec::new();
    for (number, api) in &api {
        listeners.push((number, api.connect().await));
    }
    // Half of them stay, half come and go: those hear what was said since they last came into it.
    for round in 0..25 {
        let steps = (0..1 + dice.roll(6)).map(|n| {
            let (who, other) = (PEOPLE[dice.roll(6) as usize], PEOPLE[dice.roll(6) as usize]);
            let step = match dice.roll(10) {
                0..=3 => Step::Say,
                4 => Step::Rename,
                5 | 6 => Step::Add(other),
                7 | 8 => Step::Remove(other),
                _ => Step::Leave,
            };
            take(api[who].clone(), group.clone(), step, format!("{round}.{n}"))
        });
        join_all(steps.collect::<Vec<_>>()).await;
        // A group that nobody is in any more is over.
        let path = format!("/v1/conversations/{group}");
        let in_it = join_all(api.values().map(|api| api.get(&path))).await;
        if in_it.iter().all(|answer| !answer.status.is_success()) {
            break;
        }
        let at = dice.roll(listeners.len() as u64 / 2) as usize;
        let (number, listener) = &mut listeners[at];
        listener.settled().await;
        let mut back = api[number].connect_at(Some(listener.cursor), Some(&listener.epoch)).await;
        assert!(back.resumed);
        back.events.splice(..0, listener.events.drain(..));
        *listener = back;
    }
    // Somebody who was in it to the end knows the whole of it; if nobody was, the database does.
    let id = group.parse().unwrap();
    let state = engine.engine.storage.conversation(id).await.unwrap().unwrap();
    let everyone = engine.engine.storage.everyone(state.tenant).await.unwrap();
    let members: BTreeSet<_> =
        everyone.iter().filter(|e| state.members.contains_key(&e.id)).map(|e| e.number.clone()).collect();
    let Some(insider) = members.first() else { return };
    let timeline = api[insider.as_str()].history(&group).await;
    let model = Model::of(&timeline, &began_with);
    assert_eq!(members, model.now, "the timeline tells who is in it");
    for (position, (number, listener)) in listeners.iter_mut().enumerate() {
        let path = format!("/v1/conversations/{group}");
        let found = api[*number].get(&path).await;
        assert_eq!(found.status.is_success(), model.now.contains(*number), "{number}");
        let history = api[*number].get(&format!("{path}/messages?limit=200")).await;
        assert_eq!(history.status.is_success(), model.now.contains(*number), "{number}");
        listener.settled().await;
        let heard: Vec<_> = listener.messages().into_iter().map(|m| m.1).filter(|seq| *seq > 1).collect();
        let mut expected = model.heard.get(*number).cloned().unwrap_or_default();
        expected.retain(|seq| *seq > 1);
        // Who reads on after a gap gets what is theirs now: not what was said before they went.
        if faulty || position < PEOPLE.len() / 2 {
            assert!(heard.iter().all(|seq| expected.contains(seq)), "{number} heard {heard:?} of {expected:?}");
        } else {
            assert_eq!(heard, expected, "{number}");
        }
        let held = listener.events.iter().fold(began_with.contains(number), |held, e| match e["name"].as_str() {
            Some("conversation.removed") => false,
            Some("conversation.updated") => held || e["data"]["joined"].is_object(),
            Some("message.created") => {
                assert!(held, "{number} hears of what is not theirs: {e}");
                held
            }
            _ => held,
        });
        assert_eq!(held, model.now.contains(*number), "{number} was told whether they are in it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_hears_exactly_what_was_said_while_they_were_in_it() {
    for faulty in [false, true] {
        let seeds = [11_u64, 12, 13, 14].map(|n| 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n));
        let stories = seeds.map(|seed| tokio::spawn(story(seed, faulty)));
        for story in join_all(stories).await {
            story.unwrap();
        }
    }
}
