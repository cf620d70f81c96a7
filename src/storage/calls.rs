//! Recent calls, as the PBX reports them.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ConnectionTrait;

use crate::domain::{
    TenantId, Timestamp,
    phone::Number,
    provision::call::{CALLS_KEPT, Call, CallDirection, KnownCalls},
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, bulk},
};

impl Storage {
    /// What is known of these calls, and of the extensions that they are of.
    pub async fn known_calls(&self, tenant: TenantId, calls: &[Call]) -> Result<KnownCalls, StorageError> {
        let keys: Vec<_> = calls.iter().map(|call| (&call.key,)).collect();
        let rows = self.0.dialect.rows(2, &[("key", Column::Text)]);
        let sql = format!("SELECT k.* FROM {rows} r CROSS JOIN recent_call k WHERE k.tenant_id = $1 AND k.key = r.key");
        let mut is = BTreeMap::new();
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
            is.insert(key, call);
        }
        let whose: BTreeSet<_> = calls.iter().map(|call| &call.extension).collect();
        let whose: Vec<_> = whose.into_iter().map(|extension| (extension,)).collect();
        let rows = self.0.dialect.rows(2, &[("extension", Column::Text)]);
        let oldest = |what: &str| {
            format!(
                "(SELECT k.{what} FROM recent_call k WHERE k.tenant_id = $1 AND k.extension = r.extension \
                 ORDER BY k.at DESC, k.key DESC LIMIT 1 OFFSET {})",
                CALLS_KEPT - 1
            )
        };
        let sql = format!("SELECT r.extension, {} AS at, {} AS key FROM {rows} r", oldest("at"), oldest("key"));
        let mut oldest = BTreeMap::new();
        for row in self.0.reader.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&whose)])).await? {
            let (at, key): (Option<i64>, Option<String>) = (column(&row, "at")?, column(&row, "key")?);
            oldest.extend(
                at.zip(key)
                    .map(|(at, key)| Ok::<_, StorageError>((column(&row, "extension")?, (Timestamp(at), key))))
                    .transpose()?,
            );
        }
        Ok(KnownCalls { is, oldest })
    }
}
