//! Reads what a batch rests on, under the lock of its tenants' counters.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::{
    domain::{
        Change, ClientId, ConversationId, ExtensionId, GenerationId, Guard, QueueId, Seq, TenantId, Timestamp,
        UnroutedId, Version,
        conversation::{Pair, Stand},
        phone::Number,
    },
    storage::{
        Dialect, StorageError, column,
        dialect::{Column, Hex, bulk},
        extension_id,
        messages::{dressed, messages},
    },
};

use super::{
    Once, Unit,
    walk::{Exchange, Ground, Head, Known, number_key, queue_key},
};

/// What the database says of everything that these units name. A table that no unit names is not asked.
pub(super) async fn read(tx: &DatabaseTransaction, dialect: Dialect, units: &[&Unit]) -> Result<Ground, StorageError> {
    let asked = Asked::by(units);
    let reader = Reader { tx, dialect };
    let mut ground = Ground::default();
    // First the counters, in tenant order: whoever has them may go on, and nobody waits for each other in a circle.
    reader.counters(&mut ground, &asked).await?;
    reader.known(&mut ground, &asked).await?;
    reader.heads(&mut ground, &asked).await?;
    reader.text_nos(&mut ground, &asked).await?;
    reader.extensions(&mut ground, &asked).await?;
    reader.phone_numbers(&mut ground, &asked).await?;
    reader.voice_queues(&mut ground, &asked).await?;
    reader.gone(&mut ground, &asked).await?;
    reader.groups(&mut ground, &asked).await?;
    reader.phonebooks(&mut ground, &asked).await?;
    reader.loads(&mut ground, &asked).await?;
    reader.called(&mut ground, &asked).await?;
    reader.consents(&mut ground, &asked).await?;
    reader.automatic_texts(&mut ground, &asked).await?;
    reader.moved_messages(&mut ground, &asked).await?;
    reader.exchanges(&mut ground, &asked).await?;
    reader.unrouted(&mut ground, &asked).await?;
    reader.queues(&mut ground, &asked).await?;
    reader.agents(&mut ground, &asked).await?;
    reader.open_queues(&mut ground, &asked).await?;
    reader.taken(&mut ground, &asked).await?;
    Ok(ground)
}

#[derive(Default)]
struct Asked {
    tenants: BTreeSet<TenantId>,
    client_ids: Vec<(Hex, Hex)>,
    incoming: Vec<(String, String)>,
    conversations: BTreeSet<ConversationId>,
    places: Vec<(ConversationId, i64)>,
    extensions: BTreeSet<ExtensionId>,
    phone_numbers: BTreeSet<Number>,
    voice_queues: BTreeSet<(TenantId, String)>,
    /// Extensions that come into conversations.
    joining: BTreeSet<ExtensionId>,
    /// Extensions whose groups are counted.
    grouped: BTreeSet<ExtensionId>,
    phonebooks: BTreeSet<(TenantId, String)>,
    loads: BTreeSet<GenerationId>,
    /// Extensions of which calls are reported, by their numbers.
    called: BTreeSet<(TenantId, String)>,
    consents: BTreeSet<(TenantId, Pair)>,
    automatic: BTreeSet<(TenantId, Pair)>,
    messages: BTreeSet<(ConversationId, Seq)>,
    /// Texts whose sending has come further, and whether it has come to nothing.
    sendings: BTreeSet<(ConversationId, Seq, bool)>,
    unrouted: BTreeSet<UnroutedId>,
    queues: BTreeSet<(QueueId, TenantId)>,
    agents: BTreeSet<(QueueId, ExtensionId)>,
    open_queues: BTreeSet<QueueId>,
    queue_keys: Vec<(Hex, String)>,
    natural_keys: Vec<(Hex, String)>,
    numbers: Vec<(Hex, String)>,
}

impl Asked {
    fn by(units: &[&Unit]) -> Self {
        let mut asked = Self::default();
        for unit in units {
            asked.tenants.insert(unit.tenant());
            match &unit.once {
                Some(Once::Send(who, ClientId(id))) => asked.client_ids.push((Hex(who.0), Hex(*id))),
                Some(Once::Incoming { carrier, provider_id }) => {
                    asked.incoming.push((carrier.clone(), provider_id.clone()));
                }
                None => {}
            }
            for guard in &unit.decision.guards {
                match guard {
                    Guard::Conversation(id, _) => drop(asked.conversations.insert(*id)),
                    Guard::Extension(id, _) => drop(asked.extensions.insert(*id)),
                    Guard::PhoneNumber(number, _) => drop(asked.phone_numbers.insert(number.clone())),
                    Guard::Consent { ours, theirs, .. } => {
                        asked.consents.insert((unit.tenant(), Pair { ours: ours.clone(), theirs: theirs.clone() }));
                    }
                    Guard::AutomaticTexts { ours, theirs, .. } => {
                        asked.automatic.insert((unit.tenant(), Pair { ours: ours.clone(), theirs: theirs.clone() }));
                    }
                    Guard::Delivery { conversation, seq, .. } => drop(asked.messages.insert((*conversation, *seq))),
                    Guard::Unrouted(id) => drop(asked.unrouted.insert(*id)),
                    // Its revision comes with the counter.
                    Guard::Settings(_) => {}
                    Guard::VoiceQueue(key, _) => drop(asked.voice_queues.insert((unit.tenant(), key.clone()))),
                    Guard::Groups(id, _) => drop(asked.grouped.insert(*id)),
                    Guard::Phonebook(key, _) => drop(asked.phonebooks.insert((unit.tenant(), key.clone()))),
                    Guard::Load(generation) => drop(asked.loads.insert(*generation)),
                    Guard::Queue(id, _) => drop(asked.queues.insert((*id, unit.tenant()))),
                    Guard::NoQueue(key) => asked.queue_keys.push((Hex(unit.tenant().0), key.clone())),
                    Guard::NoneOpen(id) => drop(asked.open_queues.insert(*id)),
                    Guard::Agent(queue, who, _) => drop(asked.agents.insert((*queue, *who))),
                    Guard::Owed(id, _) => drop(asked.conversations.insert(*id)),
                }
            }
            for change in &unit.decision.changes {
                match change {
                    Change::ConversationCreated(c) => {
                        asked.joining.extend(c.members.iter());
                        asked.natural_keys.extend(c.natural_key.clone().map(|k| (Hex(unit.tenant().0), k)));
                    }
                    Change::MembersAdded { added, .. } => asked.joining.extend(added.iter()),
                    Change::MessageAdded(_)
                    | Change::Renamed { .. }
                    | Change::NumberRemoved { .. }
                    | Change::MemberRemoved { .. }
                    | Change::ConsentPut { .. }
                    | Change::AutomaticText { .. }
                    | Change::UnroutedAdded { .. }
                    | Change::UnroutedAssigned { .. }
                    | Change::SettingsPut(_)
                    | Change::VoiceAgentRequested(_)
                    | Change::QueuePut(_)
                    | Change::AgentPut { .. }
                    | Change::QueueMoved(_)
                    | Change::HolderLeft { .. }
                    | Change::WaitingShown { .. }
                    | Change::WaitingTaken { .. }
                    | Change::RowShown { .. }
                    | Change::NamesDiffer { .. } => {}
                    // Guarded by its key, or else told to those who have it.
                    Change::PhonebookPut(put) => {
                        asked.phonebooks.insert((unit.tenant(), put.phonebook.key.clone()));
                    }
                    Change::CallsPut { extension, .. } => {
                        asked.called.insert((unit.tenant(), extension.clone()));
                    }
                    Change::DeliveryMoved(moved) => {
                        asked.messages.insert((moved.conversation, moved.seq));
                        let failed = moved.delivery.status.has_failed();
                        asked.sendings.insert((moved.conversation, moved.seq, failed));
                    }
                    Change::AttachmentSettled { conversation, seq, .. } => {
                        asked.messages.insert((*conversation, *seq));
                    }
                    Change::MarkersAdvanced { conversation, readers, .. } => {
                        asked.places.extend(readers.iter().map(|(_, seq)| (*conversation, *seq)));
                    }
                    Change::ExtensionPut { extension, made: true, .. } => {
                        asked.numbers.push((Hex(unit.tenant().0), extension.number.clone()));
                    }
                    Change::ExtensionPut { .. } | Change::PhoneNumberPut { .. } | Change::VoiceQueuePut { .. } => {}
                }
            }
        }
        asked
    }
}

/// The columns of a conversation's [`Head`], after its id.
type HeadRow =
    (ConversationId, TenantId, i64, Version, Seq, i64, Timestamp, Option<Timestamp>, Option<Stand>, Option<Timestamp>);

struct Reader<'a> {
    tx: &'a DatabaseTransaction,
    dialect: Dialect,
}

impl Reader<'_> {
    async fn counters(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let lock = self.dialect.for_update();
        let sql = format!(
            "SELECT id, version, settings_revision FROM tenant WHERE id IN (SELECT id FROM {rows} r) ORDER BY id{lock}"
        );
        let keys: Vec<_> = asked.tenants.iter().map(|t| (Hex(t.0),)).collect();
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let id = TenantId(column(&row, "id")?);
            ground.counters.insert(id, column(&row, "version")?);
            ground.settings.insert(id, column(&row, "settings_revision")?);
        }
        Ok(())
    }

    async fn known(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if !asked.incoming.is_empty() {
            let rows = self.dialect.rows(1, &[("carrier", Column::Text), ("provider_id", Column::Text)]);
            let sql = format!(
                "SELECT i.carrier, i.provider_id FROM {rows} r CROSS JOIN incoming i \
                 WHERE i.carrier = r.carrier AND i.provider_id = r.provider_id"
            );
            for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&asked.incoming)])).await? {
                let (carrier, provider_id) = (column(&row, "carrier")?, column(&row, "provider_id")?);
                ground.known.insert(Once::Incoming { carrier, provider_id }, Known::Incoming);
            }
        }
        if asked.client_ids.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("author_id", Column::Uuid), ("client_id", Column::Uuid)]);
        let sql = format!(
            "SELECT m.* FROM {rows} r JOIN message m ON m.author_id = r.author_id AND m.client_id = r.client_id"
        );
        let found = self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&asked.client_ids)])).await?;
        for message in dressed(self.tx, self.dialect, messages(&found)?).await? {
            if let (Some(client_id), Some(author)) = (message.client_id, message.author.extension()) {
                ground.known.insert(Once::Send(author, client_id), Known::Stored(Box::new(message)));
            }
        }
        Ok(())
    }

    async fn heads(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.conversations.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let heads = self.dialect.collected(&[
            ("c.id", Column::Uuid),
            ("c.tenant_id", Column::Uuid),
            ("c.revision", Column::Int),
            ("c.version", Column::Int),
            ("c.last_seq", Column::Int),
            ("c.text_count", Column::Int),
            ("c.last_activity_at", Column::Int),
            ("c.needs_reply_since", Column::Int),
            ("c.queue_state", Column::Text),
            ("c.queue_since", Column::Int),
        ]);
        let sql = format!("SELECT {heads} AS heads FROM {rows} r JOIN conversation c ON c.id = r.id");
        let keys: Vec<_> = asked.conversations.iter().map(|c| (Hex(c.0),)).collect();
        let Some(row) = self.tx.query_one_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? else {
            return Ok(());
        };
        let inconsistent = |e: serde_json::Error| StorageError::Inconsistent(e.to_string());
        let heads: Vec<HeadRow> = serde_json::from_str(&column::<String>(&row, "heads")?).map_err(inconsistent)?;
        for (id, tenant, revision, version, last_seq, text_count, last_activity_at, needs_reply_since, s, since) in
            heads
        {
            let stand = s.zip(since);
            let head =
                Head { tenant, revision, version, last_seq, text_count, last_activity_at, needs_reply_since, stand };
            ground.heads.insert(id, head);
        }
        Ok(())
    }

    async fn text_nos(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let heads: HashMap<_, _> = ground.heads.iter().map(|(id, h)| (*id, h.last_seq)).collect();
        let older = |(c, seq): &&(ConversationId, i64)| heads.get(c).is_some_and(|last| seq < last);
        let keys: HashSet<_> = asked.places.iter().filter(older).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = keys.into_iter().map(|(c, seq)| (Hex(c.0), seq)).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid), ("seq", Column::Int)]);
        let sql = format!(
            "SELECT m.conversation_id, m.seq, m.text_no FROM {rows} r \
             JOIN message m ON m.conversation_id = r.id AND m.seq = r.seq"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let place = (ConversationId(column(&row, "conversation_id")?), column(&row, "seq")?);
            ground.text_nos.insert(place, column(&row, "text_no")?);
        }
        Ok(())
    }

    async fn extensions(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.extensions.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let sql = format!("SELECT e.id, e.revision FROM {rows} r JOIN extension e ON e.id = r.id");
        let keys: Vec<_> = asked.extensions.iter().map(|e| (Hex(e.0),)).collect();
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.extensions.insert(extension_id(&row, "id")?, column(&row, "revision")?);
        }
        Ok(())
    }

    async fn phone_numbers(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.phone_numbers.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("number", Column::Text)]);
        let sql =
            format!("SELECT n.number, n.revision FROM {rows} r CROSS JOIN phone_number n WHERE n.number = r.number");
        let keys: Vec<_> = asked.phone_numbers.iter().map(|n| (n,)).collect();
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.phone_numbers.insert(Number::stored(column(&row, "number")?), column(&row, "revision")?);
        }
        Ok(())
    }

    async fn voice_queues(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.voice_queues.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("tenant_id", Column::Uuid), ("key", Column::Text)]);
        let sql = format!(
            "SELECT q.tenant_id, q.key, q.revision FROM {rows} r CROSS JOIN voice_queue q \
             WHERE q.tenant_id = r.tenant_id AND q.key = r.key"
        );
        let keys: Vec<_> = asked.voice_queues.iter().map(|(tenant, key)| (Hex(tenant.0), key)).collect();
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let queue = (TenantId(column(&row, "tenant_id")?), column(&row, "key")?);
            ground.voice_queues.insert(queue, column(&row, "revision")?);
        }
        Ok(())
    }

    /// Those who come into a conversation and are disabled by now, or gone.
    async fn gone(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.joining.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = asked.joining.iter().map(|id| (Hex(id.0),)).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let sql = format!("SELECT e.id FROM {rows} r CROSS JOIN extension e WHERE e.id = r.id AND NOT e.enabled");
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.gone.insert(extension_id(&row, "id")?);
        }
        Ok(())
    }

    async fn groups(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.grouped.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = asked.grouped.iter().map(|id| (Hex(id.0),)).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let sql = format!(
            "SELECT r.id, (SELECT count(*) FROM participant p JOIN conversation c ON c.id = p.conversation_id \
             WHERE p.extension_id = r.id AND p.left_version IS NULL AND c.kind = 'group') AS groups FROM {rows} r"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.groups.insert(extension_id(&row, "id")?, column(&row, "groups")?);
        }
        Ok(())
    }

    /// Phonebooks, and who has each.
    async fn phonebooks(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.phonebooks.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("tenant_id", Column::Uuid), ("key", Column::Text)]);
        let keys: Vec<_> = asked.phonebooks.iter().map(|(tenant, key)| (Hex(tenant.0), key)).collect();
        let sql = format!(
            "SELECT b.tenant_id, b.key, b.revision, b.generation FROM {rows} r CROSS JOIN phonebook b \
             WHERE b.tenant_id = r.tenant_id AND b.key = r.key"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let book = (TenantId(column(&row, "tenant_id")?), column(&row, "key")?);
            let stored = (column(&row, "revision")?, GenerationId(column(&row, "generation")?));
            ground.phonebooks.insert(book, stored);
        }
        let sql = format!(
            "SELECT b.tenant_id, b.key, b.extension_id FROM {rows} r CROSS JOIN extension_phonebook b \
             WHERE b.tenant_id = r.tenant_id AND b.key = r.key"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let book = (TenantId(column(&row, "tenant_id")?), column(&row, "key")?);
            ground.readers.entry(book).or_default().push(extension_id(&row, "extension_id")?);
        }
        Ok(())
    }

    /// Those of these generations that wait to take a place.
    async fn loads(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.loads.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("generation", Column::Uuid)]);
        let keys: Vec<_> = asked.loads.iter().map(|id| (Hex(id.0),)).collect();
        // Locked: what is about to take its place must not be deleted meanwhile.
        let lock = self.dialect.for_update();
        let sql = format!(
            "SELECT l.generation FROM contact_load l WHERE l.generation IN (SELECT generation FROM {rows} r) \
             AND NOT l.dropped{lock}"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.loads.insert(GenerationId(column(&row, "generation")?));
        }
        Ok(())
    }

    /// Those of whom calls are reported, if they are there.
    async fn called(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.called.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("tenant_id", Column::Uuid), ("number", Column::Text)]);
        let keys: Vec<_> = asked.called.iter().map(|(tenant, number)| (Hex(tenant.0), number)).collect();
        let sql = format!(
            "SELECT e.tenant_id, e.number, e.id FROM {rows} r CROSS JOIN extension e \
             WHERE e.tenant_id = r.tenant_id AND e.number = r.number AND NOT e.deleted"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let called = (TenantId(column(&row, "tenant_id")?), column(&row, "number")?);
            ground.called.insert(called, extension_id(&row, "id")?);
        }
        Ok(())
    }

    /// Whether each of these wants no texts, from the number of ours or from the whole company.
    async fn consents(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let pairs = pairs(&asked.consents);
        if pairs.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &PAIR);
        let sql = format!(
            "SELECT c.tenant_id, c.our_number AS ours, c.number AS theirs FROM {rows} r CROSS JOIN consent c \
             WHERE c.tenant_id = r.tenant_id AND c.number = r.theirs AND c.our_number IN (r.ours, '') AND c.opted_out"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&pairs)])).await? {
            let ours: String = column(&row, "ours")?;
            let ours = (!ours.is_empty()).then(|| Number::stored(ours));
            let theirs = Number::stored(column(&row, "theirs")?);
            ground.opted_out.insert((TenantId(column(&row, "tenant_id")?), ours, theirs));
        }
        Ok(())
    }

    async fn automatic_texts(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let pairs = pairs(&asked.automatic);
        if pairs.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &PAIR);
        let sql = format!(
            "SELECT a.tenant_id, a.our_number AS ours, a.number AS theirs, count(*) AS sent FROM {rows} r \
             CROSS JOIN automatic_text a WHERE a.tenant_id = r.tenant_id AND a.number = r.theirs \
             AND a.our_number = r.ours GROUP BY a.tenant_id, a.our_number, a.number"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&pairs)])).await? {
            let (ours, theirs) = (Number::stored(column(&row, "ours")?), Number::stored(column(&row, "theirs")?));
            let pair = (TenantId(column(&row, "tenant_id")?), Pair { ours, theirs });
            ground.automatic.insert(pair, column(&row, "sent")?);
        }
        Ok(())
    }

    /// The messages of which something is altered, as they are.
    async fn moved_messages(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.messages.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = asked.messages.iter().map(|(c, seq)| (Hex(c.0), seq)).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid), ("seq", Column::Int)]);
        let sql =
            format!("SELECT m.* FROM {rows} r CROSS JOIN message m WHERE m.conversation_id = r.id AND m.seq = r.seq");
        let found = self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await?;
        for message in dressed(self.tx, self.dialect, messages(&found)?).await? {
            ground.messages.insert((message.conversation, message.seq), message);
        }
        Ok(())
    }

    /// What was said around texts whose sending has come to nothing; or is tried again, while the customer waits.
    async fn exchanges(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let waits = |id| ground.heads.get(id).is_some_and(|head| head.needs_reply_since.is_some());
        let matters = asked.sendings.iter().filter(|(id, _, failed)| *failed || waits(id));
        let keys: Vec<_> = matters.map(|(id, seq, _)| (Hex(id.0), seq)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("id", Column::Uuid), ("seq", Column::Int)]);
        let asked = |which| {
            format!(
                "EXISTS (SELECT 1 FROM message i WHERE i.conversation_id = r.id AND i.seq {which} r.seq \
                 AND i.direction = 'inbound')"
            )
        };
        let (before, since) = (asked("<"), asked(">"));
        let sql = format!(
            "SELECT r.id, r.seq, {before} AS asked_before, {since} AS asked_since, EXISTS (SELECT 1 FROM message o \
             JOIN delivery d ON d.conversation_id = o.conversation_id AND d.seq = o.seq WHERE o.conversation_id = r.id \
             AND o.seq <> r.seq AND o.author_id IS NOT NULL AND d.status NOT IN ('failed', 'undelivered') \
             AND o.seq > (SELECT max(i.seq) FROM message i WHERE i.conversation_id = r.id AND i.direction = 'inbound')) \
             AS answered FROM {rows} r"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let place = (ConversationId(column(&row, "id")?), column(&row, "seq")?);
            let exchange = Exchange {
                asked_before: column(&row, "asked_before")?,
                asked_since: column(&row, "asked_since")?,
                answered: column(&row, "answered")?,
            };
            ground.exchanges.insert(place, exchange);
        }
        Ok(())
    }

    async fn unrouted(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.unrouted.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = asked.unrouted.iter().map(|id| (Hex(id.0),)).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let sql = format!(
            "SELECT u.id, u.tenant_id FROM {rows} r CROSS JOIN unrouted u WHERE u.id = r.id AND NOT u.assigned"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.unrouted.insert((TenantId(column(&row, "tenant_id")?), UnroutedId(column(&row, "id")?)));
        }
        Ok(())
    }

    async fn queues(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.queues.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = asked.queues.iter().map(|(id, tenant)| (Hex(id.0), Hex(tenant.0))).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid), ("tenant_id", Column::Uuid)]);
        let sql = format!(
            "SELECT q.id, q.revision FROM {rows} r CROSS JOIN sms_queue q WHERE q.id = r.id \
             AND q.tenant_id = r.tenant_id"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.queues.insert(QueueId(column(&row, "id")?), column(&row, "revision")?);
        }
        Ok(())
    }

    async fn agents(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.agents.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = asked.agents.iter().map(|(queue, who)| (Hex(queue.0), Hex(who.0))).collect();
        let rows = self.dialect.rows(1, &[("queue_id", Column::Uuid), ("extension_id", Column::Uuid)]);
        let sql = format!(
            "SELECT a.queue_id, a.extension_id, a.revision FROM {rows} r CROSS JOIN agent a \
             WHERE a.queue_id = r.queue_id AND a.extension_id = r.extension_id"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let agent = (QueueId(column(&row, "queue_id")?), extension_id(&row, "extension_id")?);
            ground.agents.insert(agent, column(&row, "revision")?);
        }
        Ok(())
    }

    /// Those of these queues in which a conversation waits or is claimed.
    async fn open_queues(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.open_queues.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = asked.open_queues.iter().map(|id| (Hex(id.0),)).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let sql = format!(
            "SELECT r.id FROM {rows} r WHERE EXISTS (SELECT 1 FROM conversation c WHERE c.queue_id = r.id \
             AND c.queue_state IN ('waiting', 'claimed'))"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.open_queues.insert(QueueId(column(&row, "id")?));
        }
        Ok(())
    }

    async fn taken(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let rows = self.dialect.rows(1, &[("tenant_id", Column::Uuid), ("name", Column::Text)]);
        if !asked.natural_keys.is_empty() {
            let sql = format!(
                "SELECT c.tenant_id, c.natural_key AS name FROM {rows} r \
                 JOIN conversation c ON c.tenant_id = r.tenant_id AND c.natural_key = r.name"
            );
            self.names(ground, &sql, &asked.natural_keys, |name| name).await?;
        }
        if !asked.numbers.is_empty() {
            let sql = format!(
                "SELECT e.tenant_id, e.number AS name FROM {rows} r \
                 JOIN extension e ON e.tenant_id = r.tenant_id AND e.number = r.name AND NOT e.deleted"
            );
            self.names(ground, &sql, &asked.numbers, |number| number_key(&number)).await?;
        }
        if !asked.queue_keys.is_empty() {
            let sql = format!(
                "SELECT q.tenant_id, q.key AS name FROM {rows} r \
                 JOIN sms_queue q ON q.tenant_id = r.tenant_id AND q.key = r.name"
            );
            self.names(ground, &sql, &asked.queue_keys, |key| queue_key(&key)).await?;
        }
        Ok(())
    }

    async fn names(
        &self,
        ground: &mut Ground,
        sql: &str,
        keys: &[(Hex, String)],
        key: impl Fn(String) -> String,
    ) -> Result<(), StorageError> {
        for row in self.tx.query_all_raw(self.dialect.statement(sql, [bulk(keys)])).await? {
            ground.taken.insert((TenantId(column(&row, "tenant_id")?), key(column(&row, "name")?)));
        }
        Ok(())
    }
}

/// The columns of [`pairs`].
const PAIR: [(&str, Column); 3] = [("tenant_id", Column::Uuid), ("ours", Column::Text), ("theirs", Column::Text)];

fn pairs(asked: &BTreeSet<(TenantId, Pair)>) -> Vec<(Hex, &Number, &Number)> {
    asked.iter().map(|(tenant, pair)| (Hex(tenant.0), &pair.ours, &pair.theirs)).collect()
}
