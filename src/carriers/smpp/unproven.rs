//! Which of what was taken is not known to be answered: the carrier may not have read our answer. And who wants to know
//! whether it is there.
//!
//! A carrier that answers a request of ours has read all that we wrote before it.

use std::mem::take;

use uuid::Uuid;

use super::{pdu::What, presence::Asker};

/// No more than this are taken.
const MOST: usize = 10_000;
/// The carrier is asked for a proof when there are so many.
const MANY: usize = 1_000;

/// What was taken and answered, and not proven to be.
#[derive(Debug, Default)]
pub(super) struct Unproven {
    /// Since the request that is waited for.
    since: Proven,
    /// The request whose answer is waited for, and what was before it.
    before: Option<(u32, Proven)>,
}

/// What an answer of the carrier's proves.
#[derive(Debug, Default)]
pub(super) struct Proven {
    /// It has read our answers to these.
    pub taken: Vec<Uuid>,
    /// To these: it is there.
    pub askers: Vec<Asker>,
}

impl Proven {
    fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.askers.is_empty()
    }
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

    /// Whether to ask the carrier now.
    pub(super) fn wants_proof(&self) -> bool {
        !self.since.askers.is_empty() || self.since.taken.len() >= MANY
    }

    /// Whether nothing more is to be taken before something is proven.
    pub(super) fn is_full(&self) -> bool {
        self.since.taken.len() + self.before.as_ref().map_or(0, |(_, before)| before.taken.len()) >= MOST
    }

    /// A `submit_sm` is written: its answer will prove what was written before, if nothing is waited for already.
    pub(super) fn submits(&mut self, sequence: u32) {
        if self.before.is_none() && !self.since.is_empty() {
            self.before = Some((sequence, take(&mut self.since)));
        }
    }

    /// An `enquire_link` is written: its answer will prove all. That of a submit may never come, and the link goes on.
    pub(super) fn enquires(&mut self, sequence: u32) {
        let mut all = self.before.take().map(|(_, before)| before).unwrap_or_default();
        all.taken.append(&mut self.since.taken);
        all.askers.append(&mut self.since.askers);
        if !all.is_empty() {
            self.before = Some((sequence, all));
        }
    }

    /// What the carrier proves by this.
    pub(super) fn proven_by(&mut self, sequence: u32, what: &What) -> Option<Proven> {
        let is_answer = matches!(what, What::Submitted(_) | What::Alive | What::Nack);
        self.before.take_if(|(asked, _)| is_answer && *asked == sequence).map(|(_, proven)| proven)
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

    fn proven_by(unproven: &mut Unproven, sequence: u32, what: &What) -> Option<Vec<Uuid>> {
        unproven.proven_by(sequence, what).map(|proven| proven.taken)
    }

    #[test]
    fn an_answer_proves_what_was_written_before_its_request() {
        let mut unproven = Unproven::default();
        unproven.submits(1);
        assert_eq!(proven_by(&mut unproven, 1, &submitted()), None, "there was nothing");
        unproven.answered(name(1));
        unproven.submits(2);
        unproven.answered(name(2));
        unproven.submits(3);
        assert_eq!(proven_by(&mut unproven, 2, &What::Stray), None, "no answer of this kind");
        assert_eq!(proven_by(&mut unproven, 2, &submitted()), Some(vec![name(1)]));
        assert_eq!(proven_by(&mut unproven, 2, &submitted()), None, "once");
        unproven.submits(4);
        assert_eq!(proven_by(&mut unproven, 4, &What::Nack), Some(vec![name(2)]));
    }

    #[test]
    fn a_submit_that_is_never_answered_leaves_the_proof_to_the_next_enquire_link() {
        let mut unproven = Unproven::default();
        unproven.answered(name(1));
        unproven.submits(1);
        unproven.answered(name(2));
        unproven.enquires(2);
        unproven.answered(name(3));
        assert_eq!(proven_by(&mut unproven, 2, &What::Alive), Some(vec![name(1), name(2)]));
        unproven.enquires(3);
        assert_eq!(proven_by(&mut unproven, 3, &What::Alive), Some(vec![name(3)]));
        unproven.enquires(4);
        assert_eq!(proven_by(&mut unproven, 4, &What::Alive), None);
    }

    #[test]
    fn who_asks_is_told_by_the_answer_to_what_was_written_later() {
        let mut unproven = Unproven::default();
        unproven.enquires(1);
        let (asker, mut told) = oneshot::channel();
        assert!(!unproven.wants_proof());
        unproven.asked(asker);
        assert!(unproven.wants_proof());
        assert!(unproven.proven_by(1, &What::Alive).is_none(), "that was written before");
        unproven.submits(2);
        assert!(!unproven.wants_proof(), "it is asked already");
        unproven.enquires(3);
        assert!(unproven.proven_by(2, &submitted()).is_none());
        for asker in unproven.proven_by(3, &What::Alive).unwrap().askers {
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
        unproven.proven_by(1, &What::Alive).unwrap();
        assert!(!unproven.is_full());
    }
}
