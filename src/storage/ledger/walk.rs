//! The walk through a batch: each unit is compared with what the earlier ones leave behind, and gets its verdict.
//! Pure: what the database says comes in as [`Ground`], what is to be written goes out as [`Writes`].

mod contacts;
mod groups;
mod provision;
mod queues;
mod texts;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use crate::domain::{
    Audience, By, Change, Committed, ConversationId, ExtensionId, GenerationId, Guard, Happening, QueueId, Seq,
    TenantId, Timestamp, UnroutedId, Version, audit,
    change::{Appearance, NewConversation, Reading},
    conversation::{Facts, Gone, Kind, Marker, Message, NewMessage, PARTICIPANTS_SHOWN, Pair, Queued, Reply, Stand},
    extension::Extension,
    phone::Number,
    provision::{
        phone_number::PhoneNumber,
        voice_queue::{VoiceAgentRequest, VoiceQueue},
    },
};

use super::{Once, Unit};

pub(super) use contacts::ContactWrites;
pub(super) use queues::QueueWrites;
pub(super) use texts::TextWrites;

/// What the database says of everything that the batch names.
#[derive(Debug, Default)]
pub(super) struct Ground {
    /// The tenants' counters.
    pub counters: BTreeMap<TenantId, Version>,
    /// What was done before, of what is done once.
    pub known: HashMap<Once, Known>,
    pub heads: HashMap<ConversationId, Head>,
    /// Extensions by id: their revisions.
    pub extensions: HashMap<ExtensionId, i64>,
    /// Phone numbers: their revisions.
    pub phone_numbers: HashMap<Number, i64>,
    /// Queues of calls, by their keys: their revisions.
    pub voice_queues: HashMap<(TenantId, String), i64>,
    /// Those who may come into no conversation: they are disabled, or gone.
    pub gone: HashSet<ExtensionId>,
    /// In how many groups extensions are.
    pub groups: HashMap<ExtensionId, i64>,
    /// Phonebooks, by their keys: their revisions, and the generations of their contacts.
    pub phonebooks: HashMap<(TenantId, String), (i64, GenerationId)>,
    /// Who has each phonebook.
    pub readers: HashMap<(TenantId, String), Vec<ExtensionId>>,
    /// Contacts that were stored beforehand, and wait to take a place.
    pub loads: HashSet<GenerationId>,
    /// Extensions of which calls are reported, by their numbers.
    pub called: HashMap<(TenantId, String), ExtensionId>,
    /// Who wants no texts: from this number of ours, or (none) from the whole company.
    pub opted_out: HashSet<(TenantId, Option<Number>, Number)>,
    /// Automatic texts that each pair has had.
    pub automatic: HashMap<(TenantId, Pair), i64>,
    /// Messages of which something is altered.
    pub messages: HashMap<(ConversationId, Seq), Message>,
    /// What the customer said, and was told, around texts whose sending comes to nothing, or is tried again.
    pub exchanges: HashMap<(ConversationId, Seq), Exchange>,
    /// Texts that are still nobody's.
    pub unrouted: HashSet<(TenantId, UnroutedId)>,
    /// The revision of each tenant's settings.
    pub settings: HashMap<TenantId, i64>,
    /// Natural keys and extension numbers that are taken.
    pub taken: HashSet<(TenantId, String)>,
    /// SMS queues: their revisions.
    pub queues: HashMap<QueueId, i64>,
    /// Agents: the revisions of their states.
    pub agents: HashMap<(QueueId, ExtensionId), i64>,
    /// Queues in which conversations are open, of those that shall be given up.
    pub open_queues: HashSet<QueueId>,
    /// Texts up to messages that markers name and that are not the newest.
    pub text_nos: HashMap<(ConversationId, Seq), i64>,
}

/// What the customer said, and was told, around one of our texts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exchange {
    /// They texted before it.
    pub asked_before: bool,
    /// They texted after it.
    pub asked_since: bool,
    /// Another text of ours since their last one has not come to nothing.
    pub answered: bool,
}

/// What a used `client_id` stands for.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// Stored long ago.
    Stored(Box<Message>),
    /// In this very batch.
    Twin(Arc<Committed>),
    /// A text that came in before.
    Incoming,
}

/// What of a conversation's row changes with its messages.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub tenant: TenantId,
    pub revision: i64,
    pub version: Version,
    pub last_seq: Seq,
    pub text_count: i64,
    pub last_activity_at: Timestamp,
    pub needs_reply_since: Option<Timestamp>,
    /// Of a queue conversation: what becomes of it, and since when.
    pub stand: Option<(Stand, Timestamp)>,
}

impl Head {
    /// From when its timeout counts.
    pub fn clock_since(&self) -> Option<Timestamp> {
        self.stand.and_then(|(stand, since)| stand.clock_since(since, self.needs_reply_since))
    }

    /// Since when it waits.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.stand.and_then(|(stand, since)| stand.waiting_since(since, self.needs_reply_since))
    }
}

/// What became of a unit, if the batch commits.
#[derive(Debug)]
pub(super) enum Verdict {
    Committed(Vec<Arc<Committed>>),
    Known(Known),
    Conflict,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Writes {
    pub counters: BTreeMap<TenantId, Version>,
    pub conversations: Vec<(NewConversation, TenantId, Version)>,
    /// Rows whose revision rose.
    pub revisions: BTreeMap<ConversationId, Revision>,
    /// Who is in a conversation since, from which marker on.
    pub joins: Vec<(ConversationId, ExtensionId, TenantId, Version, Marker)>,
    /// Who is in a conversation no longer.
    pub leaves: Vec<(ConversationId, ExtensionId, Version, Gone)>,
    pub heads: BTreeMap<ConversationId, Head>,
    pub messages: Vec<Arc<Committed>>,
    /// Where each marker goes; its version, unless it only follows its owner's message.
    pub markers: BTreeMap<(ConversationId, ExtensionId), (Marker, Option<Version>)>,
    pub extensions: Vec<PutExtension>,
    pub phone_numbers: Vec<PutPhoneNumber>,
    pub voice_queues: Vec<PutVoiceQueue>,
    pub contacts: ContactWrites,
    /// What the audit log says.
    pub audit: Vec<(By, audit::Entry)>,
    /// What agents ask of the PBX: whose, and when.
    pub voice_agent_requests: Vec<(VoiceAgentRequest, TenantId, Version)>,
    pub texts: TextWrites,
    pub queues: QueueWrites,
}

/// What a revision changed in a conversation's row.
#[derive(Debug)]
pub(super) struct Revision {
    pub revision: i64,
    pub version: Version,
    pub name: Option<String>,
    pub participant_count: i64,
}

/// An extension to insert or update.
#[derive(Debug)]
pub(super) struct PutExtension {
    pub tenant: TenantId,
    pub version: Version,
    pub extension: Extension,
    pub password_hash: Option<String>,
    pub caller_ids: Vec<Number>,
    pub phonebooks: Vec<String>,
    pub made: bool,
}

/// A phone number to insert or update.
#[derive(Debug)]
pub(super) struct PutPhoneNumber {
    pub tenant: TenantId,
    pub version: Version,
    pub phone_number: PhoneNumber,
    pub deleted: bool,
    pub revision: i64,
}

/// A queue of calls to insert or update.
#[derive(Debug)]
pub(super) struct PutVoiceQueue {
    pub tenant: TenantId,
    pub version: Version,
    pub voice_queue: VoiceQueue,
    pub deleted: bool,
    pub revision: i64,
}

/// The key under which an extension's number is taken.
pub(super) fn number_key(number: &str) -> String {
    format!("extension:{number}")
}

/// The key under which a queue's key is taken.
pub(super) fn queue_key(key: &str) -> String {
    format!("queue key:{key}")
}

/// Gives each unit its verdict, in order.
pub(super) fn walk<'a>(
    units: impl IntoIterator<Item = &'a Unit>,
    ground: Ground,
    now: Timestamp,
) -> (Vec<Verdict>, Writes) {
    let mut walk = Walk { ground, writes: Writes::default(), newest: HashMap::new(), now };
    let verdicts = units.into_iter().map(|unit| walk.unit(unit)).collect();
    (verdicts, walk.writes)
}

struct Walk {
    ground: Ground,
    writes: Writes,
    /// The newest message of each conversation that got one.
    newest: HashMap<ConversationId, Message>,
    now: Timestamp,
}

impl Walk {
    fn unit(&mut self, unit: &Unit) -> Verdict {
        if let Some(known) = unit.once.as_ref().and_then(|key| self.ground.known.get(key)) {
            return Verdict::Known(known.clone());
        }
        if !self.holds(unit) {
            return Verdict::Conflict;
        }
        let mut committed = Vec::with_capacity(unit.decision.changes.len());
        for change in &unit.decision.changes {
            self.change(unit.tenant(), change, &mut committed);
            self.writes.audit.extend(audit::Entry::of(change).map(|entry| (unit.by.clone(), entry)));
        }
        let message = |c: &&Arc<Committed>| matches!(c.happening, Happening::MessageCreated(_));
        match &unit.once {
            Some(key @ Once::Send(..)) => {
                let first = committed.iter().find(message);
                self.ground.known.extend(first.map(|first| (key.clone(), Known::Twin(first.clone()))));
            }
            // A bare look-up takes nothing in.
            Some(Once::Incoming { .. }) if unit.decision.changes.is_empty() => {}
            Some(key @ Once::Incoming { carrier, provider_id }) => {
                self.writes.texts.incoming.push((carrier.clone(), provider_id.clone(), unit.tenant()));
                self.ground.known.insert(key.clone(), Known::Incoming);
            }
            None => {}
        }
        Verdict::Committed(committed)
    }

    /// Whether all that a unit rests on still stands. Nothing is touched before this is settled.
    fn holds(&self, unit: &Unit) -> bool {
        let guards = unit.decision.guards.iter().all(|guard| match guard {
            Guard::Conversation(id, revision) => {
                self.ground.heads.get(id).is_some_and(|h| h.tenant == unit.tenant() && h.revision == *revision)
            }
            Guard::Extension(id, revision) => self.ground.extensions.get(id) == Some(revision),
            Guard::PhoneNumber(number, revision) => {
                self.ground.phone_numbers.get(number).copied().unwrap_or(0) == *revision
            }
            Guard::VoiceQueue(key, revision) => {
                self.ground.voice_queues.get(&(unit.tenant(), key.clone())).copied().unwrap_or(0) == *revision
            }
            Guard::Phonebook(key, revision) => {
                let stored = self.ground.phonebooks.get(&(unit.tenant(), key.clone()));
                stored.map_or(0, |(revision, _)| *revision) == *revision
            }
            Guard::Groups(id, groups) => self.ground.groups.get(id) == Some(groups),
            Guard::Load(generation) => self.ground.loads.contains(generation),
            Guard::Queue(..) | Guard::NoQueue(_) | Guard::NoneOpen(_) | Guard::Agent(..) | Guard::Owed(..) => {
                self.queue_guard_holds(unit.tenant(), guard)
            }
            _ => self.text_guard_holds(unit.tenant(), guard),
        });
        let free = |key: String| !self.ground.taken.contains(&(unit.tenant(), key));
        let keys = unit.decision.changes.iter().all(|change| match change {
            Change::ConversationCreated(c) => {
                c.natural_key.clone().is_none_or(free) && !c.members.iter().any(|who| self.ground.gone.contains(who))
            }
            Change::MembersAdded { added, .. } => !added.iter().any(|who| self.ground.gone.contains(who)),
            Change::ExtensionPut { extension, made: true, .. } => free(number_key(&extension.number)),
            _ => true,
        });
        guards && keys && self.ground.counters.contains_key(&unit.tenant())
    }

    fn change(&mut self, tenant: TenantId, change: &Change, committed: &mut Vec<Arc<Committed>>) {
        match change {
            Change::ConversationCreated(new) => committed.push(self.create(tenant, new)),
            Change::MessageAdded(new) => committed.extend(self.message(tenant, new)),
            Change::Renamed { group, audience } => committed.extend(self.renamed(tenant, group, audience)),
            Change::MembersAdded { group, added, numbers, others } => {
                committed.extend(self.members_added(tenant, group, added, numbers, others).into_iter().flatten());
            }
            Change::NumberRemoved { group, number, audience } => {
                committed.extend(self.number_removed(tenant, group, number, audience));
            }
            Change::MemberRemoved { group, who, reason, others } => {
                committed.extend(self.member_removed(tenant, group, *who, *reason, others).into_iter().flatten());
            }
            Change::MarkersAdvanced { conversation, readers, audience } => {
                committed.extend(self.markers(tenant, *conversation, readers, audience.clone()));
            }
            Change::ExtensionPut { extension, password_hash, caller_ids, phonebooks, made } => {
                let lists = (caller_ids.clone(), phonebooks.clone());
                committed.push(self.extension(tenant, extension, password_hash.clone(), lists, *made));
            }
            Change::NamesDiffer { .. } | Change::PhonebookPut(_) | Change::CallsPut { .. } => {
                committed.push(self.names_change(tenant, change));
            }
            Change::PhoneNumberPut { phone_number, deleted } => {
                committed.push(self.phone_number(tenant, phone_number, *deleted));
            }
            Change::VoiceQueuePut { voice_queue, deleted } => {
                committed.push(self.voice_queue(tenant, voice_queue, *deleted));
            }
            Change::VoiceAgentRequested(request) => committed.push(self.voice_agent_requested(tenant, request)),
            Change::QueuePut(_)
            | Change::AgentPut { .. }
            | Change::QueueMoved(_)
            | Change::HolderLeft { .. }
            | Change::WaitingShown { .. }
            | Change::WaitingTaken { .. }
            | Change::RowShown { .. } => committed.extend(self.queue_change(tenant, change)),
            _ => committed.extend(self.text_change(tenant, change)),
        }
    }

    /// A conversation's row as it is now.
    fn facts(&self, row: &Appearance) -> Option<Facts> {
        let head = self.ground.heads.get(&row.id)?;
        let Appearance { id, kind, name, participants, participant_count, pair, numbers, queue } = row.clone();
        let since = head.stand.map_or(self.now, |(_, since)| since);
        let owed_since = head.needs_reply_since;
        Some(Facts {
            id,
            kind,
            name,
            revision: head.revision,
            version: head.version,
            last_seq: head.last_seq,
            text_count: head.text_count,
            last_activity_at: head.last_activity_at,
            participants,
            participant_count,
            pair,
            numbers,
            needs_reply_since: head.needs_reply_since,
            queue: queue.map(|queued| Box::new(Queued { since, owed_since, ..queued })),
        })
    }

    fn create(&mut self, tenant: TenantId, new: &NewConversation) -> Arc<Committed> {
        let version = self.next_version(tenant);
        if let Some(key) = &new.natural_key {
            self.ground.taken.insert((tenant, key.clone()));
        }
        let head = Head {
            tenant,
            revision: 1,
            version,
            last_seq: 0,
            text_count: 0,
            last_activity_at: self.now,
            needs_reply_since: None,
            stand: new.queue.as_ref().map(|queued| (queued.state.stand(), self.now)),
        };
        self.ground.heads.insert(new.id, head);
        if let Some(queued) = &new.queue {
            self.stands(new.id, queued);
        }
        self.writes.conversations.push((new.clone(), tenant, version));
        if new.kind == Kind::Group {
            self.in_groups(&new.members, 1);
        }
        let joins = new.members.iter().map(|who| (new.id, *who, tenant, version, Marker::default()));
        self.writes.joins.extend(joins);
        let outside = new.numbers.iter().map(|number| (new.id, number.clone(), tenant));
        self.writes.texts.numbers_added.extend(outside);
        let shown = new.members.iter().take(PARTICIPANTS_SHOWN);
        let facts = Facts {
            id: new.id,
            kind: new.kind,
            name: new.name.clone(),
            revision: 1,
            version,
            last_seq: 0,
            text_count: 0,
            last_activity_at: self.now,
            participants: shown.map(|e| Reading { extension: *e, marker: Marker::default() }).collect(),
            participant_count: i64::try_from(new.members.len() + new.numbers.len()).unwrap_or(i64::MAX),
            pair: new.pair.clone(),
            numbers: new.numbers.clone(),
            needs_reply_since: None,
            queue: new.queue.clone().map(|queued| Box::new(Queued { since: self.now, ..queued })),
        };
        let happening = Happening::ConversationUpdated { facts, joined: Some(Marker::default()) };
        self.committed(tenant, version, Audience::Extensions(new.members.clone()), happening)
    }

    /// They are in so many groups more.
    fn in_groups(&mut self, who: &[ExtensionId], more: i64) {
        for id in who {
            if let Some(groups) = self.ground.groups.get_mut(id) {
                *groups += more;
            }
        }
    }

    fn message(&mut self, tenant: TenantId, new: &NewMessage) -> Option<Arc<Committed>> {
        if !self.ground.heads.contains_key(&new.conversation) {
            return None;
        }
        let version = self.next_version(tenant);
        let head = self.ground.heads.get_mut(&new.conversation)?;
        // Who reads up to what was the newest until now has not read this one.
        self.ground.text_nos.insert((new.conversation, head.last_seq), head.text_count);
        head.last_seq += 1;
        head.text_count += i64::from(new.event.is_none());
        head.version = version;
        // The clock may go back; a conversation's activity doesn't.
        head.last_activity_at = head.last_activity_at.max(self.now);
        match new.reply {
            Reply::Neither => {}
            Reply::Owed => head.needs_reply_since = head.needs_reply_since.or(Some(self.now)),
            Reply::Given => head.needs_reply_since = None,
        }
        let marker = Marker { seq: head.last_seq, text_no: head.text_count };
        let head_stands = head.stand.is_some();
        self.writes.heads.insert(new.conversation, head.clone());
        self.ground.text_nos.insert((new.conversation, marker.seq), marker.text_no);
        if let Some(author) = new.author.extension().filter(|_| new.event.is_none()) {
            self.move_marker(new.conversation, author, marker, None);
        }
        let message = Message {
            conversation: new.conversation,
            seq: marker.seq,
            version,
            text_no: marker.text_no,
            direction: new.direction,
            author: new.author.clone(),
            client_id: new.client_id,
            created_at: self.now,
            text: new.text.clone(),
            event: new.event.clone(),
            deliveries: self.begun(tenant, new, version),
            attachments: self.attached(tenant, new, marker.seq),
        };
        if head_stands {
            self.newest.insert(new.conversation, message.clone());
        }
        let audience = Audience::Extensions(new.audience.clone());
        let committed = self.committed(tenant, version, audience, Happening::MessageCreated(message));
        self.writes.messages.push(committed.clone());
        Some(committed)
    }

    /// Something of a conversation changes: at this version.
    fn touch(&mut self, tenant: TenantId, conversation: ConversationId) -> Option<Version> {
        if !self.ground.heads.contains_key(&conversation) {
            return None;
        }
        let version = self.next_version(tenant);
        let head = self.ground.heads.get_mut(&conversation)?;
        head.version = version;
        self.writes.heads.insert(conversation, head.clone());
        Some(version)
    }

    fn markers(
        &mut self,
        tenant: TenantId,
        conversation: ConversationId,
        readers: &[(ExtensionId, Seq)],
        audience: Arc<[ExtensionId]>,
    ) -> Option<Arc<Committed>> {
        let head = self.ground.heads.get(&conversation)?;
        let newest = Marker { seq: head.last_seq, text_no: head.text_count };
        let place = |seq: Seq| match self.ground.text_nos.get(&(conversation, seq)) {
            Some(text_no) if seq < newest.seq => Marker { seq, text_no: *text_no },
            _ => newest,
        };
        let readers: Vec<_> = readers
            .iter()
            .map(|(extension, seq)| Reading { extension: *extension, marker: place(*seq) })
            .filter(|r| r.marker.seq > 0)
            .collect();
        if readers.is_empty() {
            return None;
        }
        let version = self.touch(tenant, conversation)?;
        for reading in &readers {
            self.move_marker(conversation, reading.extension, reading.marker, Some(version));
        }
        let happening = Happening::ReadAdvanced { conversation, readers };
        Some(self.committed(tenant, version, Audience::Extensions(audience), happening))
    }

    fn move_marker(&mut self, c: ConversationId, who: ExtensionId, to: Marker, version: Option<Version>) {
        let entry = self.writes.markers.entry((c, who)).or_insert((to, version));
        *entry = (entry.0.max(to), version.or(entry.1));
    }

    fn next_version(&mut self, tenant: TenantId) -> Version {
        let counter = self.ground.counters.entry(tenant).or_insert(0);
        *counter += 1;
        self.writes.counters.insert(tenant, *counter);
        *counter
    }

    fn committed(
        &self,
        tenant: TenantId,
        version: Version,
        audience: Audience,
        happening: Happening,
    ) -> Arc<Committed> {
        Arc::new(Committed { tenant, version, at: self.now, audience, happening })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClientId, Decision, MessageText};
    use uuid::Uuid;

    pub const TENANT: TenantId = TenantId(Uuid::from_u128(1));
    pub const CHAT: ConversationId = ConversationId(Uuid::from_u128(2));
    pub const JAKE: ExtensionId = ExtensionId(Uuid::from_u128(3));

    pub fn ground() -> Ground {
        let head = Head {
            tenant: TENANT,
            revision: 4,
            version: 9,
            last_seq: 10,
            text_count: 8,
            last_activity_at: Timestamp(50),
            needs_reply_since: None,
            stand: None,
        };
        Ground { counters: [(TENANT, 9)].into(), heads: [(CHAT, head)].into(), ..Ground::default() }
    }

    fn send(client: u128, revision: i64) -> Unit {
        let client_id = ClientId(Uuid::from_u128(client));
        let text = MessageText::parse("Hi".into()).unwrap();
        let message = NewMessage::text(CHAT, JAKE, client_id, text, [JAKE].into());
        let decision = Decision {
            guards: vec![Guard::Conversation(CHAT, revision)],
            changes: vec![Change::MessageAdded(message)],
        };
        Unit { by: By::Engine(TENANT), once: Some(Once::Send(JAKE, client_id)), decision }
    }

    fn read(seq: Seq) -> Unit {
        let change =
            Change::MarkersAdvanced { conversation: CHAT, readers: vec![(JAKE, seq)], audience: [JAKE].into() };
        let decision = Decision { guards: vec![Guard::Conversation(CHAT, 4)], changes: vec![change] };
        Unit { by: By::Engine(TENANT), once: None, decision }
    }

    fn places(verdicts: &[Verdict]) -> Vec<(Version, Seq)> {
        verdicts
            .iter()
            .filter_map(|v| match v {
                Verdict::Committed(c) => Some(&c[0]),
                _ => None,
            })
            .map(|c| match &c.happening {
                Happening::MessageCreated(m) => (c.version, m.seq),
                Happening::ReadAdvanced { readers, .. } => (c.version, readers[0].marker.seq),
                _ => (c.version, 0),
            })
            .collect()
    }

    #[test]
    fn messages_get_places_without_gaps_and_a_conflict_takes_none() {
        let units = [send(1, 4), send(2, 3), send(3, 4)];
        let (verdicts, writes) = walk(&units, ground(), Timestamp(60));
        assert_eq!(places(&verdicts), [(10, 11), (11, 12)]);
        assert!(matches!(verdicts[1], Verdict::Conflict));
        assert_eq!(writes.counters[&TENANT], 11);
        assert_eq!(writes.heads[&CHAT].last_seq, 12);
        assert_eq!(writes.markers[&(CHAT, JAKE)].0, Marker { seq: 12, text_no: 10 });
    }

    #[test]
    fn twins_in_one_batch_are_one_message() {
        let units = [send(1, 4), send(1, 4)];
        let (verdicts, writes) = walk(&units, ground(), Timestamp(60));
        assert!(matches!(&verdicts[1], Verdict::Known(Known::Twin(c)) if c.version == 10));
        assert_eq!(writes.messages.len(), 1);
    }

    #[test]
    fn a_marker_stops_at_the_newest_message_of_the_batch_so_far() {
        let units = [read(99), send(1, 4), read(99)];
        let (verdicts, _) = walk(&units, ground(), Timestamp(60));
        assert_eq!(places(&verdicts), [(10, 10), (11, 11), (12, 11)]);
    }

    #[test]
    fn a_message_that_comes_in_the_same_batch_is_not_read_by_who_read_the_one_before() {
        let units = [send(1, 4), read(10)];
        let (verdicts, writes) = walk(&units, ground(), Timestamp(60));
        assert_eq!(places(&verdicts), [(10, 11), (11, 10)]);
        assert_eq!(writes.heads[&CHAT].last_seq, 11);
    }

    #[test]
    fn activity_does_not_go_back_with_the_clock() {
        let (_, writes) = walk(&[send(1, 4)], ground(), Timestamp(40));
        assert_eq!(writes.heads[&CHAT].last_activity_at, Timestamp(50));
    }

    #[test]
    fn a_taken_natural_key_is_a_conflict_in_the_same_batch_too() {
        let create = |id| {
            let new = NewConversation {
                id: ConversationId(Uuid::from_u128(id)),
                kind: Kind::Direct,
                natural_key: Some("direct:a:b".into()),
                name: None,
                members: [JAKE].into(),
                pair: None,
                numbers: [].into(),
                queue: None,
            };
            let decision = Decision { guards: vec![], changes: vec![Change::ConversationCreated(new)] };
            Unit { by: By::Engine(TENANT), once: None, decision }
        };
        let (verdicts, writes) = walk(&[create(20), create(21)], ground(), Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Committed(_), Verdict::Conflict]));
        assert_eq!(writes.conversations.len(), 1);
    }

    #[test]
    fn another_tenant_s_conversation_is_a_conflict() {
        let other = TenantId(Uuid::from_u128(77));
        let mut ground = ground();
        ground.counters.insert(other, 0);
        let unit = Unit { by: By::Engine(other), ..send(1, 4) };
        let (verdicts, writes) = walk(&[unit], ground, Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Conflict]));
        assert!(writes.counters.is_empty());
    }
}
