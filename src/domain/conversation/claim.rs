//! `claim`: an available agent takes what waits. However many try at once, the first is the only one.

use crate::domain::{Caller, Decision, Refusal, extension::Colleague, queue::Agent};

use super::{
    Author, Conversation, Gone, Queued, SystemEvent,
    queued::{State, Step, Taken, decided},
};

/// The caller takes it, as the agent that they are in its queue.
pub fn claim(conversation: &Conversation, caller: &Caller, agent: &Agent) -> Result<Decision, Refusal> {
    let queued = conversation.queue.as_ref().filter(|_| agent.member).ok_or(Refusal::NotFound)?;
    match &queued.state {
        State::Claimed(holder) if holder.id == caller.extension => return Ok(Decision::default()),
        State::Closed(_) => return Err(Refusal::ConversationClosed),
        // It is in another queue by now than the one in which the agent was looked up.
        _ if agent.queue != queued.line.id => return Err(Refusal::NotWaiting),
        _ if !agent.is_available() => return Err(unavailable()),
        State::Claimed(_) => return Err(queued.not_held()),
        State::Waiting => {}
    }
    let me = Colleague::from(caller);
    let to = Queued { state: State::Claimed(me.clone()), last_held_by: Some(me.id), ..queued.clone() };
    let words = format!("Conversation claimed by {caller}");
    let pill = (Author::Extension(me.id), words, SystemEvent::Claimed { by: me.id });
    let taken = Some((Taken::Claimed, Some(me)));
    let changes = conversation.moved(Step { from: queued, to, pill, reason: Gone::Released, taken });
    let mut decision = decided(conversation, queued, changes);
    decision.guards.extend(agent.guards(&queued.line));
    Ok(decision)
}

pub(super) fn unavailable() -> Refusal {
    Refusal::AgentUnavailable("log in to the queue first, and end your pause".into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, claimed, closed, colleague, ext, thread, waiting};
    use super::*;
    use crate::domain::{Change, Guard, queue::tests::agent};

    #[test]
    fn who_claims_is_in_it_and_all_others_hear_who_it_was() {
        let decision = claim(&waiting(), &caller(1), &agent(1)).unwrap();
        let [Change::QueueMoved(moved), Change::MessageAdded(pill), Change::WaitingTaken { by, reason, .. }] =
            &decision.changes[..]
        else {
            panic!("three changes")
        };
        assert_eq!((moved.joins, &moved.audience[..]), (Some(ext(1)), &[ext(1)][..]));
        assert_eq!(pill.text.as_str(), "Conversation claimed by Name 1 (201)");
        assert_eq!((by, *reason), (&Some(colleague(1)), Taken::Claimed));
    }

    #[test]
    fn it_rests_on_the_conversation_the_queue_and_the_agent_s_own_row() {
        let (waiting, agent) = (waiting(), agent(1));
        let line = waiting.queue.as_ref().unwrap().line.clone();
        let guards = claim(&waiting, &caller(1), &agent).unwrap().guards;
        for guard in [Guard::Conversation(waiting.id, 1), Guard::Agent(line.id, ext(1), 2), line.guard()] {
            assert!(guards.contains(&guard), "{guard:?}");
        }
    }

    #[test]
    fn the_second_learns_who_was_first_and_the_first_may_ask_again() {
        let mine = claimed(1);
        assert_eq!(claim(&mine, &caller(1), &agent(1)), Ok(Decision::default()));
        let taken = Refusal::AlreadyClaimed(Box::new(colleague(1)));
        assert_eq!(claim(&mine, &caller(2), &agent(2)), Err(taken));
    }

    #[test]
    fn who_is_paused_or_logged_out_takes_nothing() {
        for paused in [true, false] {
            let away = Agent { paused, logged_in: paused, ..agent(1) };
            assert!(matches!(claim(&waiting(), &caller(1), &away), Err(Refusal::AgentUnavailable(_))));
            assert_eq!(claim(&claimed(1), &caller(1), &away), Ok(Decision::default()), "what one holds stays");
        }
    }

    #[test]
    fn an_agent_of_another_queue_takes_nothing_here() {
        let elsewhere = Agent { queue: crate::domain::QueueId(uuid::Uuid::from_u128(501)), ..agent(1) };
        assert_eq!(claim(&waiting(), &caller(1), &elsewhere), Err(Refusal::NotWaiting));
    }

    #[test]
    fn what_is_closed_can_t_be_claimed_and_who_is_no_member_finds_nothing() {
        assert_eq!(claim(&closed(1), &caller(2), &agent(2)), Err(Refusal::ConversationClosed));
        let stranger = Agent { member: false, ..agent(2) };
        assert_eq!(claim(&waiting(), &caller(2), &stranger), Err(Refusal::NotFound));
        assert_eq!(claim(&thread(), &caller(1), &agent(1)), Err(Refusal::NotFound));
    }
}
