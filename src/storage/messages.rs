//! A conversation's timeline.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult};

use crate::domain::{
    AttachmentId, AttemptId, ClientId, ConversationId, ExtensionId, MessageText, Seq, TenantId, Timestamp,
    conversation::{Attachment, AttachmentState, Author, Direction, Message},
    phone::Number,
    sms::delivery::{Delivery, Status},
};

use super::{
    Dialect, Storage, StorageError, column,
    dialect::{Column, Hex, bulk},
    entity::message,
    queues::READABLE,
};

/// Which part of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest.
    Newest,
    /// The newest below this `seq`.
    Before(Seq),
    /// The oldest above this `seq`.
    After(Seq),
}

impl TryFrom<message::Model> for Message {
    type Error = StorageError;
    fn try_from(row: message::Model) -> Result<Self, StorageError> {
        let direction = Direction::parse(&row.direction).ok_or_else(|| {
            StorageError::Inconsistent(format!("message {}.{} goes {}", row.conversation_id, row.seq, row.direction))
        })?;
        let inconsistent =
            |what| StorageError::Inconsistent(format!("message {}.{} {what}", row.conversation_id, row.seq));
        let author = match (row.author_id, row.author_number) {
            (Some(id), _) => Author::Extension(ExtensionId(id)),
            (None, Some(number)) => Author::Number(Number::stored(number)),
            (None, None) => Author::Nobody,
        };
        let event = row.event.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            event: event.map_err(|_| inconsistent("tells of nothing known"))?,
            conversation: ConversationId(row.conversation_id),
            seq: row.seq,
            version: row.updated_version.unwrap_or(row.version),
            text_no: row.text_no,
            direction,
            author,
            client_id: row.client_id.map(ClientId),
            created_at: Timestamp(row.created_at),
            text: MessageText::stored(row.text),
            deliveries: vec![],
            attachments: vec![],
        })
    }
}

/// These messages with their deliveries and files. Only what went out or came in has any.
pub(super) async fn dressed(
    db: &impl ConnectionTrait,
    dialect: Dialect,
    mut found: Vec<Message>,
) -> Result<Vec<Message>, StorageError> {
    let keys = |direction| {
        let of = found.iter().filter(move |m: &&Message| m.direction == direction);
        of.map(|m| (Hex(m.conversation.0), m.seq)).collect::<Vec<_>>()
    };
    let (outbound, inbound) = (keys(Direction::Outbound), keys(Direction::Inbound));
    let columns = [("id", Column::Uuid), ("seq", Column::Int)];
    let rows = dialect.rows(1, &columns);
    let mut deliveries: HashMap<_, Vec<Delivery>> = HashMap::new();
    if !outbound.is_empty() {
        let sql = format!(
            "SELECT d.* FROM {rows} r CROSS JOIN delivery d WHERE d.conversation_id = r.id AND d.seq = r.seq \
             ORDER BY d.conversation_id, d.seq, d.number"
        );
        for row in db.query_all_raw(dialect.statement(&sql, [bulk(&outbound)])).await? {
            let place = (ConversationId(column(&row, "conversation_id")?), column(&row, "seq")?);
            deliveries.entry(place).or_default().push(delivery(&row)?);
        }
    }
    let mut attachments: HashMap<_, Vec<Attachment>> = HashMap::new();
    if !inbound.is_empty() {
        let sql = format!(
            "SELECT a.* FROM {rows} r CROSS JOIN attachment a WHERE a.conversation_id = r.id AND a.seq = r.seq \
             ORDER BY a.conversation_id, a.seq, a.place"
        );
        for row in db.query_all_raw(dialect.statement(&sql, [bulk(&inbound)])).await? {
            let place = (ConversationId(column(&row, "conversation_id")?), column(&row, "seq")?);
            attachments.entry(place).or_default().push(attachment(&row)?);
        }
    }
    for message in &mut found {
        let place = (message.conversation, message.seq);
        message.deliveries = deliveries.remove(&place).unwrap_or_default();
        message.attachments = attachments.remove(&place).unwrap_or_default();
    }
    Ok(found)
}

/// A row of the table `delivery`.
pub(super) fn delivery(row: &QueryResult) -> Result<Delivery, StorageError> {
    let (status, error): (String, Option<String>) = (column(row, "status")?, column(row, "error")?);
    let inconsistent = || StorageError::Inconsistent(format!("a delivery is {status}"));
    Ok(Delivery {
        number: Number::stored(column(row, "number")?),
        our_number: column::<Option<String>>(row, "our_number")?.map(Number::stored),
        status: Status::parse(&status).ok_or_else(inconsistent)?,
        attempt: column(row, "attempt")?,
        attempt_id: column::<Option<uuid::Uuid>>(row, "attempt_id")?.map(AttemptId),
        segments: column(row, "segments")?,
        error: error.as_deref().map(serde_json::from_str).transpose().map_err(|_| inconsistent())?,
        updated_at: Timestamp(column(row, "updated_at")?),
        due_at: Timestamp(column(row, "due_at")?),
        since: Timestamp(column(row, "since")?),
        place: column(row, "place")?,
        tries: column(row, "tries")?,
        confirms_opt_out: column(row, "confirms_opt_out")?,
    })
}

fn attachment(row: &QueryResult) -> Result<Attachment, StorageError> {
    let state: String = column(row, "state")?;
    let inconsistent = || StorageError::Inconsistent(format!("an attachment is {state}"));
    Ok(Attachment {
        id: AttachmentId(column(row, "id")?),
        content_type: column(row, "content_type")?,
        state: AttachmentState::parse(&state).ok_or_else(inconsistent)?,
        size: column(row, "size")?,
    })
}

/// Reads rows of the table `message`.
pub(super) fn messages(rows: &[QueryResult]) -> Result<Vec<Message>, StorageError> {
    rows.iter().map(|row| message::Model::from_query_result(row, "")?.try_into()).collect()
}

impl Storage {
    /// A page of a timeline, oldest first, and whether more follows in the direction asked; `None` for who is no
    /// member.
    pub async fn history(
        &self,
        tenant: TenantId,
        reader: ExtensionId,
        conversation: ConversationId,
        page: Page,
        limit: usize,
    ) -> Result<Option<(Vec<Message>, bool)>, StorageError> {
        // Both as of one moment: who is removed between them would read what was said after.
        let tx = self.moment().await?;
        if !self.may_read(&tx, tenant, reader, conversation).await? {
            return Ok(None);
        }
        let (bound, order, seq) = match page {
            Page::Newest => ("seq <= $4", "DESC", i64::MAX),
            Page::Before(seq) => ("seq < $4", "DESC", seq),
            Page::After(seq) => ("seq > $4", "ASC", seq),
        };
        let sql = format!(
            "SELECT * FROM message WHERE tenant_id = $1 AND conversation_id = $2 AND {bound} ORDER BY seq {order} LIMIT $3"
        );
        let asked = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let values = [tenant.0.into(), conversation.0.into(), asked.into(), seq.into()];
        let found = messages(&tx.query_all_raw(self.statement(&sql, values)).await?)?;
        let mut found = dressed(&tx, self.0.dialect, found).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        if order == "DESC" {
            found.reverse();
        }
        Ok(Some((found, more)))
    }

    /// Whether an extension may read a conversation, now.
    pub async fn is_readable(
        &self,
        tenant: TenantId,
        extension: ExtensionId,
        conversation: ConversationId,
    ) -> Result<bool, StorageError> {
        self.may_read(&self.0.reader, tenant, extension, conversation).await
    }

    /// Whether an extension may read a conversation, as of this moment: who is in it, and in a queue whoever may look.
    pub(super) async fn may_read(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        extension: ExtensionId,
        conversation: ConversationId,
    ) -> Result<bool, StorageError> {
        let sql = "SELECT 1 AS found FROM participant \
                   WHERE conversation_id = $1 AND extension_id = $2 AND tenant_id = $3 AND left_version IS NULL";
        let values = || [conversation.0.into(), extension.0.into(), tenant.0.into()];
        if db.query_one_raw(self.statement(sql, values())).await?.is_some() {
            return Ok(true);
        }
        let sql = format!(
            "SELECT 1 AS found FROM conversation c JOIN extension e ON e.id = $2 AND e.tenant_id = c.tenant_id \
             AND e.enabled WHERE c.id = $1 AND c.tenant_id = $3 AND c.queue_id IS NOT NULL AND {READABLE}"
        );
        Ok(db.query_one_raw(self.statement(&sql, values())).await?.is_some())
    }
}
