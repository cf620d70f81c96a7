//! Writes what becomes of queues.

use std::collections::BTreeMap;

use crate::{
    domain::conversation::Stand,
    storage::{
        StorageError,
        dialect::{
            Column::{Bool, Int, Text, Uuid},
            Hex,
        },
    },
};

use super::{
    super::walk::{QueueWrites, Writes},
    Writer,
};

impl Writer<'_> {
    pub(super) async fn queues(&self, queues: &QueueWrites) -> Result<(), StorageError> {
        // Before any conversation begins: its pair is free again.
        let closed = queues.standings.iter().filter(|(_, standing)| standing.stand == Stand::Closed);
        let closed: Vec<_> = closed.map(|(id, _)| (Hex(id.0),)).collect();
        let sql = "UPDATE conversation SET natural_key = NULL FROM {rows} r WHERE conversation.id = r.id";
        self.run(sql, &[("id", Uuid)], &closed).await?;
        self.queue_rows(queues).await?;
        self.agents(queues).await
    }

    async fn queue_rows(&self, queues: &QueueWrites) -> Result<(), StorageError> {
        let last: BTreeMap<_, _> = queues.put.iter().map(|put| (put.0.id, put)).collect();
        let rows: Vec<_> = last
            .values()
            .map(|(put, tenant, revision, version)| {
                let s = &put.settings;
                let (idle, unclaimed) = (s.idle_timeout_s, s.unclaimed_timeout_s);
                let times = (idle, unclaimed, &s.timeout_response);
                (
                    Hex(put.id.0),
                    Hex(tenant.0),
                    &put.key,
                    &s.name,
                    times.0,
                    times.1,
                    times.2,
                    put.deleted,
                    revision,
                    version,
                )
            })
            .collect();
        let columns = [
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("key", Text),
            ("name", Text),
            ("idle_timeout_s", Int),
            ("unclaimed_timeout_s", Int),
            ("timeout_response", Text),
            ("deleted", Bool),
            ("revision", Int),
            ("version", Int),
        ];
        let sql = "INSERT INTO sms_queue (id, tenant_id, key, name, idle_timeout_s, unclaimed_timeout_s, \
             timeout_response, deleted, revision, version) SELECT id, tenant_id, key, name, idle_timeout_s, \
             unclaimed_timeout_s, timeout_response, deleted, revision, version FROM {rows} r WHERE true \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, idle_timeout_s = excluded.idle_timeout_s, \
             unclaimed_timeout_s = excluded.unclaimed_timeout_s, timeout_response = excluded.timeout_response, \
             deleted = excluded.deleted, revision = excluded.revision, version = excluded.version";
        self.run(sql, &columns, &rows).await?;
        let ids: Vec<_> = last.keys().map(|id| (Hex(id.0),)).collect();
        let sql = "DELETE FROM queue_member WHERE queue_id IN (SELECT id FROM {rows} r)";
        self.run(sql, &[("id", Uuid)], &ids).await?;
        let members: Vec<_> = last
            .values()
            .flat_map(|(put, tenant, ..)| {
                let numbered = put.members.iter().enumerate();
                numbered.map(|(place, number)| (Hex(put.id.0), number, place, Hex(tenant.0)))
            })
            .collect();
        let columns = [("queue_id", Uuid), ("number", Text), ("place", Int), ("tenant_id", Uuid)];
        let sql = "INSERT INTO queue_member (queue_id, number, place, tenant_id) \
             SELECT queue_id, number, place, tenant_id FROM {rows} r";
        self.run(sql, &columns, &members).await.map(drop)
    }

    async fn agents(&self, queues: &QueueWrites) -> Result<(), StorageError> {
        let agents = queues.agents.iter();
        let rows: Vec<_> = agents
            .map(|((queue, who), (agent, tenant, revision, version))| {
                let (logged_in, paused, reason) = (agent.logged_in, agent.paused, &agent.pause_reason);
                (Hex(queue.0), Hex(who.0), Hex(tenant.0), logged_in, paused, reason, revision, version)
            })
            .collect();
        let columns = [
            ("queue_id", Uuid),
            ("extension_id", Uuid),
            ("tenant_id", Uuid),
            ("logged_in", Bool),
            ("paused", Bool),
            ("pause_reason", Text),
            ("revision", Int),
            ("version", Int),
        ];
        let sql = "INSERT INTO agent (queue_id, extension_id, tenant_id, logged_in, paused, pause_reason, revision, \
             version) SELECT queue_id, extension_id, tenant_id, logged_in, paused, pause_reason, revision, version \
             FROM {rows} r WHERE true ON CONFLICT (queue_id, extension_id) DO UPDATE SET \
             logged_in = excluded.logged_in, paused = excluded.paused, pause_reason = excluded.pause_reason, \
             revision = excluded.revision, version = excluded.version";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    pub(super) async fn standings(&self, writes: &Writes) -> Result<(), StorageError> {
        let standings = writes.queues.standings.iter();
        let rows: Vec<_> = standings
            .map(|(id, s)| {
                let who = [s.claimed_by, s.closed_by, s.last_held_by].map(|who| who.map(|id| Hex(id.0)));
                let [claimed_by, closed_by, last_held_by] = who;
                (Hex(id.0), Hex(s.queue.0), s.stand.as_str(), claimed_by, closed_by, last_held_by)
            })
            .collect();
        let columns = [
            ("id", Uuid),
            ("queue_id", Uuid),
            ("queue_state", Text),
            ("claimed_by", Uuid),
            ("closed_by", Uuid),
            ("last_held_by", Uuid),
        ];
        let sql = "UPDATE conversation SET queue_id = r.queue_id, queue_state = r.queue_state, \
             claimed_by = r.claimed_by, closed_by = r.closed_by, last_held_by = r.last_held_by \
             FROM {rows} r WHERE conversation.id = r.id";
        self.run(sql, &columns, &rows).await?;
        let closed = writes.queues.standings.iter().filter(|(_, standing)| standing.stand == Stand::Closed);
        let closed: Vec<_> = closed.map(|(id, _)| (Hex(id.0),)).collect();
        let sql = "UPDATE participant SET over = true FROM {rows} r WHERE participant.conversation_id = r.id";
        self.run(sql, &[("id", Uuid)], &closed).await.map(drop)
    }
}
