//! SMS queues: as an actor's state, as the board that agents look at, and what of their conversations falls due.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::domain::{
    ConversationId, ExtensionId, QueueId, TenantId, Timestamp, Version,
    conversation::{Message, Queued, Stand, State},
    extension::{Colleague, People},
    phone::Number,
    provision::phone_number::StoredNumber,
    queue::{Agent, Line, Queue, Settings},
};

use super::{Row, Storage, StorageError, column, extension_id, phone_numbers::stored};

/// What a conversation's place in its queue is read from, beside the conversation `c`.
pub(super) const PLACE: &str = "c.queue_state, c.queue_since, c.needs_reply_since, c.last_held_by, q.id AS queue, \
     q.revision AS queue_revision, q.name AS queue_name, q.idle_timeout_s, q.unclaimed_timeout_s, q.timeout_response, \
     h.id AS holder, h.number AS holder_number, h.name AS holder_name, b.id AS closer, b.number AS closer_number, \
     b.name AS closer_name";
/// ... and where those come from.
pub(super) const PLACED: &str = "LEFT JOIN sms_queue q ON q.id = c.queue_id \
     LEFT JOIN extension h ON h.id = c.claimed_by LEFT JOIN extension b ON b.id = c.closed_by";

/// Whether the extension `e` may read the queue conversation `c`: while it waits, available agents; claimed, its agent;
/// closed, who closed or last held it, for *Missed* the members, and whoever holds an open one of the same pair.
/// Supervisors always.
pub(super) const READABLE: &str = "(e.role <> 'user' OR c.claimed_by = e.id OR c.queue_state = 'waiting' AND EXISTS \
     (SELECT 1 FROM agent a JOIN queue_member m ON m.queue_id = a.queue_id AND m.number = e.number \
     WHERE a.queue_id = c.queue_id AND a.extension_id = e.id AND a.logged_in AND NOT a.paused) \
     OR c.queue_state = 'closed' AND (c.closed_by = e.id OR c.last_held_by = e.id OR c.closed_by IS NULL AND EXISTS \
     (SELECT 1 FROM queue_member m WHERE m.queue_id = c.queue_id AND m.number = e.number) OR EXISTS \
     (SELECT 1 FROM conversation o WHERE o.tenant_id = c.tenant_id AND o.their_number = c.their_number \
     AND o.our_number = c.our_number AND o.claimed_by = e.id)))";

/// An agent's row, of the queue `$1`: `e` is the extension.
const AGENT: &str = "e.id, e.number, e.name, e.revision AS extension_revision, \
     (e.enabled AND m.queue_id IS NOT NULL) AS member, coalesce(a.logged_in, false) AS logged_in, \
     coalesce(a.paused, false) AS paused, a.pause_reason, coalesce(a.revision, 0) AS revision";

/// Who holds a conversation `held`, and may not.
const MAY_NOT_HOLD: &str = "(NOT e.enabled OR e.role = 'user' AND NOT EXISTS (SELECT 1 FROM queue_member m \
     WHERE m.queue_id = held.queue_id AND m.number = e.number))";

/// Waiting conversations that a board shows.
const SHOWN: usize = 200;

/// A queue as its agents see it, as of one moment.
#[derive(Clone, Debug)]
pub struct Board {
    /// Whose.
    pub tenant: TenantId,
    /// The tenant's version as of which it is so.
    pub version: Version,
    /// Which queue, and how it behaves.
    pub line: Line,
    /// Its members who are there, by number.
    pub agents: Vec<Agent>,
    /// Our numbers that feed it.
    pub numbers: Vec<Number>,
    /// What waits, the oldest wait first, up to 200.
    pub waiting: Vec<Row>,
    /// All that waits.
    pub waiting_count: i64,
    /// Who is named in it.
    pub people: People,
}

/// A queue as the PBX put it.
#[derive(Clone, Debug)]
pub struct ProvisionedQueue {
    /// Its id.
    pub id: QueueId,
    /// The PBX's own name for it.
    pub key: String,
    /// How it behaves.
    pub settings: Settings,
    /// Its members' numbers.
    pub members: Vec<String>,
}

/// Which conversations of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InQueue {
    /// For somebody to claim them.
    Waiting,
    /// Somebody holds them.
    Claimed,
    /// Somebody closed them.
    Closed,
    /// Nobody was available in time.
    Missed,
}

impl Storage {
    /// The state that a queue's commands are decided on.
    pub async fn queue(&self, id: QueueId) -> Result<Option<Queue>, StorageError> {
        let tx = self.moment().await?;
        let sql = "SELECT * FROM sms_queue WHERE id = $1";
        let Some(row) = tx.query_one_raw(self.statement(sql, [id.0.into()])).await? else { return Ok(None) };
        let tenant = TenantId(column(&row, "tenant_id")?);
        Ok(Some(Queue {
            line: line(&row)?,
            tenant,
            key: column(&row, "key")?,
            members: self.members(&tx, id).await?,
            agents: self.agents(&tx, tenant, id).await?.into_iter().map(|agent| (agent.who.id, agent)).collect(),
            deleted: column(&row, "deleted")?,
            outdated: false,
        }))
    }

    async fn members(&self, db: &impl ConnectionTrait, id: QueueId) -> Result<Vec<String>, StorageError> {
        let sql = "SELECT number FROM queue_member WHERE queue_id = $1 ORDER BY place";
        let rows = db.query_all_raw(self.statement(sql, [id.0.into()])).await?;
        rows.iter().map(|row| column(row, "number")).collect()
    }

    /// A queue's members who are there, by number.
    async fn agents(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        id: QueueId,
    ) -> Result<Vec<Agent>, StorageError> {
        let sql = format!(
            "SELECT {AGENT} FROM queue_member m JOIN extension e ON e.tenant_id = $2 AND e.number = m.number \
             AND e.enabled LEFT JOIN agent a ON a.queue_id = m.queue_id AND a.extension_id = e.id \
             WHERE m.queue_id = $1 ORDER BY e.number"
        );
        let rows = db.query_all_raw(self.statement(&sql, [id.0.into(), tenant.0.into()])).await?;
        rows.iter().map(|row| agent(row, id)).collect()
    }

    /// An extension as an agent of a queue, whether it is a member or not.
    pub async fn agent(
        &self,
        tenant: TenantId,
        queue: QueueId,
        extension: ExtensionId,
    ) -> Result<Option<Agent>, StorageError> {
        self.one_agent(&self.0.reader, queue, tenant, "e.id = $3", extension.0.into()).await
    }

    /// ... as of the moment of a transaction.
    pub(super) async fn agent_within(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        queue: QueueId,
        extension: ExtensionId,
    ) -> Result<Option<Agent>, StorageError> {
        self.one_agent(db, queue, tenant, "e.id = $3", extension.0.into()).await
    }

    /// ... by its number.
    pub async fn agent_numbered(
        &self,
        tenant: TenantId,
        queue: QueueId,
        number: &str,
    ) -> Result<Option<Agent>, StorageError> {
        self.one_agent(&self.0.reader, queue, tenant, "e.number = $3 AND NOT e.deleted", number.into()).await
    }

    async fn one_agent(
        &self,
        db: &impl ConnectionTrait,
        queue: QueueId,
        tenant: TenantId,
        which: &str,
        value: Value,
    ) -> Result<Option<Agent>, StorageError> {
        let sql = format!(
            "SELECT {AGENT} FROM extension e LEFT JOIN queue_member m ON m.queue_id = $1 AND m.number = e.number \
             LEFT JOIN agent a ON a.queue_id = $1 AND a.extension_id = e.id WHERE e.tenant_id = $2 AND {which}"
        );
        let values = [queue.0.into(), tenant.0.into(), value];
        let row = db.query_one_raw(self.statement(&sql, values)).await?;
        row.map(|row| agent(&row, queue)).transpose()
    }

    /// An extension's state in each queue in which it has one.
    pub async fn agent_states(&self, tenant: TenantId, extension: ExtensionId) -> Result<Vec<Agent>, StorageError> {
        let sql = format!(
            "SELECT a.queue_id, {AGENT} FROM agent a JOIN extension e ON e.id = a.extension_id \
             LEFT JOIN queue_member m ON m.queue_id = a.queue_id AND m.number = e.number \
             WHERE a.extension_id = $1 AND a.tenant_id = $2"
        );
        let rows = self.0.reader.query_all_raw(self.statement(&sql, [extension.0.into(), tenant.0.into()])).await?;
        rows.iter().map(|row| agent(row, QueueId(column(row, "queue_id")?))).collect()
    }

    /// The members of the tenant's queues who are there, and whether each is available.
    pub async fn availability(&self, tenant: TenantId) -> Result<Vec<(QueueId, ExtensionId, bool)>, StorageError> {
        let sql = "SELECT m.queue_id, e.id, coalesce(a.logged_in AND NOT a.paused, false) AS available \
             FROM queue_member m JOIN extension e ON e.tenant_id = m.tenant_id AND e.number = m.number AND e.enabled \
             LEFT JOIN agent a ON a.queue_id = m.queue_id AND a.extension_id = e.id WHERE m.tenant_id = $1";
        let rows = self.0.reader.query_all_raw(self.statement(sql, [tenant.0.into()])).await?;
        let member = |row: &QueryResult| {
            Ok((QueueId(column(row, "queue_id")?), extension_id(row, "id")?, column(row, "available")?))
        };
        rows.iter().map(member).collect()
    }

    /// A queue of the tenant that is there.
    pub async fn line(&self, tenant: TenantId, id: QueueId) -> Result<Option<Arc<Line>>, StorageError> {
        let sql = "SELECT * FROM sms_queue WHERE id = $1 AND tenant_id = $2 AND NOT deleted";
        let row = self.0.reader.query_one_raw(self.statement(sql, [id.0.into(), tenant.0.into()])).await?;
        row.map(|row| line(&row).map(Arc::new)).transpose()
    }

    /// Whether a queue is the tenant's, there or given up.
    pub async fn is_queue(&self, tenant: TenantId, id: QueueId) -> Result<bool, StorageError> {
        let sql = "SELECT 1 AS found FROM sms_queue WHERE id = $1 AND tenant_id = $2";
        Ok(self.0.reader.query_one_raw(self.statement(sql, [id.0.into(), tenant.0.into()])).await?.is_some())
    }

    /// ... by the PBX's own name for it.
    pub async fn line_of(&self, tenant: TenantId, key: &str) -> Result<Option<Arc<Line>>, StorageError> {
        let sql = "SELECT * FROM sms_queue WHERE tenant_id = $1 AND key = $2 AND NOT deleted";
        let row = self.0.reader.query_one_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        row.map(|row| line(&row).map(Arc::new)).transpose()
    }

    /// The id of a queue that is there, or was.
    pub async fn queue_of_key(&self, tenant: TenantId, key: &str) -> Result<Option<QueueId>, StorageError> {
        let sql = "SELECT id FROM sms_queue WHERE tenant_id = $1 AND key = $2";
        let row = self.0.reader.query_one_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        row.map(|row| column(&row, "id").map(QueueId)).transpose()
    }

    /// The queue in which a conversation is.
    pub async fn queue_in(&self, tenant: TenantId, id: ConversationId) -> Result<Option<QueueId>, StorageError> {
        let sql = "SELECT queue_id FROM conversation WHERE id = $1 AND tenant_id = $2";
        let row = self.0.reader.query_one_raw(self.statement(sql, [id.0.into(), tenant.0.into()])).await?;
        Ok(row.map(|row| column::<Option<uuid::Uuid>>(&row, "queue_id")).transpose()?.flatten().map(QueueId))
    }

    /// Our numbers that name a queue, whether it is there or not.
    pub async fn feeding(&self, tenant: TenantId, key: &str) -> Result<Vec<StoredNumber>, StorageError> {
        let sql = "SELECT * FROM phone_number WHERE tenant_id = $1 AND queue = $2 AND NOT deleted ORDER BY number";
        let rows = self.0.reader.query_all_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        rows.iter().map(stored).collect()
    }

    /// Whether conversations wait in a queue, or are claimed.
    pub async fn is_in_use(&self, id: QueueId) -> Result<bool, StorageError> {
        let sql = "SELECT 1 AS found FROM conversation WHERE queue_id = $1 AND queue_state IN ('waiting', 'claimed') \
             LIMIT 1";
        Ok(self.0.reader.query_one_raw(self.statement(sql, [id.0.into()])).await?.is_some())
    }

    /// The queues that an extension is a member of, by name.
    pub async fn queues_of(&self, tenant: TenantId, extension: ExtensionId) -> Result<Vec<QueueId>, StorageError> {
        let sql = "SELECT q.id FROM extension e JOIN queue_member m ON m.tenant_id = e.tenant_id \
             AND m.number = e.number JOIN sms_queue q ON q.id = m.queue_id \
             WHERE e.id = $1 AND e.tenant_id = $2 AND e.enabled AND NOT q.deleted ORDER BY q.name, q.id";
        let rows = self.0.reader.query_all_raw(self.statement(sql, [extension.0.into(), tenant.0.into()])).await?;
        rows.iter().map(|row| column(row, "id").map(QueueId)).collect()
    }

    /// How many conversations an extension holds in each queue.
    pub async fn held(&self, tenant: TenantId, extension: ExtensionId) -> Result<HashMap<QueueId, i64>, StorageError> {
        let sql = "SELECT queue_id, count(*) AS held FROM conversation WHERE tenant_id = $1 AND claimed_by = $2 \
             GROUP BY queue_id";
        let rows = self.0.reader.query_all_raw(self.statement(sql, [tenant.0.into(), extension.0.into()])).await?;
        rows.iter().map(|row| Ok((QueueId(column(row, "queue_id")?), column(row, "held")?))).collect()
    }

    /// Queues that were altered after a version, at most so many, and who is told: members, and who holds what is in them.
    pub(super) async fn queues_since(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        after: Version,
        limit: i64,
    ) -> Result<Vec<(Version, QueueId, Vec<ExtensionId>)>, StorageError> {
        let sql = "SELECT id, version FROM sms_queue WHERE tenant_id = $1 AND version > $2 ORDER BY version LIMIT $3";
        let mut found = Vec::new();
        for row in db.query_all_raw(self.statement(sql, [tenant.0.into(), after.into(), limit.into()])).await? {
            let id = QueueId(column(&row, "id")?);
            found.push((column(&row, "version")?, id, self.concerned(db, tenant, id).await?));
        }
        Ok(found)
    }

    /// Whom a change of a queue concerns: its members who are there, and who holds what is in it.
    async fn concerned(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        id: QueueId,
    ) -> Result<Vec<ExtensionId>, StorageError> {
        let sql = "SELECT e.id FROM queue_member m JOIN extension e ON e.tenant_id = $1 AND e.number = m.number \
             AND e.enabled WHERE m.queue_id = $2 UNION SELECT c.claimed_by AS id FROM conversation c \
             WHERE c.queue_id = $2 AND c.queue_state = 'claimed' AND c.tenant_id = $1";
        let rows = db.query_all_raw(self.statement(sql, [tenant.0.into(), id.0.into()])).await?;
        rows.iter().map(|row| extension_id(row, "id")).collect()
    }

    /// Whom a change of a queue concerns, now.
    pub async fn concerned_by(&self, tenant: TenantId, id: QueueId) -> Result<Vec<ExtensionId>, StorageError> {
        self.concerned(&self.0.reader, tenant, id).await
    }

    /// Id and name of the tenant's queues, by name.
    pub async fn all_queues(&self, tenant: TenantId) -> Result<Vec<(QueueId, String)>, StorageError> {
        let sql = "SELECT id, name FROM sms_queue WHERE tenant_id = $1 AND NOT deleted ORDER BY name, id";
        let rows = self.0.reader.query_all_raw(self.statement(sql, [tenant.0.into()])).await?;
        rows.iter().map(|row| Ok((QueueId(column(row, "id")?), column(row, "name")?))).collect()
    }

    /// The tenant's queues as provisioned, by key, after `after`.
    pub async fn provisioned_queues(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ProvisionedQueue>, StorageError> {
        let tx = self.moment().await?;
        let sql = "SELECT * FROM sms_queue WHERE tenant_id = $1 AND key > $2 AND NOT deleted ORDER BY key LIMIT $3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        let mut found = Vec::new();
        for row in tx.query_all_raw(self.statement(sql, values)).await? {
            let Line { id, settings, .. } = line(&row)?;
            let members = self.members(&tx, id).await?;
            found.push(ProvisionedQueue { id, key: column(&row, "key")?, settings, members });
        }
        Ok(found)
    }

    /// A queue as its agents see it; `None` if it is not there.
    pub async fn board(&self, id: QueueId) -> Result<Option<Board>, StorageError> {
        let tx = self.moment().await?;
        let sql = "SELECT * FROM sms_queue WHERE id = $1 AND NOT deleted";
        let Some(row) = tx.query_one_raw(self.statement(sql, [id.0.into()])).await? else { return Ok(None) };
        let tenant = TenantId(column(&row, "tenant_id")?);
        let (line, key): (_, String) = (line(&row)?, column(&row, "key")?);
        let version = self.version(&tx, tenant).await?;
        let agents = self.agents(&tx, tenant, id).await?;
        let sql = "SELECT number FROM phone_number WHERE tenant_id = $1 AND queue = $2 AND NOT deleted ORDER BY number";
        let rows = tx.query_all_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        let numbers = rows.iter().map(|row| column(row, "number").map(Number::stored)).collect::<Result<_, _>>()?;
        let sql = "SELECT count(*) AS waiting FROM conversation WHERE queue_id = $1 AND waiting_since IS NOT NULL";
        let counted = tx.query_one_raw(self.statement(sql, [id.0.into()])).await?;
        let waiting_count = counted.map_or(Ok(0), |row| column(&row, "waiting"))?;
        let sql = format!(
            "SELECT id FROM conversation WHERE queue_id = $1 AND waiting_since IS NOT NULL \
             ORDER BY waiting_since, id LIMIT {SHOWN}"
        );
        let rows = tx.query_all_raw(self.statement(&sql, [id.0.into()])).await?;
        let ids = rows.iter().map(|row| column(row, "id").map(ConversationId)).collect::<Result<Vec<_>, _>>()?;
        // The same for all who look: nobody has read anything of what waits.
        let waiting = self.rows_of(&tx, tenant, ExtensionId(uuid::Uuid::nil()), &ids).await?;
        let named = waiting.iter().filter_map(|row| row.last_message.as_ref()).flat_map(Message::people);
        let people = self.people(tenant, named).await?;
        Ok(Some(Board { tenant, version, line, agents, numbers, waiting, waiting_count, people }))
    }

    /// A queue's conversations, as far as an extension may read them: what waits, the oldest wait first; else the newest
    /// activity first. `after` is where the page before ended.
    pub async fn in_queue(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        queue: QueueId,
        which: InQueue,
        after: Option<(Timestamp, ConversationId)>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let (state, order) = match which {
            InQueue::Waiting => {
                ("c.waiting_since IS NOT NULL AND (c.waiting_since, c.id) > ($4, $5)", "c.waiting_since, c.id")
            }
            InQueue::Claimed => ("c.queue_state = 'claimed' AND (c.last_activity_at, c.id) < ($4, $5)", NEWEST),
            InQueue::Closed => (
                "c.queue_state = 'closed' AND c.closed_by IS NOT NULL AND (c.last_activity_at, c.id) < ($4, $5)",
                NEWEST,
            ),
            InQueue::Missed => {
                ("c.queue_state = 'closed' AND c.closed_by IS NULL AND (c.last_activity_at, c.id) < ($4, $5)", NEWEST)
            }
        };
        let (at, id) = match (after, which) {
            (Some(after), _) => after,
            (None, InQueue::Waiting) => (Timestamp(i64::MIN), ConversationId(uuid::Uuid::nil())),
            (None, _) => (Timestamp(i64::MAX), ConversationId(uuid::Uuid::max())),
        };
        let sql = format!(
            "SELECT c.id FROM extension e JOIN conversation c ON c.queue_id = $3 AND c.tenant_id = e.tenant_id \
             WHERE e.id = $1 AND e.tenant_id = $2 AND e.enabled AND {state} AND {READABLE} ORDER BY {order} LIMIT $6"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [me.0.into(), tenant.0.into(), queue.0.into(), at.0.into(), id.0.into(), limit.into()];
        self.listed(tenant, me, &sql, values).await
    }

    /// The closed queue conversations of the same pair as one that `me` may read, as far as they may be read, the newest
    /// activity first.
    pub async fn earlier(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        id: ConversationId,
        before: Option<(Timestamp, ConversationId)>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let (at, below) = before.unwrap_or((Timestamp(i64::MAX), ConversationId(uuid::Uuid::max())));
        let sql = format!(
            "SELECT c.id FROM conversation this CROSS JOIN extension e JOIN conversation c \
             ON c.tenant_id = this.tenant_id AND c.their_number = this.their_number \
             AND c.our_number = this.our_number AND c.queue_state = 'closed' AND c.id <> this.id \
             WHERE this.id = $3 AND this.tenant_id = $2 AND this.queue_id IS NOT NULL AND e.id = $1 \
             AND e.tenant_id = $2 AND e.enabled AND (c.last_activity_at, c.id) < ($4, $5) AND {READABLE} \
             ORDER BY {NEWEST} LIMIT $6"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [me.0.into(), tenant.0.into(), id.0.into(), at.0.into(), below.0.into(), limit.into()];
        self.listed(tenant, me, &sql, values).await
    }

    async fn listed(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, StorageError> {
        let tx = self.moment().await?;
        let rows = tx.query_all_raw(self.statement(sql, values)).await?;
        let ids = rows.iter().map(|row| column(row, "id").map(ConversationId)).collect::<Result<Vec<_>, _>>()?;
        self.rows_of(&tx, tenant, me, &ids).await
    }

    /// Conversations whose time runs out before `until`, and when that is.
    pub async fn due(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(TenantId, ConversationId, Timestamp)>, StorageError> {
        let sql = "SELECT c.tenant_id, c.id, c.clock_since + each_queue.unclaimed_timeout_s * 1000000 AS deadline \
             FROM sms_queue each_queue CROSS JOIN conversation c WHERE each_queue.unclaimed_timeout_s > 0 \
             AND c.queue_id = each_queue.id AND c.queue_state = 'waiting' \
             AND c.clock_since <= $1 - each_queue.unclaimed_timeout_s * 1000000 UNION ALL \
             SELECT c.tenant_id, c.id, c.clock_since + each_queue.idle_timeout_s * 1000000 AS deadline \
             FROM sms_queue each_queue CROSS JOIN conversation c WHERE c.queue_id = each_queue.id \
             AND c.queue_state = 'claimed' AND c.clock_since <= $1 - each_queue.idle_timeout_s * 1000000 ORDER BY deadline LIMIT $2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.0.reader.query_all_raw(self.statement(sql, [until.0.into(), limit.into()])).await?;
        let due = |row: &QueryResult| {
            let (tenant, id) = (TenantId(column(row, "tenant_id")?), ConversationId(column(row, "id")?));
            Ok((tenant, id, Timestamp(column(row, "deadline")?)))
        };
        rows.iter().map(due).collect()
    }

    /// Claimed conversations whose agent may hold them no longer: who is not there any more, or neither a member of the
    /// queue nor a supervisor.
    pub async fn orphans(&self) -> Result<Vec<(TenantId, ConversationId, ExtensionId)>, StorageError> {
        let sql = format!(
            "SELECT held.tenant_id, held.id, held.claimed_by FROM conversation held \
             JOIN extension e ON e.id = held.claimed_by WHERE held.claimed_by IS NOT NULL AND {MAY_NOT_HOLD}"
        );
        let rows = self.0.reader.query_all_raw(self.statement(&sql, [])).await?;
        rows.iter().map(holding).collect()
    }

    /// ... those of one extension.
    pub async fn orphans_of(
        &self,
        tenant: TenantId,
        extension: ExtensionId,
    ) -> Result<Vec<(TenantId, ConversationId, ExtensionId)>, StorageError> {
        let sql = format!(
            "SELECT held.tenant_id, held.id, held.claimed_by FROM conversation held \
             JOIN extension e ON e.id = held.claimed_by WHERE held.tenant_id = $1 AND held.claimed_by = $2 \
             AND {MAY_NOT_HOLD}"
        );
        let values = [tenant.0.into(), extension.0.into()];
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(holding).collect()
    }

    /// What an extension holds in a queue.
    pub async fn held_in(
        &self,
        tenant: TenantId,
        queue: QueueId,
        extension: ExtensionId,
    ) -> Result<Vec<ConversationId>, StorageError> {
        let sql = "SELECT id FROM conversation WHERE tenant_id = $1 AND claimed_by = $2 AND queue_id = $3";
        let values = [tenant.0.into(), extension.0.into(), queue.0.into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(|row| column(row, "id").map(ConversationId)).collect()
    }
}

const NEWEST: &str = "c.last_activity_at DESC, c.id DESC";

fn holding(row: &QueryResult) -> Result<(TenantId, ConversationId, ExtensionId), StorageError> {
    let (tenant, id) = (TenantId(column(row, "tenant_id")?), ConversationId(column(row, "id")?));
    Ok((tenant, id, extension_id(row, "claimed_by")?))
}

/// Reads a row of the table `sms_queue`.
pub(super) fn line(row: &QueryResult) -> Result<Line, StorageError> {
    Ok(Line {
        id: QueueId(column(row, "id")?),
        revision: column(row, "revision")?,
        settings: Settings {
            name: column(row, "name")?,
            idle_timeout_s: column(row, "idle_timeout_s")?,
            unclaimed_timeout_s: column(row, "unclaimed_timeout_s")?,
            timeout_response: column(row, "timeout_response")?,
        },
    })
}

fn agent(row: &QueryResult, queue: QueueId) -> Result<Agent, StorageError> {
    let who = Colleague { id: extension_id(row, "id")?, number: column(row, "number")?, name: column(row, "name")? };
    Ok(Agent {
        queue,
        who,
        extension_revision: column(row, "extension_revision")?,
        member: column(row, "member")?,
        logged_in: column(row, "logged_in")?,
        paused: column(row, "paused")?,
        pause_reason: column(row, "pause_reason")?,
        revision: column(row, "revision")?,
    })
}

/// Where a conversation stands, from a row with the columns of [`PLACE`]; `None` if it belongs to no queue.
pub(super) fn queued(row: &QueryResult) -> Result<Option<Queued>, StorageError> {
    let Some(state) = column::<Option<String>>(row, "queue_state")? else { return Ok(None) };
    let inconsistent = || StorageError::Inconsistent(format!("a queue conversation is {state}"));
    let somebody = |who: &str| {
        let Some(id) = column::<Option<uuid::Uuid>>(row, who)? else { return Ok::<_, StorageError>(None) };
        let (number, name) = (column(row, &format!("{who}_number"))?, column(row, &format!("{who}_name"))?);
        Ok(Some(Colleague { id: ExtensionId(id), number, name }))
    };
    let settings = Settings {
        name: column(row, "queue_name")?,
        idle_timeout_s: column(row, "idle_timeout_s")?,
        unclaimed_timeout_s: column(row, "unclaimed_timeout_s")?,
        timeout_response: column(row, "timeout_response")?,
    };
    let line = Line { id: QueueId(column(row, "queue")?), revision: column(row, "queue_revision")?, settings };
    Ok(Some(Queued {
        line: Arc::new(line),
        state: match Stand::parse(&state).ok_or_else(inconsistent)? {
            Stand::Waiting => State::Waiting,
            Stand::Claimed => State::Claimed(somebody("holder")?.ok_or_else(inconsistent)?),
            Stand::Closed => State::Closed(somebody("closer")?),
        },
        since: Timestamp(column(row, "queue_since")?),
        owed_since: column::<Option<i64>>(row, "needs_reply_since")?.map(Timestamp),
        last_held_by: column::<Option<uuid::Uuid>>(row, "last_held_by")?.map(ExtensionId),
    }))
}
