//! What changes the names that people may show for numbers.

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::{
    Audience, Change, Committed, ExtensionId, GenerationId, Happening, TenantId, Version,
    provision::{
        call::Call,
        phonebook::{PhonebookPut, Renamed},
    },
};

use super::Walk;

/// What is to be written of phonebooks and calls.
#[derive(Debug, Default)]
pub(in crate::storage::ledger) struct ContactWrites {
    pub phonebooks: Vec<(PhonebookPut, TenantId, i64, Version)>,
    /// Contacts that are no longer those of their phonebook.
    pub dropped: Vec<(GenerationId, TenantId)>,
    /// Calls by their keys: of one that is reported twice, the last report counts.
    pub calls: BTreeMap<(TenantId, String), Call>,
    /// Who may show other names, and since when.
    pub names: BTreeMap<ExtensionId, Version>,
}

impl Walk {
    pub(super) fn names_change(&mut self, tenant: TenantId, change: &Change) -> Arc<Committed> {
        let version = self.next_version(tenant);
        let (told, renamed) = match change {
            Change::NamesDiffer { extension } => {
                self.writes.contacts.names.insert(*extension, version);
                (vec![*extension], Renamed::Any)
            }
            Change::PhonebookPut(put) => {
                self.phonebook(tenant, put, version);
                let key = (tenant, put.phonebook.key.clone());
                (self.ground.readers.get(&key).cloned().unwrap_or_default(), put.renamed.clone())
            }
            Change::CallsPut { extension, calls, renamed } => {
                let keyed = calls.iter().map(|call| ((tenant, call.key.clone()), call.clone()));
                self.writes.contacts.calls.extend(keyed);
                let called = self.ground.called.get(&(tenant, extension.clone())).copied();
                self.writes.contacts.names.extend(called.map(|id| (id, version)));
                (called.into_iter().collect(), renamed.clone())
            }
            _ => (vec![], Renamed::Any),
        };
        let numbers = match renamed {
            Renamed::Numbers(numbers) => Some(numbers),
            Renamed::Any => None,
        };
        self.committed(tenant, version, Audience::Extensions(told.into()), Happening::NamesUpdated(numbers))
    }

    fn phonebook(&mut self, tenant: TenantId, put: &PhonebookPut, version: Version) {
        let key = (tenant, put.phonebook.key.clone());
        let (revision, before) = self.ground.phonebooks.get(&key).copied().unwrap_or((0, put.generation));
        if before != put.generation {
            self.writes.contacts.dropped.push((before, tenant));
        }
        self.ground.loads.remove(&put.generation);
        self.ground.phonebooks.insert(key, (revision + 1, put.generation));
        self.writes.contacts.phonebooks.push((put.clone(), tenant, revision + 1, version));
    }
}
