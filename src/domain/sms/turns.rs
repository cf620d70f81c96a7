//! Whose turn it is at one of our numbers: texts to one number outside go out in order, the next not before the last is
//! settled; all of them together no faster than the number's pace, in segments a second.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use crate::domain::{ConversationId, Seq, Timestamp, phone::Number};

/// Texts under way at once, of one number.
const UNDER_WAY: usize = 64;

/// The longest for which nothing goes at all.
const HOLD: Duration = Duration::from_secs(10);

/// A text that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its place in the order.
    pub place: i64,
    /// Of which message.
    pub conversation: ConversationId,
    /// Of which message.
    pub seq: Seq,
    /// To whom.
    pub number: Number,
    /// In how many segments.
    pub segments: i64,
    /// Not before.
    pub due_at: Timestamp,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Hand this over.
    Take(Turn),
    /// Nothing before this.
    Wait(Timestamp),
    /// Nothing waits that isn't waiting for another.
    Nothing,
}

/// What waits at a number.
#[derive(Debug)]
pub struct Turns {
    pace_per_s: f64,
    /// To each number outside, in order.
    waiting: HashMap<Number, BTreeMap<(i64, ConversationId, Seq), Turn>>,
    /// The first to each number outside to whom nothing is under way, by when it may go.
    heads: BTreeSet<(Timestamp, i64, Number)>,
    under_way: HashSet<Number>,
    /// Where each waits.
    places: HashMap<(ConversationId, Seq, Number), i64>,
    free_at: Timestamp,
}

impl Turns {
    /// Nothing waits yet.
    pub fn new(pace_per_s: f64) -> Self {
        Self {
            pace_per_s,
            waiting: HashMap::new(),
            heads: BTreeSet::new(),
            under_way: HashSet::new(),
            places: HashMap::new(),
            free_at: Timestamp(i64::MIN),
        }
    }

    /// The carrier's pace, in segments a second.
    pub fn set_pace(&mut self, pace_per_s: f64) {
        self.pace_per_s = pace_per_s;
    }

    /// So many wait.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Nothing waits, and nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// A text waits. The same again takes the place of what was known of it.
    pub fn add(&mut self, turn: Turn) {
        let number = turn.number.clone();
        self.unhead(&number);
        let queue = self.waiting.entry(number.clone()).or_default();
        let known = self.places.insert((turn.conversation, turn.seq, number.clone()), turn.place);
        if let Some(place) = known {
            queue.remove(&(place, turn.conversation, turn.seq));
        }
        queue.insert((turn.place, turn.conversation, turn.seq), turn);
        self.head(&number);
    }

    /// What to hand over now. It is under way until [`Self::settled`].
    pub fn next(&mut self, now: Timestamp) -> Next {
        let Some((due, _, number)) = self.heads.first().cloned() else { return Next::Nothing };
        if self.under_way.len() >= UNDER_WAY {
            return Next::Nothing;
        }
        // A clock that went back holds nobody up for longer than the pace does, or a hold.
        self.free_at = self.free_at.min(now + self.gap(UNDER_WAY as i64).max(HOLD));
        let when = due.max(self.free_at);
        if when > now {
            return Next::Wait(when);
        }
        self.heads.pop_first();
        let Some((_, turn)) = self.waiting.get_mut(&number).and_then(BTreeMap::pop_first) else {
            return self.next(now);
        };
        self.places.remove(&(turn.conversation, turn.seq, number.clone()));
        if self.waiting.get(&number).is_some_and(BTreeMap::is_empty) {
            self.waiting.remove(&number);
        }
        self.free_at = now + self.gap(turn.segments);
        self.under_way.insert(number);
        Next::Take(turn)
    }

    /// Nothing is handed over before this, or for [`HOLD`].
    pub fn hold(&mut self, until: Timestamp) {
        self.free_at = until;
    }

    /// Something is under way to this number that was begun before.
    pub fn begun(&mut self, number: &Number) {
        self.unhead(number);
        self.under_way.insert(number.clone());
    }

    /// What was under way to this number is settled: the carrier has answered, or it was not sent.
    pub fn settled(&mut self, number: &Number) {
        self.under_way.remove(number);
        self.head(number);
    }

    fn gap(&self, segments: i64) -> Duration {
        #[allow(clippy::cast_precision_loss)] // a text has few
        Duration::try_from_secs_f64(segments.max(1) as f64 / self.pace_per_s).unwrap_or(Duration::from_secs(3_600))
    }

    fn first(&self, number: &Number) -> Option<(Timestamp, i64, Number)> {
        let (_, turn) = self.waiting.get(number)?.first_key_value()?;
        Some((turn.due_at, turn.place, number.clone()))
    }

    fn unhead(&mut self, number: &Number) {
        if let Some(head) = self.first(number) {
            self.heads.remove(&head);
        }
    }

    fn head(&mut self, number: &Number) {
        if !self.under_way.contains(number) {
            self.heads.extend(self.first(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000)
    }

    fn turn(place: i64, to: &str, segments: i64, due: i64) -> Turn {
        let conversation = ConversationId(Uuid::from_u128(1));
        Turn { place, conversation, seq: place, number: Number::stored(to.into()), segments, due_at: at(due) }
    }

    fn taken(turns: &mut Turns, now: i64) -> Option<i64> {
        match turns.next(at(now)) {
            Next::Take(turn) => Some(turn.place),
            _ => None,
        }
    }

    #[test]
    fn the_next_to_a_number_waits_for_the_last_and_others_don_t() {
        let mut turns = Turns::new(1_000.0);
        for t in [turn(1, "+1", 1, 0), turn(2, "+1", 1, 0), turn(3, "+2", 1, 0)] {
            turns.add(t);
        }
        assert_eq!(taken(&mut turns, 0), Some(1));
        assert_eq!(taken(&mut turns, 10), Some(3));
        assert_eq!(turns.next(at(20)), Next::Nothing);
        turns.settled(&Number::stored("+1".into()));
        assert_eq!(taken(&mut turns, 30), Some(2));
        turns.settled(&Number::stored("+1".into()));
        turns.settled(&Number::stored("+2".into()));
        assert!(turns.is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up_for_long() {
        let mut turns = Turns::new(100.0);
        turns.add(turn(1, "+1", 1, -9_000_000));
        turns.hold(at(5_000));
        assert_eq!(turns.next(at(-3_600_000)), Next::Wait(at(-3_590_000)));
        assert_eq!(turns.next(at(-3_595_000)), Next::Wait(at(-3_590_000)), "however often it is looked");
    }

    #[test]
    fn while_it_is_held_nothing_goes_and_what_was_paid_for_is_not_paid_again() {
        let mut turns = Turns::new(1.0);
        turns.add(turn(1, "+1", 10, 0));
        turns.add(turn(2, "+2", 1, 0));
        assert_eq!(taken(&mut turns, 0), Some(1));
        turns.hold(at(5_000));
        assert_eq!(turns.next(at(4_000)), Next::Wait(at(5_000)));
        assert_eq!(taken(&mut turns, 5_000), Some(2), "and not after the ten seconds that ten segments take");
    }

    #[test]
    fn one_that_is_sent_again_goes_before_what_came_after_it() {
        let mut turns = Turns::new(1_000.0);
        turns.add(turn(1, "+1", 1, 5_000));
        turns.add(turn(2, "+1", 1, 0));
        assert_eq!(turns.next(at(0)), Next::Wait(at(5_000)));
        assert_eq!(taken(&mut turns, 5_000), Some(1));
    }

    #[test]
    fn the_pace_is_in_segments() {
        let mut turns = Turns::new(1.0);
        turns.add(turn(1, "+1", 3, 0));
        turns.add(turn(2, "+2", 1, 0));
        assert_eq!(taken(&mut turns, 0), Some(1));
        assert_eq!(turns.next(at(2_999)), Next::Wait(at(3_000)));
        assert_eq!(taken(&mut turns, 3_000), Some(2));
    }

    #[test]
    fn the_same_again_is_one() {
        let mut turns = Turns::new(1_000.0);
        turns.add(turn(1, "+1", 1, 0));
        turns.add(turn(1, "+1", 1, 9_000));
        assert_eq!(turns.next(at(0)), Next::Wait(at(9_000)));
        assert_eq!(taken(&mut turns, 9_000), Some(1));
        turns.settled(&Number::stored("+1".into()));
        assert!(turns.is_empty());
    }

    proptest! {
        #[test]
        fn everything_goes_out_once_and_in_order(texts in proptest::collection::vec((0..4_u8, 0..3_i64), 1..60)) {
            let mut turns = Turns::new(10.0);
            for (place, (to, due)) in (1_i64..).zip(&texts) {
                turns.add(turn(place, &format!("+{to}"), 1, due * 1_000));
            }
            let (mut now, mut seen, mut busy) = (at(0), Vec::new(), Vec::new());
            while !turns.is_empty() {
                match turns.next(now) {
                    Next::Take(t) => { busy.push(t.number.clone()); seen.push((t.number, t.place)); }
                    Next::Wait(until) => { prop_assert!(until > now); now = until; }
                    Next::Nothing => { prop_assert!(!busy.is_empty()); turns.settled(&busy.remove(0)); }
                }
            }
            prop_assert_eq!(seen.len(), texts.len());
            for to in 0..4 {
                let to = Number::stored(format!("+{to}"));
                let places: Vec<_> = seen.iter().filter(|(n, _)| *n == to).map(|(_, p)| *p).collect();
                prop_assert!(places.is_sorted());
            }
        }
    }
}
