//! Phonebooks, contacts and calls: what the PBX puts, and what people see of it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::{
    contacts::{Contact, Hit, Source},
    provision::{
        call::CallDirection,
        phonebook::{PhonebookSource, StoredPhonebook},
    },
};

/// Looks for somebody.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindContacts {
    /// Any part of a name or number; accents, case and punctuation don't matter. Absent: whom I had to do with lately.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// Where a contact was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactSource {
    /// In one of my phonebooks.
    Phonebook,
    /// Among my calls.
    Call,
    /// Among my conversations.
    Conversation,
}

/// Somebody who was found, by one number.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FoundContact {
    /// What they are called; null if nobody knows.
    pub name: Option<String>,
    /// In E.164.
    pub number: String,
    /// Where they were found.
    pub sources: Vec<ContactSource>,
    /// The name of the phonebook.
    pub phonebook: Option<String>,
}

impl From<Hit> for FoundContact {
    fn from(hit: Hit) -> Self {
        let source = |source| match source {
            Source::Phonebook => ContactSource::Phonebook,
            Source::Call => ContactSource::Call,
            Source::Conversation => ContactSource::Conversation,
        };
        let Hit { name, number, sources, phonebook } = hit;
        Self { name, number: number.to_string(), sources: sources.into_iter().map(source).collect(), phonebook }
    }
}

/// Where a phonebook comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhonebookKind {
    /// Typed by hand.
    Manual,
    /// Synced from a CRM.
    Crm,
    /// Caller names of the telephone network: they yield to all others.
    Cnam,
}

impl From<PhonebookKind> for PhonebookSource {
    fn from(kind: PhonebookKind) -> Self {
        match kind {
            PhonebookKind::Manual => Self::Manual,
            PhonebookKind::Crm => Self::Crm,
            PhonebookKind::Cnam => Self::Cnam,
        }
    }
}

impl From<PhonebookSource> for PhonebookKind {
    fn from(source: PhonebookSource) -> Self {
        match source {
            PhonebookSource::Manual => Self::Manual,
            PhonebookSource::Crm => Self::Crm,
            PhonebookSource::Cnam => Self::Cnam,
        }
    }
}

/// A phonebook as the PBX wants it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPhonebook {
    /// What people call it: 1–80 characters.
    #[schema(example = "Customers")]
    pub name: String,
    /// Where it comes from.
    pub source: PhonebookKind,
}

/// A phonebook as provisioned.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProvisionedPhonebook {
    /// The PBX's own name for it.
    pub key: String,
    /// Its name for ever.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it comes from.
    pub source: PhonebookKind,
    /// How many contacts it has.
    pub contacts: i64,
}

impl From<&StoredPhonebook> for ProvisionedPhonebook {
    fn from(stored: &StoredPhonebook) -> Self {
        let StoredPhonebook { id, phonebook, contacts, .. } = stored.clone();
        let (key, name, source) = (phonebook.key, phonebook.name, phonebook.source.into());
        Self { key, id: id.to_string(), name, source, contacts }
    }
}

/// A phonebook of mine.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Phonebook {
    /// Its name for ever.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it comes from.
    pub source: PhonebookKind,
    /// How many contacts it has.
    pub contacts: i64,
}

impl From<&StoredPhonebook> for Phonebook {
    fn from(stored: &StoredPhonebook) -> Self {
        let StoredPhonebook { id, phonebook, contacts, .. } = stored.clone();
        Self { id: id.to_string(), name: phonebook.name, source: phonebook.source.into(), contacts }
    }
}

/// A contact as the PBX wants it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutContact {
    /// The PBX's or the CRM's own name for it: 1–200 characters, each once in a phonebook.
    #[schema(example = "crm-4711")]
    pub key: String,
    /// What it is called: 1–200 characters.
    #[schema(example = "Ann Lee")]
    pub name: String,
    /// Where it can be reached, in any way a person writes a number; up to 20.
    #[schema(example = json!(["(404) 555-0199"]))]
    pub numbers: Vec<String>,
}

/// A contact as the PBX wants it, or that it shall be no more.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchContact {
    /// The PBX's or the CRM's own name for it.
    pub key: String,
    /// What it is called. Not with `deleted`.
    pub name: Option<String>,
    /// Where it can be reached. Not with `deleted`.
    pub numbers: Option<Vec<String>>,
    /// Whether it shall be no more.
    #[serde(default)]
    pub deleted: bool,
}

/// A contact.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactEntry {
    /// The PBX's or the CRM's own name for it.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// In E.164.
    pub numbers: Vec<String>,
}

impl From<&Contact> for ContactEntry {
    fn from(contact: &Contact) -> Self {
        let numbers = contact.numbers.iter().map(ToString::to_string).collect();
        Self { key: contact.key.clone(), name: contact.name.clone(), numbers }
    }
}

/// What a bulk replacement has changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ContactsReplaced {
    /// Contacts since.
    pub contacts: i64,
    /// Contacts that are new.
    pub added: i64,
    /// Contacts that are others.
    pub changed: i64,
    /// Contacts that are gone.
    pub removed: i64,
}

/// A page of a phonebook's contacts.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListContacts {
    /// Any part of a name or number.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// Which way a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallWay {
    /// To the extension.
    Inbound,
    /// From the extension.
    Outbound,
}

impl From<CallWay> for CallDirection {
    fn from(way: CallWay) -> Self {
        match way {
            CallWay::Inbound => Self::Inbound,
            CallWay::Outbound => Self::Outbound,
        }
    }
}

/// A call as the PBX reports it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportCall {
    /// The PBX's own name for it: 1–200 characters.
    #[schema(example = "1732354800.42")]
    pub key: String,
    /// Whose, by its number; it may come later.
    #[schema(example = "201")]
    pub extension: String,
    /// Which way it went.
    pub direction: CallWay,
    /// The number outside, in any way a person writes it.
    #[schema(example = "+14045550199")]
    pub number: String,
    /// What the network called who has it.
    #[schema(example = "LEE ANN")]
    pub caller_name: Option<String>,
    /// When it began, in RFC 3339.
    #[schema(format = DateTime, example = "2026-11-23T09:00:00Z")]
    pub at: String,
}

/// What was taken in.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct CallsReported {
    /// How many were new, or others than before.
    pub changed: usize,
}
