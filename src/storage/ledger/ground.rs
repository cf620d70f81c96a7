//! Reads what a batch rests on, under the lock of its tenants' counters.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::{
    domain::{Change, ConversationId, ExtensionId, Guard, Seq, TenantId, Timestamp, Version, phone::Number},
    storage::{
        Dialect, StorageError, column,
        dialect::{Column, Hex, bulk},
        extension_id,
        messages::messages,
    },
};

use super::{
    Unit,
    walk::{Ground, Head, Known, number_key},
};

/// What the database says of everything that these units name. A table that no unit names is not asked.
pub(super) async fn read(tx: &DatabaseTransaction, dialect: Dialect, units: &[&Unit]) -> Result<Ground, StorageError> {
    let asked = Asked::by(units);
    let reader = Reader { tx, dialect };
    let mut ground = Ground::default();
    // First the counters, in tenant order: whoever has them may go on, and nobody waits for each other in a circle.
    reader.counters(&mut ground, &asked).await?;
    reader.known(&mut ground, &asked).await?;
    reader.heads(&mut ground, &asked).await?;
    reader.text_nos(&mut ground, &asked).await?;
    reader.extensions(&mut ground, &asked).await?;
    reader.phone_numbers(&mut ground, &asked).await?;
    reader.taken(&mut ground, &asked).await?;
    Ok(ground)
}

#[derive(Default)]
struct Asked {
    tenants: BTreeSet<TenantId>,
    client_ids: Vec<(Hex, Hex)>,
    conversations: BTreeSet<ConversationId>,
    places: Vec<(ConversationId, i64)>,
    extensions: BTreeSet<ExtensionId>,
    phone_numbers: BTreeSet<Number>,
    natural_keys: Vec<(Hex, String)>,
    numbers: Vec<(Hex, String)>,
}

impl Asked {
    fn by(units: &[&Unit]) -> Self {
        let mut asked = Self::default();
        for unit in units {
            asked.tenants.insert(unit.tenant);
            asked.client_ids.extend(unit.client_id.map(|(who, id)| (Hex(who.0), Hex(id.0))));
            for guard in &unit.decision.guards {
                match guard {
                    Guard::Conversation(id, _) => drop(asked.conversations.insert(*id)),
                    Guard::Extension(id, _) => drop(asked.extensions.insert(*id)),
                    Guard::PhoneNumber(number, _) => drop(asked.phone_numbers.insert(number.clone())),
                }
            }
            for change in &unit.decision.changes {
                match change {
                    Change::ConversationCreated(c) => {
                        asked.natural_keys.extend(c.natural_key.clone().map(|k| (Hex(unit.tenant.0), k)));
                    }
                    Change::MessageAdded(_)
                    | Change::Renamed { .. }
                    | Change::MembersAdded { .. }
                    | Change::MemberRemoved { .. } => {}
                    Change::MarkersAdvanced { conversation, readers, .. } => {
                        asked.places.extend(readers.iter().map(|(_, seq)| (*conversation, *seq)));
                    }
                    Change::ExtensionPut { extension, made: true, .. } => {
                        asked.numbers.push((Hex(unit.tenant.0), extension.number.clone()));
                    }
                    Change::ExtensionPut { .. } | Change::PhoneNumberPut { .. } => {}
                }
            }
        }
        asked
    }
}

struct Reader<'a> {
    tx: &'a DatabaseTransaction,
    dialect: Dialect,
}

impl Reader<'_> {
    async fn counters(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let lock = self.dialect.for_update();
        let sql = format!("SELECT id, version FROM tenant WHERE id IN (SELECT id FROM {rows} r) ORDER BY id{lock}");
        let keys: Vec<_> = asked.tenants.iter().map(|t| (Hex(t.0),)).collect();
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.counters.insert(TenantId(column(&row, "id")?), column(&row, "version")?);
        }
        Ok(())
    }

    async fn known(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.client_ids.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("author_id", Column::Uuid), ("client_id", Column::Uuid)]);
        let sql = format!(
            "SELECT m.* FROM {rows} r JOIN message m ON m.author_id = r.author_id AND m.client_id = r.client_id"
        );
        let found = self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&asked.client_ids)])).await?;
        for message in messages(&found)? {
            if let Some(client_id) = message.client_id {
                ground.known.insert((message.author, client_id), Known::Stored(message));
            }
        }
        Ok(())
    }

    async fn heads(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.conversations.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let heads = self.dialect.collected(&[
            ("c.id", Column::Uuid),
            ("c.tenant_id", Column::Uuid),
            ("c.revision", Column::Int),
            ("c.version", Column::Int),
            ("c.last_seq", Column::Int),
            ("c.text_count", Column::Int),
            ("c.last_activity_at", Column::Int),
        ]);
        let sql = format!("SELECT {heads} AS heads FROM {rows} r JOIN conversation c ON c.id = r.id");
        let keys: Vec<_> = asked.conversations.iter().map(|c| (Hex(c.0),)).collect();
        let Some(row) = self.tx.query_one_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? else {
            return Ok(());
        };
        let inconsistent = |e: serde_json::Error| StorageError::Inconsistent(e.to_string());
        let heads: Vec<(ConversationId, TenantId, i64, Version, Seq, i64, Timestamp)> =
            serde_json::from_str(&column::<String>(&row, "heads")?).map_err(inconsistent)?;
        for (id, tenant, revision, version, last_seq, text_count, last_activity_at) in heads {
            ground.heads.insert(id, Head { tenant, revision, version, last_seq, text_count, last_activity_at });
        }
        Ok(())
    }

    async fn text_nos(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let heads: HashMap<_, _> = ground.heads.iter().map(|(id, h)| (*id, h.last_seq)).collect();
        let older = |(c, seq): &&(ConversationId, i64)| heads.get(c).is_some_and(|last| seq < last);
        let keys: HashSet<_> = asked.places.iter().filter(older).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = keys.into_iter().map(|(c, seq)| (Hex(c.0), seq)).collect();
        let rows = self.dialect.rows(1, &[("id", Column::Uuid), ("seq", Column::Int)]);
        let sql = format!(
            "SELECT m.conversation_id, m.seq, m.text_no FROM {rows} r \
             JOIN message m ON m.conversation_id = r.id AND m.seq = r.seq"
        );
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            let place = (ConversationId(column(&row, "conversation_id")?), column(&row, "seq")?);
            ground.text_nos.insert(place, column(&row, "text_no")?);
        }
        Ok(())
    }

    async fn extensions(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.extensions.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("id", Column::Uuid)]);
        let sql = format!("SELECT e.id, e.revision FROM {rows} r JOIN extension e ON e.id = r.id");
        let keys: Vec<_> = asked.extensions.iter().map(|e| (Hex(e.0),)).collect();
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.extensions.insert(extension_id(&row, "id")?, column(&row, "revision")?);
        }
        Ok(())
    }

    async fn phone_numbers(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        if asked.phone_numbers.is_empty() {
            return Ok(());
        }
        let rows = self.dialect.rows(1, &[("number", Column::Text)]);
        let sql =
            format!("SELECT n.number, n.revision FROM {rows} r CROSS JOIN phone_number n WHERE n.number = r.number");
        let keys: Vec<_> = asked.phone_numbers.iter().map(|n| (n,)).collect();
        for row in self.tx.query_all_raw(self.dialect.statement(&sql, [bulk(&keys)])).await? {
            ground.phone_numbers.insert(Number::stored(column(&row, "number")?), column(&row, "revision")?);
        }
        Ok(())
    }

    async fn taken(&self, ground: &mut Ground, asked: &Asked) -> Result<(), StorageError> {
        let rows = self.dialect.rows(1, &[("tenant_id", Column::Uuid), ("name", Column::Text)]);
        if !asked.natural_keys.is_empty() {
            let sql = format!(
                "SELECT c.tenant_id, c.natural_key AS name FROM {rows} r \
                 JOIN conversation c ON c.tenant_id = r.tenant_id AND c.natural_key = r.name"
            );
            self.names(ground, &sql, &asked.natural_keys, |name| name).await?;
        }
        if !asked.numbers.is_empty() {
            let sql = format!(
                "SELECT e.tenant_id, e.number AS name FROM {rows} r \
                 JOIN extension e ON e.tenant_id = r.tenant_id AND e.number = r.name"
            );
            self.names(ground, &sql, &asked.numbers, |number| number_key(&number)).await?;
        }
        Ok(())
    }

    async fn names(
        &self,
        ground: &mut Ground,
        sql: &str,
        keys: &[(Hex, String)],
        key: impl Fn(String) -> String,
    ) -> Result<(), StorageError> {
        for row in self.tx.query_all_raw(self.dialect.statement(sql, [bulk(keys)])).await? {
            ground.taken.insert((TenantId(column(&row, "tenant_id")?), key(column(&row, "name")?)));
        }
        Ok(())
    }
}
