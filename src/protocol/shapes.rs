//! What goes out. Rows that one asks for hold what is the asker's own (`name`, `unread`, `my_read`); events don't.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    self, Caller, ExtensionId,
    change::Reading,
    conversation::{Facts, Marker},
    extension::{Extension, People},
    phone::Number,
    presence,
    provision::phone_number::PhoneNumber,
    sms::segments::{Encoding, Estimate},
};

use super::requests::RoleName;

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
}

impl ProvisionedExtension {
    /// As the PBX put it.
    pub fn of(e: &Extension, caller_ids: &[Number]) -> Self {
        Self {
            extension: e.number.clone(),
            name: e.name.clone(),
            role: e.role.into(),
            enabled: e.enabled,
            caller_ids: caller_ids.iter().map(Number::to_string).collect(),
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
        who: Person,
    },
    /// Somebody is no longer in it.
    Removed {
        /// Who removed them.
        by: Person,
        /// Whom.
        who: Person,
    },
    /// Somebody went.
    Left {
        /// Who.
        who: Person,
    },
}

impl SystemEvent {
    fn of(event: &domain::conversation::SystemEvent, people: &People) -> Option<Self> {
        use domain::conversation::SystemEvent as E;
        let person = |id: &ExtensionId| Person::of(*id, people);
        Some(match event {
            E::Created { by, group } => SystemEvent::Created { by: person(by)?, group: group.clone() },
            E::Renamed { by, to } => SystemEvent::Renamed { by: person(by)?, to: to.clone() },
            E::Added { by, who } => SystemEvent::Added { by: person(by)?, who: person(who)? },
            E::Removed { by, who } => SystemEvent::Removed { by: person(by)?, who: person(who)? },
            E::Left { who } => SystemEvent::Left { who: person(who)? },
        })
    }
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Between extensions alone.
    Internal,
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
    /// Who wrote it; nobody a system message.
    pub from: Option<Person>,
    /// What it says, exactly as typed.
    pub text: String,
    /// Of a system message: what happened, for clients that say it in their own way.
    pub event: Option<SystemEvent>,
    /// Pictures that came with it.
    #[schema(value_type = Vec<Object>)]
    pub attachments: Vec<serde_json::Value>,
    /// Its sending to external numbers.
    #[schema(value_type = Vec<Object>)]
    pub deliveries: Vec<serde_json::Value>,
}

impl Message {
    /// A message, to show.
    pub fn of(m: &domain::conversation::Message, people: &People) -> Self {
        let event = m.event.as_ref().and_then(|event| SystemEvent::of(event, people));
        let from = Person::of(m.author, people).filter(|_| m.event.is_none());
        Message { event, ..Self::by(m, from) }
    }

    /// A message whose author is known.
    pub fn by(m: &domain::conversation::Message, from: Option<Person>) -> Self {
        Message {
            id: m.id().to_string(),
            conversation: m.conversation.to_string(),
            seq: m.seq,
            version: m.version,
            text_no: m.text_no,
            kind: if m.event.is_some() { MessageKind::System } else { MessageKind::Text },
            direction: match m.direction {
                domain::conversation::Direction::Internal => Direction::Internal,
            },
            client_id: m.client_id.map(|id| id.to_string()),
            created_at: m.created_at.to_rfc3339(),
            from,
            text: m.text.as_str().to_owned(),
            event: None,
            attachments: vec![],
            deliveries: vec![],
        }
    }
}

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Two extensions.
    Direct,
    /// Named; extensions come and go.
    Group,
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
pub struct Participant {
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
        Some(Participant { extension, name, read_seq: reading.marker.seq })
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
    /// All who are in it.
    pub participant_count: i64,
    /// Up to 20 of them.
    pub participants: Vec<Participant>,
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
            },
            name: facts.name.clone(),
            unread: None,
            last_seq: facts.last_seq,
            text_count: facts.text_count,
            last_message: None,
            last_activity_at: facts.last_activity_at.to_rfc3339(),
            my_read: None,
            participant_count: facts.participant_count,
            participants: facts.participants.iter().filter_map(|r| Participant::of(r, people)).collect(),
            joined: None,
        }
    }

    /// ... as one of its members sees it.
    pub fn seen_by(
        me: ExtensionId,
        facts: &Facts,
        last: Option<&domain::conversation::Message>,
        my_read: Marker,
        people: &People,
    ) -> Self {
        let other = facts.participants.iter().find(|r| r.extension != me);
        let name = facts.name.clone().or_else(|| Some(people.get(&other?.extension)?.1.clone()));
        Conversation {
            name,
            unread: Some((facts.text_count - my_read.text_no).max(0)),
            last_message: last.map(|m| Message::of(m, people)),
            my_read: Some(my_read.into()),
            ..Self::of(facts, people)
        }
    }
}

/// How a text is encoded as SMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum SmsEncoding {
    /// 160 characters in one segment, 153 in each of several.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// 70 UTF-16 units in one segment, 67 in each of several.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

/// What a text costs by SMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SmsEstimate {
    /// How it is encoded.
    pub encoding: SmsEncoding,
    /// In how many segments it goes out.
    pub segments: usize,
    /// As the encoding counts them.
    pub characters: usize,
    /// The characters that made it UCS-2, each once.
    pub unicode_characters: Vec<String>,
}

impl From<Estimate> for SmsEstimate {
    fn from(Estimate { encoding, segments, characters, unicode_characters }: Estimate) -> Self {
        let encoding = match encoding {
            Encoding::Gsm7 => SmsEncoding::Gsm7,
            Encoding::Ucs2 => SmsEncoding::Ucs2,
        };
        SmsEstimate { encoding, segments, characters, unicode_characters }
    }
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
