//! Carriers' requests that were signed and could not be used: kept whole, to be seen and replayed.

use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use crate::domain::{TenantId, Timestamp};

use super::{Storage, StorageError, column};

/// A request that could not be used.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its name.
    pub id: Uuid,
    /// Whose number it was for, if anybody's.
    pub tenant: Option<TenantId>,
    /// The section of the configuration that it came by.
    pub carrier: String,
    /// `inbound` or `status`.
    pub kind: String,
    /// The body's type.
    pub content_type: String,
    /// Path and query.
    pub path: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// Why it could not be used.
    pub reason: String,
    /// When it came.
    pub at: Timestamp,
    /// When it was used after all.
    pub replayed_at: Option<Timestamp>,
}

impl Storage {
    /// Keeps one. The same one again changes nothing.
    pub async fn keep_dead_letter(&self, letter: &DeadLetter) -> Result<(), StorageError> {
        let sql = "INSERT INTO dead_letter (id, tenant_id, carrier, kind, content_type, path, body, reason, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
        let values: [Value; 9] = [
            letter.id.into(),
            letter.tenant.map(|t| t.0).into(),
            letter.carrier.as_str().into(),
            letter.kind.as_str().into(),
            letter.content_type.as_str().into(),
            letter.path.as_str().into(),
            letter.body.clone().into(),
            letter.reason.as_str().into(),
            letter.at.0.into(),
        ];
        let insert = self.statement(sql, values);
        self.0.writer.run(async |db| db.execute_raw(insert).await).await?;
        Ok(())
    }

    /// Those that are the tenant's (and with `nobodys` those that are nobody's), oldest first, after `after`.
    pub async fn dead_letters(
        &self,
        tenant: TenantId,
        nobodys: bool,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StorageError> {
        let nobodys = if nobodys { " OR tenant_id IS NULL" } else { "" };
        let sql = format!(
            "SELECT * FROM dead_letter WHERE (tenant_id = $1{nobodys}) AND replayed_at IS NULL AND id > $2 \
             ORDER BY id LIMIT $3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        rows.iter().map(letter).collect()
    }

    /// One of them.
    pub async fn dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StorageError> {
        let sql = "SELECT * FROM dead_letter WHERE id = $1";
        let row = self.0.reader.query_one_raw(self.statement(sql, [id.into()])).await?;
        row.as_ref().map(letter).transpose()
    }

    /// Forgets what came before this.
    pub async fn forget_dead_letters(&self, before: Timestamp) -> Result<(), StorageError> {
        let delete = self.statement("DELETE FROM dead_letter WHERE at < $1", [before.0.into()]);
        self.0.writer.run(async |db| db.execute_raw(delete).await).await?;
        Ok(())
    }

    /// It was used after all.
    pub async fn replayed(&self, id: Uuid) -> Result<(), StorageError> {
        let sql = "UPDATE dead_letter SET replayed_at = $2 WHERE id = $1";
        let update = self.statement(sql, [id.into(), self.0.clock.now().0.into()]);
        self.0.writer.run(async |db| db.execute_raw(update).await).await?;
        Ok(())
    }
}

fn letter(row: &QueryResult) -> Result<DeadLetter, StorageError> {
    Ok(DeadLetter {
        id: column(row, "id")?,
        tenant: column::<Option<Uuid>>(row, "tenant_id")?.map(TenantId),
        carrier: column(row, "carrier")?,
        kind: column(row, "kind")?,
        content_type: column(row, "content_type")?,
        path: column(row, "path")?,
        body: column(row, "body")?,
        reason: column(row, "reason")?,
        at: Timestamp(column(row, "at")?),
        replayed_at: column::<Option<i64>>(row, "replayed_at")?.map(Timestamp),
    })
}
