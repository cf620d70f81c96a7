//! A conversation's state, and what its committed changes make of it. One file per command.

pub mod add;
pub mod create_direct;
pub mod create_group;
mod message;
pub mod read;
pub mod remove;
pub mod rename;
pub mod send;
mod system;
pub mod typing;

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Audience, Caller, ClientId, Committed, ConversationId, Decision, ExtensionId, Guard, Happening, MessageText,
    Refusal, Seq, TenantId, Timestamp, Version,
    change::{Appearance, Reading},
    extension::Colleague,
};

pub use message::{Direction, Marker, Message, MessageId, NewMessage};
pub use system::SystemEvent;

/// The most extensions of a group.
pub const GROUP_MAX: usize = 1_000;

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Two extensions; exactly one per pair.
    Direct,
    /// Named; extensions come and go.
    Group,
}

impl Kind {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Direct => "direct",
            Kind::Group => "group",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Kind::Direct, Kind::Group].into_iter().find(|k| k.as_str() == name)
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
    /// What it is.
    pub kind: Kind,
    /// Of a group.
    pub name: Option<String>,
    /// Rises with members, name and queue state.
    pub revision: i64,
    /// Who is in it, and how far each has read.
    pub members: HashMap<ExtensionId, Marker>,
    /// The same people in the order of their ids, as those who are told.
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
    /// Give the group another name.
    Rename {
        /// Which.
        name: String,
    },
    /// Bring others into the group.
    Add {
        /// Whom.
        others: Arc<[Colleague]>,
    },
    /// Remove somebody from the group; oneself: leave it.
    Remove {
        /// Whom.
        who: Colleague,
    },
    /// Leave the group.
    Leave,
}

/// Why somebody is in a conversation no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// By their own will.
    Left,
    /// By another's.
    Removed,
}

impl Gone {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Gone::Left => "left",
            Gone::Removed => "removed",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Gone::Left, Gone::Removed].into_iter().find(|g| g.as_str() == name)
    }
}

impl Command {
    /// The entries that it makes in a timeline, if any: so much of the sender's allowance it takes.
    pub fn entries(&self) -> Option<u32> {
        match self {
            Command::Read { .. } => None,
            Command::Add { others } => Some(u32::try_from(others.len()).unwrap_or(u32::MAX)),
            Command::Send { .. } | Command::Rename { .. } | Command::Remove { .. } | Command::Leave => Some(1),
        }
    }

    /// Whether it changes the revision, and so waits for what is under way.
    pub fn changes_revision(&self) -> bool {
        match self {
            Command::Send { .. } | Command::Read { .. } => false,
            Command::Rename { .. } | Command::Add { .. } | Command::Remove { .. } | Command::Leave => true,
        }
    }
}

impl Conversation {
    /// What a command of an extension means here and now.
    pub fn decide(&self, caller: &Caller, command: &Command) -> Result<Decision, Refusal> {
        if caller.tenant != self.tenant {
            return Err(Refusal::NotFound);
        }
        match command {
            Command::Send { client_id, text } => send::send(self, caller.extension, *client_id, text),
            Command::Read { seq } => read::read(self, &[(caller.extension, *seq)]),
            Command::Rename { name } => rename::rename(self, caller, name),
            Command::Add { others } => add::add(self, caller, others),
            Command::Remove { who } => remove::remove(self, caller, who),
            Command::Leave => remove::leave(self, caller),
        }
    }

    /// Takes in a change of this conversation that was committed.
    pub fn apply(&mut self, committed: &Committed) {
        match &committed.happening {
            Happening::MessageCreated(Message { event: Some(_), .. }) => {}
            Happening::MessageCreated(message) => {
                self.typing.remove(&message.author);
                self.advance(message.author, Marker { seq: message.seq, text_no: message.text_no });
            }
            Happening::ReadAdvanced { readers, .. } => {
                for reading in readers {
                    self.advance(reading.extension, reading.marker);
                }
            }
            Happening::ConversationUpdated { facts, joined } => {
                self.revision = facts.revision;
                self.name.clone_from(&facts.name);
                if let (Some(marker), Audience::Extensions(who)) = (joined, &committed.audience) {
                    self.members.extend(who.iter().map(|e| (*e, *marker)));
                    self.gather();
                }
            }
            Happening::ParticipantsChanged { removed, revision, .. } => {
                self.revision = *revision;
                for who in removed.iter() {
                    self.members.remove(who);
                    self.typing.remove(who);
                }
                self.gather();
            }
            Happening::ConversationRemoved { .. }
            | Happening::ExtensionUpdated(_)
            | Happening::PhoneNumberUpdated(_) => {}
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

    /// A command that only a group knows: whether the caller may give it.
    fn group(&self, caller: ExtensionId) -> Result<(), Refusal> {
        self.member(caller)?;
        match self.kind {
            Kind::Group => Ok(()),
            Kind::Direct => Err(Refusal::Forbidden("a chat of two has no name, and always the same two in it".into())),
        }
    }

    fn appearance(&self) -> Appearance {
        self.appearance_with(&self.audience)
    }

    /// Its row as it is with these members; of who is new the ledger knows the marker.
    fn appearance_with(&self, members: &[ExtensionId]) -> Appearance {
        let reading = |who: &ExtensionId| {
            let marker = self.members.get(who).copied().unwrap_or_default();
            Reading { extension: *who, marker }
        };
        Appearance {
            id: self.id,
            kind: self.kind,
            name: self.name.clone(),
            participants: members.iter().take(PARTICIPANTS_SHOWN).map(reading).collect(),
            participant_count: i64::try_from(members.len()).unwrap_or(i64::MAX),
        }
    }

    fn gather(&mut self) {
        let mut audience: Vec<_> = self.members.keys().copied().collect();
        audience.sort_unstable();
        self.audience = audience.into();
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
    use crate::domain::Role;
    use uuid::Uuid;

    pub fn ext(n: u128) -> ExtensionId {
        ExtensionId(Uuid::from_u128(n))
    }

    /// Extension `n`, as one who asks.
    pub fn caller(n: u128) -> Caller {
        let Colleague { id: extension, number, name } = colleague(n);
        Caller { tenant: TenantId(Uuid::from_u128(7)), extension, number, name, role: Role::User }
    }

    /// Extension `n`, as one whom a command is about.
    pub fn colleague(n: u128) -> Colleague {
        Colleague { id: ext(n), number: (200 + n).to_string(), name: format!("Name {n}") }
    }

    /// A chat of extensions 1 and 2.
    pub fn chat() -> Conversation {
        Conversation { kind: Kind::Direct, name: None, ..group_of([1, 2]) }
    }

    /// The group Ops of extensions 1, 2 and 3.
    pub fn group() -> Conversation {
        group_of([1, 2, 3])
    }

    pub fn group_of(members: impl IntoIterator<Item = u128>) -> Conversation {
        let mut group = Conversation {
            id: ConversationId(Uuid::from_u128(100)),
            tenant: TenantId(Uuid::from_u128(7)),
            kind: Kind::Group,
            name: Some("Ops".into()),
            revision: 1,
            members: members.into_iter().map(|n| (ext(n), Marker::default())).collect(),
            audience: [].into(),
            typing: HashMap::new(),
        };
        group.gather();
        group
    }

    /// A text of extension `n`.
    pub fn message(n: u128, text: &str) -> Message {
        Message {
            conversation: chat().id,
            seq: 1,
            version: 1,
            text_no: 1,
            direction: Direction::Internal,
            author: ext(n),
            client_id: Some(ClientId(Uuid::from_u128(9))),
            created_at: Timestamp(0),
            text: MessageText::parse(text.into()).unwrap(),
            event: None,
        }
    }

    #[test]
    fn another_tenant_finds_nothing() {
        let c = chat();
        let stranger = Caller { tenant: TenantId(Uuid::from_u128(8)), ..caller(1) };
        assert_eq!(c.decide(&stranger, &Command::Read { seq: 1 }), Err(Refusal::NotFound));
    }

    #[test]
    fn markers_never_go_back() {
        let mut c = chat();
        for seq in [5, 3] {
            c.advance(ext(1), Marker { seq, text_no: seq });
        }
        assert_eq!(c.members[&ext(1)], Marker { seq: 5, text_no: 5 });
    }
}
