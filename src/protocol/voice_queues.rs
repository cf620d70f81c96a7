//! Queues of calls, as the PBX reports them and as people see them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::provision::voice_queue;

/// A queue of calls as the PBX reports it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutVoiceQueue {
    /// What people call it: 1–80 characters.
    #[schema(example = "Support")]
    pub name: String,
    /// All of its agents, up to 1,000, each once.
    pub agents: Vec<ReportedVoiceAgent>,
}

/// An agent of a queue of calls as the PBX reports them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedVoiceAgent {
    /// The extension's number; it may come later.
    #[schema(example = "201")]
    pub extension: String,
    /// Whether they are logged in to the queue.
    pub logged_in: bool,
    /// Whether they take no calls meanwhile.
    pub paused: bool,
    /// Why: 1–80 characters; only where they are paused.
    #[schema(example = "Lunch")]
    pub pause_reason: Option<String>,
}

impl From<ReportedVoiceAgent> for voice_queue::VoiceAgent {
    fn from(agent: ReportedVoiceAgent) -> Self {
        let ReportedVoiceAgent { extension, logged_in, paused, pause_reason } = agent;
        Self { extension, logged_in, paused, pause_reason }
    }
}

impl From<&voice_queue::VoiceAgent> for ReportedVoiceAgent {
    fn from(agent: &voice_queue::VoiceAgent) -> Self {
        let voice_queue::VoiceAgent { extension, logged_in, paused, pause_reason } = agent.clone();
        Self { extension, logged_in, paused, pause_reason }
    }
}

/// A queue of calls as provisioned.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProvisionedVoiceQueue {
    /// The PBX's own name for it.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Its agents, by number.
    pub agents: Vec<ReportedVoiceAgent>,
}

impl From<&voice_queue::VoiceQueue> for ProvisionedVoiceQueue {
    fn from(queue: &voice_queue::VoiceQueue) -> Self {
        Self { key: queue.key.clone(), name: queue.name.clone(), agents: queue.agents.iter().map(Into::into).collect() }
    }
}

/// A queue of calls.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VoiceQueue {
    /// The PBX's own name for it.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// Its agents, by number.
    pub agents: Vec<VoiceAgent>,
    /// Whether the PBX can be asked that I stand otherwise in it.
    pub takes_requests: bool,
}

/// An agent of a queue of calls.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VoiceAgent {
    /// Its number.
    #[schema(example = "201")]
    pub extension: String,
    /// Its display name; its number, while there is no such extension.
    #[schema(example = "Jake")]
    pub name: String,
    /// Whether they are logged in to the queue.
    pub logged_in: bool,
    /// Whether they take no calls meanwhile.
    pub paused: bool,
    /// Why.
    pub pause_reason: Option<String>,
}

impl VoiceQueue {
    /// To show, with what these numbers are called.
    pub fn of(queue: &voice_queue::VoiceQueue, names: &HashMap<String, String>, takes_requests: bool) -> Self {
        let agent = |agent: &voice_queue::VoiceAgent| {
            let voice_queue::VoiceAgent { extension, logged_in, paused, pause_reason } = agent.clone();
            let name = names.get(&extension).unwrap_or(&extension).clone();
            VoiceAgent { extension, name, logged_in, paused, pause_reason }
        };
        let agents = queue.agents.iter().map(agent).collect();
        Self { key: queue.key.clone(), name: queue.name.clone(), agents, takes_requests }
    }
}

/// How I want to stand in a queue of calls.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestVoiceAgent {
    /// Whether I take calls of it.
    pub logged_in: bool,
    /// Whether I take none meanwhile.
    pub paused: bool,
    /// Why: 1–80 characters; only with `paused`.
    #[schema(example = "Lunch")]
    pub pause_reason: Option<String>,
}

/// The PBX was asked: a webhook tells it.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct VoiceAgentAsked {}

/// An agent wants to stand otherwise in a queue of calls: the data of the webhook `voice_agent.requested`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VoiceAgentRequested {
    /// The queue's key.
    pub queue: String,
    /// The agent's number, and how they want to be.
    #[serde(flatten)]
    pub agent: ReportedVoiceAgent,
}

impl From<&voice_queue::VoiceAgentRequest> for VoiceAgentRequested {
    fn from(request: &voice_queue::VoiceAgentRequest) -> Self {
        Self { queue: request.queue.clone(), agent: (&request.agent).into() }
    }
}

/// A queue of calls is new, has changed, or is gone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VoiceQueueUpdated {
    /// Which.
    pub key: String,
}
