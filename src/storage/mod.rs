//! What is on disk. SeaORM is used here and nowhere else; what goes in and comes out are domain types.
//!
//! All that clients see is written by the [`ledger`]; the rest of this module reads, and keeps tokens and keys.

mod attachments;
mod audit;
mod calls;
mod changes;
mod connect;
mod consents;
mod contacts;
mod conversations;
mod dead_letters;
mod deliveries;
mod dialect;
mod entity;
mod extensions;
pub mod ledger;
mod messages;
mod pairs;
mod phone_numbers;
mod phonebooks;
mod pieces;
#[cfg(test)]
mod plans;
mod queues;
mod secrets;
mod settings;
mod simulated;
mod unrouted;
mod voice_queues;
mod webhook_deliveries;
mod webhooks;
mod within;
mod writer;

use std::sync::Arc;

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, FromQueryResult, IsolationLevel,
    QueryResult, Statement, TransactionTrait, Value,
};
use serde::de::DeserializeOwned;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    clock::Clock,
    domain::{ExtensionId, Refusal},
};

pub use attachments::{PendingFile, StoredFile};
pub use audit::Audited;
pub use changes::{CatchUp, Reader};
pub use connect::{Database, InUse};
pub use conversations::{Filter, Row};
pub use dead_letters::DeadLetter;
pub use deliveries::{Attempted, Underway, Waiting};
pub use dialect::Dialect;
pub use extensions::StoredExtension;
pub use messages::Page;
pub use pairs::Lookup;
pub use phone_numbers::CallerId;
pub use phonebooks::Difference;
pub use pieces::{HeldReceipt, PieceWrites, SamePiece, StoredPiece};
pub use queues::{Board, InQueue, ProvisionedQueue};
pub use secrets::{Authenticated, KeyOwner, Scope, SecretHash};
pub use simulated::SimulatedText;
pub use webhook_deliveries::{DeliveryStatus, NewDelivery, WebhookDelivery, WebhookTurn};
pub use webhooks::EnabledWebhook;

use writer::Writer;

/// The database, open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// One connection on SQLite, so that writers wait for each other here and not in the file.
    writer: Writer,
    reader: DatabaseConnection,
    dialect: Dialect,
    epoch: Uuid,
    clock: Clock,
}

/// Why a read or write did not succeed.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The database did not answer, or refused.
    #[error("the database refused: {0}")]
    Database(#[from] DbErr),
    /// A row holds what no row may hold.
    #[error("a row is inconsistent: {0}")]
    Inconsistent(String),
    /// Another tenant's lane has changed meanwhile what was decided on; nothing is written.
    #[error("{0} has changed meanwhile")]
    Moved(&'static str),
    /// No randomness for a secret.
    #[error("the system has no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        tracing::error!(%error, "the storage failed");
        Refusal::StorageUnavailable
    }
}

impl Storage {
    /// What this database is: another epoch is another past, and cursors of it mean nothing here.
    pub fn epoch(&self) -> Uuid {
        self.0.epoch
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        Ok(self.0.reader.ping().await?)
    }

    /// Closes the connections; on SQLite the log is written back into the file.
    pub async fn close(&self) {
        let _ = self.0.reader.clone().close().await;
        self.0.writer.close().await;
    }

    /// A transaction in which everything that is read is as of one moment.
    async fn moment(&self) -> Result<DatabaseTransaction, DbErr> {
        match self.0.dialect {
            Dialect::Sqlite => self.0.reader.begin().await,
            Dialect::Postgres => {
                let (level, mode) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
                self.0.reader.begin_with_config(Some(level), Some(mode)).await
            }
        }
    }

    /// All rows of a statement that selects one column of [`Dialect::collected`] rows.
    async fn collect<T: DeserializeOwned>(
        &self,
        db: &impl ConnectionTrait,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>, StorageError> {
        let Some(row) = db.query_one_raw(self.statement(sql, values)).await? else { return Ok(vec![]) };
        let rows: String = row.try_get_by_index(0)?;
        serde_json::from_str(&rows).map_err(|e| StorageError::Inconsistent(e.to_string()))
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        self.0.dialect.statement(sql, values)
    }
}

/// A column of a row, or why the row is inconsistent.
fn column<T: sea_orm::TryGetable>(row: &QueryResult, name: &str) -> Result<T, StorageError> {
    Ok(row.try_get("", name)?)
}

fn extension_id(row: &QueryResult, name: &str) -> Result<ExtensionId, StorageError> {
    column(row, name).map(ExtensionId)
}

fn models<M: FromQueryResult>(rows: &[QueryResult]) -> Result<Vec<M>, StorageError> {
    rows.iter().map(|row| M::from_query_result(row, "").map_err(StorageError::from)).collect()
}
