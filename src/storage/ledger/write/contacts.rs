//! Writes what becomes of phonebooks and calls, and what the audit log says.

use std::collections::BTreeSet;

use crate::{
    domain::{Timestamp, contacts::fold::search_text, provision::call::CALLS_KEPT},
    storage::{
        StorageError,
        audit::{AUDIT, PUT_AUDIT, audit_row},
        contacts::{CONTACT, CONTACT_NUMBER, PUT_CONTACTS, PUT_NUMBERS, contact_row, number_rows},
        dialect::{
            Column::{Bool, Int, Text, Uuid},
            Hex,
        },
    },
};

use super::{
    super::walk::{ContactWrites, Writes},
    Writer,
};

impl Writer<'_> {
    pub(super) async fn contacts(&self, contacts: &ContactWrites) -> Result<(), StorageError> {
        self.phonebooks(contacts).await?;
        self.dropped(contacts).await?;
        self.calls(contacts).await?;
        let names: Vec<_> = contacts.names.iter().map(|(id, version)| (Hex(id.0), version)).collect();
        let sql = "UPDATE extension SET names_version = r.version FROM {rows} r WHERE extension.id = r.id";
        self.run(sql, &[("id", Uuid), ("version", Int)], &names).await.map(drop)
    }

    async fn phonebooks(&self, contacts: &ContactWrites) -> Result<(), StorageError> {
        let columns = [
            ("id", Uuid),
            ("tenant_id", Uuid),
            ("key", Text),
            ("name", Text),
            ("source", Text),
            ("generation", Uuid),
            ("contacts", Int),
            ("deleted", Bool),
            ("revision", Int),
            ("version", Int),
        ];
        // One at a time: the same one may be put twice in a batch, each time with other contacts.
        for (put, tenant, revision, version) in &contacts.phonebooks {
            let book = &put.phonebook;
            let (id, generation) = (Hex(put.id.0), Hex(put.generation.0));
            let named = (&book.key, &book.name, book.source.as_str());
            let row = (
                id,
                Hex(tenant.0),
                named.0,
                named.1,
                named.2,
                generation,
                put.contacts,
                put.deleted,
                revision,
                version,
            );
            let sql = "INSERT INTO phonebook (id, tenant_id, key, name, source, generation, contacts, deleted, \
                 revision, version) SELECT id, tenant_id, key, name, source, generation, contacts, deleted, revision, \
                 version FROM {rows} r WHERE true ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
                 source = excluded.source, generation = excluded.generation, contacts = excluded.contacts, \
                 deleted = excluded.deleted, revision = excluded.revision, version = excluded.version";
            self.run(sql, &columns, &[row]).await?;
            let gone: Vec<_> = put.removed.iter().chain(put.put.iter().map(|contact| &contact.key)).collect();
            let gone: Vec<_> = gone.into_iter().map(|key| (Hex(put.generation.0), key)).collect();
            for table in ["contact", "contact_number"] {
                // In a CROSS JOIN's order: by the key's index, not by a look through the table.
                let sql = format!(
                    "DELETE FROM {table} WHERE (generation, key) IN (SELECT r.generation, r.key FROM {{rows}} r)"
                );
                self.run(&sql, &[("generation", Uuid), ("key", Text)], &gone).await?;
            }
            let contacts: Vec<_> = put.put.iter().map(|c| contact_row(put.generation, *tenant, c)).collect();
            self.run(PUT_CONTACTS, &CONTACT, &contacts).await?;
            let numbers: Vec<_> = put.put.iter().flat_map(|c| number_rows(put.generation, *tenant, c)).collect();
            self.run(PUT_NUMBERS, &CONTACT_NUMBER, &numbers).await?;
            // A load that took its place is none any more.
            let sql = "DELETE FROM contact_load WHERE generation IN (SELECT generation FROM {rows} r)";
            self.run(sql, &[("generation", Uuid)], &[(Hex(put.generation.0),)]).await?;
        }
        Ok(())
    }

    /// What is dropped is deleted little by little, beside the ledger.
    async fn dropped(&self, contacts: &ContactWrites) -> Result<(), StorageError> {
        let dropped = contacts.dropped.iter();
        let rows: Vec<_> = dropped.map(|(id, tenant)| (Hex(id.0), Hex(tenant.0), 0, true)).collect();
        let columns = [("generation", Uuid), ("tenant_id", Uuid), ("touched_at", Int), ("dropped", Bool)];
        let sql = "INSERT INTO contact_load (generation, tenant_id, touched_at, dropped) \
             SELECT generation, tenant_id, touched_at, dropped FROM {rows} r WHERE true \
             ON CONFLICT (generation) DO UPDATE SET dropped = excluded.dropped, touched_at = excluded.touched_at";
        self.run(sql, &columns, &rows).await.map(drop)
    }

    /// Whoever gets the number of one who is gone sees none of their calls, those that were reported since neither.
    pub(super) async fn calls_of_deleted(&self, writes: &Writes) -> Result<(), StorageError> {
        let concerned = writes.extensions.iter().filter(|put| put.extension.deleted || put.made);
        let rows: Vec<_> = concerned.map(|put| (Hex(put.tenant.0), &put.extension.number)).collect();
        let sql = "DELETE FROM recent_call WHERE (tenant_id, key) IN (SELECT c.tenant_id, c.key FROM {rows} r \
             CROSS JOIN recent_call c WHERE c.tenant_id = r.tenant_id AND c.extension = r.extension \
             AND EXISTS (SELECT 1 FROM extension e WHERE e.tenant_id = r.tenant_id AND e.number = r.extension \
             AND e.deleted))";
        self.run(sql, &[("tenant_id", Uuid), ("extension", Text)], &rows).await.map(drop)
    }

    async fn calls(&self, contacts: &ContactWrites) -> Result<(), StorageError> {
        let columns = [
            ("tenant_id", Uuid),
            ("key", Text),
            ("extension", Text),
            ("direction", Text),
            ("number", Text),
            ("caller_name", Text),
            ("at", Int),
            ("search", Text),
        ];
        let rows: Vec<_> = contacts
            .calls
            .iter()
            .map(|((tenant, key), call)| {
                let search = search_text(call.caller_name.as_deref().unwrap_or_default(), [&call.number]);
                let (direction, name) = (call.direction.as_str(), &call.caller_name);
                (Hex(tenant.0), key, &call.extension, direction, &call.number, name, call.at, search)
            })
            .collect();
        let sql = "INSERT INTO recent_call (tenant_id, key, extension, direction, number, caller_name, at, search) \
             SELECT tenant_id, key, extension, direction, number, caller_name, at, search FROM {rows} r WHERE true \
             ON CONFLICT (tenant_id, key) DO UPDATE SET extension = excluded.extension, \
             direction = excluded.direction, number = excluded.number, caller_name = excluded.caller_name, \
             at = excluded.at, search = excluded.search";
        self.run(sql, &columns, &rows).await?;
        let whose = contacts.calls.iter().map(|((tenant, _), call)| (tenant, &call.extension));
        let whose: BTreeSet<_> = whose.collect();
        let whose: Vec<_> = whose.into_iter().map(|(tenant, extension)| (Hex(tenant.0), extension)).collect();
        let sql = format!(
            "DELETE FROM recent_call WHERE (tenant_id, key) IN (SELECT c.tenant_id, c.key FROM {{rows}} r \
             CROSS JOIN recent_call c WHERE c.tenant_id = r.tenant_id AND c.extension = r.extension \
             AND (c.at, c.key) < (SELECT k.at, k.key FROM recent_call k WHERE k.tenant_id = r.tenant_id \
             AND k.extension = r.extension ORDER BY k.at DESC, k.key DESC LIMIT 1 OFFSET {}))",
            CALLS_KEPT - 1
        );
        self.run(&sql, &[("tenant_id", Uuid), ("extension", Text)], &whose).await.map(drop)
    }

    pub(super) async fn audit(&self, writes: &Writes, now: Timestamp) -> Result<(), StorageError> {
        let rows: Vec<_> = writes.audit.iter().map(|(by, entry)| audit_row(by, entry, now)).collect();
        self.run(PUT_AUDIT, &AUDIT, &rows).await.map(drop)
    }
}
