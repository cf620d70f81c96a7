//! Writes what becomes of texts.

use serde::Serialize;

use crate::{
    domain::{ConversationId, Happening, Seq, TenantId, Timestamp, Version, sms::delivery::Delivery},
    storage::{
        StorageError,
        dialect::{
            Column::{self, Bool, Int, Text, Uuid},
            Hex,
        },
    },
};

use super::{
    super::walk::{TextWrites, Writes},
    Writer,
};

/// A delivery's columns but for those that only its beginning knows.
const DELIVERY: [(&str, Column); 14] = [
    ("conversation_id", Uuid),
    ("seq", Int),
    ("number", Text),
    ("our_number", Text),
    ("status", Text),
    ("attempt", Int),
    ("attempt_id", Uuid),
    ("segments", Int),
    ("error", Text),
    ("updated_at", Int),
    ("due_at", Int),
    ("since", Int),
    ("tries", Int),
    ("confirms_opt_out", Bool),
];

#[derive(Serialize)]
struct DeliveryRow<'a>(
    Hex,
    Seq,
    &'a str,
    Option<&'a str>,
    &'static str,
    i64,
    Option<Hex>,
    i64,
    Option<String>,
    Timestamp,
    Timestamp,
    Timestamp,
    i64,
    bool,
    Option<Hex>,
    Option<Version>,
);

impl<'a> DeliveryRow<'a> {
    fn of(conversation: ConversationId, seq: Seq, d: &'a Delivery, begins: Option<(TenantId, Version)>) -> Self {
        DeliveryRow(
            Hex(conversation.0),
            seq,
            d.number.as_str(),
            d.our_number.as_ref().map(|n| n.as_str()),
            d.status.as_str(),
            d.attempt,
            d.attempt_id.map(|id| Hex(id.0)),
            d.segments,
            d.error.as_ref().and_then(|error| serde_json::to_string(error).ok()),
            d.updated_at,
            d.due_at,
            d.since,
            d.tries,
            d.confirms_opt_out,
            begins.map(|(tenant, _)| Hex(tenant.0)),
            begins.map(|(_, version)| version),
        )
    }
}

impl Writer<'_> {
    /// The deliveries of new messages. Their places are the messages' versions: the order in which they go out.
    pub(super) async fn deliveries_begun(&self, writes: &Writes) -> Result<(), StorageError> {
        let messages = writes.messages.iter().filter_map(|committed| match &committed.happening {
            Happening::MessageCreated(m) => Some((committed.tenant, m)),
            _ => None,
        });
        let rows: Vec<_> = messages
            .flat_map(|(tenant, m)| {
                m.deliveries.iter().map(move |d| DeliveryRow::of(m.conversation, m.seq, d, Some((tenant, m.version))))
            })
            .collect();
        let mut columns = DELIVERY.to_vec();
        columns.extend([("tenant_id", Uuid), ("place", Int)]);
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        self.run(&format!("INSERT INTO delivery ({names}) SELECT {names} FROM {{rows}} r"), &columns, &rows).await?;
        Ok(())
    }

    pub(super) async fn texts(&self, texts: &TextWrites, now: Timestamp) -> Result<(), StorageError> {
        self.incoming(texts, now).await?;
        self.numbers(texts).await?;
        self.attempts(texts).await?;
        self.moved(texts).await?;
        self.updated(texts).await?;
        self.last_senders(texts).await?;
        self.attachments(texts, now).await?;
        self.consents(texts).await?;
        self.automatic(texts, now).await?;
        self.unrouted(texts, now).await?;
        self.settings(texts).await
    }

    async fn incoming(&self, texts: &TextWrites, now: Timestamp) -> Result<(), StorageError> {
        let rows: Vec<_> =
            texts.incoming.iter().map(|(carrier, id, tenant)| (carrier, id, Hex(tenant.0), now)).collect();
        let columns = [("carrier", Text), ("provider_id", Text), ("tenant_id", Uuid), ("at", Int)];
        let sql = "INSERT INTO incoming (carrier, provider_id, tenant_id, at) \
             SELECT carrier, provider_id, tenant_id, at FROM {rows} r";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn numbers(&self, texts: &TextWrites) -> Result<(), StorageError> {
        let gone: Vec<_> = texts.numbers_removed.iter().map(|(id, number)| (Hex(id.0), number)).collect();
        let columns = [("conversation_id", Uuid), ("number", Text), ("tenant_id", Uuid)];
        let sql = "DELETE FROM outsider WHERE (conversation_id, number) IN \
             (SELECT conversation_id, number FROM {rows} r)";
        self.run(sql, &columns[..2], &gone).await?;
        let added: Vec<_> = texts.numbers_added.iter().map(|(id, n, tenant)| (Hex(id.0), n, Hex(tenant.0))).collect();
        let sql = "INSERT INTO outsider (conversation_id, number, tenant_id) \
             SELECT conversation_id, number, tenant_id FROM {rows} r WHERE true ON CONFLICT DO NOTHING";
        self.run(sql, &columns, &added).await.map(drop)
    }

    async fn attempts(&self, texts: &TextWrites) -> Result<(), StorageError> {
        let attempts = texts.attempts.iter();
        let rows: Vec<_> = attempts
            .map(|a| (Hex(a.id.0), Hex(a.tenant.0), Hex(a.conversation.0), a.seq, &a.number, a.attempt, &a.carrier))
            .collect();
        let columns = [
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("conversation_id", Uuid),
            ("seq", Int),
            ("number", Text),
            ("attempt", Int),
            ("carrier", Text),
        ];
        let sql = "INSERT INTO attempt (id, tenant_id, conversation_id, seq, number, attempt, carrier) \
             SELECT id, tenant_id, conversation_id, seq, number, attempt, carrier FROM {rows} r";
        self.run(sql, &columns, &rows).await?;
        let rows: Vec<_> = texts.parts.iter().map(|(id, part, name)| (Hex(id.0), part, name)).collect();
        let sql = "INSERT INTO attempt_part (attempt_id, part, provider_id) \
             SELECT attempt_id, part, provider_id FROM {rows} r WHERE true ON CONFLICT DO NOTHING";
        self.run(sql, &[("attempt_id", Uuid), ("part", Int), ("provider_id", Text)], &rows).await.map(drop)
    }

    async fn moved(&self, texts: &TextWrites) -> Result<(), StorageError> {
        let moved = texts.moved.iter();
        let rows: Vec<_> = moved.map(|((id, seq, _), d)| DeliveryRow::of(*id, *seq, d, None)).collect();
        let sql = "UPDATE delivery SET status = r.status, attempt = r.attempt, attempt_id = r.attempt_id, \
             segments = r.segments, error = r.error, updated_at = r.updated_at, due_at = r.due_at, since = r.since, \
             tries = r.tries FROM {rows} r WHERE delivery.conversation_id = r.conversation_id \
             AND delivery.seq = r.seq AND delivery.number = r.number";
        self.run(sql, &DELIVERY, &rows).await.map(drop)
    }

    async fn updated(&self, texts: &TextWrites) -> Result<(), StorageError> {
        let rows: Vec<_> = texts.updated.iter().map(|((id, seq), version)| (Hex(id.0), seq, version)).collect();
        let sql = "UPDATE message SET updated_version = r.version FROM {rows} r \
             WHERE message.conversation_id = r.conversation_id AND message.seq = r.seq";
        self.run(sql, &[("conversation_id", Uuid), ("seq", Int), ("version", Int)], &rows).await.map(drop)
    }

    async fn last_senders(&self, texts: &TextWrites) -> Result<(), StorageError> {
        let last = texts.last_senders.iter();
        let rows: Vec<_> =
            last.map(|((tenant, pair), who)| (Hex(tenant.0), &pair.ours, &pair.theirs, Hex(who.0))).collect();
        let columns = [("tenant_id", Uuid), ("our_number", Text), ("number", Text), ("extension_id", Uuid)];
        let sql = "INSERT INTO last_sender (tenant_id, our_number, number, extension_id) \
             SELECT tenant_id, our_number, number, extension_id FROM {rows} r WHERE true \
             ON CONFLICT (tenant_id, our_number, number) DO UPDATE SET extension_id = excluded.extension_id";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn attachments(&self, texts: &TextWrites, now: Timestamp) -> Result<(), StorageError> {
        let attachments = texts.attachments.iter();
        let rows: Vec<_> = attachments
            .map(|(id, conversation, seq, place, tenant, media)| {
                (Hex(id.0), Hex(conversation.0), seq, place, Hex(tenant.0), &media.url, &media.content_type, now)
            })
            .collect();
        let columns = [
            ("id", Uuid),
            ("conversation_id", Uuid),
            ("seq", Int),
            ("place", Int),
            ("tenant_id", Uuid),
            ("url", Text),
            ("content_type", Text),
            ("due_at", Int),
        ];
        let sql = "INSERT INTO attachment (id, conversation_id, seq, place, tenant_id, url, content_type, state, \
             tries, due_at) SELECT id, conversation_id, seq, place, tenant_id, url, content_type, 'pending', 0, due_at \
             FROM {rows} r";
        self.run(sql, &columns, &rows).await?;
        let settled = texts.settled.iter();
        let rows: Vec<_> =
            settled.map(|(id, content_type, state, size)| (Hex(id.0), content_type, state.as_str(), size)).collect();
        let sql = "UPDATE attachment SET content_type = r.content_type, state = r.state, size = r.size \
             FROM {rows} r WHERE attachment.id = r.id";
        self.run(sql, &[("id", Uuid), ("content_type", Text), ("state", Text), ("size", Int)], &rows).await.map(drop)
    }

    async fn consents(&self, texts: &TextWrites) -> Result<(), StorageError> {
        let columns = [
            ("tenant_id", Uuid),
            ("our_number", Text),
            ("number", Text),
            ("opted_out", Bool),
            ("source", Text),
            ("by_id", Uuid),
            ("reason", Text),
            ("at", Int),
            ("version", Int),
        ];
        let sql = "INSERT INTO consent (tenant_id, our_number, number, opted_out, source, by_id, reason, at, version) \
             SELECT tenant_id, our_number, number, opted_out, source, by_id, reason, at, version FROM {rows} r \
             WHERE true ON CONFLICT (tenant_id, our_number, number) DO UPDATE SET opted_out = excluded.opted_out, \
             source = excluded.source, by_id = excluded.by_id, reason = excluded.reason, at = excluded.at, \
             version = excluded.version";
        // One row at a time: the same pair may be recorded twice in a batch, and the last one counts.
        for (c, tenant, version) in &texts.consents {
            let ours = c.our_number.as_ref().map_or("", |n| n.as_str());
            let by = c.by.map(|id| Hex(id.0));
            let source = c.source.as_str();
            let row = (Hex(tenant.0), ours, &c.number, c.opted_out, source, by, &c.reason, c.at, version);
            self.run(sql, &columns, &[row]).await?;
        }
        Ok(())
    }

    async fn automatic(&self, texts: &TextWrites, now: Timestamp) -> Result<(), StorageError> {
        let automatic = texts.automatic.iter();
        let rows: Vec<_> = automatic
            .map(|(tenant, pair, word)| (Hex(tenant.0), &pair.ours, &pair.theirs, word.map(|w| w.as_str()), now))
            .collect();
        let columns = [("tenant_id", Uuid), ("our_number", Text), ("number", Text), ("keyword", Text), ("at", Int)];
        let sql = "INSERT INTO automatic_text (tenant_id, our_number, number, keyword, at) \
             SELECT tenant_id, our_number, number, keyword, at FROM {rows} r";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    async fn unrouted(&self, texts: &TextWrites, now: Timestamp) -> Result<(), StorageError> {
        let unrouted = texts.unrouted.iter();
        let rows: Vec<_> = unrouted
            .map(|(id, i, tenant, version)| {
                let media = serde_json::to_string(&i.media).unwrap_or_default();
                let (carrier, name) = (&i.carrier, &i.provider_id);
                (
                    Hex(id.0),
                    Hex(tenant.0),
                    &i.to,
                    &i.from,
                    i.text.as_str().to_owned(),
                    media,
                    carrier,
                    name,
                    now,
                    version,
                    i.keyword.map(|word| word.as_str()),
                )
            })
            .collect();
        let columns = [
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("our_number", Text),
            ("number", Text),
            ("text", Text),
            ("media", Text),
            ("carrier", Text),
            ("provider_id", Text),
            ("at", Int),
            ("version", Int),
            ("keyword", Text),
        ];
        let sql = "INSERT INTO unrouted (id, tenant_id, our_number, number, text, media, carrier, provider_id, at, \
             version, assigned, keyword) SELECT id, tenant_id, our_number, number, text, media, carrier, provider_id, \
             at, version, false, keyword FROM {rows} r";
        self.run(sql, &columns, &rows).await?;
        let rows: Vec<_> = texts.assigned.iter().map(|(id, version)| (Hex(id.0), version)).collect();
        let sql = "UPDATE unrouted SET assigned = true, version = r.version FROM {rows} r WHERE unrouted.id = r.id";
        self.run(sql, &[("id", Uuid), ("version", Int)], &rows).await.map(drop)
    }

    async fn settings(&self, texts: &TextWrites) -> Result<(), StorageError> {
        let settings = texts.settings.iter();
        let rows: Vec<_> = settings
            .map(|(tenant, (s, revision, version))| {
                (Hex(tenant.0), serde_json::to_string(s).unwrap_or_default(), revision, version)
            })
            .collect();
        let sql = "UPDATE tenant SET settings = r.settings, settings_revision = r.revision, \
             settings_version = r.version FROM {rows} r WHERE tenant.id = r.id";
        let columns = [("id", Uuid), ("settings", Text), ("revision", Int), ("version", Int)];
        self.run(sql, &columns, &rows).await.map(drop)
    }
}
