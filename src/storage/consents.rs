//! Who wants no texts.

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    ExtensionId, TenantId, Timestamp,
    phone::Number,
    sms::consent::{Consent, Source},
};

use super::{Storage, StorageError, column};

impl Storage {
    /// The tenant's records of who wants no texts, by number and then ours, after `after`.
    pub async fn consents(
        &self,
        tenant: TenantId,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<Consent>, StorageError> {
        let sql = "SELECT * FROM consent WHERE tenant_id = $1 AND opted_out AND (number, our_number) > ($2, $3) \
             ORDER BY number, our_number LIMIT $4";
        let (number, ours) = after.unwrap_or_default();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [tenant.0.into(), number.into(), ours.into(), limit.into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(consent).collect()
    }

    /// What is recorded of somebody, opted out or in again.
    pub async fn consents_of(&self, tenant: TenantId, number: &Number) -> Result<Vec<Consent>, StorageError> {
        let sql = "SELECT * FROM consent WHERE tenant_id = $1 AND number = $2";
        let values = [tenant.0.into(), number.as_str().into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(consent).collect()
    }

    /// Who has a thread with somebody.
    pub async fn threads_with(&self, tenant: TenantId, number: &Number) -> Result<Vec<ExtensionId>, StorageError> {
        let sql = "SELECT DISTINCT p.extension_id FROM conversation c JOIN participant p ON p.conversation_id = c.id \
             AND p.left_version IS NULL WHERE c.tenant_id = $1 AND c.their_number = $2 ORDER BY p.extension_id";
        let values = [tenant.0.into(), number.as_str().into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(|row| super::extension_id(row, "extension_id")).collect()
    }
}

fn consent(row: &QueryResult) -> Result<Consent, StorageError> {
    let (ours, source): (String, String) = (column(row, "our_number")?, column(row, "source")?);
    let inconsistent = || StorageError::Inconsistent(format!("a consent comes from {source}"));
    Ok(Consent {
        our_number: (!ours.is_empty()).then(|| Number::stored(ours)),
        number: Number::stored(column(row, "number")?),
        opted_out: column(row, "opted_out")?,
        source: Source::parse(&source).ok_or_else(inconsistent)?,
        by: column::<Option<uuid::Uuid>>(row, "by_id")?.map(ExtensionId),
        reason: column(row, "reason")?,
        at: Timestamp(column(row, "at")?),
    })
}
