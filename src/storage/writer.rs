//! The connection that writes.
//!
//! After an error SQLite may have ended a transaction that its driver still counts as open, or the other way round: the
//! next one would then be a savepoint in a transaction that nobody commits, and its acknowledgement a lie. So a
//! connection on which a write has failed is never used again.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::Mutex;
use tracing::warn;

use super::{Dialect, StorageError};

#[derive(Debug)]
pub(super) struct Writer {
    connection: Mutex<DatabaseConnection>,
    options: ConnectOptions,
    dialect: Dialect,
    is_suspect: AtomicBool,
}

impl Writer {
    pub(super) async fn connect(options: ConnectOptions, dialect: Dialect) -> Result<Self, DbErr> {
        let connection = Mutex::new(Database::connect(options.clone()).await?);
        Ok(Self { connection, options, dialect, is_suspect: AtomicBool::new(false) })
    }

    /// A connection (or, on PostgreSQL, a pool of them) that is good.
    pub(super) async fn get(&self) -> Result<DatabaseConnection, DbErr> {
        let mut connection = self.connection.lock().await;
        if self.is_suspect.swap(false, Ordering::AcqRel) {
            let fresh = Database::connect(self.options.clone()).await;
            let old = std::mem::replace(&mut *connection, fresh.inspect_err(|_| self.suspect())?);
            let _ = old.close().await;
        }
        Ok(connection.clone())
    }

    /// A write has failed.
    pub(super) fn suspect(&self) {
        if self.dialect == Dialect::Sqlite && !self.is_suspect.swap(true, Ordering::AcqRel) {
            warn!("a write failed: its connection is replaced");
        }
    }

    /// Runs a statement of its own; if that fails, the connection is suspect.
    pub(super) async fn run<T, F>(&self, write: impl FnOnce(DatabaseConnection) -> F) -> Result<T, StorageError>
    where
        F: Future<Output = Result<T, DbErr>>,
    {
        let done = write(self.get().await?).await;
        if done.is_err() {
            self.suspect();
        }
        Ok(done?)
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: (self.dialect == Dialect::Sqlite).then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.get().await?.begin_with_options(options).await
    }

    /// Runs statements, all or none; if one fails, the connection is suspect.
    pub(super) async fn run_all(&self, statements: Vec<Statement>) -> Result<(), StorageError> {
        let done = async {
            let transaction = self.begin().await?;
            for statement in statements {
                transaction.execute_raw(statement).await?;
            }
            transaction.commit().await
        };
        Ok(done.await.inspect_err(|_| self.suspect())?)
    }

    pub(super) async fn close(&self) {
        if let Ok(connection) = self.get().await {
            let _ = connection.close().await;
        }
    }
}
