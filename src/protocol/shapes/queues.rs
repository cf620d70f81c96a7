//! What is said of SMS queues, their agents, and where conversations stand in them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    self, ExtensionId, QueueId,
    conversation::{Queued, Stand, State},
    extension::Colleague,
    phone::Number,
    queue::{Agent, Line, Settings},
};

use super::{Conversation, List, Person};

impl From<&Colleague> for Person {
    fn from(who: &Colleague) -> Self {
        Person { extension: who.number.clone(), name: who.name.clone() }
    }
}

/// What becomes of a queue conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// For somebody to claim it.
    Waiting,
    /// Somebody holds it.
    Claimed,
    /// It is over.
    Closed,
}

/// Where a conversation stands in its queue.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Place {
    /// The queue.
    pub id: String,
    /// What it is called.
    #[schema(example = "SMS Support Queue")]
    pub name: String,
    /// What becomes of it there.
    pub state: QueueState,
    /// Who holds it.
    pub claimed_by: Option<Person>,
    /// Who closed it.
    pub closed_by: Option<Person>,
    /// Since when it waits: since the oldest text that nobody answered, else since it (re-)entered.
    pub waiting_since: Option<String>,
    /// When it is released for want of a reply, or closed for want of an agent.
    pub deadline: Option<String>,
    /// It was closed because nobody was available.
    pub missed: bool,
}

impl From<&Queued> for Place {
    fn from(queued: &Queued) -> Self {
        Place {
            id: queued.line.id.to_string(),
            name: queued.line.settings.name.clone(),
            state: match queued.state.stand() {
                Stand::Waiting => QueueState::Waiting,
                Stand::Claimed => QueueState::Claimed,
                Stand::Closed => QueueState::Closed,
            },
            claimed_by: queued.state.holder().map(Person::from),
            closed_by: match &queued.state {
                State::Closed(by) => by.as_ref().map(Person::from),
                _ => None,
            },
            waiting_since: queued.waiting_since().map(|at| at.to_rfc3339()),
            deadline: queued.deadline().map(|at| at.to_rfc3339()),
            missed: queued.is_missed(),
        }
    }
}

/// An agent of a queue.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueueAgent {
    /// Who.
    #[serde(flatten)]
    pub who: Person,
    /// Whether they work in it.
    pub logged_in: bool,
    /// Whether they take nothing new meanwhile.
    pub paused: bool,
    /// Why.
    pub pause_reason: Option<String>,
}

impl From<&Agent> for QueueAgent {
    fn from(agent: &Agent) -> Self {
        let Agent { logged_in, paused, pause_reason, .. } = agent.clone();
        QueueAgent { who: (&agent.who).into(), logged_in, paused, pause_reason }
    }
}

/// One of my SMS queues.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MyQueue {
    /// Which.
    pub id: String,
    /// What it is called.
    #[schema(example = "SMS Support Queue")]
    pub name: String,
    /// Whether I work in it.
    pub logged_in: bool,
    /// Whether I take nothing new meanwhile.
    pub paused: bool,
    /// Why.
    pub pause_reason: Option<String>,
    /// Whether I am told of what waits, and may claim it: logged in and not paused.
    pub available: bool,
    /// Our numbers that feed it.
    pub numbers: Vec<String>,
    /// What waits, the oldest wait first, up to 200; nothing unless I am available.
    pub waiting: Vec<Conversation>,
    /// All that waits.
    pub waiting_count: i64,
    /// Conversations that I hold here.
    pub claimed_by_me: i64,
    /// A claimed conversation goes back if the customer is owed a reply for so long.
    pub idle_timeout_s: i64,
    /// A waiting one is closed after so long; 0: never.
    pub unclaimed_timeout_s: i64,
    /// Its agents, by number.
    pub agents: Vec<QueueAgent>,
}

impl MyQueue {
    /// A queue as one of its members sees it; `None` for who is none.
    pub fn of(
        me: ExtensionId,
        line: &Line,
        agents: &[Agent],
        numbers: &[Number],
        waiting: impl FnOnce() -> Vec<Conversation>,
        waiting_count: i64,
        claimed_by_me: i64,
    ) -> Option<Self> {
        let mine = agents.iter().find(|agent| agent.who.id == me && agent.member)?;
        let available = mine.is_available();
        Some(MyQueue {
            id: line.id.to_string(),
            name: line.settings.name.clone(),
            logged_in: mine.logged_in,
            paused: mine.paused,
            pause_reason: mine.pause_reason.clone(),
            available,
            numbers: numbers.iter().map(Number::to_string).collect(),
            waiting: if available { waiting() } else { vec![] },
            waiting_count,
            claimed_by_me,
            idle_timeout_s: line.settings.idle_timeout_s,
            unclaimed_timeout_s: line.settings.unclaimed_timeout_s,
            agents: agents.iter().map(QueueAgent::from).collect(),
        })
    }
}

/// A queue's id and name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueueName {
    /// Which.
    pub id: String,
    /// What it is called.
    pub name: String,
}

impl QueueName {
    /// A queue, to name.
    pub fn of(id: QueueId, name: &str) -> Self {
        QueueName { id: id.to_string(), name: name.into() }
    }
}

/// My queues, or (with `all=true`) the names of all.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum QueueList {
    /// Mine.
    Mine(List<MyQueue>),
    /// All of the company.
    All(List<QueueName>),
}

/// A queue as provisioned.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProvisionedQueue {
    /// Your own name for it.
    #[schema(example = "support")]
    pub key: String,
    /// Ours.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its members' numbers.
    pub members: Vec<String>,
    /// A claimed conversation goes back if the customer is owed a reply for so long.
    pub idle_timeout_s: i64,
    /// A waiting one is closed after so long; 0: never.
    pub unclaimed_timeout_s: i64,
    /// What the customer is then told.
    pub timeout_response: Option<String>,
}

impl ProvisionedQueue {
    /// As the PBX put it.
    pub fn of(id: QueueId, key: &str, settings: &Settings, members: &[String]) -> Self {
        let Settings { name, idle_timeout_s, unclaimed_timeout_s, timeout_response } = settings.clone();
        let (id, key, members) = (id.to_string(), key.to_owned(), members.to_vec());
        Self { key, id, name, members, idle_timeout_s, unclaimed_timeout_s, timeout_response }
    }
}

/// A conversation waits, or what it shows has changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueWaiting {
    /// Where.
    pub queue: String,
    /// It, with its newest message.
    pub conversation: Conversation,
}

/// A conversation waits no longer in a queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueTaken {
    /// Where it waited.
    pub queue: String,
    /// Which.
    pub conversation: String,
    /// Why.
    pub reason: TakenReason,
    /// By whom; null: nobody was available in time.
    pub by: Option<Person>,
}

/// Why a conversation waits no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakenReason {
    /// An agent took it.
    Claimed,
    /// It is over.
    Closed,
    /// It was given to an agent, or to another queue.
    Transferred,
}

impl From<domain::conversation::Taken> for TakenReason {
    fn from(reason: domain::conversation::Taken) -> Self {
        use domain::conversation::Taken as T;
        match reason {
            T::Claimed => TakenReason::Claimed,
            T::Closed => TakenReason::Closed,
            T::Transferred => TakenReason::Transferred,
        }
    }
}

/// An agent's state in a queue is another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentUpdated {
    /// Where.
    pub queue: String,
    /// As it is.
    pub agent: QueueAgent,
    /// Whether they are a member.
    pub member: bool,
}

/// A queue of mine was altered: `queues` follows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueUpdated {
    /// Which.
    pub id: String,
}
