//! The frames of the WebSocket: one JSON object each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    Committed, ExtensionId, Happening, Refusal,
    conversation::Gone,
    extension::{Extension, People},
    phone::Number,
};

use super::{
    problem::Problem,
    shapes::{
        AgentUpdated, Conversation, Me, Message, MyQueue, Person, Presence, QueueTaken, QueueUpdated, QueueWaiting,
        ReadMarker, Who,
    },
    voice_queues::VoiceQueueUpdated,
};

/// The largest frame taken, in bytes.
pub const FRAME_MAX_BYTES: usize = 64 << 10;
/// The most extensions one session watches.
pub const WATCH_MAX: usize = 200;
/// The longest `ref`, in bytes.
pub const REF_MAX_BYTES: usize = 128;

/// Why the server ends a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// 1001: the server stops; come back after so many milliseconds.
    GoingAway(u64),
    /// 1008: not the protocol.
    Protocol,
    /// 1009: a frame over 64 KiB.
    TooBig,
    /// 1013: the client reads too slowly, or the server can't read now.
    TooSlow,
    /// 4001: not authenticated in time, or the token has expired.
    Unauthenticated,
    /// 4003: access was revoked.
    Revoked,
}

impl Close {
    /// The code, and the reason that goes with it.
    pub fn code_and_reason(self) -> (u16, String) {
        match self {
            Close::GoingAway(ms) => (1001, format!("{{\"retry_after_ms\":{ms}}}")),
            Close::Protocol => (1008, "not the protocol".into()),
            Close::TooBig => (1009, "a frame over 64 KiB".into()),
            Close::TooSlow => (1013, "too slow: come back with your cursor".into()),
            Close::Unauthenticated => (4001, "not authenticated".into()),
            Close::Revoked => (4003, "access revoked".into()),
        }
    }
}

/// What a client says.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// First of all: where I stand, and, if the upgrade didn't bring one, my token.
    Hello {
        /// The last version I have seen; null the first time.
        #[serde(default)]
        cursor: Option<i64>,
        /// Of which database; null the first time.
        #[serde(default)]
        epoch: Option<String>,
        /// My token.
        #[serde(default)]
        token: Option<String>,
    },
    /// Write a message.
    Send {
        /// Comes back in the answer.
        r#ref: Option<String>,
        /// Where.
        conversation: String,
        /// My own name for it: the same again is the same message.
        client_id: uuid::Uuid,
        /// 1–4,000 characters; 1,600 where it also goes out by SMS.
        text: String,
        /// The number of ours that it goes out from; my default if absent.
        #[serde(default)]
        from: Option<String>,
    },
    /// I have read so far.
    Read {
        /// Comes back in the answer; without one there is none.
        r#ref: Option<String>,
        /// Where.
        conversation: String,
        /// Up to this message.
        seq: i64,
    },
    /// I am typing.
    Typing {
        /// Where.
        conversation: String,
    },
    /// Whether the person is at this device.
    Active {
        /// It is.
        active: bool,
    },
    /// Whose presence I show, instead of those before; at most 200.
    Watch {
        /// Their numbers.
        extensions: Vec<String>,
    },
    /// Take what waits.
    Claim {
        /// Comes back in the answer.
        r#ref: Option<String>,
        /// Which.
        conversation: String,
    },
    /// Give it back to its queue.
    Release {
        /// Comes back in the answer.
        r#ref: Option<String>,
        /// Which.
        conversation: String,
    },
    /// Give it to somebody else: `extension` or `queue`.
    Transfer {
        /// Comes back in the answer.
        r#ref: Option<String>,
        /// Which.
        conversation: String,
        /// To an agent of its queue.
        #[serde(default)]
        extension: Option<String>,
        /// To another queue.
        #[serde(default)]
        queue: Option<String>,
    },
    /// End it.
    Close {
        /// Comes back in the answer.
        r#ref: Option<String>,
        /// Which.
        conversation: String,
    },
    /// My state in a queue.
    Agent {
        /// Comes back in the answer.
        r#ref: Option<String>,
        /// Where.
        queue: String,
        /// Whether I work in it.
        logged_in: bool,
        /// Whether I take nothing new meanwhile.
        paused: bool,
        /// Why.
        #[serde(default)]
        pause_reason: Option<String>,
    },
    /// Are you there?
    Ping {},
}

impl ClientFrame {
    fn named(&self) -> Option<&String> {
        match self {
            ClientFrame::Send { r#ref, .. }
            | ClientFrame::Read { r#ref, .. }
            | ClientFrame::Claim { r#ref, .. }
            | ClientFrame::Release { r#ref, .. }
            | ClientFrame::Transfer { r#ref, .. }
            | ClientFrame::Close { r#ref, .. }
            | ClientFrame::Agent { r#ref, .. } => r#ref.as_ref(),
            _ => None,
        }
    }

    /// Its `ref`, to answer with.
    pub fn into_ref(self) -> Option<String> {
        self.named().cloned()
    }
}

/// What the server says.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant)] // made, written and dropped: never kept in numbers
pub enum ServerFrame {
    /// You are in.
    Welcome {
        /// This session's id.
        session: String,
        /// Of the database: a cursor of another means nothing.
        epoch: String,
        /// Who you are.
        me: Me,
        /// Whether what you missed follows; else drop what you hold, a snapshot follows.
        resumed: bool,
        /// Now.
        server_time: String,
        /// The server pings so often; silence for twice that ends the connection.
        heartbeat_s: u64,
    },
    /// The newest conversations.
    Snapshot(Snapshot),
    /// My SMS queues, whole.
    Queues {
        /// They replace all that you know of queues.
        queues: Vec<MyQueue>,
    },
    /// You have all up to here; what happens from now on follows.
    Ready {
        /// Your cursor.
        cursor: i64,
    },
    /// Something happened.
    Event(EventFrame),
    /// A command was carried out.
    Ok {
        /// The command's.
        r#ref: Option<String>,
        /// The message that was sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<Message>,
        /// The conversation that was claimed, released, transferred or closed.
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<Conversation>,
        /// The queue in which my state is another.
        #[serde(skip_serializing_if = "Option::is_none")]
        queue: Option<MyQueue>,
    },
    /// A command was refused.
    Error {
        /// The command's, where it could be read.
        r#ref: Option<String>,
        /// Why.
        #[serde(flatten)]
        problem: Problem,
    },
    /// Somebody is typing.
    Typing {
        /// Where.
        conversation: String,
        /// Who, by number.
        extension: String,
    },
    /// Whether those you watch are there.
    Presence {
        /// By number.
        states: BTreeMap<String, Presence>,
    },
    /// I am.
    Pong {},
}

/// The newest conversations, for a client that begins anew.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Snapshot {
    /// The newest 50, with their last message.
    pub conversations: Vec<Conversation>,
    /// What I may show for the numbers in them.
    pub names: BTreeMap<String, String>,
    /// To go on with in `GET /v1/conversations?after=`.
    pub next: Option<String>,
}

/// Something that happened, at its place in the tenant's order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventFrame {
    /// Its place.
    pub version: i64,
    /// What, and to what.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened. The same for everyone who is told.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "name", content = "data")]
#[allow(clippy::large_enum_variant)] // made, written and dropped: never kept in numbers
pub enum Event {
    /// A message was added; its author has read up to it.
    #[serde(rename = "message.created")]
    MessageCreated(Message),
    /// A delivery of a message has come further, or a picture of it is here.
    #[serde(rename = "message.updated")]
    MessageUpdated(Message),
    /// A conversation is new to me (`joined`), or has changed.
    #[serde(rename = "conversation.updated")]
    ConversationUpdated(Conversation),
    /// Some came into a group, or went.
    #[serde(rename = "participants.changed")]
    ParticipantsChanged(ParticipantsChanged),
    /// A conversation is not for me any more.
    #[serde(rename = "conversation.removed")]
    ConversationRemoved(ConversationRemoved),
    /// Some have read so far.
    #[serde(rename = "read.advanced")]
    ReadAdvanced(ReadAdvanced),
    /// A colleague is new, or has another name.
    #[serde(rename = "extension.updated")]
    ExtensionUpdated(ExtensionUpdated),
    /// One of our phone numbers is new, has changed, or is ours no longer: whoever may send from it asks `GET /v1/me`.
    #[serde(rename = "number.updated")]
    NumberUpdated(NumberUpdated),
    /// Somebody whom I have a thread with wants no texts, or takes them again: ask for the thread's row.
    #[serde(rename = "consent.updated")]
    ConsentUpdated(ConsentUpdated),
    /// A text is nobody's, or is so no longer. To administrators.
    #[serde(rename = "unrouted.updated")]
    UnroutedUpdated(UnroutedUpdated),
    /// A queue of calls is new, has changed, or is gone: ask `GET /v1/voice-queues`.
    #[serde(rename = "voice_queue.updated")]
    VoiceQueueUpdated(VoiceQueueUpdated),
    /// What I may show for some numbers may be another: ask `GET /v1/names` again.
    #[serde(rename = "names.updated")]
    NamesUpdated(NamesUpdated),
    /// A conversation waits, or what it shows has changed. To available agents.
    #[serde(rename = "queue.waiting")]
    QueueWaiting(QueueWaiting),
    /// A conversation waits no longer. To available agents, the one who took it too.
    #[serde(rename = "queue.taken")]
    QueueTaken(QueueTaken),
    /// An agent's state in a queue of mine is another.
    #[serde(rename = "agent.updated")]
    AgentUpdated(AgentUpdated),
    /// A queue of mine was altered: `queues` follows; conversations that I hold in it may have another deadline.
    #[serde(rename = "queue.updated")]
    QueueUpdated(QueueUpdated),
    /// What is set for all has changed: ask `GET /v1/settings`.
    #[serde(rename = "settings.updated")]
    SettingsUpdated(SettingsUpdated),
}

/// Somebody wants no texts, or takes them again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentUpdated {
    /// Who.
    pub number: String,
    /// From which of ours; null: from any.
    pub our_number: Option<String>,
}

/// Other names may be known for some numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NamesUpdated {
    /// For these; null: for any.
    pub numbers: Option<Vec<String>>,
}

/// A text is nobody's, or is so no longer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnroutedUpdated {
    /// Which.
    pub id: String,
}

/// What is set for all has changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsUpdated {}

/// Some came into a group, or went.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParticipantsChanged {
    /// Which group.
    pub conversation: String,
    /// Who came.
    pub added: Vec<Who>,
    /// Who went.
    pub removed: Vec<Who>,
    /// All who are in it.
    pub participant_count: i64,
}

/// A conversation is not for me any more: it is not found from now on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConversationRemoved {
    /// Which.
    pub conversation: String,
    /// Why.
    pub reason: RemovedReason,
}

/// Why a conversation is not for me any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovedReason {
    /// I left it.
    Left,
    /// Somebody removed me.
    Removed,
    /// It went back to its queue.
    Released,
    /// It is another agent's now, or in another queue.
    Transferred,
}

/// Some have read so far.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReadAdvanced {
    /// Where.
    pub conversation: String,
    /// Who, up to where.
    pub readers: Vec<Reader>,
}

/// How far one has read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reader {
    /// Who, by number.
    pub extension: String,
    /// Up to where.
    #[serde(flatten)]
    pub marker: ReadMarker,
}

/// One of our phone numbers changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NumberUpdated {
    /// In E.164.
    pub number: String,
}

/// A colleague as it is now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExtensionUpdated {
    /// Its number and name.
    #[serde(flatten)]
    pub person: Person,
    /// Whether it may sign in.
    pub enabled: bool,
}

impl ServerFrame {
    /// A command that was carried out.
    pub fn ok(r#ref: Option<String>) -> Self {
        ServerFrame::Ok { r#ref, message: None, conversation: None, queue: None }
    }

    /// A refusal of a command.
    pub fn error(r#ref: Option<String>, refusal: &Refusal) -> Self {
        ServerFrame::Error { r#ref, problem: refusal.into() }
    }

    /// As it goes out.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl EventFrame {
    /// A committed change as its event.
    pub fn of(committed: &Committed, people: &People) -> Self {
        let event = match &committed.happening {
            Happening::MessageCreated(message) => Event::MessageCreated(Message::of(message, people)),
            Happening::MessageUpdated(message) => Event::MessageUpdated(Message::of(message, people)),
            Happening::ConversationUpdated { facts, joined } => Event::ConversationUpdated(Conversation {
                joined: joined.map(Into::into),
                ..Conversation::of(facts, people)
            }),
            Happening::ParticipantsChanged {
                conversation,
                added,
                removed,
                numbers_added,
                numbers_removed,
                participant_count,
                ..
            } => {
                let named = |who: &[ExtensionId], numbers: &[Number]| {
                    let inside = who.iter().filter_map(|id| Person::of(*id, people)).map(Who::Person);
                    inside.chain(numbers.iter().map(|number| Who::Outsider(number.into()))).collect()
                };
                Event::ParticipantsChanged(ParticipantsChanged {
                    conversation: conversation.to_string(),
                    added: named(added, numbers_added),
                    removed: named(removed, numbers_removed),
                    participant_count: *participant_count,
                })
            }
            Happening::ConversationRemoved { conversation, reason } => {
                Event::ConversationRemoved(ConversationRemoved {
                    conversation: conversation.to_string(),
                    reason: match reason {
                        Gone::Left => RemovedReason::Left,
                        Gone::Removed => RemovedReason::Removed,
                        Gone::Released => RemovedReason::Released,
                        Gone::Transferred => RemovedReason::Transferred,
                    },
                })
            }
            Happening::ReadAdvanced { conversation, readers } => Event::ReadAdvanced(ReadAdvanced {
                conversation: conversation.to_string(),
                readers: readers
                    .iter()
                    .filter_map(|r| {
                        let (extension, _) = people.get(&r.extension)?;
                        Some(Reader { extension: extension.clone(), marker: r.marker.into() })
                    })
                    .collect(),
            }),
            Happening::ExtensionUpdated(Extension { number, name, enabled, .. }) => {
                let person = Person { extension: number.clone(), name: name.clone() };
                Event::ExtensionUpdated(ExtensionUpdated { person, enabled: *enabled })
            }
            Happening::PhoneNumberUpdated(number) => Event::NumberUpdated(NumberUpdated { number: number.to_string() }),
            Happening::ConsentUpdated { our_number, number } => Event::ConsentUpdated(ConsentUpdated {
                number: number.to_string(),
                our_number: our_number.as_ref().map(Number::to_string),
            }),
            Happening::UnroutedUpdated(id) => Event::UnroutedUpdated(UnroutedUpdated { id: id.to_string() }),
            Happening::SettingsUpdated => Event::SettingsUpdated(SettingsUpdated {}),
            Happening::NamesUpdated(numbers) => Event::NamesUpdated(NamesUpdated {
                numbers: numbers.as_ref().map(|numbers| numbers.iter().map(ToString::to_string).collect()),
            }),
            Happening::VoiceQueueUpdated(key) => Event::VoiceQueueUpdated(VoiceQueueUpdated { key: key.clone() }),
            Happening::QueueUpdated(id) => Event::QueueUpdated(QueueUpdated { id: id.to_string() }),
            Happening::AgentUpdated { queue, agent } => Event::AgentUpdated(AgentUpdated {
                queue: queue.to_string(),
                agent: agent.into(),
                member: agent.member,
            }),
            Happening::QueueWaiting { facts, last } => Event::QueueWaiting(QueueWaiting {
                queue: facts.queue.as_ref().map(|queued| queued.line.id.to_string()).unwrap_or_default(),
                conversation: Conversation {
                    last_message: last.as_ref().map(|message| Message::of(message, people)),
                    ..Conversation::of(facts, people)
                },
            }),
            Happening::QueueTaken { queue, conversation, reason, by } => Event::QueueTaken(QueueTaken {
                queue: queue.to_string(),
                conversation: conversation.to_string(),
                reason: (*reason).into(),
                by: by.as_ref().map(Person::from),
            }),
        };
        EventFrame { version: committed.version, event }
    }
}

/// What a client said, or why it can't be understood; with its `ref` where that could be read.
pub fn parse(text: &str) -> Result<ClientFrame, (Option<String>, Refusal)> {
    let frame = serde_json::from_str::<ClientFrame>(text).map_err(|error| {
        #[derive(Deserialize)]
        struct Ref {
            r#ref: Option<String>,
        }
        let named = serde_json::from_str::<Ref>(text).ok().and_then(|r| r.r#ref);
        (named.filter(|r| r.len() <= REF_MAX_BYTES), Refusal::invalid(error.to_string()))
    })?;
    if frame.named().is_some_and(|r| r.len() > REF_MAX_BYTES) {
        return Err((None, Refusal::invalid(format!("ref is longer than {REF_MAX_BYTES} bytes"))));
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_and_types_are_named() {
        let detail = |text| match parse(text) {
            Err((r#ref, Refusal::InvalidRequest(detail))) => (r#ref, detail),
            other => panic!("{other:?}"),
        };
        assert!(detail(r#"{"type":"ping","x":1}"#).1.contains("`x`"));
        assert!(detail(r#"{"type":"dance"}"#).1.contains("`dance`"));
        let (named, detail) = detail(r#"{"type":"send","ref":"7","conversation":"c","text":"Hi"}"#);
        assert_eq!(named.as_deref(), Some("7"));
        assert!(detail.contains("`client_id`"));
    }

    #[test]
    fn a_lone_surrogate_is_malformed() {
        let text = r#"{"type":"send","ref":"1","conversation":"c","client_id":"0199aaaa-0000-7000-8000-000000000000","text":"\ud800"}"#;
        assert!(parse(text).is_err());
    }

    #[test]
    fn an_event_says_its_version_and_name_before_its_data() {
        let happening =
            Happening::ReadAdvanced { conversation: crate::domain::ConversationId(uuid::Uuid::nil()), readers: vec![] };
        let committed = Committed {
            tenant: crate::domain::TenantId(uuid::Uuid::nil()),
            version: 7,
            at: crate::domain::Timestamp(0),
            audience: crate::domain::Audience::Tenant,
            happening,
        };
        let frame = ServerFrame::Event(EventFrame::of(&committed, &People::new()));
        let expected = r#"{"type":"event","version":7,"name":"read.advanced","data":{"conversation":"00000000-0000-0000-0000-000000000000","readers":[]}}"#;
        assert_eq!(frame.to_text(), expected);
    }
}
