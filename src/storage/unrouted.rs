//! Texts that came in and are nobody's.

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    MessageText, TenantId, Timestamp, UnroutedId,
    phone::Number,
    sms::{inbound::Incoming, keywords::Keyword},
};

use super::{Storage, StorageError, column};

/// A text that is nobody's, and when it came.
pub type Unrouted = (UnroutedId, Incoming, Timestamp);

impl Storage {
    /// The tenant's, oldest first, after `after`.
    pub async fn unrouted(
        &self,
        tenant: TenantId,
        after: Option<UnroutedId>,
        limit: usize,
    ) -> Result<Vec<Unrouted>, StorageError> {
        let sql = "SELECT * FROM unrouted WHERE tenant_id = $1 AND assigned = $2 AND id > $3 ORDER BY id LIMIT $4";
        let after = after.map_or(uuid::Uuid::nil(), |id| id.0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [tenant.0.into(), false.into(), after.into(), limit.into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(unrouted).collect()
    }

    /// One of them, if it is still nobody's.
    pub async fn one_unrouted(&self, tenant: TenantId, id: UnroutedId) -> Result<Option<Unrouted>, StorageError> {
        let sql = "SELECT * FROM unrouted WHERE id = $1 AND tenant_id = $2 AND NOT assigned";
        let row = self.0.reader.query_one_raw(self.statement(sql, [id.0.into(), tenant.0.into()])).await?;
        row.as_ref().map(unrouted).transpose()
    }
}

fn unrouted(row: &QueryResult) -> Result<Unrouted, StorageError> {
    let media: String = column(row, "media")?;
    let media = serde_json::from_str(&media).map_err(|e| StorageError::Inconsistent(e.to_string()))?;
    let incoming = Incoming {
        carrier: column(row, "carrier")?,
        provider_id: column(row, "provider_id")?,
        from: Number::stored(column(row, "number")?),
        to: Number::stored(column(row, "our_number")?),
        text: MessageText::stored(column(row, "text")?),
        media,
        keyword: column::<Option<String>>(row, "keyword")?.as_deref().and_then(Keyword::parse),
    };
    Ok((UnroutedId(column(row, "id")?), incoming, Timestamp(column(row, "at")?)))
}
