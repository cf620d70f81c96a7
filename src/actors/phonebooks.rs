//! Phonebooks have no actor: what the PBX provisions is decided on what is stored, and committed. All contacts of one are
//! stored beforehand, beside the ledger, and take the place of those that are there in one small unit.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use tokio::sync::SemaphorePermit;

use crate::{
    domain::{
        By, Caller, Change, GenerationId, PhonebookId, Refusal,
        contacts::{Contact, Hit, Source, check_key, search},
        provision::{
            call::{Call, report_calls},
            phonebook::{self, CONTACTS_MAX, Phonebook, StoredPhonebook, there},
        },
    },
    storage::Difference,
};

use super::Engine;

/// How often a lost race is run again.
const TRIES: usize = 20;
/// The newest numbers that are shown before anything is typed.
const RECENT: usize = 50;

/// All contacts of a phonebook, on their way: they are stored under a generation of their own, and seen by nobody.
pub struct Load<'a> {
    engine: &'a Engine,
    by: By,
    key: String,
    generation: GenerationId,
    contacts: i64,
    /// Of the keys that came: one that comes twice is refused.
    keys: HashSet<u64>,
    hasher: RandomState,
}

/// What a load has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Contacts since.
    pub contacts: i64,
    /// Contacts that are new.
    pub added: i64,
    /// Contacts that are others.
    pub changed: i64,
    /// Contacts that are gone.
    pub removed: i64,
}

impl Engine {
    /// Makes a phonebook, or alters it to be so. Answers it, and whether it is new.
    pub async fn put_phonebook(&self, by: &By, wanted: Phonebook) -> Result<(StoredPhonebook, bool), Refusal> {
        wanted.check()?;
        for _ in 0..TRIES {
            let stored = self.storage.phonebook(by.tenant(), &wanted.key).await?;
            let new = (PhonebookId(self.clock.new_id()), GenerationId(self.clock.new_id()));
            let (decision, made) = phonebook::put_phonebook(stored.as_ref(), wanted.clone(), new);
            if decision.changes.is_empty() || self.commit(by, decision).await? {
                let stored = self.storage.phonebook(by.tenant(), &wanted.key).await?.ok_or(Refusal::NotFound)?;
                return Ok((stored, made));
            }
        }
        Err(Refusal::Busy)
    }

    /// Takes a phonebook away, with all that is in it.
    pub async fn delete_phonebook(&self, by: &By, key: &str) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let stored = self.storage.phonebook(by.tenant(), key).await?;
            let decision = phonebook::delete_phonebook(stored, GenerationId(self.clock.new_id()))?;
            if self.commit(by, decision).await? {
                return Ok(());
            }
        }
        Err(Refusal::Busy)
    }

    /// Alters some contacts, and takes others away. Answers the phonebook as it is then.
    pub async fn patch_contacts(
        &self,
        by: &By,
        key: &str,
        put: Vec<Contact>,
        removed: Vec<String>,
    ) -> Result<StoredPhonebook, Refusal> {
        removed.iter().try_for_each(|key| check_key(key))?;
        let tenant = by.tenant();
        for _ in 0..TRIES {
            let stored = there(self.storage.phonebook(tenant, key).await?)?;
            let keys = put.iter().map(|c| c.key.as_str()).chain(removed.iter().map(String::as_str));
            let is = self.storage.contacts_of(tenant, stored.generation, keys).await?;
            let decision = phonebook::patch_contacts(&stored, &is, put.clone(), removed.clone())?;
            if decision.changes.is_empty() {
                return Ok(stored);
            }
            if self.commit(by, decision).await? {
                return there(self.storage.phonebook(tenant, key).await?);
            }
        }
        Err(Refusal::Busy)
    }

    /// Begins to take in all contacts of a phonebook.
    pub async fn begin_load(&self, by: &By, key: &str) -> Result<Load<'_>, Refusal> {
        there(self.storage.phonebook(by.tenant(), key).await?)?;
        let generation = GenerationId(self.clock.new_id());
        self.storage.begin_load(by.tenant(), generation).await?;
        Ok(Load {
            engine: self,
            by: by.clone(),
            key: key.to_owned(),
            generation,
            contacts: 0,
            keys: HashSet::new(),
            hasher: RandomState::new(),
        })
    }

    /// Takes in calls that the PBX reports. Answers how many were new or others.
    pub async fn report_calls(&self, by: &By, calls: Vec<Call>) -> Result<usize, Refusal> {
        let known = self.storage.known_calls(by.tenant(), &calls).await?;
        let decision = report_calls(&known, calls)?;
        let changed = decision.changes.iter().map(|change| match change {
            Change::CallsPut { calls, .. } => calls.len(),
            _ => 0,
        });
        let changed = changed.sum();
        if changed > 0 && !self.commit(by, decision).await? {
            return Err(Refusal::Busy);
        }
        Ok(changed)
    }

    /// Whom somebody may mean by what they type, best first; if they have typed nothing, whom they had to do with lately.
    pub async fn search_contacts(&self, caller: &Caller, q: &str, limit: usize) -> Result<Vec<Hit>, Refusal> {
        let Some(needle) = search::Needle::typed(q)? else { return self.recent_contacts(caller, limit).await };
        let _turn = self.turn_to_search().await?;
        let mut hits = search::best(&needle, self.storage.candidates(caller, &needle).await?, limit);
        self.complete(caller, &mut hits).await?;
        Ok(hits)
    }

    /// The contacts of one of the caller's phonebooks, by name, after `after` (as it is sorted, and its key); with a needle
    /// those that match.
    pub async fn contacts_of(
        &self,
        caller: &Caller,
        book: &StoredPhonebook,
        needle: Option<&search::Needle>,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Contact>, Refusal> {
        let _turn = match needle {
            Some(_) => Some(self.turn_to_search().await?),
            None => None,
        };
        Ok(self.storage.contacts_by_name(caller.tenant, book.generation, needle, after, limit).await?)
    }

    /// A search looks through all of a phonebook: so many at once, and what else is read goes on.
    async fn turn_to_search(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let waits = tokio::time::timeout(self.behaviour.answer_within, self.searching.acquire());
        waits.await.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)
    }

    async fn recent_contacts(&self, caller: &Caller, limit: usize) -> Result<Vec<Hit>, Refusal> {
        let recent = self.storage.recent(caller, RECENT.min(limit)).await?;
        let hit = |(number, _)| Hit { name: None, number, sources: Default::default(), phonebook: None };
        let mut hits: Vec<_> = recent.into_iter().take(limit).map(hit).collect();
        self.complete(caller, &mut hits).await?;
        Ok(hits)
    }

    /// All sources of each, and what may be shown for it: that is one name, however it was found.
    async fn complete(&self, caller: &Caller, hits: &mut [Hit]) -> Result<(), Refusal> {
        let numbers: Vec<_> = hits.iter().map(|hit| hit.number.clone()).collect();
        let (calls, conversations) = self.storage.seen_in(caller, &numbers).await?;
        let mut names = self.storage.contact_names(caller, numbers.iter().cloned()).await?;
        for hit in hits {
            hit.name = names.remove(&hit.number);
            hit.sources.extend(calls.contains(&hit.number).then_some(Source::Call));
            hit.sources.extend(conversations.contains(&hit.number).then_some(Source::Conversation));
        }
        Ok(())
    }
}

impl Load<'_> {
    /// Stores some more.
    pub async fn add(&mut self, contacts: &[Contact]) -> Result<(), Refusal> {
        if let Some(twice) = contacts.iter().find(|contact| !self.keys.insert(self.hasher.hash_one(&contact.key))) {
            return Err(Refusal::invalid(format!("contact {}: its key is there twice", twice.key)));
        }
        self.contacts += i64::try_from(contacts.len()).unwrap_or(i64::MAX);
        if self.contacts > CONTACTS_MAX {
            return Err(Refusal::invalid(format!("a phonebook has up to {CONTACTS_MAX} contacts")));
        }
        match self.engine.storage.load(self.by.tenant(), self.generation, contacts).await? {
            true => Ok(()),
            false => Err(Refusal::Busy),
        }
    }

    /// They take the place of all that were there, if they are others: else nothing changes, and nobody hears of it.
    pub async fn finish(&self) -> Result<Replaced, Refusal> {
        let tenant = self.by.tenant();
        for _ in 0..TRIES {
            let stored = there(self.engine.storage.phonebook(tenant, &self.key).await?)?;
            let difference = self.engine.storage.difference(tenant, stored.generation, self.generation).await?;
            let Difference { added, changed, removed, renamed } = difference;
            let replaced = Replaced { contacts: self.contacts, added, changed, removed };
            if (added, changed, removed) == (0, 0, 0) {
                self.abandon().await;
                return Ok(replaced);
            }
            let decision = phonebook::replace_contacts(&stored, self.generation, self.contacts, renamed);
            if self.engine.commit(&self.by, decision).await? {
                return Ok(replaced);
            }
        }
        Err(Refusal::Busy)
    }

    /// They come to nothing. What can't be said now, the sweep finds.
    pub async fn abandon(&self) {
        if let Err(error) = self.engine.storage.drop_load(self.generation).await {
            tracing::warn!(%error, "contacts that nobody has are deleted later");
        }
    }
}
