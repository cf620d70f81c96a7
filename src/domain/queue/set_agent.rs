//! `agent`: a member logs in or out of a queue, and pauses. Neither touches what they have claimed.

use crate::domain::{Caller, Change, Decision, Refusal};

use super::{Agent, Queue};

/// The longest reason to pause, in characters.
pub const REASON_MAX: usize = 80;

/// How somebody wants to stand in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whether they work in it.
    pub logged_in: bool,
    /// Whether they take nothing new meanwhile.
    pub paused: bool,
    /// Why: of the company's list, or their own words.
    pub pause_reason: Option<String>,
}

impl Wish {
    /// A reason has 1–80 characters that can be shown, and belongs to a pause.
    pub fn check(&self) -> Result<(), Refusal> {
        let Some(reason) = &self.pause_reason else { return Ok(()) };
        if !self.paused {
            return Err(Refusal::invalid("pause_reason: only with paused"));
        }
        let shown = !reason.trim().is_empty() && reason.chars().count() <= REASON_MAX;
        if shown && !reason.chars().any(char::is_control) {
            return Ok(());
        }
        Err(Refusal::invalid(format!("pause_reason: 1 to {REASON_MAX} characters in one line")))
    }
}

/// A member's own state. What is so already makes no change.
pub fn set_agent(queue: &Queue, caller: &Caller, wish: &Wish) -> Result<Decision, Refusal> {
    wish.check()?;
    let agent = queue.agents.get(&caller.extension).filter(|a| a.member && !queue.deleted).ok_or(Refusal::NotFound)?;
    let Wish { logged_in, paused, pause_reason } = wish.clone();
    let wanted = Agent { logged_in, paused, pause_reason, ..agent.clone() };
    if wanted == *agent {
        return Ok(Decision::default());
    }
    let change = Change::AgentPut { queue: queue.line.id, agent: wanted, audience: queue.audience() };
    Ok(Decision { guards: agent.guards(&queue.line).into(), changes: vec![change] })
}

#[cfg(test)]
mod tests {
    use super::super::tests::queue;
    use super::*;
    use crate::domain::{ExtensionId, Guard, Role};
    use uuid::Uuid;

    fn caller(n: u128) -> Caller {
        let (extension, number) = (ExtensionId(Uuid::from_u128(n)), (200 + n).to_string());
        Caller { tenant: queue().tenant, extension, number, name: format!("Name {n}"), role: Role::User }
    }

    fn wish(logged_in: bool, reason: Option<&str>) -> Wish {
        Wish { logged_in, paused: reason.is_some(), pause_reason: reason.map(Into::into) }
    }

    #[test]
    fn a_pause_has_its_reason_and_rests_on_the_agent_s_own_row() {
        let decision = set_agent(&queue(), &caller(1), &wish(true, Some("Lunch"))).unwrap();
        let [Change::AgentPut { agent, audience, .. }] = &decision.changes[..] else { panic!("one change") };
        assert_eq!((agent.is_available(), agent.pause_reason.as_deref()), (false, Some("Lunch")));
        assert_eq!(audience.len(), 2, "the other agents are told");
        assert!(decision.guards.contains(&Guard::Agent(queue().line.id, caller(1).extension, 2)));
    }

    #[test]
    fn what_is_so_is_no_change() {
        assert_eq!(set_agent(&queue(), &caller(1), &wish(true, None)), Ok(Decision::default()));
    }

    #[test]
    fn who_is_no_member_finds_no_queue() {
        assert_eq!(set_agent(&queue(), &caller(9), &wish(true, None)), Err(Refusal::NotFound));
        let gone = Queue { deleted: true, ..queue() };
        assert_eq!(set_agent(&gone, &caller(1), &wish(false, None)), Err(Refusal::NotFound));
    }

    #[test]
    fn a_reason_can_be_shown_and_belongs_to_a_pause() {
        for bad in ["", "  ", "a\nb", &"x".repeat(REASON_MAX + 1)] {
            assert!(wish(true, Some(bad)).check().is_err(), "{bad}");
        }
        let idle = Wish { paused: false, ..wish(true, Some("Lunch")) };
        assert!(idle.check().is_err());
        assert!(wish(false, Some(&"ü".repeat(REASON_MAX))).check().is_ok());
    }
}
