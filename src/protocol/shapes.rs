//! What goes out. Rows that one asks for hold what is the asker's own (`name`, `unread`, `my_read`); events don't.

mod queues;
mod texts;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    self, Caller, ExtensionId,
    change::Reading,
    contacts::Names,
    conversation::{Facts, Marker, Whom},
    extension::{Extension, People},
    phone::Number,
    presence,
    provision::phone_number::PhoneNumber,
};

use super::requests::RoleName;

pub use queues::*;
pub use texts::*;

/// An extension, to show.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Person {
    /// Its number.
    #[schema(example = "201")]
    pub extension: String,
    /// Its display name.
    #[schema(example = "Jake")]
    pub name: String,
}

impl Person {
    /// Somebody, if they are known.
    pub fn of(id: ExtensionId, people: &People) -> Option<Self> {
        people.get(&id).map(|(extension, name)| Person { extension: extension.clone(), name: name.clone() })
    }
}

/// Somebody outside.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Outsider {
    /// In E.164; a short code or a name, where such a one texted in.
    #[schema(example = "+14045550199")]
    pub number: String,
    /// What I call them, where I know them. Not in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<&Number> for Outsider {
    fn from(number: &Number) -> Self {
        Outsider { number: number.to_string(), name: None }
    }
}

/// One of us, or somebody outside.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Who {
    /// One of us.
    Person(Person),
    /// Somebody outside.
    Outsider(Outsider),
}

impl Who {
    fn of(whom: &Whom, people: &People) -> Option<Self> {
        match whom {
            Whom::Extension(id) => Person::of(*id, people).map(Who::Person),
            Whom::Number(number) => Some(Who::Outsider(number.into())),
        }
    }
}

/// Who signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Me {
    /// The company's name.
    pub tenant: String,
    /// My number.
    pub extension: String,
    /// My display name.
    pub name: String,
    /// What I may do.
    pub role: RoleName,
    /// Phone numbers I may send from, in order.
    pub caller_ids: Vec<CallerId>,
}

/// A phone number assigned to an extension.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallerId {
    /// In E.164.
    pub number: String,
    /// What it is called.
    pub label: Option<String>,
    /// Whether it has an active SMS plan.
    pub sms_enabled: bool,
    /// Whether I may text from it in threads and groups: it has a plan, and feeds no queue.
    pub can_send: bool,
}

impl Me {
    /// As the caller sees itself.
    pub fn of(caller: &Caller, tenant: &str, caller_ids: Vec<CallerId>) -> Self {
        Me {
            tenant: tenant.into(),
            extension: caller.number.clone(),
            name: caller.name.clone(),
            role: caller.role.into(),
            caller_ids,
        }
    }
}

/// What the form to sign in with has to ask.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoginForm {
    /// The company that the host is named like.
    pub company: Option<String>,
    /// Whether it must be asked for: there are several, and the host doesn't tell which.
    pub asks_company: bool,
}

/// The answer to a login.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Session {
    /// The bearer token.
    pub token: String,
    /// Until when it is good.
    pub expires_at: String,
    /// Who signed in.
    pub me: Me,
}

/// A token, renewed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Token {
    /// The bearer token.
    pub token: String,
    /// Until when it is good.
    pub expires_at: String,
}

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// A session is active.
    Online,
    /// Sessions, none active for 5 minutes.
    Away,
    /// No session.
    Offline,
}

impl From<presence::State> for Presence {
    fn from(state: presence::State) -> Self {
        match state {
            presence::State::Online => Presence::Online,
            presence::State::Away => Presence::Away,
            presence::State::Offline => Presence::Offline,
        }
    }
}

/// A row of the directory.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DirectoryEntry {
    /// Its number.
    pub extension: String,
    /// Its display name.
    pub name: String,
    /// Whether somebody is there.
    pub presence: Presence,
}

/// An extension as provisioned.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProvisionedExtension {
    /// Its number.
    pub extension: String,
    /// Its display name.
    pub name: String,
    /// What it may do.
    pub role: RoleName,
    /// Whether it may sign in.
    pub enabled: bool,
    /// The phone numbers it may send from, in order.
    pub caller_ids: Vec<String>,
    /// The keys of its phonebooks, in order.
    pub phonebooks: Vec<String>,
}

impl ProvisionedExtension {
    /// As the PBX put it.
    pub fn of(e: &Extension, caller_ids: &[Number], phonebooks: Vec<String>) -> Self {
        Self {
            extension: e.number.clone(),
            name: e.name.clone(),
            role: e.role.into(),
            enabled: e.enabled,
            caller_ids: caller_ids.iter().map(Number::to_string).collect(),
            phonebooks,
        }
    }
}

/// A phone number as provisioned.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProvisionedNumber {
    /// In E.164.
    pub number: String,
    /// What people call it.
    pub label: Option<String>,
    /// Whether it has an active SMS plan.
    pub sms_enabled: bool,
    /// Who carries its texts.
    pub carrier: String,
    /// The key of the SMS queue that it feeds.
    pub queue: Option<String>,
    /// The extension that gets what comes unasked.
    pub extension: Option<String>,
}

impl From<&PhoneNumber> for ProvisionedNumber {
    fn from(n: &PhoneNumber) -> Self {
        let PhoneNumber { number, label, sms_enabled, carrier, queue, extension } = n.clone();
        Self { number: number.to_string(), label, sms_enabled, carrier, queue, extension }
    }
}

/// One who carries texts here.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CarrierEntry {
    /// The section of the configuration.
    pub name: String,
    /// `simulator`, `twilio` …
    pub kind: String,
    /// Whether it does not take our credentials: nothing is sent until it does.
    pub parked: bool,
    /// How it is connected; null if it holds no connection.
    pub link: Option<CarrierLink>,
}

/// How a carrier is connected.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CarrierLink {
    /// Whether texts go through it.
    pub state: CarrierLinkState,
    /// Since when, RFC 3339.
    pub since: String,
    /// Why it is not up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Whether texts go through a carrier's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CarrierLinkState {
    /// They do.
    Up,
    /// There is no connection. It is tried again.
    Down,
    /// The carrier refuses us. It is asked again, less often.
    Refused,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Somebody wrote it.
    Text,
    /// It tells what happened; never counted as unread.
    System,
}

/// What a system message tells, with names as they are now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum SystemEvent {
    /// A group began.
    Created {
        /// Who made it.
        by: Person,
        /// What it was called.
        group: String,
    },
    /// A group got another name.
    Renamed {
        /// Who renamed it.
        by: Person,
        /// What it is called since.
        to: String,
    },
    /// Somebody is in it since.
    Added {
        /// Who added them.
        by: Person,
        /// Whom.
        who: Who,
    },
    /// Somebody is no longer in it.
    Removed {
        /// Who removed them.
        by: Person,
        /// Whom.
        who: Who,
    },
    /// Somebody went.
    Left {
        /// Who.
        who: Person,
    },
    /// The customer wants no more texts.
    OptedOut {
        /// From this number of ours; null: from any.
        our_number: Option<String>,
        /// Who recorded it, if not they themselves.
        by: Option<Person>,
    },
    /// The customer takes texts again.
    OptedIn {
        /// From this number of ours; null: from any.
        our_number: Option<String>,
        /// Who recorded it, if not they themselves.
        by: Option<Person>,
    },
    /// A queue conversation began.
    Entered {
        /// In this queue, as it was called.
        queue: QueueName,
    },
    /// Somebody took it.
    Claimed {
        /// Who.
        by: Person,
    },
    /// It was given to an agent.
    Transferred {
        /// Who did that.
        by: Person,
        /// To whom.
        to: Person,
    },
    /// It was given to another queue.
    TransferredToQueue {
        /// Who did that.
        by: Person,
        /// To which, as it was called.
        queue: QueueName,
    },
    /// It went back to its queue.
    Released {
        /// Who gave it back; null: its agent may hold it no longer.
        by: Option<Person>,
    },
    /// It went back to its queue: the customer had no reply.
    TimedOut {
        /// From whom.
        who: Person,
    },
    /// It is over.
    Closed {
        /// Who closed it.
        by: Person,
    },
    /// It is over: nobody was available.
    Missed {},
}

impl SystemEvent {
    fn of(event: &domain::conversation::SystemEvent, people: &People) -> Option<Self> {
        use domain::conversation::SystemEvent as E;
        let person = |id: &ExtensionId| Person::of(*id, people);
        Some(match event {
            E::Created { by, group } => SystemEvent::Created { by: person(by)?, group: group.clone() },
            E::Renamed { by, to } => SystemEvent::Renamed { by: person(by)?, to: to.clone() },
            E::Added { by, who } => SystemEvent::Added { by: person(by)?, who: Who::of(who, people)? },
            E::Removed { by, who } => SystemEvent::Removed { by: person(by)?, who: Who::of(who, people)? },
            E::Left { who } => SystemEvent::Left { who: person(who)? },
            E::OptedOut { our_number, by } => SystemEvent::OptedOut {
                our_number: our_number.as_ref().map(Number::to_string),
                by: by.as_ref().and_then(person),
            },
            E::OptedIn { our_number, by } => SystemEvent::OptedIn {
                our_number: our_number.as_ref().map(Number::to_string),
                by: by.as_ref().and_then(person),
            },
            E::Entered { queue, queue_name } => SystemEvent::Entered { queue: QueueName::of(*queue, queue_name) },
            E::Claimed { by } => SystemEvent::Claimed { by: person(by)? },
            E::Transferred { by, to } => SystemEvent::Transferred { by: person(by)?, to: person(to)? },
            E::TransferredToQueue { by, queue, queue_name } => {
                SystemEvent::TransferredToQueue { by: person(by)?, queue: QueueName::of(*queue, queue_name) }
            }
            E::Released { by } => SystemEvent::Released { by: by.as_ref().and_then(person) },
            E::TimedOut { who } => SystemEvent::TimedOut { who: person(who)? },
            E::Closed { by } => SystemEvent::Closed { by: person(by)? },
            E::Missed => SystemEvent::Missed {},
        })
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Between extensions alone.
    Internal,
    /// From outside.
    Inbound,
    /// To somebody outside, and to the extensions beside them.
    Outbound,
}

impl From<domain::conversation::Direction> for Direction {
    fn from(direction: domain::conversation::Direction) -> Self {
        match direction {
            domain::conversation::Direction::Internal => Direction::Internal,
            domain::conversation::Direction::Inbound => Direction::Inbound,
            domain::conversation::Direction::Outbound => Direction::Outbound,
        }
    }
}

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Message {
    /// Its name for ever.
    pub id: String,
    /// Where.
    pub conversation: String,
    /// Its place there: 1, 2, 3 … without gaps.
    pub seq: i64,
    /// The change that made it what it is.
    pub version: i64,
    /// Texts of the conversation up to and with it.
    pub text_no: i64,
    /// What it is.
    pub kind: MessageKind,
    /// Which way it went.
    pub direction: Direction,
    /// The sender's own name for it.
    pub client_id: Option<String>,
    /// When it was committed.
    pub created_at: String,
    /// Who wrote it; nobody a system message, or one that was sent by itself.
    pub from: Option<Who>,
    /// What it says, exactly as typed; empty, if only a picture came.
    pub text: String,
    /// Of a system message: what happened, for clients that say it in their own way.
    pub event: Option<SystemEvent>,
    /// Pictures that came with it.
    pub attachments: Vec<Attachment>,
    /// Its sending to numbers outside.
    pub deliveries: Vec<Delivery>,
}

impl Message {
    /// A message, to show.
    pub fn of(m: &domain::conversation::Message, people: &People) -> Self {
        let event = m.event.as_ref().and_then(|event| SystemEvent::of(event, people));
        let from = match &m.author {
            domain::conversation::Author::Extension(id) => Person::of(*id, people).map(Who::Person),
            domain::conversation::Author::Number(number) => Some(Who::Outsider(number.into())),
            domain::conversation::Author::Nobody => None,
        };
        Message { event, ..Self::by(m, from.filter(|_| m.event.is_none())) }
    }

    /// A message whose author is known.
    pub fn by(m: &domain::conversation::Message, from: Option<Who>) -> Self {
        Message {
            id: m.id().to_string(),
            conversation: m.conversation.to_string(),
            seq: m.seq,
            version: m.version,
            text_no: m.text_no,
            kind: if m.event.is_some() { MessageKind::System } else { MessageKind::Text },
            direction: m.direction.into(),
            client_id: m.client_id.map(|id| id.to_string()),
            created_at: m.created_at.to_rfc3339(),
            from,
            text: m.text.as_str().to_owned(),
            event: None,
            attachments: m.attachments.iter().map(Attachment::from).collect(),
            deliveries: m.deliveries.iter().map(Delivery::from).collect(),
        }
    }
}

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Two extensions.
    Direct,
    /// Named; extensions, and numbers outside, come and go.
    Group,
    /// With a number outside: an extension's own thread, or a conversation of a queue (`queue`).
    Sms,
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadMarker {
    /// Up to this message.
    pub seq: i64,
    /// Texts up to it: `text_count` less this is unread.
    pub text_no: i64,
}

impl From<Marker> for ReadMarker {
    fn from(m: Marker) -> Self {
        ReadMarker { seq: m.seq, text_no: m.text_no }
    }
}

/// Somebody in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Participant {
    /// One of us.
    Member(Member),
    /// Somebody outside, in a group.
    Outsider(Outsider),
}

/// An extension in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Member {
    /// Its number.
    pub extension: String,
    /// Its display name.
    pub name: String,
    /// How far it has read.
    pub read_seq: i64,
}

impl Participant {
    /// One who is in a conversation, to show.
    pub fn of(reading: &Reading, people: &People) -> Option<Self> {
        let Person { extension, name } = Person::of(reading.extension, people)?;
        Some(Participant::Member(Member { extension, name, read_seq: reading.marker.seq }))
    }
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Conversation {
    /// Its name for ever.
    pub id: String,
    /// The newest change of anything in it: ignore a row that is older than the one you hold.
    pub version: i64,
    /// Rises with members, name and queue state.
    pub revision: i64,
    /// What it is.
    pub kind: ConversationKind,
    /// What I call it. In events a group's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Texts of others that I have not read. Not in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<i64>,
    /// Its newest message's place, 0 if there is none.
    pub last_seq: i64,
    /// Texts in it.
    pub text_count: i64,
    /// Its newest message. Not in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    /// The newest message's time, or when it began.
    pub last_activity_at: String,
    /// How far I have read. Not in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub my_read: Option<ReadMarker>,
    /// All who are in it, inside and outside.
    pub participant_count: i64,
    /// Those outside among them, of a group: each text goes to so many.
    pub outsider_count: usize,
    /// Up to 20 of them, those inside first.
    pub participants: Vec<Participant>,
    /// Of a thread: the number outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Of a thread: the number of ours that it goes out from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub our_number: Option<String>,
    /// Of a thread: since when the customer waits for a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_reply_since: Option<String>,
    /// Of a thread: the customer wants no texts from this number. Not in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opted_out: Option<bool>,
    /// Where it stands in its queue, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Place>,
    /// In an event: it is new to me, and this is the marker from which I start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<ReadMarker>,
}

impl Conversation {
    /// A conversation as all in it see it.
    pub fn of(facts: &Facts, people: &People) -> Self {
        Conversation {
            id: facts.id.to_string(),
            version: facts.version,
            revision: facts.revision,
            kind: match facts.kind {
                domain::conversation::Kind::Direct => ConversationKind::Direct,
                domain::conversation::Kind::Group => ConversationKind::Group,
                domain::conversation::Kind::Sms => ConversationKind::Sms,
            },
            name: facts.name.clone(),
            unread: None,
            last_seq: facts.last_seq,
            text_count: facts.text_count,
            last_message: None,
            last_activity_at: facts.last_activity_at.to_rfc3339(),
            my_read: None,
            participant_count: facts.participant_count,
            outsider_count: facts.numbers.len(),
            participants: shown(facts, people),
            number: facts.pair.as_ref().map(|pair| pair.theirs.to_string()),
            our_number: facts.pair.as_ref().map(|pair| pair.ours.to_string()),
            needs_reply_since: facts.needs_reply_since.map(|at| at.to_rfc3339()),
            opted_out: None,
            queue: facts.queue.as_deref().map(Place::from),
            joined: None,
        }
    }

    /// ... as one of its members sees it.
    pub fn seen_by(
        me: ExtensionId,
        facts: &Facts,
        last: Option<&domain::conversation::Message>,
        my_read: Marker,
        opted_out: bool,
        people: &People,
    ) -> Self {
        let name = match &facts.pair {
            Some(pair) => Some(pair.theirs.international()),
            None => {
                let other = facts.participants.iter().find(|r| r.extension != me);
                facts.name.clone().or_else(|| Some(people.get(&other?.extension)?.1.clone()))
            }
        };
        Conversation {
            name,
            opted_out: facts.pair.as_ref().map(|_| opted_out),
            unread: Some((facts.text_count - my_read.text_no).max(0)),
            last_message: last.map(|m| Message::of(m, people)),
            my_read: Some(my_read.into()),
            ..Self::of(facts, people)
        }
    }
}

impl Conversation {
    /// With what who looks may show for numbers.
    pub fn with_names(mut self, names: &Names) -> Self {
        let known = |number: &String| names.get(&Number::stored(number.clone())).cloned();
        if let Some(name) = self.number.as_ref().and_then(known) {
            self.name = Some(name);
        }
        for participant in &mut self.participants {
            if let Participant::Outsider(outsider) = participant {
                outsider.name = known(&outsider.number);
            }
        }
        self.last_message = self.last_message.map(|message| message.with_names(names));
        self
    }
}

impl Message {
    /// With what who looks may show for numbers.
    pub fn with_names(mut self, names: &Names) -> Self {
        if let Some(Who::Outsider(outsider)) = &mut self.from {
            outsider.name = names.get(&Number::stored(outsider.number.clone())).cloned();
        }
        self
    }
}

/// Up to 20 of those in a conversation, those inside first.
fn shown(facts: &Facts, people: &People) -> Vec<Participant> {
    let inside = facts.participants.iter().filter_map(|r| Participant::of(r, people));
    let outside = facts.numbers.iter().map(|number| Participant::Outsider(number.into()));
    inside.chain(outside).take(domain::conversation::PARTICIPANTS_SHOWN).collect()
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to ask for next: as `after`; in a timeline as the bound asked with. Null at the end.
    pub next: Option<String>,
}

/// What a client needs to know.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Settings {
    /// The most characters of a message.
    pub message_max_characters: usize,
    /// ... of one that also goes out by SMS.
    pub sms_max_characters: usize,
    /// The largest frame, in bytes.
    pub frame_max_bytes: usize,
    /// The most extensions whose presence one session watches.
    pub watch_max: usize,
    /// The region in which numbers are read.
    pub region: String,
    /// The sound of a new message.
    pub alert_tone: String,
    /// Reasons to pause in a queue that the tenant offers.
    pub pause_reasons: Vec<String>,
}
