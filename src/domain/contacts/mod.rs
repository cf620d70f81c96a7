//! People outside, as phonebooks and calls know them.

pub mod fold;
pub mod search;

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Refusal, phone::Number};

/// The most characters of a contact's name, and of its key.
const MAX_CHARACTERS: usize = 200;
/// The most numbers of one contact.
const NUMBERS_MAX: usize = 20;

/// A person or company of a phonebook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The PBX's or the CRM's own name for it.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// Where it can be reached, in its order.
    pub numbers: Vec<Number>,
}

impl Contact {
    /// As it was provisioned; `region` is where its numbers are, if they don't say. The refusal names the contact.
    pub fn provisioned(key: String, name: String, numbers: &[String], region: &str) -> Result<Self, Refusal> {
        check_key(&key)?;
        if !is_readable(&name) {
            return Err(Refusal::invalid(format!("contact {key}: name: 1 to {MAX_CHARACTERS} characters")));
        }
        if numbers.len() > NUMBERS_MAX {
            return Err(Refusal::invalid(format!("contact {key}: numbers: up to {NUMBERS_MAX}")));
        }
        let typed = |text: &String| {
            Number::typed(text, region).map_err(|refusal| match refusal {
                Refusal::InvalidNumber(why) => Refusal::InvalidNumber(format!("contact {key}: {text}: {why}")),
                other => other,
            })
        };
        let typed: Vec<_> = numbers.iter().map(typed).collect::<Result<_, _>>()?;
        let mut seen = BTreeSet::new();
        let numbers = typed.into_iter().filter(|number| seen.insert(number.clone())).collect();
        Ok(Self { key, name, numbers })
    }
}

/// A contact's key: 1–200 characters to read.
pub fn check_key(key: &str) -> Result<(), Refusal> {
    if is_readable(key) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("key of a contact: 1 to {MAX_CHARACTERS} characters")))
}

fn is_readable(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_CHARACTERS && !text.chars().any(char::is_control)
}

/// What somebody may show for numbers: only those for which a name is known.
pub type Names = HashMap<Number, String>;

/// Where a hit was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// In a phonebook that is assigned to who asks.
    Phonebook,
    /// Among their calls.
    Call,
    /// Among their conversations.
    Conversation,
}

/// Somebody who was found, by one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What they are called, if that is known.
    pub name: Option<String>,
    /// The number.
    pub number: Number,
    /// Where it was found.
    pub sources: BTreeSet<Source>,
    /// The name of the phonebook.
    pub phonebook: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provisioned(key: &str, name: &str, numbers: &[&str]) -> Result<Contact, Refusal> {
        let numbers: Vec<_> = numbers.iter().map(|n| (*n).to_owned()).collect();
        Contact::provisioned(key.into(), name.into(), &numbers, "US")
    }

    #[test]
    fn numbers_come_in_any_way_and_each_once() {
        let ann = provisioned("7", "Ann Lee", &["(404) 555-0199", "+1 404 555 0199", "+44 20 7946 0018"]).unwrap();
        let numbers: Vec<_> = ann.numbers.iter().map(Number::as_str).collect();
        assert_eq!(numbers, ["+14045550199", "+442079460018"]);
        assert!(provisioned("7", "Ann Lee", &[]).is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_contact_is_said_of_that_contact() {
        let refused = provisioned("7", "Ann Lee", &["911"]).unwrap_err();
        assert!(matches!(&refused, Refusal::InvalidNumber(why) if why.contains("contact 7: 911")), "{refused}");
        let many: Vec<_> = (0..21).map(|n| format!("+1404555{n:04}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        for bad in [provisioned("", "Ann", &[]), provisioned("7", " ", &[]), provisioned("7", "Ann", &many)] {
            assert!(matches!(bad, Err(Refusal::InvalidRequest(_))));
        }
    }
}
