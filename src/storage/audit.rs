//! The audit log: who changed what. What is committed by the ledger is written with it, in the same transaction.

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    By, TenantId, Timestamp,
    audit::{Entry, Who},
};

use super::{
    Storage, StorageError, column,
    dialect::{
        Column::{self, Int, Text, Uuid},
        Hex, bulk,
    },
};

/// Writes lines of the log.
pub(super) const PUT_AUDIT: &str = "INSERT INTO audit (tenant_id, at, by_kind, by_number, by_name, action, subject, detail) \
     SELECT tenant_id, at, by_kind, by_number, by_name, action, subject, detail FROM {rows} r WHERE true";
/// The columns of [`audit_row`].
pub(super) const AUDIT: [(&str, Column); 8] = [
    ("tenant_id", Uuid),
    ("at", Int),
    ("by_kind", Text),
    ("by_number", Text),
    ("by_name", Text),
    ("action", Text),
    ("subject", Text),
    ("detail", Text),
];

/// A line of the log as it is stored.
pub(super) type AuditRow =
    (Hex, Timestamp, &'static str, Option<String>, Option<String>, &'static str, String, Option<String>);

/// A line of the log as it is stored.
pub(super) fn audit_row(by: &By, entry: &Entry, at: Timestamp) -> AuditRow {
    let Who { kind, number, name } = Who::from(by);
    let detail = entry.detail.as_ref().map(ToString::to_string);
    (Hex(by.tenant().0), at, kind, number, name, entry.action, entry.subject.clone(), detail)
}

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Its place: it rises.
    pub id: i64,
    /// When it was done.
    pub at: Timestamp,
    /// `extension`, `key` or `engine`.
    pub by_kind: String,
    /// An extension's number, or what a key is known by.
    pub by_number: Option<String>,
    /// An extension's name, as it was.
    pub by_name: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else there is to know, as JSON.
    pub detail: Option<String>,
}

impl Storage {
    /// Writes what is no change of the ledger's: a login, a webhook.
    pub async fn audit(&self, by: &By, entry: &Entry) -> Result<(), StorageError> {
        let sql = PUT_AUDIT.replace("{rows}", &self.0.dialect.rows(1, &AUDIT));
        let insert = self.statement(&sql, [bulk(&[audit_row(by, entry, self.0.clock.now())])]);
        self.0.writer.run(async |db| db.execute_raw(insert).await).await?;
        Ok(())
    }

    /// The tenant's log, newest first, below `before`; of one action, or of one extension or key, by its number.
    pub async fn audited(
        &self,
        tenant: TenantId,
        action: Option<&str>,
        by: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Audited>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut sql = String::from("SELECT * FROM audit WHERE tenant_id = $1 AND id < $2");
        let mut values = vec![tenant.0.into(), before.unwrap_or(i64::MAX).into(), limit.into()];
        for (column, wanted) in [("action", action), ("by_number", by)] {
            if let Some(wanted) = wanted {
                values.push(wanted.into());
                sql.push_str(&format!(" AND {column} = ${}", values.len()));
            }
        }
        sql.push_str(" ORDER BY id DESC LIMIT $3");
        self.0.reader.query_all_raw(self.statement(&sql, values)).await?.iter().map(audited).collect()
    }

    /// Forgets a little of what was done before.
    pub async fn forget_audit(&self, before: Timestamp) -> Result<(), StorageError> {
        let sql = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 LIMIT 500)";
        let delete = self.statement(sql, [before.0.into()]);
        self.0.writer.run(async |db| db.execute_raw(delete).await).await?;
        Ok(())
    }
}

fn audited(row: &QueryResult) -> Result<Audited, StorageError> {
    Ok(Audited {
        id: column(row, "id")?,
        at: Timestamp(column(row, "at")?),
        by_kind: column(row, "by_kind")?,
        by_number: column(row, "by_number")?,
        by_name: column(row, "by_name")?,
        action: column(row, "action")?,
        subject: column(row, "subject")?,
        detail: column(row, "detail")?,
    })
}
