//! Why a command was not carried out. `protocol::problem` gives each its code and HTTP status.

use thiserror::Error;

use super::extension::Colleague;

/// A command that was refused, and changed nothing (but [`Refusal::OutcomeUnknown`], which may have).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request can't be understood; the text names the field.
    #[error("{0}")]
    InvalidRequest(String),
    /// More bytes than are taken.
    #[error("the body is larger than is taken here")]
    PayloadTooLarge,
    /// A body that is in no form that is taken.
    #[error("send JSON, as application/json; contacts also a line each, as application/x-ndjson")]
    UnsupportedMediaType,
    /// No token, or one that is no longer good.
    #[error("sign in first")]
    Unauthenticated,
    /// A login that failed; which part was wrong is not told.
    #[error("the extension or the password is wrong")]
    WrongCredentials,
    /// Known, but not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// Not there, or not the caller's to know of.
    #[error("there is nothing here under that name")]
    NotFound,
    /// Nobody of the tenant has this number, or may not be reached.
    #[error("there is no extension {0}")]
    NoSuchExtension(String),
    /// This `client_id` was used with another text or in another conversation.
    #[error("this client_id already belongs to another message")]
    IdempotencyConflict,
    /// More characters than fit.
    #[error("the text has {characters} characters; {limit} fit")]
    TooLong {
        /// Unicode scalar values in the text.
        characters: usize,
        /// Unicode scalar values allowed.
        limit: usize,
    },
    /// Nothing but white space.
    #[error("the text is empty")]
    EmptyText,
    /// A NUL character.
    #[error("the text contains a NUL character")]
    InvalidText,
    /// A number that can't be texted, or is none.
    #[error("{0}")]
    InvalidNumber(String),
    /// There is no phone number to send it from.
    #[error("{0}")]
    SmsNotEnabled(String),
    /// They said stop to this number.
    #[error("they asked for no more texts from this number; they can text START to take them again")]
    OptedOut,
    /// The number is another company's.
    #[error("{0} belongs to another company")]
    NumberTaken(String),
    /// Another agent holds the conversation.
    #[error("{0} holds this conversation")]
    AlreadyClaimed(Box<Colleague>),
    /// Nobody holds the conversation.
    #[error("nobody holds this conversation: claim it first")]
    NotClaimed,
    /// Nothing waits here, or not long enough.
    #[error("this conversation doesn't wait")]
    NotWaiting,
    /// It is over.
    #[error("this conversation is closed; a new text begins another")]
    ConversationClosed,
    /// Who should take a conversation is not logged in to its queue, or paused.
    #[error("{0}")]
    AgentUnavailable(String),
    /// There is no SMS queue of that name.
    #[error("there is no SMS queue {0}")]
    NoSuchQueue(String),
    /// A queue in which conversations are open.
    #[error("conversations are open in this queue: close or transfer them first")]
    QueueInUse,
    /// A name that is empty, too long or holds control characters.
    #[error("{0}")]
    InvalidName(String),
    /// A chat or a group needs somebody else in it.
    #[error("{0}")]
    TooFewParticipants(String),
    /// More than a group takes.
    #[error("that makes {participants} participants; {limit} fit")]
    TooManyParticipants {
        /// So many there would be.
        participants: usize,
        /// So many may be.
        limit: usize,
    },
    /// Too often.
    #[error("too many requests; try again in {retry_after_s} s")]
    RateLimited {
        /// Whole seconds until it is worth trying again.
        retry_after_s: u64,
    },
    /// The engine has too much to do; certainly not done.
    #[error("the engine is busy; nothing was done, try again")]
    Busy,
    /// The database can't write (or read); certainly not done.
    #[error("the storage is unavailable; nothing was done, try again")]
    StorageUnavailable,
    /// The connection to the database broke while it committed.
    #[error("it is not known whether this was done; repeat it with the same client_id")]
    OutcomeUnknown,
}

impl Refusal {
    /// Nobody gave this extension a number to text from.
    pub fn no_sender() -> Self {
        Refusal::SmsNotEnabled("you have no phone number with SMS: ask the administrator for one".into())
    }

    /// A thread's number is gone, or may not be sent from any more.
    pub fn sender_gone(ours: &super::phone::Number) -> Self {
        let ours = ours.international();
        Refusal::SmsNotEnabled(format!("{ours} can't be sent from any more: ask the administrator"))
    }

    /// `invalid_request` that names what is wrong.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Refusal::InvalidRequest(detail.into())
    }
}
