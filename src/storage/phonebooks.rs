//! Phonebooks, their contacts one by one, and those that are stored beforehand to take the place of all.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    ExtensionId, GenerationId, PhonebookId, TenantId, Timestamp, Version,
    contacts::{Contact, search::Needle},
    provision::phonebook::{Phonebook, PhonebookSource, Renamed, StoredPhonebook, TOLD_MAX},
};

use super::{
    Storage, StorageError, column,
    contacts::{BOOKS, CONTACT, CONTACT_NUMBER, PUT_CONTACTS, PUT_NUMBERS, contact_row, number_rows, numbers},
    dialect::{Column, Hex, bulk},
    extension_id,
};

/// Contacts of a dropped generation that are deleted at once: chat waits for no more.
const DELETED_AT_ONCE: i64 = 500;

/// How two states of a phonebook's contacts differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Contacts that are new.
    pub added: i64,
    /// Contacts that are others.
    pub changed: i64,
    /// Contacts that are gone.
    pub removed: i64,
    /// Numbers whose name may be another.
    pub renamed: Renamed,
}

impl Storage {
    /// The tenant's phonebook of this key, or what it was.
    pub async fn phonebook(&self, tenant: TenantId, key: &str) -> Result<Option<StoredPhonebook>, StorageError> {
        let sql = "SELECT * FROM phonebook WHERE tenant_id = $1 AND key = $2";
        let row = self.0.reader.query_one_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        row.as_ref().map(stored).transpose()
    }

    /// The tenant's phonebooks, by key, after `after`.
    pub async fn phonebooks(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredPhonebook>, StorageError> {
        let sql = "SELECT * FROM phonebook WHERE tenant_id = $1 AND key > $2 AND NOT deleted ORDER BY key LIMIT $3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        self.0.reader.query_all_raw(self.statement(sql, values)).await?.iter().map(stored).collect()
    }

    /// The phonebooks of an extension that are there, in its order.
    pub async fn my_phonebooks(
        &self,
        tenant: TenantId,
        extension: ExtensionId,
    ) -> Result<Vec<StoredPhonebook>, StorageError> {
        let sql = format!("SELECT b.* FROM {BOOKS} JOIN phonebook b ON b.id = books.id ORDER BY books.place");
        let values = [extension.0.into(), tenant.0.into()];
        self.0.reader.query_all_raw(self.statement(&sql, values)).await?.iter().map(stored).collect()
    }

    /// The keys of these extensions' phonebooks, in order, whether they are there or not.
    pub async fn phonebooks_of(
        &self,
        extensions: impl IntoIterator<Item = ExtensionId>,
    ) -> Result<BTreeMap<ExtensionId, Vec<String>>, StorageError> {
        let ids: Vec<_> = extensions.into_iter().map(|id| (Hex(id.0),)).collect();
        let rows = self.0.dialect.rows(1, &[("id", Column::Uuid)]);
        let sql = format!(
            "SELECT a.extension_id, a.key FROM {rows} r CROSS JOIN extension_phonebook a \
             WHERE a.extension_id = r.id ORDER BY a.extension_id, a.place"
        );
        let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in self.0.reader.query_all_raw(self.statement(&sql, [bulk(&ids)])).await? {
            keys.entry(extension_id(&row, "extension_id")?).or_default().push(column(&row, "key")?);
        }
        Ok(keys)
    }

    /// A phonebook's contacts by key, after `after`.
    pub async fn contacts(
        &self,
        tenant: TenantId,
        generation: GenerationId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Contact>, StorageError> {
        let sql = "SELECT key, name, numbers FROM contact WHERE generation = $1 AND tenant_id = $2 AND key > $3 \
             ORDER BY key LIMIT $4";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [generation.0.into(), tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        self.0.reader.query_all_raw(self.statement(sql, values)).await?.iter().map(contact).collect()
    }

    /// A phonebook's contacts by name, after `after` (as it is sorted, and its key); with a needle those that match.
    pub async fn contacts_by_name(
        &self,
        tenant: TenantId,
        generation: GenerationId,
        needle: Option<&Needle>,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Contact>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (sort, key) = after.unwrap_or_default();
        let mut values = vec![generation.0.into(), tenant.0.into(), sort.into(), key.into(), limit.into()];
        let matches = needle.map(|needle| format!("AND {} ", self.matches("c.search", needle, &mut values)));
        let matches = matches.unwrap_or_default();
        let sql = format!(
            "SELECT c.key, c.name, c.numbers FROM contact c WHERE c.generation = $1 AND c.tenant_id = $2 \
             AND (c.sort, c.key) > ($3, $4) {matches}ORDER BY c.sort, c.key LIMIT $5"
        );
        self.0.reader.query_all_raw(self.statement(&sql, values)).await?.iter().map(contact).collect()
    }

    /// Those of these contacts that a phonebook has, by key.
    pub async fn contacts_of(
        &self,
        tenant: TenantId,
        generation: GenerationId,
        keys: impl IntoIterator<Item = &str>,
    ) -> Result<BTreeMap<String, Contact>, StorageError> {
        let keys: Vec<_> = keys.into_iter().map(|key| (key,)).collect();
        let rows = self.0.dialect.rows(3, &[("key", Column::Text)]);
        let sql = format!(
            "SELECT c.key, c.name, c.numbers FROM {rows} r CROSS JOIN contact c WHERE c.generation = $1 \
             AND c.tenant_id = $2 AND c.key = r.key"
        );
        let values = [generation.0.into(), tenant.0.into(), bulk(&keys)];
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(|row| contact(row).map(|c| (c.key.clone(), c))).collect()
    }

    /// Begins to store contacts beforehand.
    pub async fn begin_load(&self, tenant: TenantId, generation: GenerationId) -> Result<(), StorageError> {
        let sql = "INSERT INTO contact_load (generation, tenant_id, touched_at, dropped) VALUES ($1, $2, $3, false)";
        let values = [generation.0.into(), tenant.0.into(), self.0.clock.now().0.into()];
        let insert = self.statement(sql, values);
        self.0.writer.run(async |db| db.execute_raw(insert).await).await?;
        Ok(())
    }

    /// Stores some beforehand; false if the load was given up, or a key was there.
    pub async fn load(
        &self,
        tenant: TenantId,
        generation: GenerationId,
        contacts: &[Contact],
    ) -> Result<bool, StorageError> {
        let dialect = self.0.dialect;
        let sql = "UPDATE contact_load SET touched_at = $1 WHERE generation = $2 AND NOT dropped";
        let touch = dialect.statement(sql, [self.0.clock.now().0.into(), generation.0.into()]);
        let rows: Vec<_> = contacts.iter().map(|c| contact_row(generation, tenant, c)).collect();
        let sql = PUT_CONTACTS.replace("{rows}", &dialect.rows(1, &CONTACT));
        let insert = dialect.statement(&sql, [bulk(&rows)]);
        let rows: Vec<_> = contacts.iter().flat_map(|c| number_rows(generation, tenant, c)).collect();
        let sql = PUT_NUMBERS.replace("{rows}", &dialect.rows(1, &CONTACT_NUMBER));
        let numbers = dialect.statement(&sql, [bulk(&rows)]);
        let work = async |db: sea_orm::DatabaseConnection| {
            use sea_orm::TransactionTrait;
            let tx = db.begin().await?;
            // What was given up meanwhile is deleted by now: nothing may come after that.
            let alive = tx.execute_raw(touch).await?.rows_affected() == 1;
            if !alive {
                return Ok((alive, 0));
            }
            let stored = tx.execute_raw(insert).await?.rows_affected();
            tx.execute_raw(numbers).await?;
            tx.commit().await?;
            Ok((alive, stored))
        };
        let (alive, stored) = self.0.writer.run(work).await?;
        Ok(alive && usize::try_from(stored).is_ok_and(|stored| stored == contacts.len()))
    }

    /// What was stored beforehand comes to nothing: it is deleted bit by bit. False if it is in its place meanwhile.
    pub async fn drop_load(&self, generation: GenerationId) -> Result<bool, StorageError> {
        let sql = "UPDATE contact_load SET dropped = true, touched_at = 0 WHERE generation = $1";
        let update = self.statement(sql, [generation.0.into()]);
        Ok(self.0.writer.run(async |db| db.execute_raw(update).await).await?.rows_affected() == 1)
    }

    /// How the contacts of one generation differ from those of another.
    pub async fn difference(
        &self,
        tenant: TenantId,
        old: GenerationId,
        new: GenerationId,
    ) -> Result<Difference, StorageError> {
        let sql = "SELECT count(*) AS n, coalesce(sum(CASE WHEN o.key IS NULL THEN 1 ELSE 0 END), 0) AS added \
             FROM contact c LEFT JOIN contact o ON o.generation = $1 AND o.key = c.key \
             WHERE c.generation = $2 AND c.tenant_id = $3 \
             AND (o.key IS NULL OR o.name <> c.name OR o.numbers <> c.numbers)";
        let values = [old.0.into(), new.0.into(), tenant.0.into()];
        let row = self.0.reader.query_one_raw(self.statement(sql, values.clone())).await?;
        let (n, added) =
            row.map_or(Ok((0, 0)), |row| Ok::<_, StorageError>((column(&row, "n")?, column::<i64>(&row, "added")?)))?;
        let sql = "SELECT count(*) AS n FROM contact o LEFT JOIN contact c ON c.generation = $2 AND c.key = o.key \
             WHERE o.generation = $1 AND o.tenant_id = $3 AND c.key IS NULL";
        let row = self.0.reader.query_one_raw(self.statement(sql, values.clone())).await?;
        let removed: i64 = row.map_or(Ok(0), |row| column(&row, "n"))?;
        let few = i64::try_from(TOLD_MAX).unwrap_or(i64::MAX);
        if n + removed > few {
            return Ok(Difference { added, changed: n - added, removed, renamed: Renamed::Any });
        }
        let differs = |a: &str, b: &str| {
            format!(
                "SELECT a.key, a.name, a.numbers FROM contact a LEFT JOIN contact b ON b.generation = {b} \
                 AND b.key = a.key WHERE a.generation = {a} AND a.tenant_id = $3 \
                 AND (b.key IS NULL OR b.name <> a.name OR b.numbers <> a.numbers)"
            )
        };
        let mut renamed = vec![];
        for sql in [differs("$1", "$2"), differs("$2", "$1")] {
            for row in self.0.reader.query_all_raw(self.statement(&sql, values.clone())).await? {
                renamed.extend(numbers(&row)?);
            }
        }
        Ok(Difference { added, changed: n - added, removed, renamed: Renamed::of(renamed) })
    }

    /// Deletes a little of what no phonebook has: what was dropped, and loads that nobody has touched since `before`.
    /// Answers whether there is more.
    pub async fn clear_loads(&self, before: Timestamp) -> Result<bool, StorageError> {
        let sql = "SELECT generation FROM contact_load WHERE touched_at < $1 LIMIT 1";
        let Some(row) = self.0.reader.query_one_raw(self.statement(sql, [before.0.into()])).await? else {
            return Ok(false);
        };
        let generation = GenerationId(column(&row, "generation")?);
        if !self.drop_load(generation).await? {
            return Ok(true);
        }
        let delete = |table: &str, by: &str| {
            let sql = format!(
                "DELETE FROM {table} WHERE (generation, {by}, key) IN (SELECT generation, {by}, key FROM {table} \
                 WHERE generation = $1 LIMIT $2)"
            );
            self.statement(&sql, [generation.0.into(), DELETED_AT_ONCE.into()])
        };
        let (numbers, contacts) = (delete("contact_number", "number"), delete("contact", "key"));
        self.0.writer.run(async |db| db.execute_raw(numbers).await).await?;
        self.0.writer.run(async |db| db.execute_raw(contacts).await).await?;
        // Another node may delete the same: only what is there says whether it is over.
        let over = "DELETE FROM contact_load WHERE generation = $1 \
             AND NOT EXISTS (SELECT 1 FROM contact WHERE generation = $1) \
             AND NOT EXISTS (SELECT 1 FROM contact_number WHERE generation = $1)";
        let over = self.statement(over, [generation.0.into()]);
        self.0.writer.run(async |db| db.execute_raw(over).await).await?;
        Ok(true)
    }

    /// Who may show other names since a version, and at which: by phonebooks and by calls.
    pub(super) async fn names_since(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        after: Version,
        me: Option<ExtensionId>,
        limit: i64,
    ) -> Result<Vec<(Version, ExtensionId)>, StorageError> {
        let mut sql = String::from(
            "SELECT e.names_version AS version, e.id FROM extension e WHERE e.tenant_id = $1 AND e.names_version > $2",
        );
        let mut values = vec![tenant.0.into(), after.into(), limit.into()];
        let mine = |column: &str| if me.is_some() { format!(" AND {column} = $4") } else { String::new() };
        sql.push_str(&mine("e.id"));
        sql.push_str(
            " UNION SELECT b.version, a.extension_id AS id FROM phonebook b JOIN extension_phonebook a \
             ON a.tenant_id = b.tenant_id AND a.key = b.key WHERE b.tenant_id = $1 AND b.version > $2",
        );
        sql.push_str(&mine("a.extension_id"));
        sql.push_str(" LIMIT $3");
        values.extend(me.map(|me| me.0.into()));
        let rows = db.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(|row| Ok((column(row, "version")?, extension_id(row, "id")?))).collect()
    }
}

fn contact(row: &QueryResult) -> Result<Contact, StorageError> {
    Ok(Contact { key: column(row, "key")?, name: column(row, "name")?, numbers: numbers(row)? })
}

fn stored(row: &QueryResult) -> Result<StoredPhonebook, StorageError> {
    let (key, source): (String, String) = (column(row, "key")?, column(row, "source")?);
    let source = PhonebookSource::parse(&source)
        .ok_or_else(|| StorageError::Inconsistent(format!("the phonebook {key} is of the source {source}")))?;
    Ok(StoredPhonebook {
        id: PhonebookId(column(row, "id")?),
        phonebook: Phonebook { key, name: column(row, "name")?, source },
        generation: GenerationId(column(row, "generation")?),
        contacts: column(row, "contacts")?,
        deleted: column(row, "deleted")?,
        revision: column(row, "revision")?,
    })
}
