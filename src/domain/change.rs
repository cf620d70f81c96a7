//! The vocabulary of *decide → commit → deliver*: what a decision proposes, and what has happened once it is committed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AttachmentId, ConversationId, ExtensionId, GenerationId, QueueId, Seq, TenantId, Timestamp, UnroutedId, Version,
    conversation::{AttachmentState, Facts, Gone, Kind, Marker, Message, NewMessage, Pair, Queued, Taken},
    extension::{Colleague, Extension},
    phone::Number,
    provision::{
        call::Call,
        phone_number::PhoneNumber,
        phonebook::{PhonebookPut, Renamed},
        voice_queue::{VoiceAgentRequest, VoiceQueue},
    },
    queue::{Agent, QueuePut},
    settings::Settings,
    sms::{
        consent::Consent,
        delivery::{Delivery, Status},
        inbound::Incoming,
        keywords::Keyword,
    },
};

/// What a command means, decided on a state: it holds only where the guards still do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The revisions it was decided on.
    pub guards: Vec<Guard>,
    /// What it changes, in order; nothing if all is as wanted already.
    pub changes: Vec<Change>,
}

/// A revision on which a decision rests. If it has moved, the decision is made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Of a conversation: its members, name and queue state.
    Conversation(ConversationId, i64),
    /// Of an extension's provisioning.
    Extension(ExtensionId, i64),
    /// Of a phone number; 0: there is none yet.
    PhoneNumber(Number, i64),
    /// Whether the customer takes texts from our number.
    Consent {
        /// From which of ours.
        ours: Number,
        /// Who.
        theirs: Number,
        /// Whether they want none, from it or from the whole company.
        opted_out: bool,
    },
    /// How far a delivery has come: its attempt, and that one's status.
    Delivery {
        /// Of which message.
        conversation: ConversationId,
        /// Of which message.
        seq: Seq,
        /// To whom.
        number: Number,
        /// Its newest attempt.
        attempt: i64,
        /// The status of that.
        status: Status,
    },
    /// How many automatic texts the pair has had.
    AutomaticTexts {
        /// From which of ours.
        ours: Number,
        /// To whom.
        theirs: Number,
        /// So many, ever.
        sent: i64,
    },
    /// A text that is still nobody's.
    Unrouted(UnroutedId),
    /// Of the tenant's settings.
    Settings(i64),
    /// Of an SMS queue: its settings and members.
    Queue(QueueId, i64),
    /// That there is no queue of this key.
    NoQueue(String),
    /// That no conversation is open in a queue.
    NoneOpen(QueueId),
    /// Of an agent's state in a queue; 0: never logged in.
    Agent(QueueId, ExtensionId, i64),
    /// Of a queue of calls, by its key; 0: there is none yet.
    VoiceQueue(String, i64),
    /// In how many groups an extension is.
    Groups(ExtensionId, i64),
    /// Of a phonebook, by its key; 0: there is none yet.
    Phonebook(String, i64),
    /// That contacts which were stored beforehand are still there.
    Load(GenerationId),
    /// Since when the customer of a conversation is owed a reply.
    Owed(ConversationId, Option<Timestamp>),
}

/// One change that a decision proposes. The ledger gives it a version, a message its `seq` too.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A conversation begins. Its natural key must be free.
    ConversationCreated(NewConversation),
    /// A message is added at the end of its conversation, and the author's marker moves to a text.
    MessageAdded(NewMessage),
    /// A group has another name.
    Renamed {
        /// As it shall appear.
        group: Appearance,
        /// Who is told.
        audience: Arc<[ExtensionId]>,
    },
    /// Extensions are in a group from now on, with all that is in it read.
    MembersAdded {
        /// As it shall appear.
        group: Appearance,
        /// Who is new in it.
        added: Arc<[ExtensionId]>,
        /// Who outside is new in it.
        numbers: Arc<[Number]>,
        /// Who was in it before.
        others: Arc<[ExtensionId]>,
    },
    /// A number outside is in a group no longer.
    NumberRemoved {
        /// As it shall appear.
        group: Appearance,
        /// Which.
        number: Number,
        /// Who is told.
        audience: Arc<[ExtensionId]>,
    },
    /// An extension is in a group no longer.
    MemberRemoved {
        /// As it shall appear.
        group: Appearance,
        /// Who goes.
        who: ExtensionId,
        /// Why.
        reason: Gone,
        /// Who stays.
        others: Arc<[ExtensionId]>,
    },
    /// Readers have read so far (at most to the newest message).
    MarkersAdvanced {
        /// Where.
        conversation: ConversationId,
        /// Who, up to which `seq`.
        readers: Vec<(ExtensionId, Seq)>,
        /// Who is told.
        audience: Arc<[ExtensionId]>,
    },
    /// An extension is made or altered. A new one's number must be free.
    ExtensionPut {
        /// As it shall be.
        extension: Extension,
        /// Its password's argon2id hash, where that changes.
        password_hash: Option<String>,
        /// The phone numbers it may send from, in order.
        caller_ids: Vec<Number>,
        /// The keys of its phonebooks, in order.
        phonebooks: Vec<String>,
        /// Whether it is new.
        made: bool,
    },
    /// What an extension may show for numbers may be another: it has other phonebooks.
    NamesDiffer {
        /// Whose.
        extension: ExtensionId,
    },
    /// A phonebook is made, altered or gone, or its contacts are others.
    PhonebookPut(Box<PhonebookPut>),
    /// Calls of an extension were reported.
    CallsPut {
        /// Whose, by its number.
        extension: String,
        /// They.
        calls: Vec<Call>,
        /// Numbers whose name may be another.
        renamed: Renamed,
    },
    /// A phone number is made, altered or given up.
    PhoneNumberPut {
        /// As it shall be.
        phone_number: PhoneNumber,
        /// Whether it is nobody's any more.
        deleted: bool,
    },
    /// A delivery has come further.
    DeliveryMoved(Box<DeliveryMoved>),
    /// A file that came with a text is here, or never will be.
    AttachmentSettled {
        /// Of which message.
        conversation: ConversationId,
        /// Of which message.
        seq: Seq,
        /// Which.
        id: AttachmentId,
        /// What it turned out to be.
        content_type: String,
        /// Whether it is here.
        state: AttachmentState,
        /// How large it is, in bytes.
        size: Option<i64>,
        /// Who is told.
        audience: Arc<[ExtensionId]>,
    },
    /// Somebody wants no texts, or takes them again.
    ConsentPut {
        /// What is recorded.
        consent: Consent,
        /// Who has a thread with them.
        audience: Arc<[ExtensionId]>,
    },
    /// An automatic text goes to the pair: it counts for the budget.
    AutomaticText {
        /// From which of ours.
        ours: Number,
        /// To whom.
        theirs: Number,
        /// In answer to which word, if to one.
        keyword: Option<Keyword>,
    },
    /// A text came in that is nobody's.
    UnroutedAdded {
        /// Its name.
        id: UnroutedId,
        /// It.
        incoming: Box<Incoming>,
        /// The administrators.
        audience: Arc<[ExtensionId]>,
    },
    /// A text that was nobody's is somebody's.
    UnroutedAssigned {
        /// Which.
        id: UnroutedId,
        /// The administrators.
        audience: Arc<[ExtensionId]>,
    },
    /// The tenant's settings are others.
    SettingsPut(Box<Settings>),
    /// A queue of calls is made, altered or gone.
    VoiceQueuePut {
        /// As it shall be.
        voice_queue: VoiceQueue,
        /// Whether it is gone.
        deleted: bool,
    },
    /// An agent wants to stand otherwise in a queue of calls: the PBX is asked.
    VoiceAgentRequested(VoiceAgentRequest),
    /// An SMS queue is made, altered or given up.
    QueuePut(Box<QueuePut>),
    /// An agent's state in a queue is another.
    AgentPut {
        /// Where.
        queue: QueueId,
        /// As it is then.
        agent: Agent,
        /// Who is told.
        audience: Arc<[ExtensionId]>,
    },
    /// A queue conversation stands elsewhere in its life: who holds it, or that nobody does.
    QueueMoved(Box<QueueMoved>),
    /// Who held a queue conversation is in it no longer.
    HolderLeft {
        /// Which.
        conversation: ConversationId,
        /// Who.
        who: ExtensionId,
        /// Why.
        reason: Gone,
    },
    /// A conversation waits, or what it shows has changed: available agents are told.
    WaitingShown {
        /// As it shall appear.
        row: Box<Appearance>,
        /// Its newest message, where this adds none.
        last: Option<Box<Message>>,
    },
    /// A conversation waits no longer in a queue: available agents are told.
    WaitingTaken {
        /// Where it waited.
        queue: QueueId,
        /// Which.
        conversation: ConversationId,
        /// Why.
        reason: Taken,
        /// By whom.
        by: Option<Colleague>,
    },
    /// A conversation's row is told anew: its clock runs, or has stopped.
    RowShown {
        /// As it shall appear.
        row: Box<Appearance>,
        /// Who is told.
        audience: Arc<[ExtensionId]>,
    },
}

/// A queue conversation stands elsewhere in its life.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueMoved {
    /// As it shall appear. The ledger knows since when.
    pub row: Appearance,
    /// Who is in it since.
    pub joins: Option<ExtensionId>,
    /// What makes the pair's open conversation the only one: free again, once it is closed.
    pub natural_key: String,
    /// Who stays in it, and is told.
    pub audience: Arc<[ExtensionId]>,
}

/// A delivery has come further.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryMoved {
    /// Of which message.
    pub conversation: ConversationId,
    /// Of which message.
    pub seq: Seq,
    /// As it is then.
    pub delivery: Delivery,
    /// The carrier that it is handed to, where an attempt begins.
    pub begins: Option<String>,
    /// The carrier's own names for it, where it has answered.
    pub provider_ids: Vec<String>,
    /// Who is told.
    pub audience: Arc<[ExtensionId]>,
}

/// A conversation that shall begin.
#[derive(Clone, Debug, PartialEq)]
pub struct NewConversation {
    /// Its name for ever.
    pub id: ConversationId,
    /// What it is.
    pub kind: Kind,
    /// What there may be only one of in the tenant, such as the pair of a direct chat.
    pub natural_key: Option<String>,
    /// Of a group.
    pub name: Option<String>,
    /// Who is in it.
    pub members: Arc<[ExtensionId]>,
    /// Of an SMS thread.
    pub pair: Option<Pair>,
    /// Who outside is in it, of a group.
    pub numbers: Arc<[Number]>,
    /// Where it stands in its queue.
    pub queue: Option<Queued>,
}

/// A conversation's row but for what the ledger knows better: its places and versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Appearance {
    /// Which.
    pub id: ConversationId,
    /// What it is.
    pub kind: Kind,
    /// Of a group.
    pub name: Option<String>,
    /// Those who are shown in it.
    pub participants: Vec<Reading>,
    /// All who are in it, inside and outside.
    pub participant_count: i64,
    /// Of an SMS thread.
    pub pair: Option<Pair>,
    /// Who outside is in it, of a group.
    pub numbers: Arc<[Number]>,
    /// Where it stands in its queue.
    pub queue: Option<Queued>,
}

impl From<Facts> for Appearance {
    fn from(facts: Facts) -> Self {
        let Facts { id, kind, name, participants, participant_count, pair, numbers, queue, .. } = facts;
        Appearance {
            id,
            kind,
            name,
            participants,
            participant_count,
            pair,
            numbers,
            queue: queue.map(|queued| *queued),
        }
    }
}

/// A change that is on disk, at its place in the tenant's order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Committed {
    /// Whose.
    pub tenant: TenantId,
    /// Its place.
    pub version: Version,
    /// When it was committed, for display.
    pub at: Timestamp,
    /// Who is told, fixed at this version.
    pub audience: Audience,
    /// What happened.
    pub happening: Happening,
}

/// Who is told of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Audience {
    /// Everyone of the tenant.
    Tenant,
    /// These.
    Extensions(Arc<[ExtensionId]>),
    /// The agents who are available in a queue at this version.
    Agents(QueueId),
}

/// What has happened. Each becomes one event of the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Happening {
    /// A conversation is new to its audience (`joined`), or its row has changed.
    ConversationUpdated {
        /// The row as it is.
        facts: Facts,
        /// The marker from which its audience starts, where it is new to them.
        joined: Option<Marker>,
    },
    /// A message was added.
    MessageCreated(Message),
    /// A delivery of a message has come further, or a file of it is here.
    MessageUpdated(Message),
    /// Markers moved forward.
    ReadAdvanced {
        /// Where.
        conversation: ConversationId,
        /// Who, up to where.
        readers: Vec<Reading>,
    },
    /// Some came into a group, or went.
    ParticipantsChanged {
        /// Which.
        conversation: ConversationId,
        /// Its revision since.
        revision: i64,
        /// Who came.
        added: Arc<[ExtensionId]>,
        /// Who went.
        removed: Arc<[ExtensionId]>,
        /// Who outside came.
        numbers_added: Arc<[Number]>,
        /// Who outside went.
        numbers_removed: Arc<[Number]>,
        /// All who are in it.
        participant_count: i64,
    },
    /// A conversation is not for its audience any more.
    ConversationRemoved {
        /// Which.
        conversation: ConversationId,
        /// Why.
        reason: Gone,
    },
    /// An extension was made or altered.
    ExtensionUpdated(Extension),
    /// A phone number was made, altered or given up.
    PhoneNumberUpdated(Number),
    /// Somebody wants no texts, or takes them again.
    ConsentUpdated {
        /// From which of ours; none: from the whole company.
        our_number: Option<Number>,
        /// Who.
        number: Number,
    },
    /// A text is nobody's, or is so no longer.
    UnroutedUpdated(UnroutedId),
    /// The tenant's settings are others.
    SettingsUpdated,
    /// A queue of calls was made, altered, or is gone: its key.
    VoiceQueueUpdated(String),
    /// What its audience may show for these numbers may be another; none: for any.
    NamesUpdated(Option<Arc<[Number]>>),
    /// An agent wants to stand otherwise in a queue of calls. No session is told.
    VoiceAgentRequested(VoiceAgentRequest),
    /// An SMS queue was made, altered or given up.
    QueueUpdated(QueueId),
    /// An agent's state in a queue is another.
    AgentUpdated {
        /// Where.
        queue: QueueId,
        /// As it is.
        agent: Agent,
    },
    /// A conversation waits, or what it shows has changed.
    QueueWaiting {
        /// The row as it is.
        facts: Facts,
        /// Its newest message.
        last: Option<Message>,
    },
    /// A conversation waits no longer in a queue.
    QueueTaken {
        /// Where it waited.
        queue: QueueId,
        /// Which.
        conversation: ConversationId,
        /// Why.
        reason: Taken,
        /// By whom.
        by: Option<Colleague>,
    },
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Who.
    pub extension: ExtensionId,
    /// Up to where.
    pub marker: Marker,
}
