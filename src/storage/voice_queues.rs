//! Queues of calls, as the PBX reports them.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    TenantId, Version,
    provision::voice_queue::{StoredVoiceQueue, VoiceQueue},
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, bulk},
};

impl Storage {
    /// The tenant's queue of this key, or what it was.
    pub async fn voice_queue(&self, tenant: TenantId, key: &str) -> Result<Option<StoredVoiceQueue>, StorageError> {
        let sql = "SELECT * FROM voice_queue WHERE tenant_id = $1 AND key = $2";
        let row = self.0.reader.query_one_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        row.as_ref().map(stored).transpose()
    }

    /// The tenant's, by key, after `after`; with an agent's number those that they are an agent of.
    pub async fn voice_queues(
        &self,
        tenant: TenantId,
        agent: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<VoiceQueue>, StorageError> {
        let mut sql = String::from("SELECT * FROM voice_queue WHERE tenant_id = $1 AND key > $2 AND NOT deleted");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values = vec![tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        if let Some(number) = agent {
            // As it stands in the JSON, where a quote in a reason to pause is escaped. A number has no wildcard in it.
            sql.push_str(" AND agents LIKE $4");
            values.push(format!("%\"extension\":\"{number}\"%").into());
        }
        sql.push_str(" ORDER BY key LIMIT $3");
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(|row| Ok(stored(row)?.voice_queue)).collect()
    }

    /// Keys of the tenant's that have changed after a version, deleted ones too, and when.
    pub(super) async fn voice_queues_since(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        after: Version,
        limit: i64,
    ) -> Result<Vec<(Version, String)>, StorageError> {
        let sql = "SELECT key, version FROM voice_queue WHERE tenant_id = $1 AND version > $2 LIMIT $3";
        let values = [tenant.0.into(), after.into(), limit.into()];
        let rows = db.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(|row| Ok((column(row, "version")?, column(row, "key")?))).collect()
    }

    /// What the extensions of these numbers are called, by number; those that may not sign in, too.
    pub async fn names_of(
        &self,
        tenant: TenantId,
        numbers: &BTreeSet<&str>,
    ) -> Result<HashMap<String, String>, StorageError> {
        let keys: Vec<_> = numbers.iter().map(|number| (number,)).collect();
        let rows = self.0.dialect.rows(2, &[("number", Column::Text)]);
        let names = self.0.dialect.collected(&[("e.number", Column::Text), ("e.name", Column::Text)]);
        let sql = format!(
            "SELECT {names} FROM {rows} r CROSS JOIN extension e WHERE e.tenant_id = $1 AND e.number = r.number AND NOT e.deleted"
        );
        let names: Vec<(String, String)> = self.collect(&self.0.reader, &sql, [tenant.0.into(), bulk(&keys)]).await?;
        Ok(names.into_iter().collect())
    }
}

fn stored(row: &QueryResult) -> Result<StoredVoiceQueue, StorageError> {
    let (key, agents): (String, String) = (column(row, "key")?, column(row, "agents")?);
    let agents = serde_json::from_str(&agents);
    let agents = agents.map_err(|e| StorageError::Inconsistent(format!("agents of the voice queue {key}: {e}")))?;
    Ok(StoredVoiceQueue {
        voice_queue: VoiceQueue { key, name: column(row, "name")?, agents },
        deleted: column(row, "deleted")?,
        revision: column(row, "revision")?,
    })
}
