//! System messages: the gray pills of a timeline. Their words are kept as written; the event beside them lets a client
//! say it in its own way or language.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{Change, ExtensionId, MessageText};

use super::{Conversation, NewMessage};

/// What a system message tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum SystemEvent {
    /// A group began.
    Created {
        /// Who made it.
        by: ExtensionId,
        /// What it was called.
        group: String,
    },
    /// A group got another name.
    Renamed {
        /// Who renamed it.
        by: ExtensionId,
        /// What it is called since.
        to: String,
    },
    /// Somebody is in it since.
    Added {
        /// Who added them.
        by: ExtensionId,
        /// Whom.
        who: ExtensionId,
    },
    /// Somebody is no longer in it.
    Removed {
        /// Who removed them.
        by: ExtensionId,
        /// Whom.
        who: ExtensionId,
    },
    /// Somebody went.
    Left {
        /// Who.
        who: ExtensionId,
    },
}

impl SystemEvent {
    /// Whoever is named in it.
    pub fn people(&self) -> impl Iterator<Item = ExtensionId> {
        let (first, second) = match self {
            SystemEvent::Created { by, .. } | SystemEvent::Renamed { by, .. } => (*by, None),
            SystemEvent::Added { by, who } | SystemEvent::Removed { by, who } => (*by, Some(*who)),
            SystemEvent::Left { who } => (*who, None),
        };
        std::iter::once(first).chain(second)
    }
}

/// A system message by `author`, for all of `audience`.
pub(super) fn system_message(
    conversation: &Conversation,
    author: ExtensionId,
    words: String,
    event: SystemEvent,
    audience: &Arc<[ExtensionId]>,
) -> Change {
    Change::MessageAdded(NewMessage {
        conversation: conversation.id,
        author,
        client_id: None,
        text: MessageText::of_system(words),
        event: Some(event),
        audience: audience.clone(),
    })
}
