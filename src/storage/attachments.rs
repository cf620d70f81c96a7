//! Files that came with texts.

use sea_orm::{ConnectionTrait, Value};

use crate::domain::{AttachmentId, ConversationId, ExtensionId, Seq, TenantId, Timestamp, sms::inbound::Media};

use super::{Storage, StorageError, column};

/// A file that is to be fetched.
#[derive(Clone, Debug)]
pub struct PendingFile {
    /// Which.
    pub id: AttachmentId,
    /// Of which message.
    pub conversation: ConversationId,
    /// Of which message.
    pub seq: Seq,
    /// Whose.
    pub tenant: TenantId,
    /// Where it is.
    pub media: Media,
    /// The carrier of the number that it came to; none, if that is nobody's now.
    pub carrier: Option<String>,
    /// How often it was tried in vain.
    pub tries: i64,
}

/// A file that is here.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// What it is.
    pub content_type: String,
    /// It.
    pub bytes: Vec<u8>,
}

impl Storage {
    /// Files to be fetched by now.
    pub async fn pending_files(&self, now: Timestamp, limit: usize) -> Result<Vec<PendingFile>, StorageError> {
        let sql = "SELECT a.*, n.carrier FROM attachment a JOIN conversation c ON c.id = a.conversation_id \
             LEFT JOIN phone_number n ON n.number = c.our_number AND n.tenant_id = a.tenant_id \
             WHERE a.state = 'pending' AND a.due_at <= $1 ORDER BY a.due_at LIMIT $2";
        let values = [now.0.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        let file = |row| {
            Ok(PendingFile {
                id: AttachmentId(column(row, "id")?),
                conversation: ConversationId(column(row, "conversation_id")?),
                seq: column(row, "seq")?,
                tenant: TenantId(column(row, "tenant_id")?),
                media: Media { url: column(row, "url")?, content_type: column(row, "content_type")? },
                carrier: column(row, "carrier")?,
                tries: column(row, "tries")?,
            })
        };
        rows.iter().map(file).collect()
    }

    /// A file is tried again later.
    pub async fn postpone_file(&self, id: AttachmentId, due_at: Timestamp) -> Result<(), StorageError> {
        let sql = "UPDATE attachment SET due_at = $2, tries = tries + 1 WHERE id = $1";
        let update = self.statement(sql, [id.0.into(), due_at.0.into()]);
        self.0.writer.run(async |db| db.execute_raw(update).await).await?;
        Ok(())
    }

    /// Keeps a file's bytes. That it is here is told by the ledger, after this.
    pub async fn keep_file(&self, id: AttachmentId, bytes: Vec<u8>) -> Result<(), StorageError> {
        let sql = "INSERT INTO attachment_content (id, bytes) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        let values: [Value; 2] = [id.0.into(), bytes.into()];
        let insert = self.statement(sql, values);
        self.0.writer.run(async |db| db.execute_raw(insert).await).await?;
        Ok(())
    }

    /// A file of a conversation that `reader` may read.
    pub async fn file(
        &self,
        tenant: TenantId,
        reader: ExtensionId,
        id: AttachmentId,
    ) -> Result<Option<StoredFile>, StorageError> {
        let tx = self.moment().await?;
        let sql = "SELECT conversation_id FROM attachment WHERE id = $1 AND tenant_id = $2 AND state = 'stored'";
        let row = tx.query_one_raw(self.statement(sql, [id.0.into(), tenant.0.into()])).await?;
        let Some(row) = row else { return Ok(None) };
        if !self.may_read(&tx, tenant, reader, ConversationId(column(&row, "conversation_id")?)).await? {
            return Ok(None);
        }
        let sql = "SELECT a.content_type, f.bytes FROM attachment a JOIN attachment_content f ON f.id = a.id \
             WHERE a.id = $1 AND a.tenant_id = $2";
        let row = tx.query_one_raw(self.statement(sql, [id.0.into(), tenant.0.into()])).await?;
        let file = |row| Ok(StoredFile { content_type: column(&row, "content_type")?, bytes: column(&row, "bytes")? });
        row.map(file).transpose()
    }
}
