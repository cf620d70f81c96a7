//! `transfer`: to an agent of the queue, or to another queue, where it waits.

use std::sync::Arc;

use crate::domain::{
    Caller, Decision, Refusal,
    queue::{Agent, Line},
};

use super::{
    Author, Conversation, Gone, Queued, SystemEvent,
    queued::{State, Step, Taken, decided},
};

/// To whom.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// An agent, as they are in the conversation's queue.
    Agent(Box<Agent>),
    /// A queue.
    Queue(Arc<Line>),
}

/// Its agent, or a supervisor, gives it to somebody else.
pub fn transfer(conversation: &Conversation, caller: &Caller, target: &Target) -> Result<Decision, Refusal> {
    let queued = conversation.steered_by(caller)?;
    let waited = queued.state == State::Waiting;
    let by = caller.extension;
    let author = Author::Extension(by);
    let taken = waited.then(|| (Taken::Transferred, Some(caller.into())));
    match target {
        Target::Agent(agent) => {
            if queued.state.holder().is_some_and(|holder| holder.id == agent.who.id) {
                return Ok(Decision::default());
            }
            // It is in another queue by now than the one in which the agent was looked up.
            if agent.queue != queued.line.id {
                return Err(Refusal::NotWaiting);
            }
            if !agent.is_available() {
                let who = &agent.who;
                let queue = &queued.line.settings.name;
                return Err(Refusal::AgentUnavailable(format!("{who} is not available in {queue}")));
            }
            let words = format!("Conversation transferred to {}", agent.who);
            let pill = (author, words, SystemEvent::Transferred { by, to: agent.who.id });
            let state = State::Claimed(agent.who.clone());
            let to = Queued { state, last_held_by: Some(agent.who.id), ..queued.clone() };
            let changes = conversation.moved(Step { from: queued, to, pill, reason: Gone::Transferred, taken });
            let mut decision = decided(conversation, queued, changes);
            decision.guards.extend(agent.guards(&queued.line));
            Ok(decision)
        }
        Target::Queue(line) => {
            if waited && line.id == queued.line.id {
                return Ok(Decision::default());
            }
            let name = line.settings.name.clone();
            let words = format!("Conversation transferred to {name}");
            let event = SystemEvent::TransferredToQueue { by, queue: line.id, queue_name: name };
            let to = Queued { line: line.clone(), state: State::Waiting, ..queued.clone() };
            let step = Step { from: queued, to, pill: (author, words, event), reason: Gone::Transferred, taken };
            let mut decision = decided(conversation, queued, conversation.moved(step));
            decision.guards.push(line.guard());
            Ok(decision)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, claimed, closed, ext, supervisor, waiting};
    use super::*;
    use crate::domain::{
        Change, QueueId,
        queue::tests::{agent, line},
    };
    use uuid::Uuid;

    fn to_agent(n: u128) -> Target {
        Target::Agent(Box::new(agent(n)))
    }

    fn billing() -> Target {
        let mut billing = line();
        (billing.id, billing.settings.name) = (QueueId(Uuid::from_u128(501)), "Billing Queue".into());
        Target::Queue(Arc::new(billing))
    }

    #[test]
    fn to_an_agent_who_has_it_at_once() {
        let decision = transfer(&claimed(1), &caller(1), &to_agent(2)).unwrap();
        let [Change::QueueMoved(moved), Change::MessageAdded(pill), Change::HolderLeft { who, reason, .. }] =
            &decision.changes[..]
        else {
            panic!("three changes")
        };
        assert_eq!((moved.joins, *who, *reason), (Some(ext(2)), ext(1), Gone::Transferred));
        assert_eq!(pill.text.as_str(), "Conversation transferred to Name 2 (202)");
        assert_eq!(pill.audience[..], [ext(2)]);
    }

    #[test]
    fn to_another_queue_where_it_waits() {
        let decision = transfer(&claimed(1), &caller(1), &billing()).unwrap();
        let [
            Change::QueueMoved(_),
            Change::MessageAdded(pill),
            Change::HolderLeft { .. },
            Change::WaitingShown { row, .. },
        ] = &decision.changes[..]
        else {
            panic!("four changes")
        };
        assert_eq!(pill.text.as_str(), "Conversation transferred to Billing Queue");
        let queued = row.queue.as_ref().unwrap();
        assert_eq!((&queued.state, queued.line.settings.name.as_str()), (&State::Waiting, "Billing Queue"));
        assert_eq!(decision.guards.len(), 3, "and on both queues");
    }

    #[test]
    fn only_to_who_is_available_there() {
        for (member, paused) in [(false, false), (true, true)] {
            let away = Target::Agent(Box::new(Agent { member, paused, ..agent(2) }));
            assert!(matches!(transfer(&claimed(1), &caller(1), &away), Err(Refusal::AgentUnavailable(_))));
        }
        assert_eq!(transfer(&claimed(1), &caller(1), &to_agent(1)), Ok(Decision::default()));
    }

    #[test]
    fn a_supervisor_may_give_away_what_waits() {
        let decision = transfer(&waiting(), &supervisor(9), &to_agent(2)).unwrap();
        assert!(matches!(decision.changes.last(), Some(Change::WaitingTaken { reason: Taken::Transferred, .. })));
        let moved = transfer(&waiting(), &supervisor(9), &billing()).unwrap();
        let [.., Change::WaitingTaken { queue, .. }, Change::WaitingShown { .. }] = &moved.changes[..] else {
            panic!("gone there, waits here")
        };
        assert_eq!(*queue, line().id);
        assert_eq!(transfer(&waiting(), &caller(1), &to_agent(2)), Err(Refusal::NotClaimed));
        assert_eq!(transfer(&closed(1), &supervisor(9), &billing()), Err(Refusal::ConversationClosed));
    }
}
