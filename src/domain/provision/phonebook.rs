//! `/v1/pbx/phonebooks`: phonebooks, and who is in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::domain::{
    Change, Decision, GenerationId, Guard, PhonebookId, Refusal, contacts::Contact, name::check_name, phone::Number,
};

use super::phone_number::check_key;

/// The most contacts of one phonebook.
pub const CONTACTS_MAX: i64 = 250_000;
/// The most contacts that are altered one by one.
pub const PATCH_MAX: usize = 1_000;
/// So many numbers are told whose name may be another; of more, that it may be any.
pub const TOLD_MAX: usize = 200;

/// Where a phonebook comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhonebookSource {
    /// Typed by hand.
    Manual,
    /// Synced from a CRM.
    Crm,
    /// Caller names of the telephone network: they yield to all others.
    Cnam,
}

impl PhonebookSource {
    const ALL: [Self; 3] = [Self::Manual, Self::Crm, Self::Cnam];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Crm => "crm",
            Self::Cnam => "cnam",
        }
    }

    /// The source of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}

/// A phonebook as the PBX wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phonebook {
    /// The PBX's own name for it.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// Where it comes from.
    pub source: PhonebookSource,
}

/// A phonebook as it is stored; a deleted one is remembered, so that a reader who comes back hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPhonebook {
    /// Its name for ever.
    pub id: PhonebookId,
    /// As it is, or was.
    pub phonebook: Phonebook,
    /// Under which its contacts are stored.
    pub generation: GenerationId,
    /// So many.
    pub contacts: i64,
    /// Whether it is gone.
    pub deleted: bool,
    /// Rises with each change of it or its contacts.
    pub revision: i64,
}

/// A phonebook as it shall be, and what becomes of its contacts.
#[derive(Clone, Debug, PartialEq)]
pub struct PhonebookPut {
    /// Its name for ever.
    pub id: PhonebookId,
    /// As it shall be.
    pub phonebook: Phonebook,
    /// Under which its contacts are stored since. Those of another are no longer needed.
    pub generation: GenerationId,
    /// So many.
    pub contacts: i64,
    /// Whether it is gone.
    pub deleted: bool,
    /// Contacts of it that are new or others.
    pub put: Vec<Contact>,
    /// Keys of contacts that it has no longer.
    pub removed: Vec<String>,
    /// Numbers whose name may be another.
    pub renamed: Renamed,
}

/// Numbers whose name may be another since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// These.
    Numbers(Arc<[Number]>),
    /// More than are told one by one.
    Any,
}

impl Renamed {
    /// These, if they are few.
    pub fn of(numbers: impl IntoIterator<Item = Number>) -> Self {
        let numbers: BTreeSet<_> = numbers.into_iter().collect();
        if numbers.len() > TOLD_MAX { Renamed::Any } else { Renamed::Numbers(numbers.into_iter().collect()) }
    }
}

impl Phonebook {
    /// `invalid_request` or `invalid_name` for what can't be.
    pub fn check(&self) -> Result<(), Refusal> {
        check_key("key", &self.key)?;
        check_name(&self.name)
    }
}

/// What makes the phonebook so, and whether it is new: nothing, if it is so. The names are of one that is new.
pub fn put_phonebook(
    stored: Option<&StoredPhonebook>,
    wanted: Phonebook,
    new: (PhonebookId, GenerationId),
) -> (Decision, bool) {
    let there = stored.filter(|s| !s.deleted);
    if there.is_some_and(|s| s.phonebook == wanted) {
        return (Decision::default(), false);
    }
    let guard = Guard::Phonebook(wanted.key.clone(), stored.map_or(0, |s| s.revision));
    let put = PhonebookPut {
        id: stored.map_or(new.0, |s| s.id),
        generation: stored.map_or(new.1, |s| s.generation),
        contacts: stored.map_or(0, |s| s.contacts),
        phonebook: wanted,
        deleted: false,
        put: vec![],
        removed: vec![],
        renamed: Renamed::Any,
    };
    (Decision { guards: vec![guard], changes: vec![Change::PhonebookPut(Box::new(put))] }, there.is_none())
}

/// What makes the phonebook be no more, with all that is in it. `not_found` if there is none.
pub fn delete_phonebook(stored: Option<StoredPhonebook>, empty: GenerationId) -> Result<Decision, Refusal> {
    let stored = there(stored)?;
    Ok(changed(&stored, |put| {
        put.generation = empty;
        put.contacts = 0;
        put.deleted = true;
    }))
}

/// What puts contacts that were stored beforehand, under a generation of their own, in the place of all there were.
pub fn replace_contacts(
    stored: &StoredPhonebook,
    generation: GenerationId,
    contacts: i64,
    renamed: Renamed,
) -> Decision {
    let mut decision = changed(stored, |put| {
        put.generation = generation;
        put.contacts = contacts;
        put.renamed = renamed;
    });
    decision.guards.push(Guard::Load(generation));
    decision
}

/// What alters some contacts: nothing, if all is so. `is` are those of them that are there.
pub fn patch_contacts(
    stored: &StoredPhonebook,
    is: &BTreeMap<String, Contact>,
    put: Vec<Contact>,
    removed: Vec<String>,
) -> Result<Decision, Refusal> {
    if put.len() + removed.len() > PATCH_MAX {
        return Err(Refusal::invalid(format!("up to {PATCH_MAX} contacts; to replace all of them use PUT")));
    }
    let keys: BTreeSet<_> = put.iter().map(|c| &c.key).chain(&removed).collect();
    if keys.len() < put.len() + removed.len() {
        return Err(Refusal::invalid("a key is there twice"));
    }
    let put: Vec<_> = put.into_iter().filter(|contact| is.get(&contact.key) != Some(contact)).collect();
    let removed: Vec<_> = removed.into_iter().filter(|key| is.contains_key(key)).collect();
    if put.is_empty() && removed.is_empty() {
        return Ok(Decision::default());
    }
    let made = put.iter().filter(|contact| !is.contains_key(&contact.key)).count();
    let contacts = stored.contacts + count(made) - count(removed.len());
    if contacts > CONTACTS_MAX {
        return Err(Refusal::invalid(format!("a phonebook has up to {CONTACTS_MAX} contacts")));
    }
    let before = put.iter().map(|c| &c.key).chain(&removed).filter_map(|key| is.get(key));
    let renamed = Renamed::of(before.chain(&put).flat_map(|contact| contact.numbers.iter().cloned()));
    Ok(changed(stored, |change| {
        change.contacts = contacts;
        change.put = put;
        change.removed = removed;
        change.renamed = renamed;
    }))
}

/// The phonebook, if it is not gone.
pub fn there(stored: Option<StoredPhonebook>) -> Result<StoredPhonebook, Refusal> {
    stored.filter(|s| !s.deleted).ok_or(Refusal::NotFound)
}

fn changed(stored: &StoredPhonebook, change: impl FnOnce(&mut PhonebookPut)) -> Decision {
    let StoredPhonebook { id, phonebook, generation, contacts, deleted, revision } = stored.clone();
    let guard = Guard::Phonebook(phonebook.key.clone(), revision);
    let (put, removed, renamed) = (vec![], vec![], Renamed::Any);
    let mut put = PhonebookPut { id, phonebook, generation, contacts, deleted, put, removed, renamed };
    change(&mut put);
    Decision { guards: vec![guard], changes: vec![Change::PhonebookPut(Box::new(put))] }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn book(name: &str) -> Phonebook {
        Phonebook { key: "crm".into(), name: name.into(), source: PhonebookSource::Crm }
    }

    fn generation(n: u128) -> GenerationId {
        GenerationId(Uuid::from_u128(n))
    }

    fn stored(deleted: bool) -> StoredPhonebook {
        let (id, phonebook) = (PhonebookId(Uuid::from_u128(1)), book("Customers"));
        StoredPhonebook { id, phonebook, generation: generation(1), contacts: 2, deleted, revision: 3 }
    }

    fn contact(key: &str, name: &str, numbers: &[&str]) -> Contact {
        let numbers = numbers.iter().map(|n| Number::stored((*n).into())).collect();
        Contact { key: key.into(), name: name.into(), numbers }
    }

    fn put(decision: &Decision) -> &PhonebookPut {
        match &decision.changes[..] {
            [Change::PhonebookPut(put)] => put,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_second_time_changes_nothing() {
        let new = (PhonebookId(Uuid::from_u128(9)), generation(9));
        let (decision, made) = put_phonebook(None, book("Customers"), new);
        assert!(made && decision.guards == [Guard::Phonebook("crm".into(), 0)]);
        assert_eq!(put_phonebook(Some(&stored(false)), book("Customers"), new), (Decision::default(), false));
        let (decision, made) = put_phonebook(Some(&stored(false)), book("Clients"), new);
        assert!(!made && put(&decision).contacts == 2 && put(&decision).generation == generation(1));
    }

    #[test]
    fn a_deleted_one_is_empty_and_new_again() {
        let decision = delete_phonebook(Some(stored(false)), generation(2)).unwrap();
        assert!(put(&decision).deleted && put(&decision).contacts == 0 && put(&decision).generation == generation(2));
        assert_eq!(delete_phonebook(Some(stored(true)), generation(2)), Err(Refusal::NotFound));
        assert!(put_phonebook(Some(&stored(true)), book("Customers"), (stored(true).id, generation(9))).1);
    }

    #[test]
    fn some_contacts_are_altered_and_their_numbers_told_old_and_new() {
        let is: BTreeMap<_, _> = [contact("1", "Ann", &["+14045550199"]), contact("2", "Bob", &["+14045550188"])]
            .map(|c| (c.key.clone(), c))
            .into();
        let as_it_is = vec![contact("1", "Ann", &["+14045550199"])];
        assert_eq!(patch_contacts(&stored(false), &is, as_it_is, vec!["9".into()]), Ok(Decision::default()));
        let new = vec![contact("1", "Ann", &["+14045550177"]), contact("3", "Cy", &[])];
        let decision = patch_contacts(&stored(false), &is, new, vec!["2".into()]).unwrap();
        let told = ["+14045550177", "+14045550188", "+14045550199"].map(|n| Number::stored(n.into()));
        assert_eq!(put(&decision).renamed, Renamed::Numbers(told.into()));
        assert_eq!((put(&decision).contacts, put(&decision).put.len(), put(&decision).removed.len()), (2, 2, 1));
        let twice = patch_contacts(&stored(false), &is, vec![contact("1", "A", &[])], vec!["1".into()]);
        assert!(matches!(twice, Err(Refusal::InvalidRequest(_))));
    }

    #[test]
    fn of_many_numbers_any_may_be_another() {
        let numbers = |n: usize| (0..n).map(|n| Number::stored(format!("+1404555{n:04}")));
        assert!(matches!(Renamed::of(numbers(200)), Renamed::Numbers(told) if told.len() == 200));
        assert_eq!(Renamed::of(numbers(201)), Renamed::Any);
    }
}
