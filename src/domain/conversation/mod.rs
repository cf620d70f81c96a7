//! A conversation's state, and what its committed changes make of it. One file per command.

pub mod add;
pub mod claim;
pub mod close;
pub mod consent;
pub mod create_direct;
pub mod create_group;
pub mod create_sms;
pub mod enter;
mod message;
pub mod queued;
mod reach;
pub mod read;
pub mod receive;
pub mod release;
pub mod remove;
pub mod rename;
pub mod retry;
pub mod send;
pub mod start;
mod system;
pub mod time_out;
pub mod transfer;
pub mod typing;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Audience, By, ClientId, Committed, ConversationId, Decision, ExtensionId, Guard, Happening, MessageText, Refusal,
    Seq, TenantId, Timestamp, Version,
    change::{Appearance, Reading},
    extension::Colleague,
    phone::Number,
    queue::Agent,
};

pub use message::{Attachment, AttachmentState, Author, Direction, Marker, Message, MessageId, NewMessage, Reply};
pub use queued::{Queued, Stand, State, Taken};
pub use reach::{Reach, Sender, Senders};
pub use system::{SystemEvent, Whom};

/// The most extensions of a group.
pub const GROUP_MAX: usize = 1_000;
/// The most numbers outside of a group.
pub const NUMBERS_MAX: usize = 50;

/// What a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Two extensions; exactly one per pair.
    Direct,
    /// Named; extensions come and go.
    Group,
    /// With a number outside: an extension's own thread, or a conversation of a queue.
    Sms,
}

impl Kind {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Direct => "direct",
            Kind::Group => "group",
            Kind::Sms => "sms",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Kind::Direct, Kind::Group, Kind::Sms].into_iter().find(|k| k.as_str() == name)
    }
}

/// Between which numbers a thread goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// One of our numbers.
    pub ours: Number,
    /// A number outside.
    pub theirs: Number,
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
    /// Up to [`PARTICIPANTS_SHOWN`] of the extensions that are in it.
    pub participants: Vec<Reading>,
    /// All who are in it, inside and outside.
    pub participant_count: i64,
    /// Of an SMS thread.
    pub pair: Option<Pair>,
    /// Who outside is in it, of a group.
    pub numbers: Arc<[Number]>,
    /// Since when a customer waits for a reply.
    pub needs_reply_since: Option<Timestamp>,
    /// Where it stands in its queue.
    pub queue: Option<Box<Queued>>,
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
    /// Of an SMS thread.
    pub pair: Option<Pair>,
    /// Who outside is in it, of a group, in order.
    pub numbers: Arc<[Number]>,
    /// Where it goes out, what its members may send from, and who wants no texts.
    pub reach: Reach,
    /// Where it stands in its queue, if it belongs to one.
    pub queue: Option<Queued>,
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
        /// The number of ours that it goes out from; none: the default.
        from: Option<Number>,
    },
    /// A text came in.
    Receive(Arc<receive::Arrival>),
    /// Start another attempt of a delivery.
    Retry(Arc<retry::Seen>),
    /// Record that somebody wants no texts, or takes them again.
    Consent(Arc<consent::Wish>),
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
        /// ... of those outside.
        numbers: Arc<[Number]>,
    },
    /// Remove somebody from the group; oneself: leave it.
    Remove {
        /// Whom.
        who: Colleague,
    },
    /// Remove a number outside from the group.
    RemoveNumber {
        /// Which.
        number: Number,
    },
    /// Leave the group.
    Leave,
    /// Take what waits, as this agent of its queue.
    Claim(Arc<Agent>),
    /// Give it to somebody else.
    Transfer(Arc<transfer::Target>),
    /// Give it back to its queue.
    Release,
    /// End it.
    Close,
    /// Who held it may do so no longer.
    Abandon {
        /// Who.
        of: ExtensionId,
    },
    /// Time has run out.
    TimeOut(Arc<time_out::Due>),
}

/// Why somebody is in a conversation no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// By their own will.
    Left,
    /// By another's.
    Removed,
    /// It went back to its queue.
    Released,
    /// It is another agent's, or in another queue.
    Transferred,
}

impl Gone {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Gone::Left => "left",
            Gone::Removed => "removed",
            Gone::Released => "released",
            Gone::Transferred => "transferred",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Gone::Left, Gone::Removed, Gone::Released, Gone::Transferred].into_iter().find(|g| g.as_str() == name)
    }
}

impl Command {
    /// The entries that it makes in a timeline, if any: so much of the sender's allowance it takes.
    pub fn entries(&self) -> Option<u32> {
        match self {
            Command::Read { .. } | Command::Receive(_) | Command::Abandon { .. } | Command::TimeOut(_) => None,
            Command::Add { others, numbers } => Some(u32::try_from(others.len() + numbers.len()).unwrap_or(u32::MAX)),
            Command::Send { .. }
            | Command::Retry(_)
            | Command::Consent(_)
            | Command::Rename { .. }
            | Command::Remove { .. }
            | Command::RemoveNumber { .. }
            | Command::Leave
            | Command::Claim(_)
            | Command::Transfer(_)
            | Command::Release
            | Command::Close => Some(1),
        }
    }

    /// Whether it changes the revision, and so waits for what is under way.
    pub fn changes_revision(&self) -> bool {
        match self {
            Command::Send { .. }
            | Command::Receive(_)
            | Command::Retry(_)
            | Command::Consent(_)
            | Command::Read { .. } => false,
            Command::Rename { .. }
            | Command::Add { .. }
            | Command::Remove { .. }
            | Command::RemoveNumber { .. }
            | Command::Leave
            | Command::Claim(_)
            | Command::Transfer(_)
            | Command::Release
            | Command::Close
            | Command::Abandon { .. }
            | Command::TimeOut(_) => true,
        }
    }
}

impl Conversation {
    /// What a command means here and now.
    pub fn decide(&self, by: &By, command: &Command) -> Result<Decision, Refusal> {
        if by.tenant() != self.tenant {
            return Err(Refusal::NotFound);
        }
        match (command, by) {
            (Command::Receive(arrival), by) if by.may_provision() => return receive::receive(self, arrival),
            (Command::Abandon { of }, By::Engine(_)) => return Ok(release::abandon(self, *of)),
            (Command::TimeOut(due), By::Engine(_)) => return time_out::time_out(self, due),
            _ => {}
        }
        let caller = by.caller()?;
        match command {
            Command::Send { client_id, text, from } => send::send(self, caller, *client_id, text, from.as_ref()),
            Command::Receive(_) | Command::Abandon { .. } | Command::TimeOut(_) => {
                Err(Refusal::Forbidden("only the engine does this".into()))
            }
            Command::Retry(seen) => retry::retry(self, caller, seen),
            Command::Consent(wish) => consent::consent(self, caller, wish),
            Command::Read { seq } => read::read(self, &[(caller.extension, *seq)]),
            Command::Rename { name } => rename::rename(self, caller, name),
            Command::Add { others, numbers } => add::add(self, caller, others, numbers),
            Command::Remove { who } => remove::remove(self, caller, who),
            Command::RemoveNumber { number } => remove::remove_number(self, caller, number),
            Command::Leave => remove::leave(self, caller),
            Command::Claim(agent) => claim::claim(self, caller, agent),
            Command::Transfer(target) => transfer::transfer(self, caller, target),
            Command::Release => release::release(self, caller),
            Command::Close => close::close(self, caller),
        }
    }

    /// Takes in a change of this conversation that was committed.
    pub fn apply(&mut self, committed: &Committed) {
        match &committed.happening {
            Happening::MessageCreated(Message { event: Some(_), .. }) => {}
            Happening::MessageCreated(message) => {
                if let Some(author) = message.author.extension() {
                    self.typing.remove(&author);
                    self.advance(author, Marker { seq: message.seq, text_no: message.text_no });
                }
            }
            Happening::ReadAdvanced { readers, .. } => {
                for reading in readers {
                    self.advance(reading.extension, reading.marker);
                }
            }
            Happening::ConversationUpdated { facts, joined } => {
                self.revision = facts.revision;
                self.name.clone_from(&facts.name);
                self.queue = facts.queue.as_deref().cloned();
                if let (Some(marker), Audience::Extensions(who)) = (joined, &committed.audience) {
                    self.members.extend(who.iter().map(|e| (*e, *marker)));
                    self.gather();
                }
            }
            Happening::ParticipantsChanged { removed, revision, numbers_added, numbers_removed, .. } => {
                self.revision = *revision;
                if !numbers_added.is_empty() || !numbers_removed.is_empty() {
                    let kept = self.numbers.iter().filter(|n| !numbers_removed.contains(n));
                    let numbers: BTreeSet<_> = kept.chain(numbers_added.iter()).cloned().collect();
                    self.numbers = numbers.into_iter().collect();
                }
                for who in removed.iter() {
                    self.members.remove(who);
                    self.typing.remove(who);
                }
                self.gather();
            }
            Happening::QueueWaiting { facts, .. } => self.queue = facts.queue.as_deref().cloned(),
            Happening::ConversationRemoved { .. } => {
                if let Audience::Extensions(who) = &committed.audience {
                    for gone in who.iter() {
                        self.members.remove(gone);
                        self.typing.remove(gone);
                    }
                    self.gather();
                }
            }
            Happening::MessageUpdated(_)
            | Happening::ExtensionUpdated(_)
            | Happening::PhoneNumberUpdated(_)
            | Happening::ConsentUpdated { .. }
            | Happening::UnroutedUpdated(_)
            | Happening::SettingsUpdated
            | Happening::VoiceQueueUpdated(_)
            | Happening::NamesUpdated(_)
            | Happening::QueueUpdated(_)
            | Happening::AgentUpdated { .. }
            | Happening::QueueTaken { .. } => {}
        }
    }

    /// Whether who is in it has changed so that it must be read anew, to know what they may send from.
    pub fn is_outdated(&self) -> bool {
        !self.numbers.is_empty() && !self.members.keys().all(|who| self.reach.knows(*who))
    }

    /// When something falls due here by itself.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.queue.as_ref()?.deadline()
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
            Kind::Sms => Err(Refusal::Forbidden("a conversation with a customer is no group".into())),
        }
    }

    fn appearance(&self) -> Appearance {
        self.appearance_with(&self.audience)
    }

    /// Its row as it is with these members; of who is new the ledger knows the marker.
    fn appearance_with(&self, members: &[ExtensionId]) -> Appearance {
        let numbers = self.numbers.clone();
        let reading = |who: &ExtensionId| {
            let marker = self.members.get(who).copied().unwrap_or_default();
            Reading { extension: *who, marker }
        };
        Appearance {
            id: self.id,
            kind: self.kind,
            name: self.name.clone(),
            participants: members.iter().take(PARTICIPANTS_SHOWN).map(reading).collect(),
            participant_count: i64::try_from(members.len() + numbers.len()).unwrap_or(i64::MAX),
            pair: self.pair.clone(),
            numbers,
            queue: self.queue.clone(),
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
    use crate::domain::{Caller, Role, queue::tests::line};
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
            pair: None,
            numbers: [].into(),
            reach: Reach::default(),
            queue: None,
        };
        group.gather();
        group
    }

    pub fn number(text: &str) -> Number {
        Number::stored(text.into())
    }

    pub const OURS: &str = "+14045550100";
    pub const THEIRS: &str = "+14045550199";

    /// What extension `n` may send from.
    pub fn senders(ours: &[&str]) -> Senders {
        let sender = |n: &&str| Sender { number: number(n), revision: 5, sms_enabled: true, feeds_queue: false };
        Senders { revision: 3, numbers: ours.iter().map(sender).collect() }
    }

    /// The thread of extension 1 with a customer.
    pub fn thread() -> Conversation {
        Conversation {
            kind: Kind::Sms,
            name: None,
            pair: Some(Pair { ours: number(OURS), theirs: number(THEIRS) }),
            reach: Reach { senders: [(ext(1), senders(&[OURS]))].into(), ..Reach::default() },
            ..group_of([1])
        }
    }

    /// The group Ops of extensions 1, 2 and 3, with a customer in it; 1 and 2 have a number.
    pub fn mixed() -> Conversation {
        let reach = [(ext(1), senders(&[OURS])), (ext(2), senders(&["+14045550101"])), (ext(3), senders(&[]))];
        let reach = Reach { senders: reach.into(), ..Reach::default() };
        Conversation { numbers: [number(THEIRS)].into(), reach, ..group() }
    }

    /// A conversation of the support queue that waits.
    pub fn waiting() -> Conversation {
        let own = Sender { number: number(OURS), revision: 5, sms_enabled: true, feeds_queue: true };
        Conversation {
            kind: Kind::Sms,
            name: None,
            pair: Some(Pair { ours: number(OURS), theirs: number(THEIRS) }),
            reach: Reach { own: Some(own), ..Reach::default() },
            queue: Some(Queued::new(Arc::new(line()), State::Waiting)),
            ..group_of([])
        }
    }

    /// ... that extension `n` holds.
    pub fn claimed(n: u128) -> Conversation {
        let queue = Queued::new(Arc::new(line()), State::Claimed(colleague(n)));
        let members = group_of([n]);
        Conversation { queue: Some(queue), members: members.members, audience: members.audience, ..waiting() }
    }

    /// ... that extension `n` held and closed.
    pub fn closed(n: u128) -> Conversation {
        let mut closed = claimed(n);
        closed.queue.iter_mut().for_each(|queued| queued.state = State::Closed(Some(colleague(n))));
        closed
    }

    /// Extension `n`, who supervises.
    pub fn supervisor(n: u128) -> Caller {
        Caller { role: Role::Supervisor, ..caller(n) }
    }

    /// A text of extension `n`.
    pub fn message(n: u128, text: &str) -> Message {
        Message {
            conversation: chat().id,
            seq: 1,
            version: 1,
            text_no: 1,
            direction: Direction::Internal,
            author: Author::Extension(ext(n)),
            client_id: Some(ClientId(Uuid::from_u128(9))),
            created_at: Timestamp(0),
            text: MessageText::parse(text.into()).unwrap(),
            event: None,
            deliveries: vec![],
            attachments: vec![],
        }
    }

    #[test]
    fn another_tenant_finds_nothing() {
        let c = chat();
        let stranger = Caller { tenant: TenantId(Uuid::from_u128(8)), ..caller(1) };
        let stranger = By::Extension(Arc::new(stranger));
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
