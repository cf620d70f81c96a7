//! A conversation's timeline.

use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult};

use crate::domain::{
    ClientId, ConversationId, ExtensionId, MessageText, Seq, TenantId, Timestamp,
    conversation::{Direction, Message},
};

use super::{Storage, StorageError, entity::message};

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
        let author = row.author_id.ok_or_else(|| inconsistent("has no author"))?;
        let event = row.event.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            event: event.map_err(|_| inconsistent("tells of nothing known"))?,
            conversation: ConversationId(row.conversation_id),
            seq: row.seq,
            version: row.version,
            text_no: row.text_no,
            direction,
            author: ExtensionId(author),
            client_id: row.client_id.map(ClientId),
            created_at: Timestamp(row.created_at),
            text: MessageText::stored(row.text),
        })
    }
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
        if !self.is_member(&tx, tenant, reader, conversation).await? {
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
        let mut found = messages(&tx.query_all_raw(self.statement(&sql, values)).await?)?;
        let more = found.len() > limit;
        found.truncate(limit);
        if order == "DESC" {
            found.reverse();
        }
        Ok(Some((found, more)))
    }

    /// Whether an extension is in a conversation, as of this moment.
    pub(super) async fn is_member(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
        extension: ExtensionId,
        conversation: ConversationId,
    ) -> Result<bool, StorageError> {
        let sql = "SELECT 1 AS found FROM participant \
                   WHERE conversation_id = $1 AND extension_id = $2 AND tenant_id = $3 AND left_version IS NULL";
        let values = [conversation.0.into(), extension.0.into(), tenant.0.into()];
        Ok(db.query_one_raw(self.statement(sql, values)).await?.is_some())
    }
}
