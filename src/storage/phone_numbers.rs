//! The phone numbers of a company, and who may send from them.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    ExtensionId, TenantId,
    phone::Number,
    provision::phone_number::{PhoneNumber, StoredNumber},
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, Hex, bulk},
};

/// Whether the phone number `n` feeds a queue that is there.
pub(super) const FEEDS: &str = "EXISTS (SELECT 1 FROM sms_queue f WHERE f.tenant_id = n.tenant_id \
     AND f.key = n.queue AND NOT f.deleted)";

/// A phone number that an extension may send from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerId {
    /// In E.164.
    pub number: Number,
    /// What people call it.
    pub label: Option<String>,
    /// Whether it has an active SMS plan.
    pub sms_enabled: bool,
    /// Whether it feeds a queue: then it is no sender for threads and groups.
    pub feeds_queue: bool,
}

impl Storage {
    /// A phone number, whosever it is or was.
    pub async fn phone_number(&self, number: &Number) -> Result<Option<StoredNumber>, StorageError> {
        let sql = "SELECT * FROM phone_number WHERE number = $1";
        let row = self.0.reader.query_one_raw(self.statement(sql, [number.as_str().into()])).await?;
        row.as_ref().map(stored).transpose()
    }

    /// The tenant's phone numbers, after `after`.
    pub async fn phone_numbers(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<PhoneNumber>, StorageError> {
        let sql = "SELECT * FROM phone_number WHERE tenant_id = $1 AND number > $2 AND NOT deleted \
                   ORDER BY number LIMIT $3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(|row| Ok(stored(row)?.phone_number)).collect()
    }

    /// Up to 200 numbers that these carriers carry, whosever they are.
    pub async fn numbers_of_carriers(&self, carriers: &[String]) -> Result<Vec<PhoneNumber>, StorageError> {
        let names: Vec<_> = carriers.iter().map(|name| (name,)).collect();
        let rows = self.0.dialect.rows(1, &[("carrier", Column::Text)]);
        let sql = format!(
            "SELECT * FROM phone_number WHERE NOT deleted AND carrier IN (SELECT carrier FROM {rows} r) \
             ORDER BY number LIMIT 200"
        );
        let rows = self.0.reader.query_all_raw(self.statement(&sql, [bulk(&names)])).await?;
        rows.iter().map(|row| Ok(stored(row)?.phone_number)).collect()
    }

    /// The numbers assigned to each of these extensions, in order, whether they are there or not.
    pub async fn caller_ids_of(
        &self,
        extensions: impl IntoIterator<Item = ExtensionId>,
    ) -> Result<HashMap<ExtensionId, Vec<Number>>, StorageError> {
        let ids: Vec<_> = extensions.into_iter().map(|id| (Hex(id.0),)).collect();
        let rows = self.0.dialect.rows(1, &[("id", Column::Uuid)]);
        let columns = [("c.extension_id", Column::Uuid), ("c.place", Column::Int), ("c.number", Column::Text)];
        let found = self.0.dialect.collected(&columns);
        let sql = format!("SELECT {found} FROM {rows} r CROSS JOIN caller_id c WHERE c.extension_id = r.id");
        let mut found: Vec<(ExtensionId, i64, Number)> = self.collect(&self.0.reader, &sql, [bulk(&ids)]).await?;
        found.sort_unstable_by_key(|(id, place, _)| (*id, *place));
        let mut caller_ids: HashMap<_, Vec<_>> = HashMap::new();
        for (id, _, number) in found {
            caller_ids.entry(id).or_default().push(number);
        }
        Ok(caller_ids)
    }

    /// Those of them that the tenant owns.
    pub async fn senders(&self, tenant: TenantId, extension: ExtensionId) -> Result<Vec<CallerId>, StorageError> {
        let sql = format!(
            "SELECT n.number, n.label, n.sms_enabled, {FEEDS} AS feeds_queue FROM caller_id c \
             JOIN phone_number n ON n.number = c.number \
             WHERE c.extension_id = $1 AND n.tenant_id = $2 AND NOT n.deleted ORDER BY c.place"
        );
        let values = [extension.0.into(), tenant.0.into()];
        let sender = |row: &QueryResult| {
            Ok(CallerId {
                number: Number::stored(column(row, "number")?),
                label: column(row, "label")?,
                sms_enabled: column(row, "sms_enabled")?,
                feeds_queue: column(row, "feeds_queue")?,
            })
        };
        self.0.reader.query_all_raw(self.statement(&sql, values)).await?.iter().map(sender).collect()
    }
}

pub(super) fn stored(row: &QueryResult) -> Result<StoredNumber, StorageError> {
    Ok(StoredNumber {
        tenant: TenantId(column(row, "tenant_id")?),
        phone_number: PhoneNumber {
            number: Number::stored(column(row, "number")?),
            label: column(row, "label")?,
            sms_enabled: column(row, "sms_enabled")?,
            carrier: column(row, "carrier")?,
            queue: column(row, "queue")?,
            extension: column(row, "extension")?,
        },
        deleted: column(row, "deleted")?,
        revision: column(row, "revision")?,
    })
}
