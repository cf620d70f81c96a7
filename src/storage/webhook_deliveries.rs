//! What webhooks are to deliver: stored with its id and its bytes before the first attempt, kept for a while after the
//! last.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, TransactionTrait, Value};
use uuid::Uuid;

use crate::domain::{
    Timestamp, Version, WebhookId,
    webhook::{Attempt, State, Then, Webhook},
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, Hex, bulk},
};

/// Rows forgotten in one statement.
const CHUNK: i64 = 500;

/// An event on its way to a webhook.
#[derive(Clone, Debug)]
pub struct WebhookDelivery {
    /// Its name: the same for each attempt.
    pub id: Uuid,
    /// Its place among those of its webhook.
    pub place: i64,
    /// The event's name.
    pub kind: String,
    /// What is sent: the same for each attempt.
    pub body: String,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// Attempts so far.
    pub attempts: i64,
    /// Failures since it was begun, or begun anew.
    pub tries: i64,
    /// What the newest attempt was answered.
    pub last_status: Option<i64>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it is tried, if it waits.
    pub next_attempt_at: Timestamp,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// In its turn.
    Waiting,
    /// It was settled, and goes out once more, whatever waits.
    Replayed,
    /// The receiver took it.
    Delivered,
    /// Tried for days, and given up.
    Failed,
}

impl DeliveryStatus {
    fn as_str(self) -> &'static str {
        match self {
            DeliveryStatus::Waiting => "waiting",
            DeliveryStatus::Replayed => "replayed",
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        use DeliveryStatus::{Delivered, Failed, Replayed, Waiting};
        [Waiting, Replayed, Delivered, Failed].into_iter().find(|s| s.as_str() == name)
    }
}

/// An event that shall be delivered.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Its name.
    pub id: Uuid,
    /// The event's name.
    pub kind: &'static str,
    /// What is sent.
    pub body: String,
}

/// What there is to do for a webhook.
#[derive(Clone, Debug)]
pub enum WebhookTurn {
    /// This is to be sent now.
    Send(Box<WebhookDelivery>),
    /// Nothing before this.
    Wait(Timestamp),
    /// Nothing waits.
    Read,
}

impl Storage {
    /// Runs writes together, or none of them.
    pub(super) async fn together<T>(
        &self,
        write: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>,
    ) -> Result<T, StorageError> {
        self.0
            .writer
            .run(async |db| {
                let tx = db.begin().await?;
                let done = write(&tx).await?;
                tx.commit().await?;
                Ok(done)
            })
            .await
    }

    /// Stores what a webhook is to deliver of all that happened up to `upto`. Answers false if somebody else has.
    pub async fn keep_webhook_deliveries(
        &self,
        webhook: &Webhook,
        node: Uuid,
        upto: Version,
        deliveries: &[NewDelivery],
    ) -> Result<bool, StorageError> {
        let now = self.0.clock.now().0;
        let count = i64::try_from(deliveries.len()).unwrap_or(i64::MAX);
        let sql = "UPDATE webhook SET cursor = $4, placed = placed + $5, due_at = CASE WHEN $5 > 0 THEN $6 ELSE due_at END \
             WHERE id = $1 AND node = $2 AND cursor = $3";
        let values: [Value; 6] =
            [webhook.id.0.into(), node.into(), webhook.cursor.into(), upto.into(), count.into(), now.into()];
        let advance = self.statement(sql, values);
        let rows: Vec<_> =
            (webhook.placed + 1..).zip(deliveries).map(|(place, d)| (Hex(d.id), place, d.kind, &d.body)).collect();
        let columns = [("id", Column::Uuid), ("place", Column::Int), ("kind", Column::Text), ("body", Column::Text)];
        let sql = format!(
            "INSERT INTO webhook_delivery (id, webhook_id, place, type, body, status, attempts, tries, created_at, \
             next_attempt_at) SELECT r.id, $2, r.place, r.kind, r.body, 'waiting', 0, 0, $3, $3 FROM {} r",
            self.0.dialect.rows(1, &columns)
        );
        let insert = self.statement(&sql, [bulk(&rows), webhook.id.0.into(), now.into()]);
        self.together(async |tx| {
            if tx.execute_raw(advance).await?.rows_affected() == 0 {
                return Ok(false);
            }
            if count > 0 {
                tx.execute_raw(insert).await?;
            }
            Ok(true)
        })
        .await
    }

    /// What there is to do now: what was replayed, else the first that waits.
    pub async fn webhook_turn(&self, id: WebhookId, now: Timestamp) -> Result<WebhookTurn, StorageError> {
        let replayed = "SELECT * FROM webhook_delivery WHERE webhook_id = $1 AND status = 'replayed' \
             ORDER BY next_attempt_at LIMIT 1";
        let replayed = self.one_delivery(replayed, id).await?;
        if let Some(due) = replayed.as_ref().filter(|d| d.next_attempt_at <= now) {
            return Ok(WebhookTurn::Send(Box::new(due.clone())));
        }
        let waiting =
            "SELECT * FROM webhook_delivery WHERE webhook_id = $1 AND status = 'waiting' ORDER BY place LIMIT 1";
        let waiting = self.one_delivery(waiting, id).await?;
        Ok(match (waiting, replayed) {
            (Some(first), _) if first.next_attempt_at <= now => WebhookTurn::Send(Box::new(first)),
            (Some(first), again) => {
                let soonest = again.map_or(first.next_attempt_at, |d| d.next_attempt_at.min(first.next_attempt_at));
                WebhookTurn::Wait(soonest)
            }
            (None, _) => WebhookTurn::Read,
        })
    }

    async fn one_delivery(&self, sql: &str, id: WebhookId) -> Result<Option<WebhookDelivery>, StorageError> {
        let row = self.0.reader.query_one_raw(self.statement(sql, [id.0.into()])).await?;
        row.as_ref().map(delivery).transpose()
    }

    /// Writes down what came of an attempt, for the delivery, and for the webhook as it was put then.
    pub async fn settle_webhook_delivery(
        &self,
        webhook: &Webhook,
        delivery: &WebhookDelivery,
        attempt: &Attempt,
        then: Then,
    ) -> Result<(), StorageError> {
        let now = self.0.clock.now();
        let (status, next, settled) = match then {
            Then::Delivered => (DeliveryStatus::Delivered, delivery.next_attempt_at, Some(now.0)),
            Then::GivenUp => (DeliveryStatus::Failed, delivery.next_attempt_at, Some(now.0)),
            Then::Again(pause) => (delivery.status, now + pause, None),
            Then::Disabled => (delivery.status, delivery.next_attempt_at, None),
        };
        let error = attempt.error();
        // Not if it was replayed, or its webhook put anew, meanwhile: then it is due as that says.
        let sql = "UPDATE webhook_delivery SET status = $3, attempts = attempts + 1, tries = tries + $4, last_status = $5, \
             last_error = $6, next_attempt_at = CASE WHEN next_attempt_at = $8 THEN $7 ELSE next_attempt_at END, \
             settled_at = $9 WHERE id = $1 AND attempts = $2";
        let values: [Value; 9] = [
            delivery.id.into(),
            delivery.attempts.into(),
            status.as_str().into(),
            i64::from(error.is_some()).into(),
            attempt.status().map(i64::from).into(),
            error.clone().into(),
            next.0.into(),
            delivery.next_attempt_at.0.into(),
            settled.into(),
        ];
        let settle = self.statement(sql, values);
        let state = match then {
            Then::Delivered => State::Active,
            Then::Again(_) | Then::GivenUp => State::Failing,
            Then::Disabled => State::Disabled,
        };
        let does = (state != webhook.state || error != webhook.last_error).then(|| {
            let sql = "UPDATE webhook SET state = $3, last_error = $4 WHERE id = $1 AND revision = $2";
            let values: [Value; 4] =
                [webhook.id.0.into(), webhook.revision.into(), state.as_str().into(), error.into()];
            self.statement(sql, values)
        });
        self.together(async |tx| {
            tx.execute_raw(settle).await?;
            if let Some(does) = does {
                tx.execute_raw(does).await?;
            }
            Ok(())
        })
        .await
    }

    /// Notes when there is something to do for a webhook again; never later than it is so.
    pub async fn webhook_rests(&self, id: WebhookId, node: Uuid) -> Result<(), StorageError> {
        // Two looks, each by its own index: one for both would read all that was ever delivered.
        let sql = "UPDATE webhook SET due_at = (SELECT min(x) FROM (SELECT min(next_attempt_at) AS x \
             FROM webhook_delivery WHERE webhook_id = $1 AND status = 'replayed' UNION ALL \
             SELECT (SELECT next_attempt_at FROM webhook_delivery WHERE webhook_id = $1 AND status = 'waiting' \
             ORDER BY place LIMIT 1)) due) \
             WHERE id = $1 AND node = $2 AND due_at IS NOT NULL";
        let rests = self.statement(sql, [id.0.into(), node.into()]);
        self.0.writer.run(async |db| db.execute_raw(rests).await).await?;
        Ok(())
    }

    /// What a webhook had to deliver, newest first, before `before`.
    pub async fn webhook_deliveries(
        &self,
        id: WebhookId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<WebhookDelivery>, StorageError> {
        let sql = "SELECT * FROM webhook_delivery WHERE webhook_id = $1 AND place < $2 ORDER BY place DESC LIMIT $3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [id.0.into(), before.unwrap_or(i64::MAX).into(), limit.into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(delivery).collect()
    }

    /// Sends one once more, now: out of turn if it was settled, else in its turn. `None` if it isn't there.
    pub async fn replay_webhook_delivery(
        &self,
        webhook: WebhookId,
        id: Uuid,
    ) -> Result<Option<WebhookDelivery>, StorageError> {
        let now = self.0.clock.now().0;
        let sql = "UPDATE webhook_delivery SET status = CASE status WHEN 'waiting' THEN 'waiting' ELSE 'replayed' END, \
             tries = 0, next_attempt_at = $3, settled_at = NULL WHERE id = $1 AND webhook_id = $2 RETURNING *";
        let replay = self.statement(sql, [id.into(), webhook.0.into(), now.into()]);
        let due = self.statement("UPDATE webhook SET due_at = $2 WHERE id = $1", [webhook.0.into(), now.into()]);
        let row = self
            .together(async |tx| {
                let row = tx.query_one_raw(replay).await?;
                if row.is_some() {
                    tx.execute_raw(due).await?;
                }
                Ok(row)
            })
            .await?;
        row.as_ref().map(delivery).transpose()
    }

    /// Forgets some of what was settled before `before`, or has `most` newer ones. Answers whether there is more.
    pub async fn forget_webhook_deliveries(
        &self,
        id: WebhookId,
        kept: Duration,
        most: i64,
    ) -> Result<bool, StorageError> {
        let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
        let before = self.0.clock.now().0.saturating_sub(kept);
        let forget = |which: &str, bound: i64| {
            let sql = format!(
                "DELETE FROM webhook_delivery WHERE id IN (SELECT d.id FROM webhook_delivery d WHERE d.webhook_id = $1 \
                 AND d.settled_at IS NOT NULL AND {which} LIMIT $3)"
            );
            self.statement(&sql, [id.0.into(), bound.into(), CHUNK.into()])
        };
        let old = forget("d.settled_at < $2", before);
        let many = forget("d.place <= (SELECT w.placed FROM webhook w WHERE w.id = $1) - $2", most);
        let mut more = false;
        for delete in [old, many] {
            let gone = self.0.writer.run(async |db| db.execute_raw(delete).await).await?.rows_affected();
            more |= i64::try_from(gone).unwrap_or(CHUNK) >= CHUNK;
        }
        Ok(more)
    }
}

fn delivery(row: &QueryResult) -> Result<WebhookDelivery, StorageError> {
    let (id, status): (Uuid, String) = (column(row, "id")?, column(row, "status")?);
    let inconsistent = || StorageError::Inconsistent(format!("the delivery {id} is {status}"));
    Ok(WebhookDelivery {
        id,
        place: column(row, "place")?,
        kind: column(row, "type")?,
        body: column(row, "body")?,
        status: DeliveryStatus::parse(&status).ok_or_else(inconsistent)?,
        attempts: column(row, "attempts")?,
        tries: column(row, "tries")?,
        last_status: column(row, "last_status")?,
        last_error: column(row, "last_error")?,
        created_at: Timestamp(column(row, "created_at")?),
        next_attempt_at: Timestamp(column(row, "next_attempt_at")?),
    })
}
