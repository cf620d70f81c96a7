//! What is under way on a link: segments in flight, texts of which some are answered, and what is to be said of a text
//! once all of its segments are.
//!
//! The carrier may slow us down: then the link pauses, and the same segment goes again. What was written and not answered
//! is unknown, and never goes again by itself.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use crate::domain::sms::delivery::{DeliveryError, Rejection, Submitted};

use super::{Timing, pdu::Address, segment::Segment, status};

/// A text that is to go out.
#[derive(Debug)]
pub(super) struct Text {
    pub from: Address,
    pub to: Address,
    pub segments: Vec<Segment>,
    /// Not a segment of it is written after this.
    pub until: Instant,
    /// Where the outcome goes.
    pub reply: oneshot::Sender<Submitted>,
}

/// The most texts under way, those that wait for their turn included.
const MOST: usize = 256;

/// What is under way.
#[derive(Debug)]
pub(super) struct Window {
    /// The most segments in flight.
    size: usize,
    timing: Timing,
    /// In the order in which they came.
    texts: BTreeMap<u64, Underway>,
    came: u64,
    in_flight: HashMap<u32, InFlight>,
    /// The last pause that the carrier has asked for.
    paused: Option<Pause>,
    /// How long the next one is.
    pause: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    began: Instant,
    until: Instant,
}

#[derive(Debug)]
struct InFlight {
    text: u64,
    segment: usize,
    since: Instant,
}

#[derive(Debug)]
struct Underway {
    text: Text,
    /// Segments that are to be written, in order.
    waiting: Vec<usize>,
    not_before: Option<Instant>,
    in_flight: usize,
    /// What the carrier calls each segment that it has.
    names: Vec<Option<String>>,
    /// An answer was lost.
    is_lost: bool,
    refusal: Option<(Rejection, DeliveryError)>,
}

impl Window {
    pub(super) fn new(size: usize, timing: Timing) -> Self {
        let (texts, in_flight) = (BTreeMap::new(), HashMap::new());
        let pause = timing.throttled.0;
        Self { size, timing, texts, came: 0, in_flight, paused: None, pause }
    }

    /// Whether there is room for another text. It is taken even if it has to wait: here, its time is looked at.
    pub(super) fn has_room(&self) -> bool {
        self.texts.len() < MOST
    }

    pub(super) fn add(&mut self, text: Text) {
        let (waiting, names) = ((0..text.segments.len()).collect(), vec![None; text.segments.len()]);
        let (not_before, in_flight, is_lost, refusal) = (None, 0, false, None);
        self.texts.insert(self.came, Underway { text, waiting, not_before, in_flight, names, is_lost, refusal });
        self.came += 1;
    }

    /// The next segment to be written, under this number from now on.
    pub(super) fn next(&mut self, sequence: u32, now: Instant) -> Option<(&Address, &Address, &Segment)> {
        if self.is_paused(now) || self.in_flight.len() >= self.size {
            return None;
        }
        let (key, underway) = self.texts.iter_mut().find(|(_, text)| text.is_ready(now))?;
        let segment = underway.waiting.remove(0);
        underway.in_flight += 1;
        self.in_flight.insert(sequence, InFlight { text: *key, segment, since: now });
        let Text { from, to, segments, .. } = &underway.text;
        Some((from, to, segments.get(segment)?))
    }

    /// The carrier has answered. `name` is what it calls the segment.
    pub(super) fn answered(&mut self, sequence: u32, status: u32, name: String, now: Instant) {
        let Some(InFlight { text: key, segment, since }) = self.in_flight.remove(&sequence) else { return };
        let Some(underway) = self.texts.get_mut(&key) else { return };
        underway.in_flight -= 1;
        // Of what was in flight when a pause began, each answer says the same once more.
        let is_news = self.paused.is_none_or(|pause| since > pause.began);
        match (status, status::refused(status)) {
            (super::pdu::OK, _) => {
                underway.names[segment] = Some(name);
                if is_news {
                    self.pause = self.timing.throttled.0;
                }
            }
            (_, (Rejection::Throttled(_), _)) => {
                underway.again(segment, None);
                if is_news {
                    self.paused = Some(Pause { began: now, until: now + self.pause });
                    self.pause = (self.pause * 2).min(self.timing.throttled.1);
                }
            }
            // The whole text would go again, with what the carrier has of it.
            (_, (Rejection::Temporary, _)) if underway.is_begun() => {
                underway.again(segment, Some(now + self.timing.throttled.0));
            }
            (_, refusal) => {
                underway.refusal = Some(refusal);
                underway.waiting.clear();
            }
        }
        self.settle(key, now);
    }

    /// Time has passed: answers that did not come are lost, and texts that waited too long go no further.
    pub(super) fn look(&mut self, now: Instant) {
        let late = |flight: &InFlight| now.duration_since(flight.since) >= self.timing.answer;
        let lost: Vec<_> = self.in_flight.iter().filter(|(_, f)| late(f)).map(|(sequence, _)| *sequence).collect();
        for sequence in lost {
            let Some(InFlight { text, .. }) = self.in_flight.remove(&sequence) else { continue };
            if let Some(underway) = self.texts.get_mut(&text) {
                underway.in_flight -= 1;
                underway.is_lost = true;
                underway.waiting.clear();
            }
        }
        for underway in self.texts.values_mut().filter(|text| text.text.until <= now) {
            underway.waiting.clear();
        }
        let keys: Vec<_> = self.texts.keys().copied().collect();
        keys.into_iter().for_each(|key| self.settle(key, now));
    }

    /// When to look again, if anything waits for time to pass.
    pub(super) fn wakes(&self, now: Instant) -> Option<Instant> {
        let answers = self.in_flight.values().map(|flight| flight.since + self.timing.answer);
        let texts = self.texts.values().flat_map(|text| {
            let until = (!text.waiting.is_empty()).then_some(text.text.until);
            [until, text.not_before.filter(|at| *at > now)].into_iter().flatten()
        });
        answers.chain(texts).chain(self.paused_until().filter(|until| *until > now)).min()
    }

    /// Segments in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The link is gone: what was written may have gone out, what was not has not.
    pub(super) fn lost(self) {
        for (_, underway) in self.texts {
            let submitted = if underway.is_begun() { Submitted::Unknown } else { super::unreachable() };
            let _ = underway.text.reply.send(submitted);
        }
    }

    fn is_paused(&self, now: Instant) -> bool {
        self.paused_until().is_some_and(|until| until > now)
    }

    fn paused_until(&self) -> Option<Instant> {
        self.paused.map(|pause| pause.until)
    }

    /// Says what became of a text, once nothing of it is under way.
    fn settle(&mut self, key: u64, now: Instant) {
        if self.texts.get(&key).is_none_or(|text| text.in_flight > 0 || !text.waiting.is_empty()) {
            return;
        }
        let Some(Underway { text, names, is_lost, refusal, .. }) = self.texts.remove(&key) else { return };
        let has_some = names.iter().any(Option::is_some);
        let segments = i64::try_from(names.len()).ok();
        let submitted = match (names.into_iter().collect::<Option<Vec<_>>>(), refusal) {
            (Some(names), _) => {
                let provider_ids = names.into_iter().filter(|name| !name.is_empty()).collect();
                Submitted::Accepted { provider_ids, segments }
            }
            (None, Some((kind, error))) if !is_lost && (!has_some || kind == Rejection::Permanent) => {
                Submitted::Rejected(kind, error)
            }
            (None, None) if !is_lost && !has_some => {
                let after = self.paused_until().map(|until| until.saturating_duration_since(now));
                Submitted::Rejected(Rejection::Throttled(after.filter(|pause| !pause.is_zero())), super::busy())
            }
            // Some of it may be there.
            _ => Submitted::Unknown,
        };
        let _ = text.reply.send(submitted);
    }
}

impl Underway {
    fn is_ready(&self, now: Instant) -> bool {
        !self.waiting.is_empty() && self.text.until > now && self.not_before.is_none_or(|at| at <= now)
    }

    /// Whether the carrier has some of it, or may have.
    fn is_begun(&self) -> bool {
        self.in_flight > 0 || self.is_lost || self.names.iter().any(Option::is_some)
    }

    fn again(&mut self, segment: usize, not_before: Option<Instant>) {
        if self.is_lost || self.refusal.is_some() {
            return;
        }
        let at = self.waiting.partition_point(|waiting| *waiting < segment);
        self.waiting.insert(at, segment);
        self.not_before = not_before.or(self.not_before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot::Receiver;

    struct Test {
        window: Window,
        now: Instant,
        sequence: u32,
    }

    impl Test {
        fn new(size: usize) -> Self {
            Self { window: Window::new(size, Timing::default()), now: Instant::now(), sequence: 0 }
        }

        fn add(&mut self, segments: usize) -> Receiver<Submitted> {
            let (reply, answer) = oneshot::channel();
            let segment = |n: usize| Segment { esm_class: 0, data_coding: 0, octets: vec![u8::try_from(n).unwrap()] };
            let (from, to) = (Address::default(), Address::default());
            let until = self.now + Duration::from_secs(15);
            self.window.add(Text { from, to, segments: (0..segments).map(segment).collect(), until, reply });
            answer
        }

        /// Writes what may be written: which segments those are.
        fn write(&mut self) -> Vec<u8> {
            let mut written = vec![];
            while let Some((.., segment)) = self.window.next(self.sequence + 1, self.now) {
                written.push(segment.octets[0]);
                self.sequence += 1;
            }
            written
        }

        fn answer(&mut self, sequence: u32, status: u32) {
            self.window.answered(sequence, status, format!("m{sequence}"), self.now);
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
            self.window.look(self.now);
        }
    }

    fn accepted(names: &[&str]) -> Submitted {
        let provider_ids = names.iter().map(|name| (*name).to_owned()).collect();
        Submitted::Accepted { provider_ids, segments: Some(i64::try_from(names.len()).unwrap()) }
    }

    fn kind(submitted: Submitted) -> Rejection {
        match submitted {
            Submitted::Rejected(kind, _) => kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_is_accepted_when_all_its_segments_are_in_whatever_order() {
        let mut test = Test::new(10);
        let mut answer = test.add(3);
        assert_eq!(test.write(), [0, 1, 2]);
        test.answer(3, 0);
        test.answer(1, 0);
        assert!(answer.try_recv().is_err());
        test.answer(2, 0);
        assert_eq!(answer.try_recv(), Ok(accepted(&["m1", "m2", "m3"])));
        test.answer(2, 0);
        assert_eq!(test.window.in_flight(), 0);
    }

    #[test]
    fn no_more_than_the_window_is_in_flight() {
        let mut test = Test::new(2);
        let mut answer = test.add(3);
        assert_eq!(test.write(), [0, 1]);
        test.answer(1, 0);
        assert_eq!(test.write(), [2]);
        test.answer(2, 0);
        test.answer(3, 0);
        assert_eq!(answer.try_recv(), Ok(accepted(&["m1", "m2", "m3"])));
    }

    #[test]
    fn a_carrier_that_is_too_busy_gets_the_same_segment_again_after_growing_pauses() {
        let mut test = Test::new(10);
        let mut answer = test.add(1);
        test.write();
        for (sequence, pause) in [(1, 1), (2, 2), (3, 4)] {
            test.answer(sequence, if pause == 2 { 0x14 } else { 0x58 });
            test.pass(pause - 1);
            assert!(test.write().is_empty(), "{pause}");
            test.pass(1);
            assert_eq!(test.write(), [0]);
        }
        test.answer(4, 0);
        assert_eq!(answer.try_recv(), Ok(accepted(&["m4"])));
    }

    #[test]
    fn refusals_of_what_was_in_flight_together_are_one_pause() {
        let mut test = Test::new(10);
        let answers: Vec<_> = (0..10).map(|_| test.add(1)).collect();
        for (burst, pause) in [(0, 1), (1, 2), (2, 4)] {
            assert_eq!(test.write().len(), 10);
            (1..=10).for_each(|n| test.answer(burst * 10 + n, 0x58));
            test.pass(pause - 1);
            assert!(test.write().is_empty(), "{burst}");
            test.pass(1);
        }
        assert_eq!(test.write().len(), 10);
        (31..=40).for_each(|sequence| test.answer(sequence, 0));
        assert!(answers.into_iter().all(|mut answer| matches!(answer.try_recv(), Ok(Submitted::Accepted { .. }))));
    }

    #[test]
    fn what_was_accepted_before_a_pause_does_not_make_the_next_one_short_and_what_is_after_it_does() {
        let mut test = Test::new(2);
        let _answers = [test.add(1), test.add(1), test.add(1)];
        test.write();
        test.answer(1, 0x58);
        test.answer(2, 0);
        test.pass(1);
        assert_eq!(test.write().len(), 2);
        test.answer(3, 0x58);
        test.pass(1);
        assert!(test.write().is_empty(), "two seconds");
        test.pass(1);
        test.write();
        test.answer(5, 0);
        test.answer(4, 0x58);
        test.pass(1);
        assert_eq!(test.write().len(), 1, "one second");
    }

    #[test]
    fn texts_that_wait_for_their_turn_are_not_without_end_and_go_out_whole_one_after_the_other() {
        let mut test = Test::new(3);
        let _answers: Vec<_> = (0..MOST - 1).map(|_| test.add(2)).collect();
        assert!(test.window.has_room());
        let mut last = test.add(2);
        assert!(!test.window.has_room());
        assert_eq!(test.write(), [0, 1, 0]);
        test.answer(1, 0);
        assert_eq!(test.write(), [1]);
        test.pass(15);
        assert!(matches!(kind(last.try_recv().unwrap()), Rejection::Throttled(_)), "never written");
        assert!(test.window.has_room());
    }

    #[test]
    fn who_waited_too_long_is_refused_for_now_and_certainly_not_sent() {
        let mut test = Test::new(10);
        let mut answer = test.add(2);
        test.write();
        test.answer(1, 0x58);
        test.answer(2, 0x58);
        test.pass(15);
        assert!(matches!(kind(answer.try_recv().unwrap()), Rejection::Throttled(_)));
        let mut answer = test.add(2);
        test.pass(60);
        assert!(test.write().is_empty(), "its time was over before its turn");
        assert!(matches!(kind(answer.try_recv().unwrap()), Rejection::Throttled(_)));
    }

    #[test]
    fn a_text_of_which_the_carrier_has_some_is_not_said_to_be_unsent() {
        let mut test = Test::new(10);
        let mut answer = test.add(2);
        test.write();
        test.answer(1, 0);
        test.answer(2, 0x58);
        test.pass(15);
        assert_eq!(answer.try_recv(), Ok(Submitted::Unknown));
    }

    #[test]
    fn a_refusal_for_good_ends_it_and_one_for_now_is_tried_again_once_it_has_begun() {
        let mut test = Test::new(1);
        let mut refused = test.add(2);
        test.write();
        test.answer(1, 0x0b);
        assert_eq!(kind(refused.try_recv().unwrap()), Rejection::Permanent);
        let mut later = test.add(2);
        test.write();
        test.answer(2, 0x08);
        assert_eq!(kind(later.try_recv().unwrap()), Rejection::Temporary);
        let mut begun = test.add(2);
        test.write();
        test.answer(3, 0);
        test.write();
        test.answer(4, 0x08);
        assert!(begun.try_recv().is_err() && test.write().is_empty());
        test.pass(1);
        assert_eq!(test.write(), [1]);
        test.answer(5, 0);
        assert_eq!(begun.try_recv(), Ok(accepted(&["m3", "m5"])));
    }

    #[test]
    fn an_answer_that_does_not_come_is_unknown_and_late_it_says_nothing() {
        let mut test = Test::new(1);
        let mut answer = test.add(2);
        test.write();
        test.pass(9);
        assert!(answer.try_recv().is_err());
        test.pass(1);
        assert_eq!(answer.try_recv(), Ok(Submitted::Unknown));
        test.answer(1, 0);
        assert!(test.write().is_empty(), "the rest of it is not sent");
    }

    #[test]
    fn when_the_link_is_lost_what_was_written_is_unknown_and_what_was_not_is_not() {
        let mut test = Test::new(1);
        let (mut first, mut second) = (test.add(1), test.add(1));
        test.write();
        assert_eq!(test.window.wakes(test.now), Some(test.now + Duration::from_secs(10)));
        test.window.lost();
        assert_eq!(first.try_recv(), Ok(Submitted::Unknown));
        assert_eq!(kind(second.try_recv().unwrap()), Rejection::Temporary);
    }
}
