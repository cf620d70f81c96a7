//! What changed within a range of versions, as it is now: for a reader who is told of everything of a tenant, and reads
//! on in steps however far behind it is.
//!
//! What has changed again since the range is found by its later version, in a later range. Only a message is told of at
//! the place at which it was made as well, so that every one is.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::domain::{
    Audience, Committed, ConversationId, ExtensionId, Happening, QueueId, Seq, TenantId, UnroutedId, Version,
    change::Reading,
    conversation::Gone,
    phone::Number,
    provision::voice_queue::{VoiceAgent, VoiceAgentRequest},
    webhook::{Kind, Wanted},
};

use super::{
    Storage, StorageError, StoredExtension, column,
    conversations::reading,
    dialect::Column,
    entity::extension,
    extension_id,
    messages::{dressed, messages},
    models,
};

/// A tenant's versions after `after`, up to `upto`.
#[derive(Clone, Copy)]
struct Range {
    tenant: TenantId,
    after: Version,
    upto: Version,
}

/// Events of a range, by the place at which each is told.
type Told = BTreeMap<Version, Vec<Happening>>;

impl Storage {
    /// What of the wanted kinds changed in the next `most` versions after `after`, in their order, and where that ends.
    pub async fn changes_within(
        &self,
        tenant: TenantId,
        after: Version,
        most: Version,
        wanted: &Wanted,
    ) -> Result<(Vec<Committed>, Version), StorageError> {
        let tx = self.moment().await?;
        let newest = self.version(&tx, tenant).await?;
        let upto = newest.min(after.saturating_add(most));
        if upto <= after {
            return Ok((vec![], upto));
        }
        let range = Range { tenant, after, upto };
        let mut told = Told::new();
        if wanted.has(Kind::MessageCreated) || wanted.has(Kind::MessageUpdated) {
            self.messages_within(&tx, range, &mut told).await?;
        }
        if wanted.has(Kind::ConversationUpdated) {
            self.conversations_within(&tx, range, &mut told).await?;
        }
        if wanted.has(Kind::ReadAdvanced) {
            self.markers_within(&tx, range, &mut told).await?;
        }
        for kind in self.rare_within(&tx, range).await?.into_iter().filter(|kind| wanted.has(*kind)) {
            self.rarely_within(&tx, range, kind, &mut told).await?;
        }
        let now = self.0.clock.now();
        let committed = |version, happening: Happening| {
            let at = match &happening {
                Happening::MessageCreated(message) => message.created_at,
                _ => now,
            };
            Committed { tenant, version, at, audience: Audience::Tenant, happening }
        };
        let is_wanted = |h: &Happening| Kind::of(h).is_some_and(|kind| wanted.has(kind));
        let each = told.into_iter().flat_map(|(version, all)| all.into_iter().map(move |h| (version, h)));
        Ok((each.filter(|(_, h)| is_wanted(h)).map(|(version, h)| committed(version, h)).collect(), upto))
    }

    async fn messages_within(
        &self,
        db: &impl ConnectionTrait,
        range: Range,
        told: &mut Told,
    ) -> Result<(), StorageError> {
        let sql = "SELECT * FROM message WHERE tenant_id = $1 AND version > $2 AND version <= $3";
        let made = self.rows_within(db, range, sql).await?;
        let mut places = HashMap::new();
        for row in &made {
            let place: (_, Seq) = (ConversationId(column(row, "conversation_id")?), column(row, "seq")?);
            places.insert(place, column::<Version>(row, "version")?);
        }
        let sql = "SELECT * FROM message WHERE tenant_id = $1 AND updated_version > $2 AND updated_version <= $3 \
             AND version <= $2";
        let updated = self.rows_within(db, range, sql).await?;
        for message in dressed(db, self.0.dialect, messages(&made)?).await? {
            let version = places.get(&(message.conversation, message.seq)).copied().unwrap_or(message.version);
            told.entry(version).or_default().push(Happening::MessageCreated(message));
        }
        for message in dressed(db, self.0.dialect, messages(&updated)?).await? {
            told.entry(message.version).or_default().push(Happening::MessageUpdated(message));
        }
        Ok(())
    }

    async fn conversations_within(
        &self,
        db: &impl ConnectionTrait,
        range: Range,
        told: &mut Told,
    ) -> Result<(), StorageError> {
        let sql = "SELECT id, revised_version FROM conversation WHERE tenant_id = $1 AND revised_version > $2 \
             AND revised_version <= $3";
        let mut revised = HashMap::new();
        for row in self.rows_within(db, range, sql).await? {
            revised.insert(ConversationId(column(&row, "id")?), column::<Version>(&row, "revised_version")?);
        }
        let ids: Vec<_> = revised.keys().copied().collect();
        for facts in self.facts(db, range.tenant, &ids).await? {
            let version = revised[&facts.id];
            told.entry(version).or_default().push(Happening::ConversationUpdated { facts, joined: None });
        }
        Ok(())
    }

    async fn markers_within(
        &self,
        db: &impl ConnectionTrait,
        range: Range,
        told: &mut Told,
    ) -> Result<(), StorageError> {
        let moved = self.0.dialect.collected(&[
            ("conversation_id", Column::Uuid),
            ("marker_version", Column::Int),
            ("extension_id", Column::Uuid),
            ("read_seq", Column::Int),
            ("read_text_no", Column::Int),
        ]);
        let sql = format!(
            "SELECT {moved} FROM participant WHERE tenant_id = $1 AND marker_version > $2 AND marker_version <= $3 \
             AND marker_version > 0 AND left_version IS NULL"
        );
        let found: Vec<(ConversationId, Version, ExtensionId, Seq, i64)> =
            self.collect(db, &sql, range.values()).await?;
        let mut readers: BTreeMap<(Version, ConversationId), Vec<Reading>> = BTreeMap::new();
        for (conversation, version, who, seq, text_no) in found {
            readers.entry((version, conversation)).or_default().push(reading(who, seq, text_no));
        }
        for ((version, conversation), readers) in readers {
            told.entry(version).or_default().push(Happening::ReadAdvanced { conversation, readers });
        }
        Ok(())
    }

    /// What hardly ever changes is asked for in one statement, and read only if it has.
    async fn rare_within(&self, db: &impl ConnectionTrait, range: Range) -> Result<HashSet<Kind>, StorageError> {
        const TABLES: [(Kind, &str, &str); 10] = [
            (Kind::ConversationRemoved, "participant", "left_version"),
            (Kind::ExtensionUpdated, "extension", "version"),
            (Kind::NumberUpdated, "phone_number", "version"),
            (Kind::VoiceQueueUpdated, "voice_queue", "version"),
            (Kind::VoiceAgentRequested, "voice_agent_request", "version"),
            (Kind::QueueUpdated, "sms_queue", "version"),
            (Kind::AgentUpdated, "agent", "version"),
            (Kind::ConsentUpdated, "consent", "version"),
            (Kind::UnroutedUpdated, "unrouted", "version"),
            (Kind::SettingsUpdated, "tenant", "settings_version"),
        ];
        let exists = TABLES.iter().enumerate().map(|(n, (_, table, version))| {
            let of = if *table == "tenant" { "id" } else { "tenant_id" };
            format!("EXISTS (SELECT 1 FROM {table} WHERE {of} = $1 AND {version} > $2 AND {version} <= $3) AS k{n}")
        });
        let sql = format!("SELECT {}", exists.collect::<Vec<_>>().join(", "));
        let Some(row) = db.query_one_raw(self.statement(&sql, range.values())).await? else {
            return Ok(HashSet::new());
        };
        let mut kinds = HashSet::new();
        for (n, (kind, ..)) in TABLES.iter().enumerate() {
            if column::<bool>(&row, &format!("k{n}"))? {
                kinds.insert(*kind);
            }
        }
        Ok(kinds)
    }

    async fn rarely_within(
        &self,
        db: &impl ConnectionTrait,
        range: Range,
        kind: Kind,
        told: &mut Told,
    ) -> Result<(), StorageError> {
        let mut tell = |version: Version, happening: Happening| told.entry(version).or_default().push(happening);
        match kind {
            Kind::ConversationRemoved => {
                let sql = "SELECT conversation_id, left_version, left_reason FROM participant WHERE tenant_id = $1 \
                     AND left_version > $2 AND left_version <= $3";
                for row in self.rows_within(db, range, sql).await? {
                    let conversation = ConversationId(column(&row, "conversation_id")?);
                    let reason: Option<String> = column(&row, "left_reason")?;
                    let reason = reason.and_then(|r| Gone::parse(&r)).ok_or_else(|| {
                        StorageError::Inconsistent(format!("somebody is gone from {conversation}, no word why"))
                    })?;
                    tell(column(&row, "left_version")?, Happening::ConversationRemoved { conversation, reason });
                }
            }
            Kind::ExtensionUpdated => {
                let sql = "SELECT * FROM extension WHERE tenant_id = $1 AND version > $2 AND version <= $3";
                for row in models::<extension::Model>(&self.rows_within(db, range, sql).await?)? {
                    tell(row.version, Happening::ExtensionUpdated(StoredExtension::try_from(row)?.extension));
                }
            }
            Kind::NumberUpdated => {
                for row in self.versions_within(db, range, "phone_number", "number").await? {
                    let number = Number::stored(column(&row, "number")?);
                    tell(column(&row, "version")?, Happening::PhoneNumberUpdated(number));
                }
            }
            Kind::VoiceQueueUpdated => {
                for row in self.versions_within(db, range, "voice_queue", "key").await? {
                    tell(column(&row, "version")?, Happening::VoiceQueueUpdated(column(&row, "key")?));
                }
            }
            Kind::VoiceAgentRequested => {
                for row in self.versions_within(db, range, "voice_agent_request", "*").await? {
                    let agent = VoiceAgent {
                        extension: column(&row, "extension")?,
                        logged_in: column(&row, "logged_in")?,
                        paused: column(&row, "paused")?,
                        pause_reason: column(&row, "pause_reason")?,
                    };
                    let request = VoiceAgentRequest { queue: column(&row, "queue")?, agent };
                    tell(column(&row, "version")?, Happening::VoiceAgentRequested(request));
                }
            }
            Kind::QueueUpdated => {
                for row in self.versions_within(db, range, "sms_queue", "id").await? {
                    tell(column(&row, "version")?, Happening::QueueUpdated(QueueId(column(&row, "id")?)));
                }
            }
            Kind::AgentUpdated => {
                for row in self.versions_within(db, range, "agent", "queue_id, extension_id").await? {
                    let queue = QueueId(column(&row, "queue_id")?);
                    let who = extension_id(&row, "extension_id")?;
                    if let Some(agent) = self.agent_within(db, range.tenant, queue, who).await? {
                        tell(column(&row, "version")?, Happening::AgentUpdated { queue, agent });
                    }
                }
            }
            Kind::ConsentUpdated => {
                for row in self.versions_within(db, range, "consent", "our_number, number").await? {
                    let ours: String = column(&row, "our_number")?;
                    let our_number = (!ours.is_empty()).then(|| Number::stored(ours));
                    let number = Number::stored(column(&row, "number")?);
                    tell(column(&row, "version")?, Happening::ConsentUpdated { our_number, number });
                }
            }
            Kind::UnroutedUpdated => {
                for row in self.versions_within(db, range, "unrouted", "id").await? {
                    tell(column(&row, "version")?, Happening::UnroutedUpdated(UnroutedId(column(&row, "id")?)));
                }
            }
            Kind::SettingsUpdated => {
                let sql = "SELECT settings_version FROM tenant WHERE id = $1 AND settings_version > $2 \
                     AND settings_version <= $3";
                for row in self.rows_within(db, range, sql).await? {
                    tell(column(&row, "settings_version")?, Happening::SettingsUpdated);
                }
            }
            Kind::MessageCreated | Kind::MessageUpdated | Kind::ConversationUpdated | Kind::ReadAdvanced => {}
        }
        Ok(())
    }

    async fn versions_within(
        &self,
        db: &impl ConnectionTrait,
        range: Range,
        table: &str,
        columns: &str,
    ) -> Result<Vec<QueryResult>, StorageError> {
        let columns = if columns == "*" { "*".to_owned() } else { format!("{columns}, version") };
        let sql = format!("SELECT {columns} FROM {table} WHERE tenant_id = $1 AND version > $2 AND version <= $3");
        self.rows_within(db, range, &sql).await
    }

    async fn rows_within(
        &self,
        db: &impl ConnectionTrait,
        range: Range,
        sql: &str,
    ) -> Result<Vec<QueryResult>, StorageError> {
        Ok(db.query_all_raw(self.statement(sql, range.values())).await?)
    }
}

impl Range {
    fn values(self) -> [Value; 3] {
        [self.tenant.0.into(), self.after.into(), self.upto.into()]
    }
}
