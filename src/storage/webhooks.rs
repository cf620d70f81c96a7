//! Webhooks: what the PBX put, whose turn it is to work on one, and how each does.

use std::time::Duration;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use crate::domain::{
    TenantId, Timestamp, WebhookId,
    webhook::{Kind, Secret, State, WEBHOOKS_MAX, Wanted, Webhook},
};

use super::{Dialect, Storage, StorageError, column};

/// A webhook that is to be looked after.
#[derive(Clone, Copy, Debug)]
pub struct EnabledWebhook {
    /// Which.
    pub id: WebhookId,
    /// Whose.
    pub tenant: TenantId,
    /// Whether there is something to do for it that nobody else is doing.
    pub is_due: bool,
}

impl Storage {
    /// The tenant's webhook of this key.
    pub async fn webhook(&self, tenant: TenantId, key: &str) -> Result<Option<Webhook>, StorageError> {
        let sql = "SELECT * FROM webhook WHERE tenant_id = $1 AND key = $2";
        let row = self.0.reader.query_one_raw(self.statement(sql, [tenant.0.into(), key.into()])).await?;
        row.as_ref().map(webhook).transpose()
    }

    /// The tenant's webhooks by key, after `after`.
    pub async fn webhooks(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Webhook>, StorageError> {
        let sql = "SELECT * FROM webhook WHERE tenant_id = $1 AND key > $2 ORDER BY key LIMIT $3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let values = [tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        let rows = self.0.reader.query_all_raw(self.statement(sql, values)).await?;
        rows.iter().map(webhook).collect()
    }

    /// Makes one, which begins at the tenant's version as of now. Answers false if there is one of that key by now, or there
    /// are as many as may be.
    pub async fn make_webhook(
        &self,
        tenant: TenantId,
        key: &str,
        url: &str,
        events: &Wanted,
        secret: &Secret,
    ) -> Result<bool, StorageError> {
        let sql = "INSERT INTO webhook (id, tenant_id, key, url, events, secret, state, revision, cursor, placed, \
             leased_until, created_at) SELECT $1, t.id, $3, $4, $5, $6, 'active', 1, t.version, 0, 0, $7 FROM tenant t \
             WHERE t.id = $2 AND (SELECT count(*) FROM webhook w WHERE w.tenant_id = $2) < $8 \
             ON CONFLICT (tenant_id, key) DO NOTHING";
        let values: [Value; 8] = [
            self.0.clock.new_id().into(),
            tenant.0.into(),
            key.into(),
            url.into(),
            names(events).into(),
            secret.0.as_str().into(),
            self.0.clock.now().0.into(),
            i64::try_from(WEBHOOKS_MAX).unwrap_or(i64::MAX).into(),
        ];
        let insert = self.statement(sql, values);
        Ok(self.0.writer.run(async |db| db.execute_raw(insert).await).await?.rows_affected() > 0)
    }

    /// Alters one and enables it; what waits is tried at once. Answers false if it is another than it was.
    pub async fn alter_webhook(
        &self,
        was: &Webhook,
        url: &str,
        events: &Wanted,
        secret: &Secret,
    ) -> Result<bool, StorageError> {
        let now = self.0.clock.now().0;
        let sql = "UPDATE webhook SET url = $3, events = $4, secret = $5, state = 'active', last_error = NULL, \
             revision = revision + 1, due_at = CASE WHEN due_at IS NULL THEN due_at ELSE $6 END \
             WHERE id = $1 AND revision = $2";
        let values: [Value; 6] = [
            was.id.0.into(),
            was.revision.into(),
            url.into(),
            names(events).into(),
            secret.0.as_str().into(),
            now.into(),
        ];
        let alter = self.statement(sql, values);
        let sql = "UPDATE webhook_delivery SET next_attempt_at = $2, tries = 0 WHERE webhook_id = $1 \
             AND status IN ('waiting', 'replayed')";
        let hasten = self.statement(sql, [was.id.0.into(), now.into()]);
        self.together(async |tx| {
            if tx.execute_raw(alter).await?.rows_affected() == 0 {
                return Ok(false);
            }
            tx.execute_raw(hasten).await?;
            Ok(true)
        })
        .await
    }

    /// Takes one away, with all that it was to deliver. Answers whether it was there.
    pub async fn delete_webhook(&self, tenant: TenantId, key: &str) -> Result<bool, StorageError> {
        let delete =
            self.statement("DELETE FROM webhook WHERE tenant_id = $1 AND key = $2", [tenant.0.into(), key.into()]);
        Ok(self.0.writer.run(async |db| db.execute_raw(delete).await).await?.rows_affected() > 0)
    }

    /// Whether an enabled webhook of the tenant takes what agents ask of the PBX.
    pub async fn takes_requests(&self, tenant: TenantId) -> Result<bool, StorageError> {
        let webhooks = self.webhooks(tenant, None, WEBHOOKS_MAX).await?;
        Ok(webhooks.iter().any(|w| w.state != State::Disabled && w.events.has(Kind::VoiceAgentRequested)))
    }

    /// All enabled webhooks of the database, and which of them this node has something to do for.
    pub async fn enabled_webhooks(&self, node: Uuid, now: Timestamp) -> Result<Vec<EnabledWebhook>, StorageError> {
        let free = self.free(1, 2);
        let sql = format!(
            "SELECT each_webhook.id, each_webhook.tenant_id, ({free} AND (coalesce(due_at <= $2, false) \
             OR t.version <> cursor AND (due_at IS NULL OR NOT EXISTS (SELECT 1 FROM webhook_delivery d \
             WHERE d.webhook_id = each_webhook.id AND d.status = 'waiting')))) AS is_due \
             FROM webhook each_webhook JOIN tenant t ON t.id = each_webhook.tenant_id WHERE state <> 'disabled'"
        );
        let rows = self.0.reader.query_all_raw(self.statement(&sql, [node.into(), now.0.into()])).await?;
        let enabled = |row: &QueryResult| {
            Ok(EnabledWebhook {
                id: WebhookId(column(row, "id")?),
                tenant: TenantId(column(row, "tenant_id")?),
                is_due: column(row, "is_due")?,
            })
        };
        rows.iter().map(enabled).collect()
    }

    /// Takes a webhook for this node, or keeps it, for so long from now. `None`: it is another's, disabled, or gone.
    pub async fn lease_webhook(
        &self,
        id: WebhookId,
        node: Uuid,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Webhook>, StorageError> {
        let free = self.free(2, 3);
        let sql = format!(
            "UPDATE webhook SET node = $2, leased_until = $4 WHERE id = $1 AND state <> 'disabled' AND {free} RETURNING *"
        );
        let lease = self.statement(&sql, [id.0.into(), node.into(), now.0.into(), (now + lease).0.into()]);
        let row = self.0.writer.run(async |db| db.query_one_raw(lease).await).await?;
        row.as_ref().map(webhook).transpose()
    }

    /// What this node has leased is free for others.
    pub async fn release_webhooks(&self, node: Uuid) -> Result<(), StorageError> {
        let release =
            self.statement("UPDATE webhook AS each_webhook SET leased_until = 0 WHERE node = $1", [node.into()]);
        self.0.writer.run(async |db| db.execute_raw(release).await).await?;
        Ok(())
    }

    /// A leased webhook as it is now, unless it is disabled or gone.
    pub async fn leased_webhook(&self, id: WebhookId, node: Uuid) -> Result<Option<Webhook>, StorageError> {
        let sql = "SELECT * FROM webhook WHERE id = $1 AND node = $2 AND state <> 'disabled'";
        let row = self.0.reader.query_one_raw(self.statement(sql, [id.0.into(), node.into()])).await?;
        row.as_ref().map(webhook).transpose()
    }

    /// Whether nobody else works on it: one process alone has a file.
    fn free(&self, node: usize, now: usize) -> String {
        match self.0.dialect {
            // The parameters are there all the same.
            Dialect::Sqlite => format!("(${node} IS NOT NULL AND ${now} >= 0)"),
            Dialect::Postgres => format!("(node = ${node} OR leased_until <= ${now})"),
        }
    }
}

fn names(events: &Wanted) -> String {
    serde_json::to_string(&events.names()).unwrap_or_default()
}

fn webhook(row: &QueryResult) -> Result<Webhook, StorageError> {
    let (id, events, state): (Uuid, String, String) =
        (column(row, "id")?, column(row, "events")?, column(row, "state")?);
    let inconsistent = |what: &str| StorageError::Inconsistent(format!("the webhook {id} has no {what}"));
    let events: Vec<String> = serde_json::from_str(&events).map_err(|_| inconsistent("events"))?;
    Ok(Webhook {
        id: WebhookId(id),
        tenant: TenantId(column(row, "tenant_id")?),
        key: column(row, "key")?,
        url: column(row, "url")?,
        events: Wanted::parse(&events).map_err(|_| inconsistent("known events"))?,
        secret: Secret(column(row, "secret")?),
        state: State::parse(&state).ok_or_else(|| inconsistent("known state"))?,
        last_error: column(row, "last_error")?,
        revision: column(row, "revision")?,
        cursor: column(row, "cursor")?,
        placed: column(row, "placed")?,
        created_at: Timestamp(column(row, "created_at")?),
    })
}
