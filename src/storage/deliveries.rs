//! Deliveries under way: what waits at a number of ours, and what a carrier's news are about.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, QueryResult};

use crate::domain::{
    AttemptId, ConversationId, ExtensionId, Seq, TenantId, Timestamp,
    conversation::Message,
    phone::Number,
    sms::delivery::{Delivery, Status},
};

use super::{
    Storage, StorageError, column, extension_id,
    messages::{delivery, dressed, messages},
};

/// A delivery that waits, or is being handed over.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whose.
    pub tenant: TenantId,
    /// Of which message.
    pub conversation: ConversationId,
    /// Of which message.
    pub seq: Seq,
    /// It.
    pub delivery: Delivery,
}

/// A message with a delivery, and what a change of it rests on.
#[derive(Clone, Debug)]
pub struct Underway {
    /// Whose.
    pub tenant: TenantId,
    /// It.
    pub message: Message,
    /// The conversation's.
    pub revision: i64,
    /// Who is in the conversation.
    pub audience: Arc<[ExtensionId]>,
    /// Whether it is a queue's: what goes out from it is not from its author's own number.
    pub is_queued: bool,
}

/// What an attempt is of.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// Its name.
    pub id: AttemptId,
    /// Of which message.
    pub conversation: ConversationId,
    /// Of which message.
    pub seq: Seq,
    /// To whom.
    pub number: Number,
    /// Which.
    pub attempt: i64,
    /// The carrier that had it.
    pub carrier: String,
    /// Which part of the text, if it was named by that.
    pub part: Option<i64>,
}

impl Storage {
    /// What waits at a number of ours, in its order.
    pub async fn waiting_at(&self, ours: &Number, limit: usize) -> Result<Vec<Waiting>, StorageError> {
        let sql = "SELECT * FROM delivery WHERE our_number = $1 AND status IN ('queued', 'sending') \
             ORDER BY place LIMIT $2";
        let values = [ours.as_str().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(waiting).collect()
    }

    /// Whether an earlier text to a number outside is not settled yet.
    pub async fn is_behind(&self, ours: &Number, theirs: &Number, place: i64) -> Result<bool, StorageError> {
        let sql = "SELECT 1 AS found FROM delivery WHERE our_number = $1 AND number = $2 AND place < $3 \
             AND status IN ('queued', 'sending') LIMIT 1";
        let values = [ours.as_str().into(), theirs.as_str().into(), place.into()];
        Ok(self.0.reader.query_one_raw(self.statement(sql, values)).await?.is_some())
    }

    /// Whether an extension still has a number of ours to send from, and the revision of its provisioning.
    pub async fn sender_revision(
        &self,
        tenant: TenantId,
        extension: ExtensionId,
        ours: &Number,
    ) -> Result<Option<i64>, StorageError> {
        let sql = "SELECT e.revision FROM extension e JOIN caller_id c ON c.extension_id = e.id AND c.number = $3 \
             WHERE e.id = $1 AND e.tenant_id = $2";
        let values = [extension.0.into(), tenant.0.into(), ours.as_str().into()];
        let row = self.0.reader.query_one_raw(self.statement(sql, values)).await?;
        row.map(|row| column(&row, "revision")).transpose()
    }

    /// Our numbers at which anything waits, or was being handed over when the process ended.
    pub async fn numbers_waiting(&self) -> Result<Vec<Number>, StorageError> {
        let sql = "SELECT DISTINCT our_number FROM delivery WHERE status IN ('queued', 'sending') \
             AND our_number IS NOT NULL";
        let rows = self.0.reader.query_all_raw(self.statement(sql, [])).await?;
        rows.iter().map(|row| column(row, "our_number").map(Number::stored)).collect()
    }

    /// Our numbers at which something fell due in a time.
    pub async fn numbers_due(&self, after: Timestamp, upto: Timestamp) -> Result<Vec<Number>, StorageError> {
        let sql = "SELECT DISTINCT our_number FROM delivery WHERE status = 'queued' AND due_at > $1 AND due_at <= $2 \
             AND our_number IS NOT NULL";
        let rows = self.0.reader.query_all_raw(self.statement(sql, [after.0.into(), upto.0.into()])).await?;
        rows.iter().map(|row| column(row, "our_number").map(Number::stored)).collect()
    }

    /// A message with its deliveries, and who is told of them.
    pub async fn underway(&self, conversation: ConversationId, seq: Seq) -> Result<Option<Underway>, StorageError> {
        let tx = self.moment().await?;
        let sql = "SELECT * FROM message WHERE conversation_id = $1 AND seq = $2";
        let rows = tx.query_all_raw(self.statement(sql, [conversation.0.into(), seq.into()])).await?;
        let Some(message) = dressed(&tx, self.0.dialect, messages(&rows)?).await?.pop() else { return Ok(None) };
        let sql = "SELECT tenant_id, revision, queue_id IS NOT NULL AS is_queued FROM conversation WHERE id = $1";
        let Some(row) = tx.query_one_raw(self.statement(sql, [conversation.0.into()])).await? else { return Ok(None) };
        let (tenant, revision) = (TenantId(column(&row, "tenant_id")?), column(&row, "revision")?);
        let is_queued = column(&row, "is_queued")?;
        let sql = "SELECT extension_id FROM participant WHERE conversation_id = $1 AND left_version IS NULL \
             ORDER BY extension_id";
        let rows = tx.query_all_raw(self.statement(sql, [conversation.0.into()])).await?;
        let audience = rows.iter().map(|row| extension_id(row, "extension_id")).collect::<Result<_, _>>()?;
        Ok(Some(Underway { tenant, message, revision, audience, is_queued }))
    }

    /// What an attempt is of, by its name.
    pub async fn attempt(&self, id: AttemptId) -> Result<Option<Attempted>, StorageError> {
        let sql = "SELECT *, CAST(NULL AS BIGINT) AS part FROM attempt WHERE id = $1";
        let row = self.0.reader.query_one_raw(self.statement(sql, [id.0.into()])).await?;
        row.as_ref().map(attempted).transpose()
    }

    /// What an attempt is of, by the carrier's name for it, or for a part of it. A carrier may use a name again: the newest
    /// is meant.
    pub async fn attempt_named(&self, carrier: &str, provider_id: &str) -> Result<Option<Attempted>, StorageError> {
        let sql = "SELECT a.*, p.part FROM attempt_part p JOIN attempt a ON a.id = p.attempt_id \
             WHERE p.provider_id = $1 AND a.carrier = $2 ORDER BY a.id DESC LIMIT 1";
        let row = self.0.reader.query_one_raw(self.statement(sql, [provider_id.into(), carrier.into()])).await?;
        row.as_ref().map(attempted).transpose()
    }
}

impl Storage {
    /// A part of a text has arrived, or all parts that the carrier calls the same. Answers whether all of them have by now.
    pub async fn part_delivered(&self, attempt: AttemptId, part: i64) -> Result<bool, StorageError> {
        let sql = "UPDATE attempt_part SET delivered = true WHERE attempt_id = $1 AND provider_id = \
             (SELECT p.provider_id FROM attempt_part p WHERE p.attempt_id = $1 AND p.part = $2)";
        let update = self.statement(sql, [attempt.0.into(), part.into()]);
        self.0.writer.run(async |db| db.execute_raw(update).await).await?;
        // Read after the commit: of two that write at the same time, the later one sees both.
        let sql = "SELECT 1 AS found FROM attempt_part WHERE attempt_id = $1 AND NOT delivered LIMIT 1";
        Ok(self.0.reader.query_one_raw(self.statement(sql, [attempt.0.into()])).await?.is_none())
    }
}

impl Underway {
    /// As it is when a delivery has come further.
    pub fn with(mut self, moved: Delivery) -> Self {
        self.message.deliveries.iter_mut().filter(|d| d.number == moved.number).for_each(|d| *d = moved.clone());
        self
    }

    /// The delivery to a number.
    pub fn delivery(&self, number: &Number) -> Option<&Delivery> {
        self.message.deliveries.iter().find(|d| d.number == *number)
    }
}

impl Waiting {
    /// Whether it was being handed over.
    pub fn is_sending(&self) -> bool {
        self.delivery.status == Status::Sending
    }
}

fn waiting(row: &QueryResult) -> Result<Waiting, StorageError> {
    Ok(Waiting {
        tenant: TenantId(column(row, "tenant_id")?),
        conversation: ConversationId(column(row, "conversation_id")?),
        seq: column(row, "seq")?,
        delivery: delivery(row)?,
    })
}

fn attempted(row: &QueryResult) -> Result<Attempted, StorageError> {
    Ok(Attempted {
        id: AttemptId(column(row, "id")?),
        conversation: ConversationId(column(row, "conversation_id")?),
        seq: column(row, "seq")?,
        number: Number::stored(column(row, "number")?),
        attempt: column(row, "attempt")?,
        carrier: column(row, "carrier")?,
        part: column(row, "part")?,
    })
}
