//! What a carrier brings in.

use serde::{Deserialize, Serialize};

use crate::domain::{AttemptId, MessageText, phone::Number};

use super::{delivery::Receipt, keywords::Keyword};

/// A text from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The section of the configuration that it came by.
    pub carrier: String,
    /// The carrier's own name for it: the same again is the same text.
    pub provider_id: String,
    /// Who sent it.
    pub from: Number,
    /// Which of our numbers it is for.
    pub to: Number,
    /// What it says; empty, if only a picture came.
    pub text: MessageText,
    /// What came with it, to be fetched.
    pub media: Vec<Media>,
    /// What the carrier takes it for, where it looks for the words of consent itself.
    pub keyword: Option<Keyword>,
}

/// A file that came with a text, as the carrier names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Where it can be fetched.
    pub url: String,
    /// What the carrier says it is.
    pub content_type: String,
}

/// News of a text that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The attempt, where the callback names it.
    pub attempt: Option<AttemptId>,
    /// The carrier's own name for the text.
    pub provider_id: Option<String>,
    /// What became of it.
    pub receipt: Receipt,
    /// They said stop, says the carrier.
    pub opted_out: bool,
}
