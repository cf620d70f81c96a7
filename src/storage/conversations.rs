//! Conversations: as an actor's state, and as rows for who looks.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::domain::{
    ConversationId, ExtensionId, Seq, TenantId, Timestamp, Version,
    change::Reading,
    contacts::search::Needle,
    conversation::{Conversation, Facts, Kind, Marker, Message, PARTICIPANTS_SHOWN, Pair},
    extension::Colleague,
    phone::Number,
};

use super::{
    Storage, StorageError, column,
    contacts::BOOKS,
    dialect::{Column, Hex, bulk},
    extension_id,
    messages::{dressed, messages},
    queues::{PLACE, PLACED, queued},
};

/// A conversation as one of its members sees it.
#[derive(Clone, Debug)]
pub struct Row {
    /// What all members see.
    pub facts: Facts,
    /// The newest message.
    pub last_message: Option<Message>,
    /// How far the one who looks has read.
    pub my_read: Marker,
    /// Of a thread: the customer wants no texts from its number.
    pub opted_out: bool,
}

/// Which of my conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All open ones.
    #[default]
    All,
    /// Those with texts I have not read.
    Unread,
    /// Those in which a customer waits for a reply.
    NeedsReply,
    /// Queue conversations that I closed, or last held.
    Closed,
    /// Those of my queues that nobody took in time.
    Missed,
}

impl Storage {
    /// The state that commands are decided on.
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>, StorageError> {
        let tx = self.moment().await?;
        let sql = format!(
            "SELECT c.tenant_id, c.kind, c.name, c.revision, c.our_number, c.their_number, {PLACE} \
             FROM conversation c {PLACED} WHERE c.id = $1"
        );
        let Some(row) = tx.query_one_raw(self.statement(&sql, [id.0.into()])).await? else { return Ok(None) };
        let members = self.0.dialect.collected(&[
            ("extension_id", Column::Uuid),
            ("read_seq", Column::Int),
            ("read_text_no", Column::Int),
        ]);
        let sql = format!("SELECT {members} FROM participant WHERE conversation_id = $1 AND left_version IS NULL");
        let members: Vec<(ExtensionId, Seq, i64)> = self.collect(&tx, &sql, [id.0.into()]).await?;
        let members: HashMap<_, _> =
            members.into_iter().map(|(who, seq, text_no)| (who, Marker { seq, text_no })).collect();
        let mut audience: Vec<_> = members.keys().copied().collect();
        audience.sort_unstable();
        let tenant = TenantId(column(&row, "tenant_id")?);
        let (kind, pair) = (kind(&row, id)?, pair(&row)?);
        let mut numbers: HashMap<_, Vec<Number>> = HashMap::new();
        if kind == Kind::Group {
            numbers = self.outsiders(&tx, tenant, &[id]).await?;
        }
        let numbers = numbers.remove(&id).unwrap_or_default();
        let queue = queued(&row)?;
        let reach = self.reach(&tx, tenant, &audience, pair.as_ref(), queue.is_some(), &numbers).await?;
        Ok(Some(Conversation {
            id,
            tenant,
            kind,
            name: column(&row, "name")?,
            revision: column(&row, "revision")?,
            members,
            audience: audience.into(),
            typing: HashMap::new(),
            pair,
            numbers: numbers.into(),
            reach,
            queue,
        }))
    }

    /// Who outside is in each of these groups, in order.
    async fn outsiders(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<Number>>, StorageError> {
        let keys = bulk(&ids.iter().map(|id| (Hex(id.0),)).collect::<Vec<_>>());
        let rows = self.0.dialect.rows(2, &[("id", Column::Uuid)]);
        let shown = self.0.dialect.collected(&[("o.conversation_id", Column::Uuid), ("o.number", Column::Text)]);
        let sql = format!(
            "SELECT {shown} FROM {rows} r CROSS JOIN outsider o WHERE o.conversation_id = r.id AND o.tenant_id = $1"
        );
        let mut found: Vec<(ConversationId, Number)> = self.collect(db, &sql, [tenant.0.into(), keys]).await?;
        found.sort_unstable();
        let mut outsiders: HashMap<_, Vec<_>> = HashMap::new();
        for (id, number) in found {
            outsiders.entry(id).or_default().push(number);
        }
        Ok(outsiders)
    }

    /// The conversation with this natural key.
    pub async fn by_natural_key(&self, tenant: TenantId, key: &str) -> Result<Option<ConversationId>, StorageError> {
        let sql = "SELECT id FROM conversation WHERE tenant_id = $1 AND natural_key = $2";
        let row = self.0.reader.query_one_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        row.map(|r| column(&r, "id").map(ConversationId)).transpose()
    }

    /// A conversation, whether `me` may read it or not: for who has just done something in it.
    pub async fn row_after(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        id: ConversationId,
    ) -> Result<Option<Row>, StorageError> {
        let tx = self.moment().await?;
        Ok(self.rows_of(&tx, tenant, me, &[id]).await?.pop())
    }

    /// A conversation that I may read.
    pub async fn row(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        id: ConversationId,
    ) -> Result<Option<Row>, StorageError> {
        let tx = self.moment().await?;
        if !self.may_read(&tx, tenant, me, id).await? {
            return Ok(None);
        }
        Ok(self.rows_of(&tx, tenant, me, &[id]).await?.pop())
    }

    /// Who is in one of my conversations, after `after`, and how far each has read, and all who are outside; `None` for
    /// who is no member.
    pub async fn participants(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        id: ConversationId,
        after: Option<ExtensionId>,
        limit: usize,
    ) -> Result<Option<(Vec<Reading>, Vec<Number>)>, StorageError> {
        let tx = self.moment().await?;
        if !self.may_read(&tx, tenant, me, id).await? {
            return Ok(None);
        }
        let rows = self.0.dialect.collected(&[
            ("shown.extension_id", Column::Uuid),
            ("shown.read_seq", Column::Int),
            ("shown.read_text_no", Column::Int),
        ]);
        let sql = format!(
            "SELECT {rows} FROM (SELECT extension_id, read_seq, read_text_no FROM participant WHERE conversation_id = $1 \
             AND tenant_id = $2 AND left_version IS NULL AND extension_id > $3 ORDER BY extension_id LIMIT $4) shown"
        );
        let after = after.map_or(uuid::Uuid::nil(), |e| e.0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [id.0.into(), tenant.0.into(), after.into(), limit.into()];
        let found: Vec<(ExtensionId, Seq, i64)> = self.collect(&tx, &sql, values).await?;
        let mut found: Vec<_> = found.into_iter().map(|(who, seq, text_no)| reading(who, seq, text_no)).collect();
        found.sort_unstable_by_key(|r| r.extension);
        let outside = self.outsiders(&tx, tenant, &[id]).await?.remove(&id).unwrap_or_default();
        Ok(Some((found, outside)))
    }

    /// The groups that an extension is in.
    pub async fn groups(&self, tenant: TenantId, extension: ExtensionId) -> Result<Vec<ConversationId>, StorageError> {
        let sql = "SELECT c.id FROM participant p JOIN conversation c ON c.id = p.conversation_id \
                   WHERE p.extension_id = $1 AND p.tenant_id = $2 AND p.left_version IS NULL AND c.kind = 'group'";
        let values = [extension.0.into(), tenant.0.into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(|row| column(row, "id").map(ConversationId)).collect()
    }

    /// Who of this number is in a conversation.
    pub async fn member(
        &self,
        tenant: TenantId,
        id: ConversationId,
        number: &str,
    ) -> Result<Option<Colleague>, StorageError> {
        let sql = "SELECT e.id, e.name FROM extension e JOIN participant p ON p.conversation_id = $1 \
             AND p.extension_id = e.id AND p.left_version IS NULL WHERE e.tenant_id = $2 AND e.number = $3 AND NOT e.deleted";
        let values = [id.0.into(), tenant.0.into(), number.into()];
        let row = self.0.reader.query_one_raw(self.statement(sql, values)).await?;
        let colleague = |row: QueryResult| {
            Ok(Colleague { id: extension_id(&row, "id")?, number: number.into(), name: column(&row, "name")? })
        };
        row.map(colleague).transpose()
    }

    /// My conversations, newest activity first, below `before` (its last activity and id).
    pub async fn conversations(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        filter: Filter,
        needle: Option<&Needle>,
        before: Option<(Timestamp, ConversationId)>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let tx = self.moment().await?;
        self.newest(&tx, tenant, me, filter, needle, before, limit).await
    }

    /// The newest conversations of an extension, and the version as of which they are so.
    pub async fn snapshot(
        &self,
        tenant: TenantId,
        me: ExtensionId,
        limit: usize,
    ) -> Result<(Vec<Row>, Version), StorageError> {
        let tx = self.moment().await?;
        let version = self.version(&tx, tenant).await?;
        let rows = self.newest(&tx, tenant, me, Filter::All, None, None, limit).await?;
        Ok((rows, version))
    }

    /// The tenant's counter in this snapshot of the database.
    pub(super) async fn version(&self, db: &impl ConnectionTrait, tenant: TenantId) -> Result<Version, StorageError> {
        let sql = "SELECT version FROM tenant WHERE id = $1";
        let row = db.query_one_raw(self.statement(sql, [tenant.0.into()])).await?;
        row.map_or(Ok(0), |r| column(&r, "version"))
    }

    /// The tenant's counter.
    pub async fn current_version(&self, tenant: TenantId) -> Result<Version, StorageError> {
        self.version(&self.0.reader, tenant).await
    }

    #[allow(clippy::too_many_arguments)] // the columns of one query
    async fn newest(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        me: ExtensionId,
        filter: Filter,
        needle: Option<&Needle>,
        before: Option<(Timestamp, ConversationId)>,
        limit: usize,
    ) -> Result<Vec<Row>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (at, id) = before.unwrap_or((Timestamp(i64::MAX), ConversationId(uuid::Uuid::max())));
        let mut values = vec![me.0.into(), tenant.0.into(), at.0.into(), id.0.into(), limit.into()];
        let among = match filter {
            Filter::All | Filter::Unread | Filter::NeedsReply => {
                "participant p JOIN conversation c ON c.id = p.conversation_id \
                 WHERE p.extension_id = $1 AND p.tenant_id = $2 AND p.left_version IS NULL AND NOT p.over"
            }
            Filter::Closed => {
                "conversation c WHERE (c.last_held_by = $1 OR c.closed_by = $1) AND c.tenant_id = $2 \
                 AND c.queue_state = 'closed'"
            }
            Filter::Missed => {
                "extension e JOIN conversation c ON c.tenant_id = e.tenant_id AND c.queue_state = 'closed' \
                 AND c.closed_by IS NULL WHERE e.id = $1 AND e.tenant_id = $2 AND e.enabled AND (e.role <> 'user' \
                 OR EXISTS (SELECT 1 FROM queue_member m WHERE m.queue_id = c.queue_id AND m.number = e.number))"
            }
        };
        let mut sql = format!("SELECT c.id FROM {among} AND (c.last_activity_at, c.id) < ($3, $4)");
        match filter {
            Filter::Unread => sql.push_str(" AND c.text_count > p.read_text_no"),
            Filter::NeedsReply => sql.push_str(" AND c.needs_reply_since IS NOT NULL"),
            Filter::All | Filter::Closed | Filter::Missed => {}
        }
        if let Some(needle) = needle {
            sql.push_str(&self.named_so(needle, &mut values));
        }
        sql.push_str(" ORDER BY c.last_activity_at DESC, c.id DESC LIMIT $5");
        let rows = db.query_all_raw(self.statement(&sql, values)).await?;
        let ids = rows.iter().map(|r| column(r, "id").map(ConversationId)).collect::<Result<Vec<_>, _>>()?;
        self.rows_of(db, tenant, me, &ids).await
    }

    /// A condition that the conversation `c` is found by what somebody types: a group by its name, a chat by the other's
    /// name or number, a thread by its number or by what `$1` of the tenant `$2` may show for it.
    fn named_so(&self, needle: &Needle, values: &mut Vec<Value>) -> String {
        let group = self.matches("c.name_search", needle, values);
        let other = self.matches("o.search", needle, values);
        let contact = self.matches("k.search", needle, values);
        let caller = self.matches("r.search", needle, values);
        let number = needle.digits.as_deref().or_else(|| needle.words.first().map(String::as_str)).unwrap_or("\n");
        values.push(number.into());
        let number = self.0.dialect.contains("lower(c.their_number)", &format!("${}", values.len()));
        format!(
            " AND ({group} OR {number} OR c.kind = 'direct' AND EXISTS (SELECT 1 FROM participant q \
             JOIN extension o ON o.id = q.extension_id WHERE q.conversation_id = c.id AND q.extension_id <> $1 \
             AND {other}) OR c.their_number IS NOT NULL AND (EXISTS (SELECT 1 FROM {BOOKS} JOIN contact_number n \
             ON n.generation = books.generation AND n.number = c.their_number JOIN contact k \
             ON k.generation = n.generation AND k.key = n.key WHERE {contact}) OR EXISTS (SELECT 1 FROM extension me \
             JOIN recent_call r ON r.tenant_id = me.tenant_id AND r.extension = me.number \
             AND r.number = c.their_number WHERE me.id = $1 AND {caller})))"
        )
    }

    /// These conversations, in this order. Whether `me` may see them is settled before.
    pub(super) async fn rows_of(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        me: ExtensionId,
        ids: &[ConversationId],
    ) -> Result<Vec<Row>, StorageError> {
        let facts = self.facts(db, tenant, ids).await?;
        let keys = ids.iter().map(|id| (Hex(id.0),)).collect::<Vec<_>>();
        let rows = self.0.dialect.rows(2, &[("id", Column::Uuid)]);
        let sql = format!(
            "SELECT m.* FROM {rows} r CROSS JOIN conversation c CROSS JOIN message m \
             WHERE c.id = r.id AND m.conversation_id = c.id AND m.seq = c.last_seq AND c.tenant_id = $1"
        );
        let found = db.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&keys)])).await?;
        let last = dressed(db, self.0.dialect, messages(&found)?).await?;
        let mut last: HashMap<_, _> = last.into_iter().map(|m| (m.conversation, m)).collect();
        let sql = format!(
            "SELECT p.conversation_id, p.read_seq, p.read_text_no FROM {rows} r \
             CROSS JOIN participant p WHERE p.conversation_id = r.id AND p.extension_id = $3 AND p.tenant_id = $1 \
             AND p.left_version IS NULL"
        );
        let values = [tenant.0.into(), bulk(&keys), me.0.into()];
        let mut mine = HashMap::new();
        for row in db.query_all_raw(self.statement(&sql, values)).await? {
            mine.insert(ConversationId(column(&row, "conversation_id")?), marker(&row)?);
        }
        let pairs: Vec<_> = facts.iter().filter_map(|f| f.pair.clone()).collect();
        let opted_out = self.opted_out(db, tenant, pairs.iter()).await?;
        let row = |facts: Facts| Row {
            opted_out: facts.pair.as_ref().is_some_and(|pair| opted_out.contains(pair)),
            last_message: last.remove(&facts.id),
            // Who only looks has nothing unread.
            my_read: mine.get(&facts.id).copied().unwrap_or_else(|| end(&facts)),
            facts,
        };
        Ok(facts.into_iter().map(row).collect())
    }

    /// What all members see of these conversations, in this order.
    pub(super) async fn facts(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        ids: &[ConversationId],
    ) -> Result<Vec<Facts>, StorageError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys = bulk(&ids.iter().map(|id| (Hex(id.0),)).collect::<Vec<_>>());
        let rows = self.0.dialect.rows(2, &[("id", Column::Uuid)]);
        let shown = self.0.dialect.collected(&[
            ("p.conversation_id", Column::Uuid),
            ("p.extension_id", Column::Uuid),
            ("p.read_seq", Column::Int),
            ("p.read_text_no", Column::Int),
        ]);
        // Up to the last of those who are shown: of a large group no more is read than of a small one.
        let sql = format!(
            "SELECT {shown} FROM {rows} r \
             CROSS JOIN participant p WHERE p.conversation_id = r.id AND p.left_version IS NULL AND p.tenant_id = $1 \
             AND p.extension_id <= (SELECT shown.extension_id FROM (SELECT extension_id FROM participant \
              WHERE conversation_id = r.id AND left_version IS NULL ORDER BY extension_id LIMIT {PARTICIPANTS_SHOWN}) \
              shown ORDER BY shown.extension_id DESC LIMIT 1)"
        );
        let mut participants: HashMap<ConversationId, Vec<Reading>> = HashMap::new();
        let found: Vec<(ConversationId, ExtensionId, Seq, i64)> =
            self.collect(db, &sql, [tenant.0.into(), keys.clone()]).await?;
        for (id, who, seq, text_no) in found {
            participants.entry(id).or_default().push(reading(who, seq, text_no));
        }
        for shown in participants.values_mut() {
            shown.sort_unstable_by_key(|r| r.extension);
        }
        let sql = format!(
            "SELECT c.*, {PLACE} FROM {rows} r CROSS JOIN conversation c {PLACED} WHERE c.id = r.id AND c.tenant_id = $1"
        );
        let mut found = HashMap::new();
        let found_rows = db.query_all_raw(self.statement(&sql, [tenant.0.into(), keys])).await?;
        let mut groups = Vec::new();
        for row in &found_rows {
            let id = ConversationId(column(row, "id")?);
            groups.extend((kind(row, id)? == Kind::Group).then_some(id));
        }
        let mut outsiders =
            if groups.is_empty() { HashMap::new() } else { self.outsiders(db, tenant, &groups).await? };
        for row in found_rows {
            let id = ConversationId(column(&row, "id")?);
            let facts = Facts {
                id,
                pair: pair(&row)?,
                numbers: outsiders.remove(&id).unwrap_or_default().into(),
                needs_reply_since: column::<Option<i64>>(&row, "needs_reply_since")?.map(Timestamp),
                kind: kind(&row, id)?,
                queue: queued(&row)?.map(Box::new),
                name: column(&row, "name")?,
                revision: column(&row, "revision")?,
                version: column(&row, "version")?,
                last_seq: column(&row, "last_seq")?,
                text_count: column(&row, "text_count")?,
                last_activity_at: Timestamp(column(&row, "last_activity_at")?),
                participants: participants.remove(&id).unwrap_or_default(),
                participant_count: column(&row, "participant_count")?,
            };
            found.insert(id, facts);
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }
}

fn kind(row: &QueryResult, id: ConversationId) -> Result<Kind, StorageError> {
    let kind: String = column(row, "kind")?;
    Kind::parse(&kind).ok_or_else(|| StorageError::Inconsistent(format!("conversation {id} is of the kind {kind}")))
}

fn pair(row: &QueryResult) -> Result<Option<Pair>, StorageError> {
    let (ours, theirs): (Option<String>, Option<String>) = (column(row, "our_number")?, column(row, "their_number")?);
    let pair = |(ours, theirs)| Pair { ours: Number::stored(ours), theirs: Number::stored(theirs) };
    Ok(ours.zip(theirs).map(pair))
}

fn end(facts: &Facts) -> Marker {
    Marker { seq: facts.last_seq, text_no: facts.text_count }
}

fn marker(row: &QueryResult) -> Result<Marker, StorageError> {
    Ok(Marker { seq: column(row, "read_seq")?, text_no: column(row, "read_text_no")? })
}

pub(super) fn reading(extension: ExtensionId, seq: Seq, text_no: i64) -> Reading {
    Reading { extension, marker: Marker { seq, text_no } }
}
