//! The rules of the product, and nothing else: no I/O, no clock, no actor, no database.
//!
//! Everything here is a value or a pure function of values, so each rule is tested beside the rule, in milliseconds.

pub mod audit;
pub mod change;
pub mod claims;
pub mod contacts;
pub mod conversation;
pub mod extension;
pub mod ids;
pub mod limits;
pub mod name;
pub mod phone;
pub mod presence;
pub mod provision;
pub mod queue;
pub mod refusal;
pub mod settings;
pub mod sms;
pub mod text;
pub mod timestamp;

pub use change::{Audience, Change, Committed, Decision, Guard, Happening};
pub use extension::{By, Caller, Role};
pub use ids::{
    AttachmentId, AttemptId, ClientId, ConversationId, ExtensionId, GenerationId, PhonebookId, QueueId, Seq, SessionId,
    TenantId, UnroutedId, Version,
};
pub use refusal::Refusal;
pub use text::MessageText;
pub use timestamp::Timestamp;
