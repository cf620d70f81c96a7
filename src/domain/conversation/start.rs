//! `start`: an agent begins a text from a queue's number. The conversation is theirs from its beginning.

use std::sync::Arc;

use crate::domain::{
    Caller, ConversationId, Decision, Guard, Refusal, Role,
    extension::Colleague,
    queue::{Agent, Line},
};

use super::{Author, Pair, Queued, SystemEvent, claim::unavailable, enter::created, queued::State, system::pill};

/// A queue conversation that the caller holds. A supervisor needs not be a member: who was missed can be texted back.
pub fn start(
    id: ConversationId,
    line: &Arc<Line>,
    pair: &Pair,
    caller: &Caller,
    agent: &Agent,
    number: Guard,
) -> Result<Decision, Refusal> {
    let supervises = caller.role >= Role::Supervisor;
    if !agent.member && !supervises {
        return Err(Refusal::sender_gone(&pair.ours));
    }
    if agent.member && !agent.is_available() {
        return Err(unavailable());
    }
    let me = Colleague::from(caller);
    let queued = Queued::new(line.clone(), State::Claimed(me.clone()));
    let words = format!("Conversation claimed by {caller}");
    let event = SystemEvent::Claimed { by: me.id };
    let mut guards = vec![number];
    guards.extend(agent.guards(line));
    let changes =
        vec![created(id, pair, &queued, &[me.id]), pill(id, Author::Extension(me.id), words, event, &[me.id].into())];
    Ok(Decision { guards, changes })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{OURS, THEIRS, caller, ext, number, supervisor};
    use super::*;
    use crate::domain::{
        Change,
        queue::tests::{agent, line},
    };
    use uuid::Uuid;

    fn started(caller: &Caller, agent: &Agent) -> Result<Decision, Refusal> {
        let pair = Pair { ours: number(OURS), theirs: number(THEIRS) };
        let guard = Guard::PhoneNumber(number(OURS), 5);
        start(ConversationId(Uuid::from_u128(1)), &Arc::new(line()), &pair, caller, agent, guard)
    }

    #[test]
    fn it_is_claimed_from_its_beginning() {
        let decision = started(&caller(1), &agent(1)).unwrap();
        let [Change::ConversationCreated(new), Change::MessageAdded(pill)] = &decision.changes[..] else {
            panic!("two changes")
        };
        assert_eq!(new.members[..], [ext(1)]);
        assert_eq!(new.queue.as_ref().unwrap().state.holder().unwrap().id, ext(1));
        assert_eq!(pill.text.as_str(), "Conversation claimed by Name 1 (201)");
        assert_eq!(decision.guards.len(), 4);
    }

    #[test]
    fn by_available_members_and_by_supervisors() {
        let stranger = |n| Agent { member: false, logged_in: false, ..agent(n) };
        assert!(matches!(started(&caller(1), &stranger(1)), Err(Refusal::SmsNotEnabled(_))));
        assert!(started(&supervisor(9), &stranger(9)).is_ok());
        let paused = Agent { paused: true, ..agent(1) };
        assert!(matches!(started(&caller(1), &paused), Err(Refusal::AgentUnavailable(_))));
    }
}
