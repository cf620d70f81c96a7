//! An SMS queue: a team's inbox, and the state of its agents. What waits in it are conversations, each decided by itself.

pub mod delete;
pub mod put;
pub mod set_agent;

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{By, Committed, Decision, ExtensionId, Guard, Happening, QueueId, Refusal, TenantId, extension::Colleague};

/// How a queue behaves, as an administrator set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What people call it.
    pub name: String,
    /// A claimed conversation goes back if the customer is owed a reply for so many seconds.
    pub idle_timeout_s: i64,
    /// A waiting one is closed after so many seconds; 0: never.
    pub unclaimed_timeout_s: i64,
    /// What the customer is then told.
    pub timeout_response: Option<String>,
}

/// A queue, as its conversations know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which.
    pub id: QueueId,
    /// Of its settings and members.
    pub revision: i64,
    /// How it behaves.
    pub settings: Settings,
}

impl Line {
    /// What a decision on one of its conversations rests on.
    pub fn guard(&self) -> Guard {
        Guard::Queue(self.id, self.revision)
    }
}

/// An extension in a queue, where it may be a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Which queue.
    pub queue: QueueId,
    /// Who.
    pub who: Colleague,
    /// Of their provisioning.
    pub extension_revision: i64,
    /// Whether they are a member.
    pub member: bool,
    /// Whether they are logged in to it.
    pub logged_in: bool,
    /// Whether they take nothing new meanwhile.
    pub paused: bool,
    /// Why.
    pub pause_reason: Option<String>,
    /// Rises with each change of this; 0: they never logged in.
    pub revision: i64,
}

impl Agent {
    /// Whether they are told of what waits, and may take it.
    pub fn is_available(&self) -> bool {
        self.member && self.logged_in && !self.paused
    }

    /// What a decision rests on that takes them for available in the queue.
    pub fn guards(&self, line: &Line) -> [Guard; 3] {
        [
            Guard::Agent(self.queue, self.who.id, self.revision),
            Guard::Extension(self.who.id, self.extension_revision),
            line.guard(),
        ]
    }
}

/// A queue that is made, altered or given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePut {
    /// Which.
    pub id: QueueId,
    /// The PBX's own name for it.
    pub key: String,
    /// How it behaves.
    pub settings: Settings,
    /// Its members, by their extensions' numbers.
    pub members: Vec<String>,
    /// Whether it is given up.
    pub deleted: bool,
    /// Who is told: who was a member, or is.
    pub audience: Arc<[ExtensionId]>,
}

/// A queue in use: what its commands are decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Which, and how it behaves.
    pub line: Line,
    /// Whose.
    pub tenant: TenantId,
    /// The PBX's own name for it.
    pub key: String,
    /// Its members, as the PBX named them: some may not be there yet.
    pub members: Vec<String>,
    /// Those of them who are there.
    pub agents: HashMap<ExtensionId, Agent>,
    /// Whether it is given up.
    pub deleted: bool,
    /// Its settings or members are others since: it must be read anew.
    pub outdated: bool,
}

/// What may be asked of a queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// My state in it.
    SetAgent(set_agent::Wish),
    /// It shall be so.
    Put(Arc<put::Wanted>),
    /// It shall be no more.
    Delete(Arc<delete::Wish>),
}

impl Queue {
    /// What a command means here and now.
    pub fn decide(&self, by: &By, command: &Command) -> Result<Decision, Refusal> {
        if by.tenant() != self.tenant {
            return Err(Refusal::NotFound);
        }
        match (command, by) {
            (Command::SetAgent(wish), _) => set_agent::set_agent(self, by.caller()?, wish),
            (Command::Put(wanted), by) if by.may_provision() => put::put(self, wanted),
            (Command::Delete(wish), by) if by.may_provision() => delete::delete(self, wish),
            _ => Err(Refusal::Forbidden("only the PBX and administrators may do this".into())),
        }
    }

    /// Takes in a change of this queue that was committed.
    pub fn apply(&mut self, committed: &Committed) {
        match &committed.happening {
            Happening::AgentUpdated { queue, agent } if *queue == self.line.id => {
                self.agents.insert(agent.who.id, agent.clone());
            }
            Happening::QueueUpdated(queue) => self.outdated |= *queue == self.line.id,
            _ => {}
        }
    }

    /// Those who are told of its agents, in order.
    pub fn audience(&self) -> Arc<[ExtensionId]> {
        let mut audience: Vec<_> = self.agents.values().filter(|a| a.member).map(|a| a.who.id).collect();
        audience.sort_unstable();
        audience.into()
    }
}

/// A number of whole seconds as a duration.
pub(super) fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use uuid::Uuid;

    pub fn agent(n: u128) -> Agent {
        let id = ExtensionId(Uuid::from_u128(n));
        let who = Colleague { id, number: (200 + n).to_string(), name: format!("Name {n}") };
        let (queue, member, logged_in) = (line().id, true, true);
        Agent { queue, who, extension_revision: 3, member, logged_in, paused: false, pause_reason: None, revision: 2 }
    }

    pub fn settings() -> Settings {
        Settings {
            name: "SMS Support Queue".into(),
            idle_timeout_s: 300,
            unclaimed_timeout_s: 0,
            timeout_response: None,
        }
    }

    pub fn line() -> Line {
        Line { id: QueueId(Uuid::from_u128(500)), revision: 4, settings: settings() }
    }

    /// The queue of extensions 1 and 2, both available.
    pub fn queue() -> Queue {
        Queue {
            line: line(),
            tenant: TenantId(Uuid::from_u128(7)),
            key: "support".into(),
            members: vec!["201".into(), "202".into()],
            agents: [1, 2].map(|n| (ExtensionId(Uuid::from_u128(n)), agent(n))).into(),
            deleted: false,
            outdated: false,
        }
    }

    #[test]
    fn available_is_who_is_a_member_logged_in_and_not_paused() {
        assert!(agent(1).is_available());
        let changes: [fn(&mut Agent); 3] = [|a| a.member = false, |a| a.logged_in = false, |a| a.paused = true];
        for change in changes {
            let mut agent = agent(1);
            change(&mut agent);
            assert!(!agent.is_available());
        }
    }
}
