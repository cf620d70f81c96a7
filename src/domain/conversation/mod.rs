//! A conversation's state, and what its committed changes make of it. One file per command.

pub mod create_direct;
pub mod read;
pub mod send;
pub mod typing;

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    ClientId, Committed, ConversationId, Decision, ExtensionId, Guard, Happening, MessageText, Refusal, Seq, TenantId,
    Timestamp, Version, change::Reading,
};

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Two extensions; exactly one per pair.
    Direct,
}

impl Kind {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Direct => "direct",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Kind::Direct].into_iter().find(|k| k.as_str() == name)
    }
}

/// How far somebody has read: a message's `seq`, and how many texts the conversation had with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Marker {
    /// Of the message.
    pub seq: Seq,
    /// Texts up to and with it: unread is a subtraction.
    pub text_no: i64,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Between extensions alone.
    Internal,
}

impl Direction {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Internal => "internal",
        }
    }

    /// The direction of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Direction::Internal].into_iter().find(|d| d.as_str() == name)
    }
}

/// A message that a decision adds.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Where.
    pub conversation: ConversationId,
    /// Who wrote it.
    pub author: ExtensionId,
    /// The author's own name for it.
    pub client_id: ClientId,
    /// What it says.
    pub text: MessageText,
    /// Who is told.
    pub audience: Arc<[ExtensionId]>,
}

/// One entry of a conversation's timeline, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Where.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// The change that made it what it is.
    pub version: Version,
    /// Texts of the conversation up to and with it.
    pub text_no: i64,
    /// Which way it went.
    pub direction: Direction,
    /// Who wrote it.
    pub author: ExtensionId,
    /// The author's own name for it.
    pub client_id: ClientId,
    /// When it was committed, for display.
    pub created_at: Timestamp,
    /// What it says.
    pub text: MessageText,
}

impl Message {
    /// Its id: a message is named by its place, which never changes.
    pub fn id(&self) -> MessageId {
        MessageId(self.conversation, self.seq)
    }
}

/// The name of a message: its conversation and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageId(pub ConversationId, pub Seq);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.0.as_simple(), self.1)
    }
}

/// A conversation's row as everyone in it may see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Which.
    pub id: ConversationId,
    /// What it is.
    pub kind: Kind,
    /// Of a group.
    pub name: Option<String>,
    /// Rises with members, name and queue state.
    pub revision: i64,
    /// The newest change of anything in it.
    pub version: Version,
    /// Its newest message, 0 if none.
    pub last_seq: Seq,
    /// Texts in it.
    pub text_count: i64,
    /// The newest message, or its beginning.
    pub last_activity_at: Timestamp,
    /// Up to [`PARTICIPANTS_SHOWN`] of those who are in it.
    pub participants: Vec<Reading>,
    /// All who are in it.
    pub participant_count: i64,
}

/// How many participants a row shows.
pub const PARTICIPANTS_SHOWN: usize = 20;

/// A conversation in use: what its commands are decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// Whose.
    pub tenant: TenantId,
    /// Rises with members, name and queue state.
    pub revision: i64,
    /// Who is in it, and how far each has read.
    pub members: HashMap<ExtensionId, Marker>,
    /// The same people, as those who are told.
    pub audience: Arc<[ExtensionId]>,
    /// Who was last said to be typing, when. Not stored.
    pub typing: HashMap<ExtensionId, Timestamp>,
}

/// What may be asked of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Write a message.
    Send {
        /// The author's own name for it.
        client_id: ClientId,
        /// What it says.
        text: MessageText,
    },
    /// Move my marker forward.
    Read {
        /// Up to this message.
        seq: Seq,
    },
}

impl Command {
    /// Whether it changes the revision, and so waits for what is under way.
    pub fn changes_revision(&self) -> bool {
        match self {
            Command::Send { .. } | Command::Read { .. } => false,
        }
    }
}

impl Conversation {
    /// What a command of an extension means here and now.
    pub fn decide(&self, tenant: TenantId, caller: ExtensionId, command: &Command) -> Result<Decision, Refusal> {
        if tenant != self.tenant {
            return Err(Refusal::NotFound);
        }
        match command {
            Command::Send { client_id, text } => send::send(self, caller, *client_id, text),
            Command::Read { seq } => read::read(self, &[(caller, *seq)]),
        }
    }

    /// Takes in a change of this conversation that was committed.
    pub fn apply(&mut self, committed: &Committed) {
        match &committed.happening {
            Happening::MessageCreated(message) => {
                self.typing.remove(&message.author);
                self.advance(message.author, Marker { seq: message.seq, text_no: message.text_no });
            }
            Happening::ReadAdvanced { readers, .. } => {
                for reading in readers {
                    self.advance(reading.extension, reading.marker);
                }
            }
            Happening::ConversationUpdated { .. } | Happening::ExtensionUpdated(_) => {}
        }
    }

    /// When something falls due here by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// The marker of a member; who is none may not know that the conversation is there.
    fn member(&self, who: ExtensionId) -> Result<Marker, Refusal> {
        self.members.get(&who).copied().ok_or(Refusal::NotFound)
    }

    fn advance(&mut self, who: ExtensionId, to: Marker) {
        if let Some(marker) = self.members.get_mut(&who) {
            *marker = (*marker).max(to);
        }
    }

    fn guard(&self) -> Guard {
        Guard::Conversation(self.id, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    pub fn ext(n: u128) -> ExtensionId {
        ExtensionId(Uuid::from_u128(n))
    }

    /// A chat of extensions 1 and 2.
    pub fn chat() -> Conversation {
        Conversation {
            id: ConversationId(Uuid::from_u128(100)),
            tenant: TenantId(Uuid::from_u128(7)),
            revision: 1,
            members: [1, 2].map(|n| (ext(n), Marker::default())).into(),
            audience: [ext(1), ext(2)].into(),
            typing: HashMap::new(),
        }
    }

    #[test]
    fn another_tenant_finds_nothing() {
        let c = chat();
        let elsewhere = TenantId(Uuid::from_u128(8));
        assert_eq!(c.decide(elsewhere, ext(1), &Command::Read { seq: 1 }), Err(Refusal::NotFound));
    }

    #[test]
    fn markers_never_go_back() {
        let mut c = chat();
        for seq in [5, 3] {
            c.advance(ext(1), Marker { seq, text_no: seq });
        }
        assert_eq!(c.members[&ext(1)], Marker { seq: 5, text_no: 5 });
    }

    #[test]
    fn a_message_is_named_by_its_place() {
        let id = MessageId(ConversationId(Uuid::from_u128(1)), 58);
        assert_eq!(id.to_string(), "00000000000000000000000000000001.58");
    }
}
