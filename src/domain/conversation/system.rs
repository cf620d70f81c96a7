//! System messages: the gray pills of a timeline. Their words are kept as written; the event beside them lets a client
//! say it in its own way or language.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{Change, ConversationId, ExtensionId, MessageText, QueueId, phone::Number};

use super::{Author, Conversation, NewMessage};

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
        who: Whom,
    },
    /// Somebody is no longer in it.
    Removed {
        /// Who removed them.
        by: ExtensionId,
        /// Whom.
        who: Whom,
    },
    /// Somebody went.
    Left {
        /// Who.
        who: ExtensionId,
    },
    /// The customer wants no more texts.
    OptedOut {
        /// From this number of ours; none: from any.
        our_number: Option<Number>,
        /// Which of us recorded it, if not they themselves.
        by: Option<ExtensionId>,
    },
    /// The customer takes texts again.
    OptedIn {
        /// From this number of ours; none: from any.
        our_number: Option<Number>,
        /// Which of us recorded it, if not they themselves.
        by: Option<ExtensionId>,
    },
    /// A queue conversation began.
    Entered {
        /// In this queue.
        queue: QueueId,
        /// As it was called.
        queue_name: String,
    },
    /// Somebody took it.
    Claimed {
        /// Who.
        by: ExtensionId,
    },
    /// It was given to an agent.
    Transferred {
        /// Who did that.
        by: ExtensionId,
        /// To whom.
        to: ExtensionId,
    },
    /// It was given to another queue.
    TransferredToQueue {
        /// Who did that.
        by: ExtensionId,
        /// To which.
        queue: QueueId,
        /// As it was called.
        queue_name: String,
    },
    /// It went back to its queue.
    Released {
        /// Who gave it back; none: its agent may hold it no longer.
        by: Option<ExtensionId>,
    },
    /// It went back to its queue: the customer had no reply.
    TimedOut {
        /// From whom.
        who: ExtensionId,
    },
    /// It is over.
    Closed {
        /// Who closed it.
        by: ExtensionId,
    },
    /// It is over: nobody was available.
    Missed,
}

/// Whom something in a group is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Whom {
    /// One of us.
    Extension(ExtensionId),
    /// Somebody outside.
    Number(Number),
}

impl Whom {
    /// The extension, if it is one.
    pub fn extension(&self) -> Option<ExtensionId> {
        match self {
            Whom::Extension(id) => Some(*id),
            Whom::Number(_) => None,
        }
    }
}

impl SystemEvent {
    /// Whoever is named in it.
    pub fn people(&self) -> impl Iterator<Item = ExtensionId> {
        let (first, second) = match self {
            SystemEvent::Created { by, .. } | SystemEvent::Renamed { by, .. } => (Some(*by), None),
            SystemEvent::Added { by, who } | SystemEvent::Removed { by, who } => (Some(*by), who.extension()),
            SystemEvent::Left { who } | SystemEvent::TimedOut { who } => (Some(*who), None),
            SystemEvent::Claimed { by } | SystemEvent::Closed { by } | SystemEvent::TransferredToQueue { by, .. } => {
                (Some(*by), None)
            }
            SystemEvent::Transferred { by, to } => (Some(*by), Some(*to)),
            SystemEvent::Released { by } => (*by, None),
            SystemEvent::Entered { .. } | SystemEvent::Missed => (None, None),
            SystemEvent::OptedOut { by, .. } | SystemEvent::OptedIn { by, .. } => (*by, None),
        };
        first.into_iter().chain(second)
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
    pill(conversation.id, Author::Extension(author), words, event, audience)
}

/// A system message of a conversation that may not be there yet.
pub(super) fn pill(
    conversation: ConversationId,
    author: Author,
    words: String,
    event: SystemEvent,
    audience: &Arc<[ExtensionId]>,
) -> Change {
    let bare = NewMessage::bare(conversation, MessageText::of_system(words), audience.clone());
    Change::MessageAdded(NewMessage { author, event: Some(event), ..bare })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn an_extension_and_a_number_are_told_apart_as_stored() {
        let someone = ExtensionId(Uuid::from_u128(1));
        for who in [Whom::Extension(someone), Whom::Number(Number::stored("+14045550199".into()))] {
            let event = SystemEvent::Added { by: someone, who };
            let stored = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<SystemEvent>(&stored).unwrap(), event);
        }
    }
}
