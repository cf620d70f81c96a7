//! `PUT` and `DELETE /v1/pbx/voice-queues`: queues of calls, as the PBX reports them. They are shown, not steered.

use serde::{Deserialize, Serialize};

use crate::domain::{Change, Decision, Guard, Refusal, extension::check_number, name::check_name};

/// The most agents of one.
pub const AGENTS_MAX: usize = 1_000;
/// The most characters of a key, and of a reason to pause.
const MAX_CHARACTERS: usize = 80;

/// A queue of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceQueue {
    /// The PBX's own name for it.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Its agents, in the order of their numbers.
    pub agents: Vec<VoiceAgent>,
}

/// An agent of a queue of calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceAgent {
    /// The extension's number. It may come later.
    pub extension: String,
    /// Whether they are logged in to the queue.
    pub logged_in: bool,
    /// Whether they take no calls meanwhile.
    pub paused: bool,
    /// Why.
    pub pause_reason: Option<String>,
}

/// How an agent wants to stand in a queue of calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceAgentRequest {
    /// The queue's key.
    pub queue: String,
    /// The agent, as they want to be.
    pub agent: VoiceAgent,
}

/// A queue of calls as it is stored; a deleted one is remembered, so that a reader who comes back hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVoiceQueue {
    /// As it is, or was.
    pub voice_queue: VoiceQueue,
    /// Whether it is gone.
    pub deleted: bool,
    /// Rises with each change.
    pub revision: i64,
}

impl VoiceQueue {
    /// As the PBX reports it. In which order it names the agents says nothing.
    pub fn reported(key: String, name: String, mut agents: Vec<VoiceAgent>) -> Result<Self, Refusal> {
        check_key(&key)?;
        check_name(&name)?;
        if agents.len() > AGENTS_MAX {
            return Err(Refusal::invalid(format!("agents: up to {AGENTS_MAX}")));
        }
        agents.iter().try_for_each(VoiceAgent::check)?;
        agents.sort_unstable_by(|a, b| a.extension.cmp(&b.extension));
        if let Some(twice) = agents.windows(2).find(|pair| pair[0].extension == pair[1].extension) {
            return Err(Refusal::invalid(format!("agents: {} is there twice", twice[0].extension)));
        }
        Ok(Self { key, name, agents })
    }
}

impl VoiceAgent {
    fn check(&self) -> Result<(), Refusal> {
        check_number(&self.extension)?;
        match &self.pause_reason {
            Some(_) if !self.paused => Err(Refusal::invalid("pause_reason: only of who is paused")),
            Some(reason) if !is_readable(reason) => {
                Err(Refusal::invalid(format!("pause_reason: 1 to {MAX_CHARACTERS} characters")))
            }
            _ => Ok(()),
        }
    }
}

/// A key of the PBX's: 1–80 characters to read.
pub fn check_key(key: &str) -> Result<(), Refusal> {
    if is_readable(key) { Ok(()) } else { Err(Refusal::invalid(format!("key: 1 to {MAX_CHARACTERS} characters"))) }
}

fn is_readable(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_CHARACTERS && !text.chars().any(char::is_control)
}

/// What makes the queue so, and whether it is new: nothing, if it is so.
pub fn put_voice_queue(stored: Option<&StoredVoiceQueue>, reported: VoiceQueue) -> (Decision, bool) {
    let there = stored.filter(|s| !s.deleted);
    if there.is_some_and(|s| s.voice_queue == reported) {
        return (Decision::default(), false);
    }
    let guard = Guard::VoiceQueue(reported.key.clone(), stored.map_or(0, |s| s.revision));
    let change = Change::VoiceQueuePut { voice_queue: reported, deleted: false };
    (Decision { guards: vec![guard], changes: vec![change] }, there.is_none())
}

/// What makes the queue be no more. `not_found` if there is none.
pub fn delete_voice_queue(stored: Option<StoredVoiceQueue>) -> Result<Decision, Refusal> {
    let StoredVoiceQueue { voice_queue, revision, .. } = stored.filter(|s| !s.deleted).ok_or(Refusal::NotFound)?;
    let guard = Guard::VoiceQueue(voice_queue.key.clone(), revision);
    Ok(Decision { guards: vec![guard], changes: vec![Change::VoiceQueuePut { voice_queue, deleted: true }] })
}

/// What asks the PBX that an agent stands so. It is asked even where the report says that they do: the report may be old.
/// `not_found` if there is no such queue, or they are no agent of it.
pub fn request_agent(stored: Option<StoredVoiceQueue>, agent: VoiceAgent) -> Result<Decision, Refusal> {
    agent.check()?;
    let StoredVoiceQueue { voice_queue, revision, .. } = stored.filter(|s| !s.deleted).ok_or(Refusal::NotFound)?;
    if !voice_queue.agents.iter().any(|a| a.extension == agent.extension) {
        return Err(Refusal::NotFound);
    }
    let guard = Guard::VoiceQueue(voice_queue.key.clone(), revision);
    let request = VoiceAgentRequest { queue: voice_queue.key, agent };
    Ok(Decision { guards: vec![guard], changes: vec![Change::VoiceAgentRequested(request)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(extension: &str) -> VoiceAgent {
        VoiceAgent { extension: extension.into(), logged_in: true, paused: false, pause_reason: None }
    }

    fn paused(reason: &str) -> VoiceAgent {
        VoiceAgent { paused: true, pause_reason: Some(reason.into()), ..agent("201") }
    }

    fn reported(agents: Vec<VoiceAgent>) -> Result<VoiceQueue, Refusal> {
        VoiceQueue::reported("support".into(), "Support".into(), agents)
    }

    fn support() -> VoiceQueue {
        reported(vec![agent("201"), agent("202")]).unwrap()
    }

    fn stored(deleted: bool) -> StoredVoiceQueue {
        StoredVoiceQueue { voice_queue: support(), deleted, revision: 3 }
    }

    #[test]
    fn the_second_time_changes_nothing_in_whatever_order_agents_are_named() {
        let (decision, made) = put_voice_queue(None, support());
        assert!(made && decision.guards == [Guard::VoiceQueue("support".into(), 0)]);
        let turned = reported(vec![agent("202"), agent("201")]).unwrap();
        assert_eq!(put_voice_queue(Some(&stored(false)), turned), (Decision::default(), false));
        let other = reported(vec![paused("Lunch"), agent("202")]).unwrap();
        let (decision, made) = put_voice_queue(Some(&stored(false)), other);
        assert!(!made && decision.guards == [Guard::VoiceQueue("support".into(), 3)]);
    }

    #[test]
    fn a_deleted_one_is_new_again_and_not_there_to_be_deleted() {
        let (decision, made) = put_voice_queue(Some(&stored(true)), support());
        assert!(made && decision.guards == [Guard::VoiceQueue("support".into(), 3)]);
        assert!(delete_voice_queue(Some(stored(false))).is_ok());
        for gone in [Some(stored(true)), None] {
            assert_eq!(delete_voice_queue(gone), Err(Refusal::NotFound));
        }
    }

    #[test]
    fn an_agent_of_the_queue_may_ask_to_stand_otherwise_and_nobody_else() {
        let decision = request_agent(Some(stored(false)), paused("Lunch")).unwrap();
        assert_eq!(decision.guards, [Guard::VoiceQueue("support".into(), 3)]);
        let request = VoiceAgentRequest { queue: "support".into(), agent: paused("Lunch") };
        assert_eq!(decision.changes, [Change::VoiceAgentRequested(request)]);
        assert!(request_agent(Some(stored(false)), agent("201")).is_ok(), "what was reported may be old");
        for (queue, who) in [(Some(stored(false)), "203"), (Some(stored(true)), "201"), (None, "201")] {
            assert_eq!(request_agent(queue, agent(who)), Err(Refusal::NotFound));
        }
        let idle = VoiceAgent { paused: false, ..paused("Lunch") };
        assert!(matches!(request_agent(Some(stored(false)), idle), Err(Refusal::InvalidRequest(_))));
    }

    #[test]
    fn a_reason_is_something_to_read_of_who_is_paused() {
        assert!(reported(vec![paused(&"é".repeat(80))]).is_ok());
        assert!(reported(vec![VoiceAgent { pause_reason: None, ..paused("") }]).is_ok());
        for bad in ["", " ", "a\nb", &"a".repeat(81)] {
            assert!(matches!(reported(vec![paused(bad)]), Err(Refusal::InvalidRequest(_))), "{bad:?}");
        }
        let working = VoiceAgent { paused: false, ..paused("Lunch") };
        assert!(matches!(reported(vec![working]), Err(Refusal::InvalidRequest(_))));
    }

    #[test]
    fn what_can_t_be_a_queue_is_refused() {
        for bad in ["", " ", "a\0b", &"k".repeat(81)] {
            let queue = VoiceQueue::reported(bad.into(), "Support".into(), vec![]);
            assert!(matches!(queue, Err(Refusal::InvalidRequest(_))), "{bad:?}");
        }
        let nameless = VoiceQueue::reported("support".into(), "\n".into(), vec![]);
        assert!(matches!(nameless, Err(Refusal::InvalidName(_))));
        for bad in [vec![agent("abc")], vec![agent("201"), agent("202"), agent("201")]] {
            assert!(matches!(reported(bad), Err(Refusal::InvalidRequest(_))));
        }
        let many = |n: usize| reported((0..n).map(|n| agent(&n.to_string())).collect());
        assert_eq!(many(AGENTS_MAX).unwrap().agents.len(), 1_000);
        assert!(matches!(many(AGENTS_MAX + 1), Err(Refusal::InvalidRequest(_))));
    }
}
