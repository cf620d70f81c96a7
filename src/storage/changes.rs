//! A reader with a cursor: what has changed since, as it is now, merged by version.
//!
//! A client that comes back and a switchboard that missed something are the same thing here.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use sea_orm::ConnectionTrait;

use crate::domain::{
    Audience, Committed, ConversationId, ExtensionId, Happening, Seq, TenantId, Timestamp, UnroutedId, Version,
    change::Reading,
    conversation::{Gone, Marker},
    phone::Number,
};

use super::{
    Storage, StorageError, StoredExtension, column,
    conversations::reading,
    dialect::{Column, Hex, bulk},
    entity::extension,
    extension_id,
    messages::{dressed, messages},
    models,
};

/// Changes of a tenant that are looked through for what concerns one reader.
const NEAR: Version = 5_000;

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub enum Reader {
    /// What concerns one extension.
    Extension(ExtensionId),
    /// All of the tenant.
    Tenant,
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub enum CatchUp {
    /// What changed, up to this version.
    Changes(Vec<Committed>, Version),
    /// Too much has changed, or the cursor is from the future.
    TooFar,
}

/// Which of these the tenant has had since a cursor.
#[derive(Default)]
struct RareChanges {
    removals: bool,
    extensions: bool,
    phone_numbers: bool,
    voice_queues: bool,
    queues: bool,
    consents: bool,
    unrouted: bool,
    names: bool,
    settings: Version,
}

/// A member of a conversation that changed.
struct Member {
    extension: ExtensionId,
    joined_version: Version,
    joined: Marker,
}

impl Storage {
    /// What changed after `after` for this reader, at most `most` rows, read in one snapshot of the database.
    pub async fn changes(
        &self,
        tenant: TenantId,
        reader: Reader,
        after: Version,
        most: usize,
    ) -> Result<CatchUp, StorageError> {
        let tx = self.moment().await?;
        let upto = self.version(&tx, tenant).await?;
        if after >= upto || after < 0 {
            return Ok(if after == upto { CatchUp::Changes(vec![], upto) } else { CatchUp::TooFar });
        }
        let (members, revised) = self.changed_conversations(&tx, tenant, reader, after, most).await?;
        if members.values().map(Vec::len).sum::<usize>() > most {
            return Ok(CatchUp::TooFar);
        }
        let mut merged = Merge { tenant, at: self.0.clock.now(), rows: BTreeMap::new() };
        if !members.is_empty() {
            self.merge_conversations(&tx, &mut merged, &members, &revised, after).await?;
            self.merge_messages(&tx, &mut merged, &members, reader, (after, upto), most).await?;
            if !self.merge_markers(&tx, &mut merged, &members, after, most).await? {
                return Ok(CatchUp::TooFar);
            }
        }
        let rare = self.rare_changes(&tx, tenant, after).await?;
        if rare.removals {
            self.merge_removals(&tx, &mut merged, reader, after, most).await?;
        }
        if rare.extensions {
            self.merge_extensions(&tx, &mut merged, after, most).await?;
        }
        if rare.phone_numbers {
            self.merge_phone_numbers(&tx, &mut merged, after, most).await?;
        }
        if rare.voice_queues {
            for (version, key) in self.voice_queues_since(&tx, tenant, after, one_more(most)).await? {
                merged.add_for_all(version, Happening::VoiceQueueUpdated(key));
            }
        }
        if rare.queues {
            for (version, id, mut who) in self.queues_since(&tx, tenant, after, one_more(most)).await? {
                if let Reader::Extension(me) = reader {
                    who.retain(|member| *member == me);
                }
                merged.add(version, who.into(), Happening::QueueUpdated(id));
            }
        }
        if rare.consents && !self.merge_consents(&tx, &mut merged, reader, after, most).await? {
            return Ok(CatchUp::TooFar);
        }
        if rare.unrouted {
            self.merge_unrouted(&tx, &mut merged, reader, after, most).await?;
        }
        if rare.names {
            let me = match reader {
                Reader::Extension(me) => Some(me),
                Reader::Tenant => None,
            };
            let mut told: BTreeMap<Version, Vec<ExtensionId>> = BTreeMap::new();
            for (version, who) in self.names_since(&tx, tenant, after, me, one_more(most)).await? {
                told.entry(version).or_default().push(who);
            }
            // Which numbers it was about is not remembered: it may be any.
            for (version, who) in told {
                merged.add(version, who.into(), Happening::NamesUpdated(None));
            }
        }
        if rare.settings > after {
            merged.add_for_all(rare.settings, Happening::SettingsUpdated);
        }
        if merged.rows.len() > most {
            return Ok(CatchUp::TooFar);
        }
        Ok(CatchUp::Changes(merged.rows.into_values().flatten().collect(), upto))
    }

    /// What hardly ever has changed is asked for in one statement, and read only if it has.
    async fn rare_changes(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        after: Version,
    ) -> Result<RareChanges, StorageError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM participant WHERE tenant_id = $1 AND left_version > $2) AS removals, \
             EXISTS (SELECT 1 FROM extension WHERE tenant_id = $1 AND version > $2) AS extensions, \
             EXISTS (SELECT 1 FROM phone_number WHERE tenant_id = $1 AND version > $2) AS phone_numbers, \
             EXISTS (SELECT 1 FROM voice_queue WHERE tenant_id = $1 AND version > $2) AS voice_queues, \
             EXISTS (SELECT 1 FROM sms_queue WHERE tenant_id = $1 AND version > $2) AS queues, \
             EXISTS (SELECT 1 FROM consent WHERE tenant_id = $1 AND version > $2) AS consents, \
             EXISTS (SELECT 1 FROM unrouted WHERE tenant_id = $1 AND version > $2) AS unrouted, \
             EXISTS (SELECT 1 FROM extension WHERE tenant_id = $1 AND names_version > $2) \
             OR EXISTS (SELECT 1 FROM phonebook WHERE tenant_id = $1 AND version > $2) AS names, \
             (SELECT settings_version FROM tenant WHERE id = $1) AS settings";
        let row = db.query_one_raw(self.statement(sql, [tenant.0.into(), after.into()])).await?;
        row.map_or(Ok(RareChanges::default()), |row| {
            Ok(RareChanges {
                removals: column(&row, "removals")?,
                extensions: column(&row, "extensions")?,
                phone_numbers: column(&row, "phone_numbers")?,
                voice_queues: column(&row, "voice_queues")?,
                queues: column(&row, "queues")?,
                consents: column(&row, "consents")?,
                unrouted: column(&row, "unrouted")?,
                names: column(&row, "names")?,
                settings: column(&row, "settings")?,
            })
        })
    }

    async fn changed_conversations(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        reader: Reader,
        after: Version,
        most: usize,
    ) -> Result<(HashMap<ConversationId, Vec<Member>>, HashMap<ConversationId, Version>), StorageError> {
        let mut sql = String::from(
            "SELECT c.id, c.revised_version, p.extension_id, p.joined_version, p.joined_seq, p.joined_text_no \
             FROM conversation c JOIN participant p ON p.conversation_id = c.id AND p.left_version IS NULL \
             WHERE c.tenant_id = $1 AND c.version > $2",
        );
        let mut values = vec![tenant.0.into(), after.into(), one_more(most).into()];
        if let Reader::Extension(me) = reader {
            sql.push_str(" AND p.extension_id = $4");
            values.push(me.0.into());
        }
        sql.push_str(" LIMIT $3");
        let mut members: HashMap<ConversationId, Vec<Member>> = HashMap::new();
        let mut revised = HashMap::new();
        for row in db.query_all_raw(self.statement(&sql, values)).await? {
            let id = ConversationId(column(&row, "id")?);
            revised.insert(id, column(&row, "revised_version")?);
            members.entry(id).or_default().push(Member {
                extension: extension_id(&row, "extension_id")?,
                joined_version: column(&row, "joined_version")?,
                joined: Marker { seq: column(&row, "joined_seq")?, text_no: column(&row, "joined_text_no")? },
            });
        }
        Ok((members, revised))
    }

    async fn merge_conversations(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        members: &HashMap<ConversationId, Vec<Member>>,
        revised: &HashMap<ConversationId, Version>,
        after: Version,
    ) -> Result<(), StorageError> {
        let anew = |id: &ConversationId| revised[id] > after || members[id].iter().any(|m| m.joined_version > after);
        let ids: Vec<_> = members.keys().copied().filter(anew).collect();
        for facts in self.facts(db, merged.tenant, &ids).await? {
            let mut joins: BTreeMap<Version, (Vec<ExtensionId>, Marker)> = BTreeMap::new();
            for member in members[&facts.id].iter().filter(|m| m.joined_version > after) {
                joins.entry(member.joined_version).or_insert((vec![], member.joined)).0.push(member.extension);
            }
            let version = revised[&facts.id];
            let others = told(&members[&facts.id], version);
            if version > after {
                let happening = Happening::ConversationUpdated { facts: facts.clone(), joined: None };
                merged.add(version, others, happening);
            }
            for (version, (who, joined)) in joins {
                let happening = Happening::ConversationUpdated { facts: facts.clone(), joined: Some(joined) };
                merged.add(version, who.into(), happening);
            }
        }
        Ok(())
    }

    async fn merge_messages(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        members: &HashMap<ConversationId, Vec<Member>>,
        reader: Reader,
        (after, upto): (Version, Version),
        most: usize,
    ) -> Result<(), StorageError> {
        let tenant = merged.tenant.0;
        // A little behind, the tenant's newest messages are looked through; far behind, the newest of each conversation.
        let (sql, values) = match reader {
            Reader::Extension(me) if upto - after <= NEAR => (
                "SELECT m.* FROM message m CROSS JOIN participant p WHERE m.tenant_id = $1 AND m.version > $2 \
                 AND p.conversation_id = m.conversation_id AND p.extension_id = $4 AND p.left_version IS NULL \
                 AND m.version > p.joined_version LIMIT $3"
                    .to_owned(),
                vec![tenant.into(), after.into(), one_more(most).into(), me.0.into()],
            ),
            Reader::Tenant if upto - after <= NEAR => (
                "SELECT * FROM message WHERE tenant_id = $1 AND version > $2 LIMIT $3".to_owned(),
                vec![tenant.into(), after.into(), one_more(most).into()],
            ),
            _ => {
                let joined = |who: &Vec<Member>| who.iter().map(|m| m.joined_version).min().unwrap_or(after);
                let since: Vec<_> = members.iter().map(|(id, who)| (Hex(id.0), after.max(joined(who)))).collect();
                let rows = self.0.dialect.rows(4, &[("id", Column::Uuid), ("after", Column::Int)]);
                let sql = format!(
                    "SELECT m.* FROM {rows} r CROSS JOIN conversation c CROSS JOIN message m WHERE c.id = r.id \
                     AND m.conversation_id = r.id AND m.seq > c.last_seq - $3 AND m.version > r.after \
                     AND m.tenant_id = $1 AND m.version > $2 LIMIT $3"
                );
                (sql, vec![tenant.into(), after.into(), one_more(most).into(), bulk(&since)])
            }
        };
        let found = messages(&db.query_all_raw(self.statement(&sql, values)).await?)?;
        let mut made: HashSet<_> = HashSet::new();
        for message in dressed(db, self.0.dialect, found).await? {
            let Some(members) = members.get(&message.conversation) else { continue };
            let who = told(members, message.version);
            made.insert((message.conversation, message.seq));
            merged.add_at(message.created_at, message.version, who, Happening::MessageCreated(message));
        }
        self.merge_updates(db, merged, members, &made, after, most).await
    }

    /// Messages that were there at the cursor, and of which a delivery or a file has changed since.
    async fn merge_updates(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        members: &HashMap<ConversationId, Vec<Member>>,
        made: &HashSet<(ConversationId, Seq)>,
        after: Version,
        most: usize,
    ) -> Result<(), StorageError> {
        let ids: Vec<_> = members.keys().map(|id| (Hex(id.0),)).collect();
        let rows = self.0.dialect.rows(4, &[("id", Column::Uuid)]);
        let sql = format!(
            "SELECT m.* FROM message m WHERE m.tenant_id = $1 AND m.updated_version > $2 AND m.version <= $2 \
             AND m.conversation_id IN (SELECT id FROM {rows} r) LIMIT $3"
        );
        let values = [merged.tenant.0.into(), after.into(), one_more(most).into(), bulk(&ids)];
        let found = messages(&db.query_all_raw(self.statement(&sql, values)).await?)?;
        for message in dressed(db, self.0.dialect, found).await? {
            let Some(members) = members.get(&message.conversation) else { continue };
            if made.contains(&(message.conversation, message.seq)) {
                continue;
            }
            let who = told(members, message.version);
            merged.add_at(message.created_at, message.version, who, Happening::MessageUpdated(message));
        }
        Ok(())
    }

    /// Who has read how far. Answers false if more has moved than is told row by row.
    async fn merge_markers(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        members: &HashMap<ConversationId, Vec<Member>>,
        after: Version,
        most: usize,
    ) -> Result<bool, StorageError> {
        let ids: Vec<_> = members.keys().map(|id| (Hex(id.0),)).collect();
        let rows = self.0.dialect.rows(1, &[("id", Column::Uuid)]);
        let moved = self.0.dialect.collected(&[
            ("shown.conversation_id", Column::Uuid),
            ("shown.marker_version", Column::Int),
            ("shown.extension_id", Column::Uuid),
            ("shown.read_seq", Column::Int),
            ("shown.read_text_no", Column::Int),
        ]);
        let sql = format!(
            "SELECT {moved} FROM (SELECT p.* FROM {rows} r CROSS JOIN participant p WHERE p.conversation_id = r.id \
             AND p.tenant_id = $2 AND p.marker_version > $3 AND p.left_version IS NULL LIMIT $4) shown"
        );
        let values = [bulk(&ids), merged.tenant.0.into(), after.into(), one_more(most).into()];
        let found: Vec<(ConversationId, Version, ExtensionId, Seq, i64)> = self.collect(db, &sql, values).await?;
        let all = found.len() <= most;
        let mut moved: BTreeMap<(Version, ConversationId), Vec<Reading>> = BTreeMap::new();
        for (conversation, version, who, seq, text_no) in found {
            moved.entry((version, conversation)).or_default().push(reading(who, seq, text_no));
        }
        for ((version, conversation), readers) in moved {
            let who = told(&members[&conversation], version);
            merged.add(version, who, Happening::ReadAdvanced { conversation, readers });
        }
        Ok(all)
    }

    /// Who is in a conversation no longer hears that alone.
    async fn merge_removals(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        reader: Reader,
        after: Version,
        most: usize,
    ) -> Result<(), StorageError> {
        let mut sql = String::from(
            "SELECT conversation_id, extension_id, left_version, left_reason FROM participant \
             WHERE tenant_id = $1 AND left_version > $2",
        );
        let mut values = vec![merged.tenant.0.into(), after.into(), one_more(most).into()];
        if let Reader::Extension(me) = reader {
            sql.push_str(" AND extension_id = $4");
            values.push(me.0.into());
        }
        sql.push_str(" LIMIT $3");
        for row in db.query_all_raw(self.statement(&sql, values)).await? {
            let conversation = ConversationId(column(&row, "conversation_id")?);
            let reason: Option<String> = column(&row, "left_reason")?;
            let reason = reason.and_then(|r| Gone::parse(&r)).ok_or_else(|| {
                StorageError::Inconsistent(format!("somebody is gone from {conversation}, no word why"))
            })?;
            let who = [extension_id(&row, "extension_id")?].into();
            let happening = Happening::ConversationRemoved { conversation, reason };
            merged.add(column(&row, "left_version")?, who, happening);
        }
        Ok(())
    }

    async fn merge_extensions(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        after: Version,
        most: usize,
    ) -> Result<(), StorageError> {
        let sql = "SELECT * FROM extension WHERE tenant_id = $1 AND version > $2 ORDER BY version LIMIT $3";
        let values = [merged.tenant.0.into(), after.into(), one_more(most).into()];
        let rows = db.query_all_raw(self.statement(sql, values)).await?;
        for row in models::<extension::Model>(&rows)? {
            let version = row.version;
            let happening = Happening::ExtensionUpdated(StoredExtension::try_from(row)?.extension);
            merged.add_for_all(version, happening);
        }
        Ok(())
    }

    async fn merge_phone_numbers(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        after: Version,
        most: usize,
    ) -> Result<(), StorageError> {
        let sql = "SELECT number, version FROM phone_number WHERE tenant_id = $1 AND version > $2 LIMIT $3";
        let values = [merged.tenant.0.into(), after.into(), one_more(most).into()];
        for row in db.query_all_raw(self.statement(sql, values)).await? {
            let number = Number::stored(column(&row, "number")?);
            merged.add_for_all(column(&row, "version")?, Happening::PhoneNumberUpdated(number));
        }
        Ok(())
    }

    /// Who has a thread with somebody hears that they want no texts, or take them again. Answers false if there are more
    /// than are told row by row.
    async fn merge_consents(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        reader: Reader,
        after: Version,
        most: usize,
    ) -> Result<bool, StorageError> {
        let mut sql = String::from(
            "SELECT s.our_number, s.number, s.version, p.extension_id FROM consent s \
             JOIN conversation c ON c.tenant_id = s.tenant_id AND c.their_number = s.number \
             JOIN participant p ON p.conversation_id = c.id AND p.left_version IS NULL \
             WHERE s.tenant_id = $1 AND s.version > $2",
        );
        let mut values = vec![merged.tenant.0.into(), after.into(), one_more(most).into()];
        if let Reader::Extension(me) = reader {
            sql.push_str(" AND p.extension_id = $4");
            values.push(me.0.into());
        }
        sql.push_str(" LIMIT $3");
        let mut told: BTreeMap<(Version, String, String), BTreeSet<ExtensionId>> = BTreeMap::new();
        let rows = db.query_all_raw(self.statement(&sql, values)).await?;
        let all = rows.len() <= most;
        for row in rows {
            let key = (column(&row, "version")?, column(&row, "our_number")?, column(&row, "number")?);
            told.entry(key).or_default().insert(extension_id(&row, "extension_id")?);
        }
        for ((version, ours, number), who) in told {
            let our_number = (!ours.is_empty()).then(|| Number::stored(ours));
            let happening = Happening::ConsentUpdated { our_number, number: Number::stored(number) };
            merged.add(version, who.into_iter().collect(), happening);
        }
        Ok(all)
    }

    /// Administrators hear of texts that are nobody's.
    async fn merge_unrouted(
        &self,
        db: &impl ConnectionTrait,
        merged: &mut Merge,
        reader: Reader,
        after: Version,
        most: usize,
    ) -> Result<(), StorageError> {
        let mut admins = self.admins(db, merged.tenant).await?;
        if let Reader::Extension(me) = reader {
            admins.retain(|admin| *admin == me);
        }
        let admins: Arc<[_]> = admins.into();
        let sql = "SELECT id, version FROM unrouted WHERE tenant_id = $1 AND version > $2 LIMIT $3";
        let values = [merged.tenant.0.into(), after.into(), one_more(most).into()];
        for row in db.query_all_raw(self.statement(sql, values)).await? {
            let happening = Happening::UnroutedUpdated(UnroutedId(column(&row, "id")?));
            merged.add(column(&row, "version")?, admins.clone(), happening);
        }
        Ok(())
    }
}

/// A limit at which it shows that there are more.
fn one_more(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1)
}

/// Who was in the conversation before this version, and so is told of it.
fn told(members: &[Member], version: Version) -> Arc<[ExtensionId]> {
    members.iter().filter(|m| m.joined_version < version).map(|m| m.extension).collect()
}

/// Rows as events, in version order.
struct Merge {
    tenant: TenantId,
    at: Timestamp,
    rows: BTreeMap<Version, Vec<Committed>>,
}

impl Merge {
    fn add(&mut self, version: Version, who: Arc<[ExtensionId]>, happening: Happening) {
        self.add_at(self.at, version, who, happening);
    }

    fn add_for_all(&mut self, version: Version, happening: Happening) {
        let Self { tenant, at, .. } = *self;
        let committed = Committed { tenant, version, at, audience: Audience::Tenant, happening };
        self.rows.entry(version).or_default().push(committed);
    }

    fn add_at(&mut self, at: Timestamp, version: Version, who: Arc<[ExtensionId]>, happening: Happening) {
        if who.is_empty() {
            return;
        }
        let committed = Committed { tenant: self.tenant, version, at, audience: Audience::Extensions(who), happening };
        self.rows.entry(version).or_default().push(committed);
    }
}
