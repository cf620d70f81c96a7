//! One entry of a timeline, and how far somebody has read in it.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::domain::{ClientId, ConversationId, ExtensionId, MessageText, Seq, Timestamp, Version};

use super::SystemEvent;

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
    /// Who wrote it, or did what it tells.
    pub author: ExtensionId,
    /// The author's own name for it.
    pub client_id: Option<ClientId>,
    /// What it says.
    pub text: MessageText,
    /// Of a system message: what happened.
    pub event: Option<SystemEvent>,
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
    /// Who wrote it, or did what it tells.
    pub author: ExtensionId,
    /// The author's own name for it.
    pub client_id: Option<ClientId>,
    /// When it was committed, for display.
    pub created_at: Timestamp,
    /// What it says.
    pub text: MessageText,
    /// Of a system message: what happened.
    pub event: Option<SystemEvent>,
}

impl Message {
    /// Its id: a message is named by its place, which never changes.
    pub fn id(&self) -> MessageId {
        MessageId(self.conversation, self.seq)
    }

    /// Whoever is named in it.
    pub fn people(&self) -> impl Iterator<Item = ExtensionId> {
        std::iter::once(self.author).chain(self.event.iter().flat_map(SystemEvent::people))
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

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_message_is_named_by_its_place() {
        let id = MessageId(ConversationId(Uuid::from_u128(1)), 58);
        assert_eq!(id.to_string(), "00000000000000000000000000000001.58");
    }
}
