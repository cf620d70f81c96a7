//! `release`: a claimed conversation goes back to its queue. By its agent, by a supervisor, or because its agent may hold
//! it no longer.

use crate::domain::{Caller, Decision, ExtensionId, Refusal};

use super::{
    Author, Conversation, Gone, Queued, SystemEvent,
    queued::{State, Step, decided},
};

/// Back to `waiting`.
pub fn release(conversation: &Conversation, caller: &Caller) -> Result<Decision, Refusal> {
    let queued = conversation.steered_by(caller)?;
    if queued.state == State::Waiting {
        return Err(Refusal::NotClaimed);
    }
    let author = Author::Extension(caller.extension);
    Ok(back(conversation, queued, author, String::new(), SystemEvent::Released { by: Some(caller.extension) }))
}

/// Its agent was removed from the queue, or is there no more. If somebody else has it by now, that is no change.
pub fn abandon(conversation: &Conversation, of: ExtensionId) -> Decision {
    match &conversation.queue {
        Some(queued) if queued.state.holder().is_some_and(|holder| holder.id == of) => {
            back(conversation, queued, Author::Nobody, String::new(), SystemEvent::Released { by: None })
        }
        _ => Decision::default(),
    }
}

/// The words say why, if there is a reason.
pub(super) fn back(
    conversation: &Conversation,
    queued: &Queued,
    author: Author,
    why: String,
    event: SystemEvent,
) -> Decision {
    let to = Queued { state: State::Waiting, ..queued.clone() };
    let pill = (author, format!("Conversation released back to queue{why}"), event);
    let changes = conversation.moved(Step { from: queued, to, pill, reason: Gone::Released, taken: None });
    decided(conversation, queued, changes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, claimed, closed, ext, supervisor, waiting};
    use super::*;
    use crate::domain::Change;

    #[test]
    fn it_waits_again_and_who_held_it_is_told_last() {
        let decision = release(&claimed(1), &caller(1)).unwrap();
        let [
            Change::QueueMoved(moved),
            Change::MessageAdded(pill),
            Change::HolderLeft { who, reason, .. },
            Change::WaitingShown { row, .. },
        ] = &decision.changes[..]
        else {
            panic!("four changes")
        };
        assert_eq!((moved.joins, moved.audience.len(), row.participant_count), (None, 0, 0));
        assert_eq!(pill.text.as_str(), "Conversation released back to queue");
        assert_eq!((*who, *reason), (ext(1), Gone::Released));
    }

    #[test]
    fn its_agent_and_supervisors_may() {
        assert!(release(&claimed(1), &supervisor(9)).is_ok());
        assert!(matches!(release(&claimed(1), &caller(2)), Err(Refusal::AlreadyClaimed(_))));
        assert_eq!(release(&waiting(), &caller(1)), Err(Refusal::NotClaimed));
        assert_eq!(release(&waiting(), &supervisor(9)), Err(Refusal::NotClaimed));
        assert_eq!(release(&closed(1), &caller(1)), Err(Refusal::ConversationClosed));
    }

    #[test]
    fn what_a_lost_agent_held_waits_again_but_not_what_another_holds() {
        assert_eq!(abandon(&claimed(1), ext(1)).changes.len(), 4);
        assert_eq!(abandon(&claimed(2), ext(1)), Decision::default());
        assert_eq!(abandon(&waiting(), ext(1)), Decision::default());
    }
}
