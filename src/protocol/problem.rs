//! The one table from refusal to code to HTTP status, and how it is said (RFC 9457).

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::Refusal;

use super::shapes::Person;

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of refusal, in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, in plain words.
    pub detail: String,
    /// What programs go by.
    pub code: &'static str,
    /// Who holds the conversation that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<Person>,
    /// Whole seconds until it is worth trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

/// Code, status and title of a refusal.
#[rustfmt::skip] // a table
pub fn code(refusal: &Refusal) -> (&'static str, u16, &'static str) {
    match refusal {
        Refusal::InvalidRequest(_)      => ("invalid_request",      400, "The request can't be understood"),
        Refusal::PayloadTooLarge        => ("payload_too_large",    413, "Too large"),
        Refusal::UnsupportedMediaType   => ("unsupported_media_type", 415, "Unsupported media type"),
        Refusal::Unauthenticated        => ("unauthenticated",      401, "Sign in first"),
        Refusal::WrongCredentials       => ("unauthenticated",      401, "Not signed in"),
        Refusal::Forbidden(_)           => ("forbidden",            403, "Not allowed"),
        Refusal::NotFound               => ("not_found",            404, "Not there"),
        Refusal::NoSuchExtension(_)     => ("not_found",            404, "Not there"),
        Refusal::IdempotencyConflict    => ("idempotency_conflict", 409, "This client_id was used before"),
        Refusal::TooLong { .. }         => ("too_long",             422, "Too long"),
        Refusal::EmptyText              => ("empty_text",           422, "Nothing to send"),
        Refusal::InvalidText            => ("invalid_text",         422, "The text can't be sent"),
        Refusal::NumberTaken(_)         => ("number_taken",         409, "The number is taken"),
        Refusal::SmsNotEnabled(_)       => ("sms_not_enabled",      409, "No number to send from"),
        Refusal::OptedOut               => ("opted_out",            409, "They said stop"),
        Refusal::InvalidNumber(_)       => ("invalid_number",       422, "Not a number to text"),
        Refusal::AlreadyClaimed(_)      => ("already_claimed",      409, "Somebody else has it"),
        Refusal::NotClaimed             => ("not_claimed",          409, "Nobody has it"),
        Refusal::NotWaiting             => ("not_waiting",          409, "It doesn't wait"),
        Refusal::ConversationClosed     => ("conversation_closed",  409, "It is closed"),
        Refusal::AgentUnavailable(_)    => ("agent_unavailable",    409, "Not available in this queue"),
        Refusal::NoSuchQueue(_)         => ("not_found",            404, "Not there"),
        Refusal::QueueInUse             => ("queue_in_use",         409, "The queue is in use"),
        Refusal::InvalidName(_)         => ("invalid_name",         422, "The name can't be used"),
        Refusal::TooFewParticipants(_)  => ("too_few_participants", 422, "Too few participants"),
        Refusal::TooManyParticipants {..} => ("too_many_participants", 422, "Too many participants"),
        Refusal::RateLimited { .. }     => ("rate_limited",         429, "Too many requests"),
        Refusal::Busy                   => ("busy",                 503, "Busy"),
        Refusal::StorageUnavailable     => ("storage_unavailable",  503, "The storage is unavailable"),
        Refusal::OutcomeUnknown         => ("outcome_unknown",      503, "The outcome is unknown"),
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let (code, status, title) = code(refusal);
        let retry_after_s = match refusal {
            Refusal::RateLimited { retry_after_s } => Some(*retry_after_s),
            _ => None,
        };
        let claimed_by = match refusal {
            Refusal::AlreadyClaimed(by) => Some(Person::from(&**by)),
            _ => None,
        };
        Problem { title, status, detail: refusal.to_string(), code, claimed_by, retry_after_s }
    }
}

impl Problem {
    /// The framework's own refusals, which no command is behind.
    pub fn of_http(status: u16) -> Self {
        let (code, title, detail) = match status {
            405 => ("method_not_allowed", "Method not allowed", "this address doesn't take that method"),
            413 => return Problem::from(&Refusal::PayloadTooLarge),
            415 => return Problem::from(&Refusal::UnsupportedMediaType),
            _ => return Problem::from(&Refusal::NotFound),
        };
        Problem { title, status, detail: detail.into(), code, claimed_by: None, retry_after_s: None }
    }
}
