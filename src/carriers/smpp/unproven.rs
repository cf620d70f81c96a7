//! Which of what was taken is not known to be answered: the carrier may not have read our answer.
//!
//! A carrier that answers a request of ours has read all that we wrote before it.

use std::mem::take;

use uuid::Uuid;

use super::pdu::What;

/// More than this are not remembered: then the oldest may be taken for unanswered a while longer.
const MOST: usize = 10_000;

/// What was taken and answered, and not proven to be.
#[derive(Debug, Default)]
pub(super) struct Unproven {
    /// Since the request that is waited for.
    written: Vec<Uuid>,
    /// The request whose answer is waited for, and what was answered before it.
    before: Option<(u32, Vec<Uuid>)>,
}

impl Unproven {
    /// This was answered.
    pub(super) fn answered(&mut self, taken: Uuid) {
        self.written.push(taken);
        if self.written.len() >= MOST {
            self.written.drain(..MOST / 2);
        }
    }

    /// A `submit_sm` is written: its answer will prove what was written before, if nothing is waited for already.
    pub(super) fn submits(&mut self, sequence: u32) {
        if self.before.is_none() && !self.written.is_empty() {
            self.before = Some((sequence, take(&mut self.written)));
        }
    }

    /// An `enquire_link` is written: its answer will prove all. That of a submit may never come, and the link goes on.
    pub(super) fn enquires(&mut self, sequence: u32) {
        let mut all = self.before.take().map(|(_, names)| names).unwrap_or_default();
        all.append(&mut self.written);
        if !all.is_empty() {
            all.drain(..all.len().saturating_sub(MOST));
            self.before = Some((sequence, all));
        }
    }

    /// What the carrier has proven to have read by this.
    pub(super) fn proven_by(&mut self, sequence: u32, what: &What) -> Option<Vec<Uuid>> {
        let is_answer = matches!(what, What::Submitted(_) | What::Alive | What::Nack);
        self.before.take_if(|(asked, _)| is_answer && *asked == sequence).map(|(_, known)| known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn submitted() -> What {
        What::Submitted(String::new())
    }

    #[test]
    fn an_answer_proves_what_was_written_before_its_request() {
        let mut unproven = Unproven::default();
        unproven.submits(1);
        assert_eq!(unproven.proven_by(1, &submitted()), None, "there was nothing");
        unproven.answered(name(1));
        unproven.submits(2);
        unproven.answered(name(2));
        unproven.submits(3);
        assert_eq!(unproven.proven_by(2, &What::Stray), None, "no answer of this kind");
        assert_eq!(unproven.proven_by(2, &submitted()), Some(vec![name(1)]));
        assert_eq!(unproven.proven_by(2, &submitted()), None, "once");
        unproven.submits(4);
        assert_eq!(unproven.proven_by(4, &What::Nack), Some(vec![name(2)]));
    }

    #[test]
    fn a_submit_that_is_never_answered_leaves_the_proof_to_the_next_enquire_link() {
        let mut unproven = Unproven::default();
        unproven.answered(name(1));
        unproven.submits(1);
        unproven.answered(name(2));
        unproven.enquires(2);
        unproven.answered(name(3));
        assert_eq!(unproven.proven_by(2, &What::Alive), Some(vec![name(1), name(2)]));
        unproven.enquires(3);
        assert_eq!(unproven.proven_by(3, &What::Alive), Some(vec![name(3)]));
        unproven.enquires(4);
        assert_eq!(unproven.proven_by(4, &What::Alive), None);
    }

    #[test]
    fn it_does_not_grow_without_end_if_nothing_is_ever_answered() {
        let mut unproven = Unproven::default();
        for n in 0..100 {
            (0..1_000).for_each(|m| unproven.answered(name(n * 1_000 + m)));
            unproven.enquires(u32::try_from(n).unwrap());
            let (_, before) = unproven.before.as_ref().unwrap();
            assert!(before.len() <= MOST && before.last() == Some(&name(n * 1_000 + 999)));
        }
        (0..100_000).for_each(|n| unproven.answered(name(n)));
        assert!(unproven.written.len() < MOST);
    }
}
