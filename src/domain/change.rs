//! The vocabulary of *decide → commit → deliver*: what a decision proposes, and what has happened once it is committed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ConversationId, ExtensionId, Seq, TenantId, Timestamp, Version,
    conversation::{Facts, Kind, Marker, Message, NewMessage},
    extension::Extension,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Of a conversation: its members, name and queue state.
    Conversation(ConversationId, i64),
    /// Of an extension's provisioning.
    Extension(ExtensionId, i64),
}

/// One change that a decision proposes. The ledger gives it a version, a message its `seq` too.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A conversation begins. Its natural key must be free.
    ConversationCreated(NewConversation),
    /// A message is added at the end of its conversation, and its author's marker moves to it.
    MessageAdded(NewMessage),
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
        /// Whether it is new.
        made: bool,
    },
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
    /// Markers moved forward.
    ReadAdvanced {
        /// Where.
        conversation: ConversationId,
        /// Who, up to where.
        readers: Vec<Reading>,
    },
    /// An extension was made or altered.
    ExtensionUpdated(Extension),
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Who.
    pub extension: ExtensionId,
    /// Up to where.
    pub marker: Marker,
}
