//! Which of what was taken is not known to be answered: the carrier may not have read our answer. And who wants to know
//! whether it is there.
//!
//! A carrier that answers a request of ours has read all that we wrote before it.

use std::{collections::VecDeque, mem::take};

use uuid::Uuid;

use super::{pdu::What, presence::Asker};

/// No more than this are taken.
const MOST: usize = 10_000;
/// The carrier is asked for a proof when there are so many.
const MANY: usize = 1_000;

/// What was taken and answered, and not proven to be; and who asks.
#[derive(Debug, Default)]
pub(super) struct Unproven {
    /// Since the last request.
    since: Answered,
    /// Requests that are not answered, oldest first, and what was before each, and after the one before it.
    before: VecDeque<(u32, Answered)>,
}

/// What the carrier proves when it answers something that was written later.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// It has read our answers to these.
    pub taken: Vec<Uuid>,
    /// To these: it is there.
    pub askers: Vec<Asker>,
}

impl Unproven {
    /// This was answered.
    pub(super) fn answered(&mut self, taken: Uuid) {
        self.since.taken.push(taken);
    }

    /// Somebody wants to know whether the carrier is there.
    pub(super) fn asked(&mut self, asker: Asker) {
        self.since.askers.retain(|asker| !asker.is_closed());
        self.since.askers.push(asker);
    }

    /// Whether to write an `enquire_link` as soon as may be.
    pub(super) fn wants_proof(&self) -> bool {
        !self.since.askers.is_empty() || self.since.taken.len() >= MANY
    }

    /// Whether nothing more is to be taken before something is proven.
    pub(super) fn is_full(&self) -> bool {
        self.since.taken.len() + self.before.iter().map(|(_, before)| before.taken.len()).sum::<usize>() >= MOST
    }

    /// A `submit_sm` is written. Who asks is not to wait for its answer: that may take long.
    pub(super) fn submits(&mut self, sequence: u32) {
        if !self.since.taken.is_empty() {
            let taken = take(&mut self.since.taken);
            self.before.push_back((sequence, Answered { taken, askers: vec![] }));
        }
    }

    /// An `enquire_link` is written.
    pub(super) fn enquires(&mut self, sequence: u32) {
        self.before.push_back((sequence, take(&mut self.since)));
    }

    /// What the carrier proves by this.
    pub(super) fn proven_by(&mut self, sequence: u32, what: &What) -> Answered {
        let is_answer = matches!(what, What::Submitted(_) | What::Alive | What::Nack);
        let place = self.before.iter().position(|(asked, _)| is_answer && *asked == sequence);
        let mut proven = Answered::default();
        for (_, before) in self.before.drain(..place.map_or(0, |place| place + 1)) {
            proven.taken.extend(before.taken);
            proven.askers.extend(before.askers);
        }
        proven
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn name(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn submitted() -> What {
        What::Submitted(String::new())
    }

    fn proven_by(unproven: &mut Unproven, sequence: u32, what: &What) -> Vec<u128> {
        unproven.proven_by(sequence, what).taken.iter().map(Uuid::as_u128).collect()
    }

    #[test]
    fn an_answer_proves_all_that_was_written_before_its_request() {
        let mut unproven = Unproven::default();
        unproven.submits(1);
        assert_eq!(proven_by(&mut unproven, 1, &submitted()), [0; 0], "there was nothing");
        unproven.answered(name(1));
        unproven.submits(2);
        unproven.answered(name(2));
        unproven.submits(3);
        unproven.answered(name(3));
        unproven.enquires(4);
        assert_eq!(proven_by(&mut unproven, 3, &What::Stray), [0; 0], "no answer of this kind");
        assert_eq!(proven_by(&mut unproven, 3, &submitted()), [1, 2]);
        assert_eq!(proven_by(&mut unproven, 2, &submitted()), [0; 0], "once");
        assert_eq!(proven_by(&mut unproven, 4, &What::Nack), [3]);
    }

    #[test]
    fn a_submit_that_is_never_answered_leaves_the_proof_to_the_next_answer() {
        let mut unproven = Unproven::default();
        unproven.answered(name(1));
        unproven.submits(1);
        unproven.answered(name(2));
        unproven.enquires(2);
        unproven.answered(name(3));
        assert_eq!(proven_by(&mut unproven, 2, &What::Alive), [1, 2]);
        unproven.enquires(3);
        assert_eq!(proven_by(&mut unproven, 3, &What::Alive), [3]);
        unproven.enquires(4);
        assert_eq!(proven_by(&mut unproven, 4, &What::Alive), [0; 0]);
    }

    #[test]
    fn who_asks_is_told_by_the_answer_to_an_enquire_link_that_was_written_later() {
        let mut unproven = Unproven::default();
        unproven.enquires(1);
        let (asker, mut told) = oneshot::channel();
        assert!(!unproven.wants_proof());
        unproven.asked(asker);
        unproven.answered(name(1));
        unproven.submits(2);
        assert!(unproven.wants_proof(), "a submit may wait long for its answer");
        assert!(unproven.proven_by(1, &What::Alive).askers.is_empty(), "that was written before");
        unproven.enquires(3);
        assert!(!unproven.wants_proof(), "it is asked already");
        assert!(unproven.proven_by(2, &submitted()).askers.is_empty());
        for asker in unproven.proven_by(3, &What::Alive).askers {
            asker.send(()).unwrap();
        }
        told.try_recv().unwrap();
    }

    #[test]
    fn who_has_gone_wants_to_know_nothing() {
        let mut unproven = Unproven::default();
        for _ in 0..10 {
            unproven.asked(oneshot::channel().0);
        }
        assert_eq!(unproven.since.askers.len(), 1);
    }

    #[test]
    fn it_does_not_grow_without_end_if_nothing_is_ever_answered() {
        let mut unproven = Unproven::default();
        let mut taken = 0;
        while !unproven.is_full() {
            unproven.answered(name(taken));
            taken += 1;
            assert_eq!(unproven.wants_proof(), taken % 1_000 == 0, "{taken}");
            if unproven.wants_proof() {
                unproven.enquires(1);
            }
        }
        assert_eq!(taken, 10_000);
        unproven.proven_by(1, &What::Alive);
        assert!(!unproven.is_full());
    }
}
