//! Recent calls, as the PBX reports them.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;

use crate::domain::{
    TenantId, Timestamp,
    phone::Number,
    provision::call::{Call, CallDirection},
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, bulk},
};

impl Storage {
    /// Those of these calls that are known, by key.
    pub async fn calls_of(
        &self,
        tenant: TenantId,
        keys: impl IntoIterator<Item = &str>,
    ) -> Result<BTreeMap<String, Call>, StorageError> {
        let keys: Vec<_> = keys.into_iter().map(|key| (key,)).collect();
        let rows = self.0.dialect.rows(2, &[("key", Column::Text)]);
        let sql = format!("SELECT k.* FROM {rows} r CROSS JOIN recent_call k WHERE k.tenant_id = $1 AND k.key = r.key");
        let mut calls = BTreeMap::new();
        for row in self.0.reader.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&keys)])).await? {
            let key: String = column(&row, "key")?;
            let inbound = column::<String>(&row, "direction")? == CallDirection::Inbound.as_str();
            let call = Call {
                key: key.clone(),
                extension: column(&row, "extension")?,
                direction: if inbound { CallDirection::Inbound } else { CallDirection::Outbound },
                number: Number::stored(column(&row, "number")?),
                caller_name: column(&row, "caller_name")?,
                at: Timestamp(column(&row, "at")?),
            };
            calls.insert(key, call);
        }
        Ok(calls)
    }
}
