//! Names for things. Each is a UUIDv7 in a type of its own, so that no id is taken for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

id!(
    /// One PBX domain (a company). Nothing crosses tenants.
    TenantId
);
id!(
    /// One person's extension. A number given again later is another extension.
    ExtensionId
);
id!(
    /// A direct chat, a group or an SMS thread.
    ConversationId
);
id!(
    /// The sender's own name for one send: the same again is the same message.
    ClientId
);
id!(
    /// One WebSocket of an extension.
    SessionId
);
id!(
    /// One attempt to send a text to one number: a carrier's callbacks name it.
    AttemptId
);
id!(
    /// A picture, or another file, that came with a text.
    AttachmentId
);
id!(
    /// A text that came in and is nobody's.
    UnroutedId
);

id!(
    /// A named team inbox.
    QueueId
);
id!(
    /// A phonebook.
    PhonebookId
);
id!(
    /// One state of all contacts of a phonebook: a load stores them under a new one, and then takes its place.
    GenerationId
);

/// The place of a message in its conversation: 1, 2, 3 … without gaps.
pub type Seq = i64;

/// The place of a change in its tenant: 1, 2, 3 … without gaps, in commit order.
pub type Version = i64;
