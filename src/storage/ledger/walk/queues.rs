//! What becomes of queues, their agents, and the conversations in them.

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::{
    Audience, Change, Committed, ConversationId, ExtensionId, Guard, Happening, QueueId, TenantId, Version,
    change::{Appearance, QueueMoved},
    conversation::{Marker, Queued, Stand, State},
    queue::{Agent, QueuePut},
};

use super::{Revision, Walk, queue_key};

/// What is to be written of queues.
#[derive(Debug, Default)]
pub(in super::super) struct QueueWrites {
    /// Queues that were put: whose, their revisions, and when.
    pub put: Vec<(QueuePut, TenantId, i64, Version)>,
    /// Agents' states, the last of each: whose, their revisions, and when.
    pub agents: BTreeMap<(QueueId, ExtensionId), (Agent, TenantId, i64, Version)>,
    /// Where conversations stand.
    pub standings: BTreeMap<ConversationId, Standing>,
}

/// Where a conversation stands in its queue, as a row says it.
#[derive(Debug)]
pub(in super::super) struct Standing {
    pub queue: QueueId,
    pub stand: Stand,
    pub claimed_by: Option<ExtensionId>,
    pub closed_by: Option<ExtensionId>,
    pub last_held_by: Option<ExtensionId>,
}

impl Walk {
    pub(super) fn queue_guard_holds(&self, tenant: TenantId, guard: &Guard) -> bool {
        let ground = &self.ground;
        match guard {
            Guard::Queue(id, revision) => ground.queues.get(id) == Some(revision),
            Guard::NoQueue(key) => !ground.taken.contains(&(tenant, queue_key(key))),
            Guard::NoneOpen(id) => !ground.open_queues.contains(id),
            Guard::Agent(queue, who, revision) => ground.agents.get(&(*queue, *who)).copied().unwrap_or(0) == *revision,
            Guard::Owed(conversation, since) => {
                ground.heads.get(conversation).is_some_and(|head| head.needs_reply_since == *since)
            }
            _ => false,
        }
    }

    pub(super) fn queue_change(&mut self, tenant: TenantId, change: &Change) -> Option<Arc<Committed>> {
        match change {
            Change::QueuePut(put) => Some(self.queue_put(tenant, put)),
            Change::AgentPut { queue, agent, audience } => Some(self.agent_put(tenant, *queue, agent, audience)),
            Change::QueueMoved(moved) => self.queue_moved(tenant, moved),
            Change::HolderLeft { conversation, who, reason } => {
                let version = self.touch(tenant, *conversation)?;
                self.writes.leaves.push((*conversation, *who, version, *reason));
                let happening = Happening::ConversationRemoved { conversation: *conversation, reason: *reason };
                Some(self.committed(tenant, version, Audience::Extensions([*who].into()), happening))
            }
            Change::WaitingShown { row, last } => {
                let queue = row.queue.as_ref()?.line.id;
                let version = self.touch(tenant, row.id)?;
                let last = self.newest.get(&row.id).or(last.as_deref()).cloned();
                let facts = self.facts(row)?;
                Some(self.committed(tenant, version, Audience::Agents(queue), Happening::QueueWaiting { facts, last }))
            }
            Change::WaitingTaken { queue, conversation, reason, by } => {
                let version = self.next_version(tenant);
                let (queue, conversation, reason, by) = (*queue, *conversation, *reason, by.clone());
                let happening = Happening::QueueTaken { queue, conversation, reason, by };
                Some(self.committed(tenant, version, Audience::Agents(queue), happening))
            }
            Change::RowShown { row, audience } => self.row_shown(tenant, row, audience),
            _ => None,
        }
    }

    /// Where a conversation stands is written.
    pub(super) fn stands(&mut self, id: ConversationId, queued: &Queued) {
        let stand = queued.state.stand();
        if stand != Stand::Closed {
            self.ground.open_queues.insert(queued.line.id);
        }
        let standing = Standing {
            queue: queued.line.id,
            stand,
            claimed_by: queued.state.holder().map(|holder| holder.id),
            closed_by: match &queued.state {
                State::Closed(by) => by.as_ref().map(|who| who.id),
                _ => None,
            },
            last_held_by: queued.last_held_by,
        };
        self.writes.queues.standings.insert(id, standing);
    }

    fn queue_put(&mut self, tenant: TenantId, put: &QueuePut) -> Arc<Committed> {
        let version = self.next_version(tenant);
        let revision = self.ground.queues.entry(put.id).or_insert(0);
        *revision += 1;
        self.writes.queues.put.push((put.clone(), tenant, *revision, version));
        self.ground.taken.insert((tenant, queue_key(&put.key)));
        let audience = Audience::Extensions(put.audience.clone());
        self.committed(tenant, version, audience, Happening::QueueUpdated(put.id))
    }

    fn agent_put(
        &mut self,
        tenant: TenantId,
        queue: QueueId,
        agent: &Agent,
        audience: &Arc<[ExtensionId]>,
    ) -> Arc<Committed> {
        let version = self.next_version(tenant);
        let revision = self.ground.agents.entry((queue, agent.who.id)).or_insert(0);
        *revision += 1;
        let agent = Agent { revision: *revision, ..agent.clone() };
        let written = (agent.clone(), tenant, *revision, version);
        self.writes.queues.agents.insert((queue, agent.who.id), written);
        let happening = Happening::AgentUpdated { queue, agent };
        self.committed(tenant, version, Audience::Extensions(audience.clone()), happening)
    }

    fn queue_moved(&mut self, tenant: TenantId, moved: &QueueMoved) -> Option<Arc<Committed>> {
        let QueueMoved { row, joins, natural_key, audience } = moved;
        let queued = row.queue.as_ref()?;
        let stand = queued.state.stand();
        let now = self.now;
        let head = self.ground.heads.get_mut(&row.id)?;
        head.stand = Some((stand, now));
        if stand == Stand::Closed {
            // Nobody is owed anything here any more, and the pair may have another.
            head.needs_reply_since = None;
            self.ground.taken.remove(&(tenant, natural_key.clone()));
        }
        self.stands(row.id, queued);
        let mut facts = self.revise(tenant, row)?;
        let version = facts.version;
        let marker = Marker { seq: facts.last_seq, text_no: facts.text_count };
        if let Some(who) = joins {
            facts.participants.iter_mut().filter(|r| r.extension == *who).for_each(|r| r.marker = marker);
            self.writes.joins.push((row.id, *who, tenant, version, marker));
        }
        let happening = Happening::ConversationUpdated { facts, joined: joins.map(|_| marker) };
        Some(self.committed(tenant, version, Audience::Extensions(audience.clone()), happening))
    }

    fn row_shown(
        &mut self,
        tenant: TenantId,
        row: &Appearance,
        audience: &Arc<[ExtensionId]>,
    ) -> Option<Arc<Committed>> {
        let version = self.touch(tenant, row.id)?;
        let facts = self.facts(row)?;
        let (name, participant_count) = (row.name.clone(), row.participant_count);
        // A reader who comes back gets the row as well; the revision stays, for nothing is decided on this.
        let revision = Revision { revision: facts.revision, version, name, participant_count };
        self.writes.revisions.insert(row.id, revision);
        let happening = Happening::ConversationUpdated { facts, joined: None };
        Some(self.committed(tenant, version, Audience::Extensions(audience.clone()), happening))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CHAT, JAKE, TENANT, ground};
    use super::super::{Ground, Verdict, walk};
    use super::*;
    use crate::{
        domain::{
            By, Decision, Timestamp,
            conversation::{Kind, Pair},
            extension::Colleague,
            phone::Number,
            queue::{Line, Settings},
        },
        storage::ledger::Unit,
    };
    use uuid::Uuid;

    const QUEUE: QueueId = QueueId(Uuid::from_u128(50));

    fn unit(guards: Vec<Guard>, changes: Vec<Change>) -> Unit {
        Unit { by: By::Engine(TENANT), once: None, decision: Decision { guards, changes } }
    }

    fn stood(state: State) -> Change {
        let settings =
            Settings { name: "Support".into(), idle_timeout_s: 300, unclaimed_timeout_s: 60, timeout_response: None };
        let line = Arc::new(Line { id: QUEUE, revision: 1, settings });
        let number = |text: &str| Number::stored(text.into());
        let holder = state.holder().map(|h| h.id);
        let row = Appearance {
            id: CHAT,
            kind: Kind::Sms,
            name: None,
            participants: vec![],
            participant_count: 0,
            pair: Some(Pair { ours: number("+1"), theirs: number("+2") }),
            numbers: [].into(),
            queue: Some(Queued::new(line, state)),
        };
        let audience = holder.into_iter().collect();
        let moved = QueueMoved { row, joins: holder, natural_key: "queue:+1:+2".into(), audience };
        Change::QueueMoved(Box::new(moved))
    }

    fn jake() -> Colleague {
        Colleague { id: JAKE, number: "201".into(), name: "Jake".into() }
    }

    /// The ground with a conversation in it that waits since 20, its customer since 10.
    fn queued() -> Ground {
        let mut ground = ground();
        let head = ground.heads.get_mut(&CHAT).unwrap();
        (head.stand, head.needs_reply_since) = (Some((Stand::Waiting, Timestamp(20))), Some(Timestamp(10)));
        ground.queues.insert(QUEUE, 1);
        ground
    }

    #[test]
    fn of_two_claims_in_one_batch_the_first_wins() {
        let claim = || unit(vec![Guard::Conversation(CHAT, 4)], vec![stood(State::Claimed(jake()))]);
        let (verdicts, writes) = walk(&[claim(), claim()], queued(), Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Committed(_), Verdict::Conflict]));
        assert_eq!(writes.queues.standings[&CHAT].claimed_by, Some(JAKE));
        assert_eq!(writes.heads[&CHAT].clock_since(), Some(Timestamp(60)), "the customer waits, the agent since now");
    }

    #[test]
    fn a_pause_before_the_claim_wins_over_it() {
        let agent = Agent {
            queue: QUEUE,
            who: jake(),
            extension_revision: 1,
            member: true,
            logged_in: true,
            paused: true,
            pause_reason: None,
            revision: 0,
        };
        let rests = |revision| vec![Guard::Agent(QUEUE, JAKE, revision)];
        let pause = unit(rests(0), vec![Change::AgentPut { queue: QUEUE, agent, audience: [JAKE].into() }]);
        let claim = unit(rests(0), vec![stood(State::Claimed(jake()))]);
        let (verdicts, _) = walk(&[pause, claim], queued(), Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Committed(_), Verdict::Conflict]));
    }

    #[test]
    fn what_is_closed_owes_nothing_and_leaves_its_pair_free() {
        let mut ground = queued();
        ground.taken.insert((TENANT, "queue:+1:+2".into()));
        let (_, writes) = walk(&[unit(vec![], vec![stood(State::Closed(None))])], ground, Timestamp(60));
        let head = &writes.heads[&CHAT];
        assert_eq!((head.needs_reply_since, head.clock_since(), head.waiting_since()), (None, None, None));
    }

    #[test]
    fn a_firing_that_rests_on_another_wait_is_a_conflict() {
        let firing = |owed| unit(vec![Guard::Owed(CHAT, owed)], vec![stood(State::Waiting)]);
        let (verdicts, _) = walk(&[firing(None), firing(Some(Timestamp(10)))], queued(), Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Conflict, Verdict::Committed(_)]));
    }

    #[test]
    fn a_queue_in_which_one_just_entered_can_t_be_given_up() {
        let enters = unit(vec![], vec![stood(State::Waiting)]);
        let gives_up = unit(vec![Guard::NoneOpen(QUEUE)], vec![]);
        let (verdicts, _) = walk(&[enters, gives_up], queued(), Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Committed(_), Verdict::Conflict]));
    }
}
