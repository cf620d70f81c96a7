//! One entry of a timeline, and how far somebody has read in it.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::domain::{
    AttachmentId, ClientId, ConversationId, ExtensionId, MessageText, Seq, Timestamp, Version,
    phone::Number,
    sms::{delivery::Delivery, inbound::Media},
};

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
    /// From outside.
    Inbound,
    /// To somebody outside (and to the extensions beside them).
    Outbound,
}

impl Direction {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Internal => "internal",
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }

    /// The direction of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Direction::Internal, Direction::Inbound, Direction::Outbound].into_iter().find(|d| d.as_str() == name)
    }
}

/// Who wrote a message, or did what a system message tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Author {
    /// One of us.
    Extension(ExtensionId),
    /// Somebody outside.
    Number(Number),
    /// Nobody: it happened by itself.
    Nobody,
}

impl Author {
    /// The extension, if it is one.
    pub fn extension(&self) -> Option<ExtensionId> {
        match self {
            Author::Extension(id) => Some(*id),
            Author::Number(_) | Author::Nobody => None,
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<&Number> {
        match self {
            Author::Number(number) => Some(number),
            Author::Extension(_) | Author::Nobody => None,
        }
    }
}

/// What a message does to the customer's wait for a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// Nothing: it stays inside, is automatic, or a word of consent.
    #[default]
    Neither,
    /// The customer is owed one from now on, if not already.
    Owed,
    /// It is one.
    Given,
}

/// A message that a decision adds.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Where.
    pub conversation: ConversationId,
    /// Which way it goes.
    pub direction: Direction,
    /// Who wrote it, or did what it tells.
    pub author: Author,
    /// The author's own name for it.
    pub client_id: Option<ClientId>,
    /// What it says.
    pub text: MessageText,
    /// Of a system message: what happened.
    pub event: Option<SystemEvent>,
    /// Its sending to numbers outside. The ledger knows when they begin.
    pub deliveries: Vec<Delivery>,
    /// Files that came with it.
    pub attachments: Vec<(AttachmentId, Media)>,
    /// What it does to the customer's wait.
    pub reply: Reply,
    /// Who is told.
    pub audience: Arc<[ExtensionId]>,
}

impl NewMessage {
    /// A text of an extension to those inside.
    pub fn text(
        conversation: ConversationId,
        author: ExtensionId,
        client_id: ClientId,
        text: MessageText,
        audience: Arc<[ExtensionId]>,
    ) -> Self {
        Self {
            author: Author::Extension(author),
            client_id: Some(client_id),
            ..Self::bare(conversation, text, audience)
        }
    }

    /// A text without an author.
    pub fn bare(conversation: ConversationId, text: MessageText, audience: Arc<[ExtensionId]>) -> Self {
        Self {
            conversation,
            direction: Direction::Internal,
            author: Author::Nobody,
            client_id: None,
            text,
            event: None,
            deliveries: vec![],
            attachments: vec![],
            reply: Reply::Neither,
            audience,
        }
    }
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
    pub author: Author,
    /// The author's own name for it.
    pub client_id: Option<ClientId>,
    /// When it was committed, for display.
    pub created_at: Timestamp,
    /// What it says; empty, if only a picture came.
    pub text: MessageText,
    /// Of a system message: what happened.
    pub event: Option<SystemEvent>,
    /// Its sending to numbers outside.
    pub deliveries: Vec<Delivery>,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
}

/// A file that came with a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name for ever.
    pub id: AttachmentId,
    /// What it is.
    pub content_type: String,
    /// Whether it is here.
    pub state: AttachmentState,
    /// How large it is, in bytes, once it is here.
    pub size: Option<i64>,
}

/// Whether a file that came with a text is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentState {
    /// To be fetched from the carrier.
    Pending,
    /// It is.
    Stored,
    /// It never will be.
    Failed,
}

impl AttachmentState {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            AttachmentState::Pending => "pending",
            AttachmentState::Stored => "stored",
            AttachmentState::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [AttachmentState::Pending, AttachmentState::Stored, AttachmentState::Failed]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

impl Message {
    /// Its id: a message is named by its place, which never changes.
    pub fn id(&self) -> MessageId {
        MessageId(self.conversation, self.seq)
    }

    /// Whoever is named in it.
    pub fn people(&self) -> impl Iterator<Item = ExtensionId> {
        self.author.extension().into_iter().chain(self.event.iter().flat_map(SystemEvent::people))
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
