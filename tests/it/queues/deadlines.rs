//! The two timeouts: an agent who doesn't reply loses the conversation, and what nobody claims is closed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use partyline::{app::Options, clock::Clock, storage::ledger::Fault};
use serde_json::{Value, json};

use super::{Desk, EVE, JAKE, MIA, SUE, WYATT, customer, id, ids, ms, person};
use crate::{
    engine::manual_clock,
    sms::{ANN, BOB, MAIN, OFF, eventually},
};

const IDLE: u64 = 60;
const UNCLAIMED: u64 = 120;
const SORRY: &str = "Sorry, nobody is here. We will text you back.";
const MISSED: &str = "Conversation closed: nobody was available";
const NO_REPLY: &str = "Conversation released back to queue: no reply from Name 201 (201)";

/// A clock that stands still until it is moved.
fn standing() -> Options {
    Options { clock: manual_clock(), ..Options::default() }
}

/// Support with both timeouts, and Jake and Wyatt there.
async fn desk() -> Desk {
    let desk = Desk::with(standing(), &[JAKE, WYATT]).await;
    desk.set("support", timeouts()).await;
    desk
}

fn timeouts() -> Value {
    json!({"idle_timeout_s": IDLE, "unclaimed_timeout_s": UNCLAIMED, "timeout_response": SORRY})
}

impl Desk {
    /// When its timeout fires, in seconds from now.
    async fn due_in(&self, conversation: &str) -> Option<i64> {
        let deadline = ms(&self[SUE].row(conversation).await["queue"]["deadline"])?;
        Some((deadline - self.clock.now().0 / 1_000 + 500).div_euclid(1_000))
    }

    /// Longer than it takes to notice that a clock has moved: this is still so.
    async fn stays(&self, conversation: &str, state: &str) {
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        assert_eq!(self[SUE].row(conversation).await["queue"]["state"], state);
    }
}

#[tokio::test]
async fn who_does_not_reply_loses_it_when_the_time_is_over_and_not_before() {
    let desk = desk().await;
    let held = desk.claimed(ANN, JAKE).await;
    assert_eq!(desk.due_in(&held).await, Some(60), "from the claim");
    desk.pass(20);
    desk.text(ANN, "Anybody?").await;
    assert_eq!(desk.due_in(&held).await, Some(40), "a second text gives no more time");
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    desk.pass(39);
    desk.stays(&held, "claimed").await;
    desk.pass(1);
    let row = desk.until(&held, "waiting").await;
    let timeline = desk[SUE].history(&held).await;
    let last = timeline.last().unwrap();
    assert_eq!((&last["text"], &last["from"]), (&json!(NO_REPLY), &json!(null)));
    assert_eq!(last["event"], json!({"name": "timed_out", "who": person(JAKE)}));
    assert_eq!(row["queue"]["waiting_since"], timeline[1]["created_at"], "since the oldest that nobody answered");
    assert_eq!(desk.due_in(&held).await, Some(120), "and the unclaimed timeout runs from here");
    assert_eq!(jake.event("conversation.removed").await["reason"], "released");
    assert_eq!(id(&wyatt.event("queue.waiting").await["conversation"]), held);
    assert!(!desk[JAKE].threads().await.iter().any(|row| row["id"] == held.as_str()));
    desk[WYATT].claim(&held).await.ok();
    assert_eq!(desk.due_in(&held).await, Some(60), "from the claim, later than the text");
}

#[tokio::test]
async fn a_reply_stops_the_clock_and_the_next_text_starts_it_again() {
    let desk = desk().await;
    let held = desk.claimed(ANN, JAKE).await;
    desk.pass(30);
    desk[JAKE].say(&held, "Hi Ann").await;
    assert_eq!(desk.due_in(&held).await, None, "nobody is owed anything");
    desk.pass(10_000);
    desk.stays(&held, "claimed").await;
    let mut jake = desk[JAKE].connect().await;
    desk.text(ANN, "One more thing").await;
    assert_eq!(desk.due_in(&held).await, Some(60), "from the text, later than the claim");
    let told = jake.until_matching(|f| f["name"] == "conversation.updated").await["data"].clone();
    assert_eq!(ms(&told["queue"]["deadline"]), Some(desk.clock.now().0 / 1_000 + 60_000), "its agent is told");
    assert!(told["needs_reply_since"].is_string());
    desk.pass(30);
    desk[JAKE].transfer_to(&held, WYATT).await.ok();
    assert_eq!(desk.due_in(&held).await, Some(60), "from the transfer");
    desk.pass(60);
    desk.until(&held, "waiting").await;
    assert_eq!(
        desk.words(&held).await.last().unwrap(),
        "Conversation released back to queue: no reply from Name 211 (211)"
    );
}

#[tokio::test]
async fn a_reply_that_never_arrived_is_none_from_when_it_failed() {
    let desk = desk().await;
    let held = desk.claimed(OFF, JAKE).await;
    desk.pass(20);
    let seq = desk[JAKE].say(&held, "Hi").await["seq"].as_i64().unwrap();
    eventually(async || {
        desk.clock.advance(Duration::from_millis(1));
        let found = desk[SUE].deliveries(&held, seq).await.remove(0);
        if found["status"] == "failed" { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    let due = eventually(async || desk.due_in(&held).await.ok_or("no deadline".to_owned())).await;
    assert_eq!(due, 60, "from when it failed");
    desk.pass(60);
    desk.until(&held, "waiting").await;
    assert_eq!(desk.words(&held).await.last().unwrap(), NO_REPLY);
}

#[tokio::test]
async fn what_nobody_claims_is_answered_once_closed_and_found_under_missed() {
    let desk = desk().await;
    let waiting = desk.text(ANN, "Hello?").await;
    assert_eq!(desk.due_in(&waiting).await, Some(120), "from entering");
    desk.pass(100);
    desk.text(ANN, "Anybody?").await;
    assert_eq!(desk.due_in(&waiting).await, Some(20), "a second text gives no more time");
    let mut jake = desk[JAKE].connect().await;
    desk[WYATT].pause(&desk.support).await;
    desk.pass(20);
    let row = desk.until(&waiting, "closed").await;
    assert_eq!((&row["queue"]["missed"], &row["queue"]["closed_by"]), (&json!(true), &json!(null)));
    let taken = json!({"queue": desk.support, "conversation": waiting, "reason": "closed", "by": null});
    assert_eq!(jake.event("queue.taken").await, taken);
    let timeline = desk[SUE].history(&waiting).await;
    let mut end: Vec<_> = timeline[3..].iter().map(|m| m["text"].as_str().unwrap()).collect();
    end.sort_unstable();
    assert_eq!(end, [MISSED, SORRY], "the answer and the end, each once");
    let answer = timeline.iter().find(|m| m["text"] == SORRY).unwrap();
    assert_eq!((&answer["from"], &answer["direction"]), (&json!(null), &json!("outbound")));
    let pill = timeline.iter().find(|m| m["text"] == MISSED).unwrap();
    assert_eq!((&pill["kind"], &pill["event"]), (&json!("system"), &json!({"name": "missed"})));
    assert_eq!(desk.phone_until(ANN, 1).await, [SORRY], "it goes out, closed or not");
    assert_eq!(desk.open_of(ANN).await, None, "and opens nothing");

    // For the queue's members, there or not, and for supervisors.
    for who in [JAKE, WYATT, SUE] {
        assert_eq!(desk[who].filtered("missed").await, std::slice::from_ref(&waiting), "{who}");
        assert!(desk[who].reads(&waiting).await, "{who}");
        assert_eq!(ids(&desk[who].in_queue(&desk.support, "missed").await), std::slice::from_ref(&waiting));
    }
    for who in [MIA, EVE] {
        assert_eq!(desk[who].filtered("missed").await, Vec::<String>::new(), "{who}");
        assert!(!desk[who].reads(&waiting).await, "{who}");
    }
    // They can text back.
    let back = desk[JAKE].begin(ANN, MAIN).await;
    assert_eq!(back.status, 201);
    let back = id(&back.body);
    assert_ne!(back, waiting);
    desk[JAKE].say(&back, "Jake here, how can I help?").await;
    assert_eq!(desk.phone_until(ANN, 2).await.len(), 2);
    assert_eq!(desk.text(ANN, "At last").await, back);
    assert_eq!(ids(&desk[JAKE].all(&format!("/v1/conversations/{back}/earlier")).await), [waiting]);
}

#[tokio::test]
async fn what_passed_while_it_was_down_is_made_up_for_at_once_and_once() {
    let mut desk = desk().await;
    let (held, waiting) = (desk.claimed(ANN, JAKE).await, desk.text(BOB, "Hello?").await);
    let clock = desk.clock.clone();
    desk = desk.restart(Options::default(), move || clock.advance(Duration::from_secs(3_600))).await;
    let begun = Instant::now();
    desk.until(&held, "waiting").await;
    desk.until(&waiting, "closed").await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(desk.due_in(&held).await, Some(120), "it waits from now, and not from when it should have been");
    assert_eq!(desk.phone_until(BOB, 1).await, [SORRY]);
    let before = (desk.words(&held).await, desk.words(&waiting).await);
    assert_eq!(before.0[3..], [NO_REPLY]);
    assert_eq!(before.1.len(), 4);
    desk = desk.restart(Options::default(), || ()).await;
    desk.stays(&held, "waiting").await;
    assert_eq!((desk.words(&held).await, desk.words(&waiting).await), before, "once");
    assert_eq!(desk.pbx.phone(BOB).await, [SORRY]);
    // Left alone it is missed as well; its agent finds it there.
    desk.pass(120);
    desk.until(&held, "closed").await;
    assert!(desk[JAKE].filtered("missed").await.contains(&held));
}

#[tokio::test]
async fn a_changed_setting_counts_for_what_waits_already() {
    let desk = Desk::with(standing(), &[JAKE, WYATT]).await;
    let (held, waiting) = (desk.claimed(ANN, JAKE).await, desk.text(BOB, "Hello?").await);
    assert_eq!((desk.due_in(&held).await, desk.due_in(&waiting).await), (Some(300), None));
    desk.pass(50);
    desk.set("support", timeouts()).await;
    assert_eq!((desk.due_in(&held).await, desk.due_in(&waiting).await), (Some(10), Some(70)));
    desk.set("support", json!({"idle_timeout_s": 600, "unclaimed_timeout_s": 0})).await;
    assert_eq!((desk.due_in(&held).await, desk.due_in(&waiting).await), (Some(550), None));
    desk.pass(500);
    desk.stays(&waiting, "waiting").await;
    // Shorter than what has passed already: at once.
    let begun = Instant::now();
    desk.set("support", timeouts()).await;
    desk.until(&held, "waiting").await;
    desk.until(&waiting, "closed").await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(desk.words(&held).await.last().unwrap(), NO_REPLY);
}

#[tokio::test]
async fn another_queue_s_timeouts_count_where_it_waits_now() {
    let desk = desk().await;
    desk.set("billing", json!({"unclaimed_timeout_s": 30})).await;
    let held = desk.claimed(ANN, JAKE).await;
    desk.pass(10);
    desk[JAKE].transfer_into(&held, &desk.billing).await.ok();
    assert_eq!(desk.due_in(&held).await, Some(30), "from entering that one");
    desk.set("support", json!({"unclaimed_timeout_s": 5})).await;
    assert_eq!(desk.due_in(&held).await, Some(30), "the old one has no say");
    desk.pass(30);
    desk.until(&held, "closed").await;
    assert_eq!(desk.words(&held).await.last().unwrap(), MISSED);
    assert_eq!(desk.pbx.phone(ANN).await, Vec::<String>::new(), "billing has no answer set");
    assert_eq!(desk[MIA].filtered("missed").await, [held]);
}

#[tokio::test]
async fn the_answer_respects_who_wants_none_and_who_can_t_be_texted() {
    let desk = desk().await;
    desk.text(ANN, "Hello?").await;
    desk.pbx.text_in(ANN, MAIN, "STOP").await;
    let confirmed = desk.phone_until(ANN, 1).await;
    let by_us = desk.text(BOB, "Hello?").await;
    let consent = format!("/v1/pbx/consents/all/{BOB}");
    desk.pbx.put(&consent, json!({"reason": "by mail"})).await.ok();
    let from_robots = [desk.text("72345", "Your code is 1234").await, desk.text("PARCELCO", "It is here").await];
    desk.pass(UNCLAIMED);
    for conversation in from_robots.iter().chain([&by_us]) {
        desk.until(conversation, "closed").await;
        assert_eq!(desk.words(conversation).await.last().unwrap(), MISSED, "closed all the same");
    }
    eventually(async || desk.open_of(ANN).await.map_or(Ok(()), Err)).await;
    desk.clock.advance(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(desk.pbx.phone(ANN).await, confirmed, "nothing after the confirmation");
    for number in [BOB, "72345", "PARCELCO"] {
        assert_eq!(desk.pbx.phone(number).await, Vec::<String>::new(), "{number}");
    }
}

#[tokio::test]
async fn two_robots_end_by_the_hour_s_budget_of_three() {
    let desk = desk().await;
    for n in 0..5 {
        let waiting = desk.text(ANN, &format!("Robot {n}")).await;
        desk.pass(UNCLAIMED);
        desk.until(&waiting, "closed").await;
        assert_eq!(desk.words(&waiting).await.iter().filter(|w| *w == SORRY).count(), usize::from(n < 3), "{n}");
    }
    desk.pass(3_600);
    let waiting = desk.text(ANN, "Robot again").await;
    desk.pass(UNCLAIMED);
    desk.until(&waiting, "closed").await;
    assert_eq!(desk.phone_until(ANN, 4).await, [SORRY; 4]);
}

#[tokio::test]
async fn nothing_is_answered_where_nothing_came_in() {
    let desk = desk().await;
    let begun = id(&desk[JAKE].begin(ANN, MAIN).await.ok());
    desk[JAKE].say(&begun, "Hi Ann").await;
    desk.phone_until(ANN, 1).await;
    desk[JAKE].release(&begun).await.ok();
    desk.pass(UNCLAIMED);
    desk.until(&begun, "closed").await;
    desk.clock.advance(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(desk.pbx.phone(ANN).await, ["Hi Ann"], "at most one automatic text for each that came in");
}

#[tokio::test]
async fn a_clock_that_jumps_fires_nothing_early_and_nothing_twice() {
    let desk = desk().await;
    let held = desk.claimed(ANN, JAKE).await;
    let Clock::Manual(micros) = &desk.clock else { unreachable!() };
    micros.fetch_sub(7_200_000_000, Ordering::SeqCst);
    desk.stays(&held, "claimed").await;
    micros.fetch_add(7_200_000_000 + 59_000_000, Ordering::SeqCst);
    desk.stays(&held, "claimed").await;
    micros.fetch_add(1_000_000, Ordering::SeqCst);
    desk.until(&held, "waiting").await;
    // Back again, and on: it was fired.
    micros.fetch_sub(30_000_000, Ordering::SeqCst);
    desk.stays(&held, "waiting").await;
    micros.fetch_add(31_000_000, Ordering::SeqCst);
    desk.stays(&held, "waiting").await;
    assert_eq!(desk.words(&held).await.iter().filter(|w| *w == NO_REPLY).count(), 1);
}

/// Commits fail and answers are lost just when timeouts fire.
#[tokio::test]
async fn whatever_the_database_does_each_fires_once() {
    let (armed, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (is_armed, nth) = (armed.clone(), count.clone());
    let faults = Arc::new(move |_| match nth.fetch_add(1, Ordering::SeqCst) % 4 {
        _ if !is_armed.load(Ordering::SeqCst) => Fault::None,
        0 => Fault::LoseAnswer,
        1 => Fault::Abort,
        2 => Fault::LoseCommit,
        _ => Fault::None,
    });
    let desk = Desk::with(Options { faults: Some(faults), ..standing() }, &[JAKE, WYATT]).await;
    desk.set("support", timeouts()).await;
    let mut open = vec![];
    for n in 0..6 {
        let customer = customer(n);
        open.push(if n < 3 { desk.claimed(&customer, JAKE).await } else { desk.text(&customer, "Hello?").await });
    }
    armed.store(true, Ordering::SeqCst);
    desk.pass(UNCLAIMED);
    for (n, conversation) in open.iter().enumerate() {
        desk.until(conversation, if n < 3 { "waiting" } else { "closed" }).await;
    }
    desk.stays(&open[0], "waiting").await;
    armed.store(false, Ordering::SeqCst);
    for (n, conversation) in open.iter().enumerate() {
        let said = desk.words(conversation).await;
        let count = |what: &str| said.iter().filter(|w| *w == what).count();
        let expected = if n < 3 { (1, 0, 0) } else { (0, 1, 1) };
        assert_eq!((count(NO_REPLY), count(MISSED), count(SORRY)), expected, "{said:?}");
    }
}

/// Both see the same deadlines; a firing counts only if what it was set for is still so.
#[tokio::test]
async fn two_engines_on_one_database_fire_each_once() {
    let desk = desk().await;
    let Some(second) = desk.second().await else { return };
    let mut open = vec![];
    for n in 0..20 {
        let customer = customer(n);
        open.push(if n < 10 { desk.claimed(&customer, JAKE).await } else { desk.text(&customer, "Hello?").await });
    }
    desk.pass(UNCLAIMED);
    for (n, conversation) in open.iter().enumerate() {
        desk.until(conversation, if n < 10 { "waiting" } else { "closed" }).await;
    }
    desk.stays(&open[0], "waiting").await;
    for (n, conversation) in open.iter().enumerate() {
        let said = desk.words(conversation).await;
        let count = |what: &str| said.iter().filter(|w| *w == what).count();
        let expected = if n < 10 { (1, 0, 0) } else { (0, 1, 1) };
        assert_eq!((count(NO_REPLY), count(MISSED), count(SORRY)), expected, "{said:?}");
    }
    drop(second);
}

#[tokio::test]
async fn by_the_machine_s_own_clock_it_fires_within_a_second() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    desk.set("support", json!({"idle_timeout_s": 1, "unclaimed_timeout_s": 2})).await;
    let mut jake = desk[JAKE].connect().await;
    let held = desk.text(ANN, "Hello?").await;
    let claimed = Instant::now();
    desk[JAKE].claim(&held).await.ok();
    jake.until_event("conversation.removed").await;
    let released = claimed.elapsed();
    assert!((Duration::from_millis(950)..Duration::from_secs(2)).contains(&released), "{released:?}");
    let waited = Instant::now();
    jake.until_matching(|f| f["name"] == "queue.taken" && f["data"]["reason"] == "closed").await;
    assert!(
        (Duration::from_millis(1_900)..Duration::from_secs(3)).contains(&waited.elapsed()),
        "{:?}",
        waited.elapsed()
    );
}

/// Waits until a text's sending has come to nothing.
async fn fails(desk: &Desk, conversation: &str, seq: i64) {
    eventually(async || {
        desk.clock.advance(Duration::from_millis(1));
        let found = desk[SUE].deliveries(conversation, seq).await.remove(0);
        if found["status"] == "failed" { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn of_two_replies_that_both_fail_neither_was_one_and_the_agent_is_told_of_the_clock() {
    let desk = desk().await;
    let held = desk.claimed(OFF, JAKE).await;
    let mut jake = desk[JAKE].connect().await;
    let mut seqs = vec![];
    for text in ["Hi", "Are you there?"] {
        seqs.push(desk[JAKE].say(&held, text).await["seq"].as_i64().unwrap());
    }
    for seq in seqs {
        fails(&desk, &held, seq).await;
    }
    assert!(desk.due_in(&held).await.is_some(), "the customer waits");
    while jake.event("conversation.updated").await["queue"]["deadline"].is_null() {}
    desk.pass(61);
    desk.until(&held, "waiting").await;
}
