//! Phone numbers: what may be texted, and how a number is written for people.
//!
//! The one file that knows the library (a port of Google's libphonenumber).

use std::{fmt, sync::Arc};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, enums::Region};
use serde::{Deserialize, Serialize};

use super::Refusal;

/// Emergency and service numbers, refused before anything is parsed: libraries turn 911 into +1 911.
const SERVICES: [&str; 9] = ["112", "911", "933", "999", "000", "110", "118", "119", "988"];

/// Who texts or is texted: a number in E.164 ("+14045550199"), or, only as a sender, a short code ("72345") or a name
/// of up to 11 characters ("PARCELCO").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(Arc<str>);

impl Number {
    /// A number that somebody typed, to be texted. `region` ("US") is where it is, if it doesn't say. Whatever is
    /// possible is taken, not only what is assigned: new ranges come before the library knows them.
    pub fn typed(text: &str, region: &str) -> Result<Self, Refusal> {
        let refuse = |why: &str| Err(Refusal::InvalidNumber(why.to_owned()));
        let text = text.trim();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if SERVICES.contains(&digits.as_str()) {
            return refuse("emergency and service numbers can't be texted");
        }
        if text.chars().any(char::is_alphabetic) || text.len() > 40 {
            return refuse("that is not a phone number");
        }
        let Ok(number) = PHONE_NUMBER_UTIL.parse(text, region.parse::<Region>().ok()) else {
            return refuse("that is not a phone number");
        };
        if !number.extension().is_empty() {
            return refuse("a phone's extension can't be texted");
        }
        match number.is_possible_with_reason() {
            Ok(rlibphonenumber::NumberLengthType::IsPossible) => Ok(Self(e164(&number).into())),
            _ => refuse("that is not a whole phone number"),
        }
    }

    /// A number of ours, as the PBX writes it: in E.164.
    pub fn owned(text: &str) -> Result<Self, Refusal> {
        match Self::typed(text, "") {
            Ok(number) if &*number.0 == text => Ok(number),
            _ => Err(Refusal::InvalidNumber(format!("{text} is no number in E.164, such as +14045550100"))),
        }
    }

    /// Who sent a text, as a carrier says it; `None` if that can't be anybody.
    pub fn sender(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_prefix('+').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return match digits.len() {
                3..=6 if digits == text => Some(Self(text.into())),
                7..=15 => Some(Self(format!("+{digits}").into())),
                _ => None,
            };
        }
        let is_name = (1..=11).contains(&text.chars().count()) && !text.contains('+');
        (is_name && !text.chars().any(char::is_control)).then(|| Self(text.into()))
    }

    /// A number that was stored, and so was checked when it came.
    pub fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// As it is stored and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can be texted: short codes and names can't.
    pub fn is_textable(&self) -> bool {
        self.0.starts_with('+')
    }

    /// For people, from anywhere: "+1 404-555-0199".
    pub fn international(&self) -> String {
        self.parsed().map_or_else(
            || self.0.to_string(),
            |number| number.format_as(PhoneNumberFormat::International).into_owned(),
        )
    }

    /// The region it belongs to, "US": numbers that are typed beside it are read as there.
    pub fn region(&self) -> Option<String> {
        Some(self.parsed()?.get_region_code()?.to_string())
    }

    fn parsed(&self) -> Option<PhoneNumber> {
        PHONE_NUMBER_UTIL.parse(&*self.0, None).ok().filter(|_| self.is_textable())
    }
}

/// As it is stored; for people there is [`Number::international`].
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn e164(number: &PhoneNumber) -> String {
    number.format_as(PhoneNumberFormat::E164).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_type_is_one_number() {
        for text in ["(404) 555-0199", "404.555.0199", "+1 404 555 0199", " 4045550199 ", "1-404-555-0199"] {
            assert_eq!(Number::typed(text, "US").unwrap().as_str(), "+14045550199", "{text}");
        }
        assert_eq!(Number::typed("020 8366 1177", "GB").unwrap().as_str(), "+442083661177");
        assert_eq!(Number::typed("+49 30 123456", "US").unwrap().as_str(), "+4930123456", "wherever we are");
    }

    #[test]
    fn what_can_t_be_texted_is_refused() {
        for text in ["911", "112", "9-1-1", "12345", "", "Ann", "1-800-FLOWERS", "404-555-0199 ext 5", "+999 123456"] {
            let refused = Number::typed(text, "US");
            assert!(matches!(refused, Err(Refusal::InvalidNumber(_))), "{text}: {refused:?}");
        }
    }

    #[test]
    fn ours_are_written_in_e_164() {
        assert!(Number::owned("+14045550100").is_ok());
        for text in ["4045550100", "+1 404 555 0100", "+911", "sip:201"] {
            assert!(Number::owned(text).is_err(), "{text}");
        }
    }

    #[test]
    fn short_codes_and_names_may_text_in_and_are_not_texted() {
        for text in ["72345", "PARCELCO", "My Bank"] {
            let sender = Number::sender(text).unwrap();
            assert!(!sender.is_textable() && sender.as_str() == text && sender.international() == text);
        }
        for text in ["+14045550199", "14045550199", "4930123456"] {
            assert!(Number::sender(text).unwrap().is_textable(), "{text}");
        }
        for text in ["", "+", "12", "+1404x", "1234567890123456", "a name that is too long"] {
            assert_eq!(Number::sender(text), None, "{text}");
        }
    }

    #[test]
    fn people_read_numbers_in_their_international_form() {
        let number = Number::stored("+14045550199".into());
        assert_eq!(number.international(), "+1 404-555-0199");
        assert_eq!(number.region().as_deref(), Some("US"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_panics_and_what_is_taken_is_e_164(text in "\\PC{0,50}") {
            if let Ok(number) = Number::typed(&text, "US") {
                prop_assert!(number.as_str().starts_with('+') && number.as_str().len() <= 16);
                prop_assert_eq!(Number::typed(number.as_str(), "US"), Ok(number));
            }
            let _ = Number::sender(&text);
        }
    }
}
