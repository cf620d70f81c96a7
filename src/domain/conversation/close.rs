//! `close`: a queue conversation is over. The customer's next text begins another.

use crate::domain::{Caller, Decision, Refusal};

use super::{
    Author, Conversation, Gone, Queued, SystemEvent,
    queued::{State, Step, Taken, decided},
};

/// Its agent, or a supervisor, closes it; again, that is no change.
pub fn close(conversation: &Conversation, caller: &Caller) -> Result<Decision, Refusal> {
    if let Some(Queued { state: State::Closed(Some(by)), .. }) = &conversation.queue
        && by.id == caller.extension
    {
        return Ok(Decision::default());
    }
    let queued = conversation.steered_by(caller)?;
    let to = Queued { state: State::Closed(Some(caller.into())), ..queued.clone() };
    let words = format!("Conversation closed by {caller}");
    let pill = (Author::Extension(caller.extension), words, SystemEvent::Closed { by: caller.extension });
    let taken = (queued.state == State::Waiting).then(|| (Taken::Closed, Some(caller.into())));
    let changes = conversation.moved(Step { from: queued, to, pill, reason: Gone::Released, taken });
    Ok(decided(conversation, queued, changes))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, claimed, closed, ext, supervisor, waiting};
    use super::*;
    use crate::domain::Change;

    #[test]
    fn who_held_it_keeps_it_to_read() {
        let decision = close(&claimed(1), &caller(1)).unwrap();
        let [Change::QueueMoved(moved), Change::MessageAdded(pill)] = &decision.changes[..] else {
            panic!("two changes")
        };
        assert_eq!((&moved.audience[..], moved.row.participant_count), (&[ext(1)][..], 1));
        assert_eq!(pill.text.as_str(), "Conversation closed by Name 1 (201)");
    }

    #[test]
    fn a_supervisor_closes_what_waits_and_its_agents_are_told() {
        let decision = close(&waiting(), &supervisor(9)).unwrap();
        assert!(matches!(decision.changes.last(), Some(Change::WaitingTaken { reason: Taken::Closed, .. })));
        assert_eq!(close(&waiting(), &caller(1)), Err(Refusal::NotClaimed));
        assert!(matches!(close(&claimed(1), &caller(2)), Err(Refusal::AlreadyClaimed(_))));
    }

    #[test]
    fn closing_again_is_no_change_for_who_did_it() {
        assert_eq!(close(&closed(1), &caller(1)), Ok(Decision::default()));
        assert_eq!(close(&closed(1), &supervisor(9)), Err(Refusal::ConversationClosed));
    }
}
