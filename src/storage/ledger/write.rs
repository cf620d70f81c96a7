//! Writes what a batch changes: one statement a table, whatever the number of rows.

mod contacts;
mod queues;
mod texts;

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde::Serialize;

use crate::{
    domain::{Happening, Timestamp, contacts::fold::search_text},
    storage::{
        Dialect, StorageError,
        dialect::{
            Column::{self, Bool, Int, Text, Uuid},
            Hex, bulk,
        },
    },
};

use super::walk::{Head, Writes};

/// Writes all of it. What refers to a row comes after that row.
pub(super) async fn write(
    tx: &DatabaseTransaction,
    dialect: Dialect,
    writes: &Writes,
    now: Timestamp,
) -> Result<(), StorageError> {
    let writer = Writer { tx, dialect };
    writer.extensions(writes, now).await?;
    writer.caller_ids(writes).await?;
    writer.phonebooks_of(writes).await?;
    writer.phone_numbers(writes).await?;
    writer.voice_queues(writes).await?;
    writer.contacts(&writes.contacts).await?;
    writer.audit(writes, now).await?;
    writer.queues(&writes.queues).await?;
    writer.conversations(writes, now).await?;
    writer.joins(writes).await?;
    writer.leaves(writes).await?;
    writer.messages(writes).await?;
    writer.texts(&writes.texts, now).await?;
    writer.deliveries_begun(writes).await?;
    writer.heads(writes).await?;
    writer.revisions(writes).await?;
    writer.standings(writes).await?;
    writer.markers(writes).await?;
    writer.counters(writes).await
}

struct Writer<'a> {
    tx: &'a DatabaseTransaction,
    dialect: Dialect,
}

impl Writer<'_> {
    /// Runs a statement that reads its rows from `{rows}`; nothing, if there are none. Answers how many it wrote.
    async fn run<T: Serialize>(&self, sql: &str, columns: &[(&str, Column)], rows: &[T]) -> Result<u64, StorageError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let sql = sql.replace("{rows}", &self.dialect.rows(1, columns));
        Ok(self.tx.execute_raw(self.dialect.statement(&sql, [bulk(rows)])).await?.rows_affected())
    }

    async fn extensions(&self, writes: &Writes, now: Timestamp) -> Result<(), StorageError> {
        let columns = [
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("number", Text),
            ("name", Text),
            ("role", Text),
            ("password_hash", Text),
            ("enabled", Bool),
            ("credential", Int),
            ("version", Int),
            ("created_at", Int),
            ("deleted", Bool),
            ("search", Text),
        ];
        let rows: Vec<_> = writes
            .extensions
            .iter()
            .map(|p| {
                let e = &p.extension;
                let search = format!("{}{}\n", search_text(&e.name, []), e.number);
                (
                    Hex(e.id.0),
                    Hex(p.tenant.0),
                    &e.number,
                    &e.name,
                    e.role.as_str(),
                    &p.password_hash,
                    e.enabled,
                    e.credential,
                    p.version,
                    now,
                    e.deleted,
                    search,
                )
            })
            .collect();
        // One row at a time: the same extension may be put twice in a batch, and the last one counts.
        for row in &rows {
            let sql = "INSERT INTO extension (id, tenant_id, number, name, role, password_hash, enabled, credential, \
                 revision, version, created_at, deleted, search) SELECT id, tenant_id, number, name, role, \
                 password_hash, enabled, credential, 1, version, created_at, deleted, search FROM {rows} r WHERE true \
                 ON CONFLICT (id) DO UPDATE SET number = excluded.number, name = excluded.name, role = excluded.role, \
                 password_hash = coalesce(excluded.password_hash, extension.password_hash), \
                 enabled = excluded.enabled, credential = excluded.credential, \
                 deleted = excluded.deleted, search = excluded.search, \
                 revision = extension.revision + 1, version = excluded.version";
            self.run(sql, &columns, std::slice::from_ref(row)).await?;
        }
        Ok(())
    }

    /// Those of an extension are written anew as a whole; of an extension that is put twice, the last ones count.
    async fn phonebooks_of(&self, writes: &Writes) -> Result<(), StorageError> {
        let last: BTreeMap<_, _> = writes.extensions.iter().map(|put| (put.extension.id, put)).collect();
        let owners: Vec<_> = last.keys().map(|id| (Hex(id.0),)).collect();
        let sql = "DELETE FROM extension_phonebook WHERE extension_id IN (SELECT id FROM {rows} r)";
        self.run(sql, &[("id", Uuid)], &owners).await?;
        let rows: Vec<_> = last
            .values()
            .flat_map(|put| {
                let numbered = put.phonebooks.iter().enumerate();
                numbered.map(move |(place, key)| (Hex(put.extension.id.0), place, Hex(put.tenant.0), key))
            })
            .collect();
        let columns = [("extension_id", Uuid), ("place", Int), ("tenant_id", Uuid), ("key", Text)];
        let sql = "INSERT INTO extension_phonebook (extension_id, place, tenant_id, key) \
             SELECT extension_id, place, tenant_id, key FROM {rows} r";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    /// Those of an extension are written anew as a whole; of an extension that is put twice, the last ones count.
    async fn caller_ids(&self, writes: &Writes) -> Result<(), StorageError> {
        let last: BTreeMap<_, _> = writes.extensions.iter().map(|put| (put.extension.id, put)).collect();
        let owners: Vec<_> = last.keys().map(|id| (Hex(id.0),)).collect();
        let sql = "DELETE FROM caller_id WHERE extension_id IN (SELECT id FROM {rows} r)";
        self.run(sql, &[("id", Uuid)], &owners).await?;
        let rows: Vec<_> = last
            .values()
            .flat_map(|put| {
                let numbered = put.caller_ids.iter().enumerate();
                numbered.map(move |(place, number)| (Hex(put.extension.id.0), place, Hex(put.tenant.0), number))
            })
            .collect();
        let columns = [("extension_id", Uuid), ("place", Int), ("tenant_id", Uuid), ("number", Text)];
        let sql = "INSERT INTO caller_id (extension_id, place, tenant_id, number) \
             SELECT extension_id, place, tenant_id, number FROM {rows} r";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn phone_numbers(&self, writes: &Writes) -> Result<(), StorageError> {
        let columns = [
            ("number", Text),
            ("tenant_id", Uuid),
            ("label", Text),
            ("sms_enabled", Bool),
            ("carrier", Text),
            ("queue", Text),
            ("extension", Text),
            ("deleted", Bool),
            ("revision", Int),
            ("version", Int),
        ];
        // One row at a time: the same number may be put twice in a batch, and the last one counts.
        for put in &writes.phone_numbers {
            let n = &put.phone_number;
            let row = (
                &n.number,
                Hex(put.tenant.0),
                &n.label,
                n.sms_enabled,
                &n.carrier,
                &n.queue,
                &n.extension,
                put.deleted,
                put.revision,
                put.version,
            );
            let sql = "INSERT INTO phone_number (number, tenant_id, label, sms_enabled, carrier, queue, extension, \
                 deleted, revision, version) SELECT number, tenant_id, label, sms_enabled, carrier, queue, extension, \
                 deleted, revision, version FROM {rows} r WHERE true \
                 ON CONFLICT (number) DO UPDATE SET tenant_id = excluded.tenant_id, label = excluded.label, \
                 sms_enabled = excluded.sms_enabled, carrier = excluded.carrier, queue = excluded.queue, \
                 extension = excluded.extension, deleted = excluded.deleted, revision = excluded.revision, \
                 version = excluded.version WHERE phone_number.revision = excluded.revision - 1";
            // Numbers are not of one tenant, whose lock is held: another lane may have been faster.
            if self.run(sql, &columns, &[row]).await? == 0 {
                return Err(StorageError::Moved("a phone number"));
            }
        }
        Ok(())
    }

    async fn voice_queues(&self, writes: &Writes) -> Result<(), StorageError> {
        let columns = [
            ("tenant_id", Uuid),
            ("key", Text),
            ("name", Text),
            ("agents", Text),
            ("deleted", Bool),
            ("revision", Int),
            ("version", Int),
        ];
        // One row at a time: the same queue may be put twice in a batch, and the last one counts.
        for put in &writes.voice_queues {
            let q = &put.voice_queue;
            let agents = serde_json::to_string(&q.agents).unwrap_or_default();
            let row = (Hex(put.tenant.0), &q.key, &q.name, agents, put.deleted, put.revision, put.version);
            let sql = "INSERT INTO voice_queue (tenant_id, key, name, agents, deleted, revision, version) \
                 SELECT tenant_id, key, name, agents, deleted, revision, version FROM {rows} r WHERE true \
                 ON CONFLICT (tenant_id, key) DO UPDATE SET name = excluded.name, agents = excluded.agents, \
                 deleted = excluded.deleted, revision = excluded.revision, version = excluded.version";
            self.run(sql, &columns, &[row]).await?;
        }
        Ok(())
    }

    async fn conversations(&self, writes: &Writes, now: Timestamp) -> Result<(), StorageError> {
        let rows: Vec<_> = writes
            .conversations
            .iter()
            .map(|(c, tenant, version)| {
                let (key, name) = (&c.natural_key, &c.name);
                let count = c.members.len() + c.numbers.len();
                let (ours, theirs) = (c.pair.as_ref().map(|p| &p.ours), c.pair.as_ref().map(|p| &p.theirs));
                let search = name.as_deref().map(|name| search_text(name, [])).unwrap_or_default();
                let pair = (ours, theirs);
                (Hex(c.id.0), Hex(tenant.0), c.kind.as_str(), key, name, version, count, now, pair.0, pair.1, search)
            })
            .collect();
        let columns = [
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("kind", Text),
            ("natural_key", Text),
            ("name", Text),
            ("version", Int),
            ("participant_count", Int),
            ("created_at", Int),
            ("our_number", Text),
            ("their_number", Text),
            ("name_search", Text),
        ];
        let sql = "INSERT INTO conversation (id, tenant_id, kind, natural_key, name, revision, revised_version, \
             version, last_seq, text_count, participant_count, last_activity_at, created_at, our_number, \
             their_number, name_search) SELECT id, tenant_id, kind, natural_key, name, 1, version, version, 0, 0, \
             participant_count, created_at, created_at, our_number, their_number, name_search FROM {rows} r";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn joins(&self, writes: &Writes) -> Result<(), StorageError> {
        let joins = writes.joins.iter();
        let rows: Vec<_> = joins
            .map(|(c, who, tenant, version, m)| (Hex(c.0), Hex(who.0), Hex(tenant.0), version, m.seq, m.text_no))
            .collect();
        let columns = [
            ("conversation_id", Uuid),
            ("extension_id", Uuid),
            ("tenant_id", Uuid),
            ("version", Int),
            ("seq", Int),
            ("text_no", Int),
        ];
        // Who was in it before finds everything again; the marker stands at the end, as for anybody who is added.
        let sql = "INSERT INTO participant (conversation_id, extension_id, tenant_id, joined_version, joined_seq, \
             joined_text_no, read_seq, read_text_no, marker_version) \
             SELECT conversation_id, extension_id, tenant_id, version, seq, text_no, seq, text_no, 0 FROM {rows} r \
             WHERE true ON CONFLICT (conversation_id, extension_id) DO UPDATE SET \
             joined_version = excluded.joined_version, left_version = NULL, left_reason = NULL, \
             joined_seq = excluded.joined_seq, joined_text_no = excluded.joined_text_no, \
             read_seq = excluded.read_seq, read_text_no = excluded.read_text_no";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn leaves(&self, writes: &Writes) -> Result<(), StorageError> {
        let leaves = writes.leaves.iter();
        let rows: Vec<_> =
            leaves.map(|(c, who, version, reason)| (Hex(c.0), Hex(who.0), version, reason.as_str())).collect();
        let columns = [("conversation_id", Uuid), ("extension_id", Uuid), ("version", Int), ("reason", Text)];
        let sql = "UPDATE participant SET left_version = r.version, left_reason = r.reason FROM {rows} r \
             WHERE participant.conversation_id = r.conversation_id AND participant.extension_id = r.extension_id";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn messages(&self, writes: &Writes) -> Result<(), StorageError> {
        let rows: Vec<_> = writes
            .messages
            .iter()
            .filter_map(|committed| match &committed.happening {
                Happening::MessageCreated(m) => Some((
                    Hex(m.conversation.0),
                    m.seq,
                    Hex(committed.tenant.0),
                    m.version,
                    m.text_no,
                    m.direction.as_str(),
                    m.author.extension().map(|id| Hex(id.0)),
                    m.author.number(),
                    m.client_id.map(|id| Hex(id.0)),
                    m.created_at,
                    m.text.as_str(),
                    m.event.as_ref().and_then(|event| serde_json::to_string(event).ok()),
                )),
                _ => None,
            })
            .collect();
        let columns = [
            ("conversation_id", Uuid),
            ("seq", Int),
            ("tenant_id", Uuid),
            ("version", Int),
            ("text_no", Int),
            ("direction", Text),
            ("author_id", Uuid),
            ("author_number", Text),
            ("client_id", Uuid),
            ("created_at", Int),
            ("text", Text),
            ("event", Text),
        ];
        let sql = "INSERT INTO message (conversation_id, seq, tenant_id, version, text_no, direction, author_id, \
             author_number, client_id, created_at, text, event) SELECT conversation_id, seq, \
             tenant_id, version, text_no, direction, author_id, author_number, client_id, created_at, text, event \
             FROM {rows} r";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn heads(&self, writes: &Writes) -> Result<(), StorageError> {
        let rows: Vec<_> = writes
            .heads
            .iter()
            .map(|(id, h)| {
                let Head { version, last_seq, text_count, last_activity_at, needs_reply_since, .. } = h;
                let since = h.stand.map(|(_, since)| since);
                let (clock, waiting) = (h.clock_since(), h.waiting_since());
                let activity = (last_activity_at, needs_reply_since);
                (Hex(id.0), version, last_seq, text_count, activity.0, activity.1, since, clock, waiting)
            })
            .collect();
        let columns = [
            ("id", Uuid),
            ("version", Int),
            ("last_seq", Int),
            ("text_count", Int),
            ("last_activity_at", Int),
            ("needs_reply_since", Int),
            ("queue_since", Int),
            ("clock_since", Int),
            ("waiting_since", Int),
        ];
        let sql = "UPDATE conversation SET version = r.version, last_seq = r.last_seq, text_count = r.text_count, \
             last_activity_at = r.last_activity_at, needs_reply_since = r.needs_reply_since, \
             queue_since = r.queue_since, clock_since = r.clock_since, waiting_since = r.waiting_since \
             FROM {rows} r WHERE conversation.id = r.id";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn revisions(&self, writes: &Writes) -> Result<(), StorageError> {
        let revisions = writes.revisions.iter();
        let search = |name: &Option<String>| name.as_deref().map(|name| search_text(name, [])).unwrap_or_default();
        let rows: Vec<_> = revisions
            .map(|(id, r)| (Hex(id.0), r.revision, r.version, &r.name, r.participant_count, search(&r.name)))
            .collect();
        let columns = [
            ("id", Uuid),
            ("revision", Int),
            ("version", Int),
            ("name", Text),
            ("participant_count", Int),
            ("name_search", Text),
        ];
        let sql = "UPDATE conversation SET revision = r.revision, revised_version = r.version, name = r.name, \
             name_search = r.name_search, participant_count = r.participant_count FROM {rows} r WHERE conversation.id = r.id";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn markers(&self, writes: &Writes) -> Result<(), StorageError> {
        let rows: Vec<_> = writes
            .markers
            .iter()
            .map(|((c, who), (marker, version))| (Hex(c.0), Hex(who.0), marker.seq, marker.text_no, version))
            .collect();
        let columns =
            [("conversation_id", Uuid), ("extension_id", Uuid), ("seq", Int), ("text_no", Int), ("version", Int)];
        let sql = "UPDATE participant SET read_seq = r.seq, read_text_no = r.text_no, \
             marker_version = coalesce(r.version, marker_version) FROM {rows} r \
             WHERE participant.conversation_id = r.conversation_id \
             AND participant.extension_id = r.extension_id AND participant.read_seq < r.seq";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn counters(&self, writes: &Writes) -> Result<(), StorageError> {
        let rows: Vec<_> = writes.counters.iter().map(|(tenant, version)| (Hex(tenant.0), version)).collect();
        let sql = "UPDATE tenant SET version = r.version FROM {rows} r WHERE tenant.id = r.id";
        self.run(sql, &[("id", Uuid), ("version", Int)], &rows).await.map(drop)
    }
}
