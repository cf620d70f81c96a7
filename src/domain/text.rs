//! What may be written in a message.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// The most characters (Unicode scalar values) of a message that stays inside.
pub const MAX_CHARACTERS: usize = 4_000;

/// ... of one that goes out by SMS as well.
pub const MAX_SMS_CHARACTERS: usize = 1_600;

/// A message's text, exactly as typed: 1–4,000 characters, not only white space, no NUL. Shared, so that a copy costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageText(Arc<str>);

impl MessageText {
    /// Takes a text, or says which rule it breaks: `empty_text`, `invalid_text` or `too_long`.
    pub fn parse(text: String) -> Result<Self, Refusal> {
        if text.trim().is_empty() {
            return Err(Refusal::EmptyText);
        }
        if text.contains('\0') {
            return Err(Refusal::InvalidText);
        }
        // A text this short in bytes can't have too many characters: no need to count.
        if text.len() > MAX_CHARACTERS {
            let characters = text.chars().count();
            if characters > MAX_CHARACTERS {
                return Err(Refusal::TooLong { characters, limit: MAX_CHARACTERS });
            }
        }
        Ok(Self(text.into()))
    }

    /// Whether it may go out by SMS: `too_long` if not.
    pub fn check_sms(&self) -> Result<(), Refusal> {
        let characters = self.0.chars().count();
        let limit = MAX_SMS_CHARACTERS;
        if characters > limit { Err(Refusal::TooLong { characters, limit }) } else { Ok(()) }
    }

    /// The words of a system message: ours, so there is nothing to check.
    pub fn of_system(words: String) -> Self {
        Self(words.into())
    }

    /// A text that was stored, and so was checked when it came.
    pub fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_white_space_is_empty() {
        for text in ["", " ", "\n\t\u{3000}"] {
            assert_eq!(MessageText::parse(text.into()), Err(Refusal::EmptyText), "{text:?}");
        }
    }

    #[test]
    fn characters_are_counted_as_scalar_values() {
        assert!(MessageText::parse("é".repeat(4_000)).is_ok());
        assert!(MessageText::parse("😀".repeat(4_000)).is_ok());
        assert_eq!(MessageText::parse("a".repeat(4_001)), Err(Refusal::TooLong { characters: 4_001, limit: 4_000 }));
    }

    #[test]
    fn a_text_that_goes_out_is_shorter() {
        assert!(MessageText::parse("é".repeat(1_600)).unwrap().check_sms().is_ok());
        let long = MessageText::parse("a".repeat(1_601)).unwrap();
        assert_eq!(long.check_sms(), Err(Refusal::TooLong { characters: 1_601, limit: 1_600 }));
    }

    #[test]
    fn nul_is_refused() {
        assert_eq!(MessageText::parse("a\0b".into()), Err(Refusal::InvalidText));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_kept_exactly(text in ".{1,40}") {
            if let Ok(taken) = MessageText::parse(text.clone()) {
                prop_assert_eq!(taken.as_str(), text.as_str());
            }
        }
    }
}
