//! Opens the database: its connections, its tables, its epoch.

use std::{fs::File, path::PathBuf, sync::Arc, time::Duration};

use migrations::{Migrator, MigratorTrait};
use sea_orm::sqlx::{
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use sea_orm::{ConnectOptions, ConnectionTrait, Database as SeaDatabase, DatabaseConnection, DbErr};
use thiserror::Error;

use crate::clock::Clock;

use super::{Dialect, Inner, Storage, StorageError, column, writer::Writer};

/// Connections that read. Fixed, because a connection made on a busy thread would stall with it.
const READERS: u32 = 4;

/// Where the database is.
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite://FILE?mode=rwc` or `postgres://…`.
    pub url: String,
}

/// Why the database could not be opened.
#[derive(Debug, Error)]
pub enum InUse {
    /// Another engine has this file.
    #[error("another partyline is using {0}")]
    Locked(PathBuf),
    /// The lock beside the file could not be made.
    #[error("cannot lock {0}: {1}")]
    Lock(PathBuf, std::io::Error),
}

impl Database {
    /// Connects, brings the tables up to date, and reads the epoch.
    pub async fn open(&self, clock: Clock) -> Result<Storage, StorageError> {
        let dialect = if self.url.starts_with("postgres") { Dialect::Postgres } else { Dialect::Sqlite };
        let writer = Writer::connect(self.options(dialect, false), dialect).await?;
        let connection = writer.get().await?;
        Migrator::up(&connection, None).await?;
        let reader = SeaDatabase::connect(self.options(dialect, true)).await?;
        let epoch = epoch(&connection, dialect, &clock).await?;
        Ok(Storage(Arc::new(Inner { writer, reader, dialect, epoch, clock })))
    }

    /// Keeps a second engine off the same SQLite file for as long as the answer lives.
    pub fn lock(&self) -> Result<Option<File>, InUse> {
        let Some(file) = self.url.strip_prefix("sqlite://") else { return Ok(None) };
        let path = PathBuf::from(format!("{}.lock", file.split('?').next().unwrap_or(file)));
        let failed = |e| InUse::Lock(path.clone(), e);
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(std::fs::TryLockError::WouldBlock) => Err(InUse::Locked(path)),
            Err(std::fs::TryLockError::Error(e)) => Err(InUse::Lock(path, e)),
        }
    }

    fn options(&self, dialect: Dialect, reading: bool) -> ConnectOptions {
        let url = match (dialect, reading) {
            (Dialect::Sqlite, true) => format!("{}?mode=ro", self.url.split('?').next().unwrap_or(&self.url)),
            _ => self.url.clone(),
        };
        let connections = if reading || dialect == Dialect::Postgres { READERS } else { 1 };
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(connections)
            .min_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(dialect == Dialect::Postgres)
            .sqlx_logging(false)
            .map_sqlx_sqlite_opts(move |o| sqlite(o, reading))
            .map_sqlx_postgres_opts(|o: PgConnectOptions| o.options([("synchronous_commit", "on")]));
        options
    }
}

/// WAL and FULL: a commit that was answered survives a power cut.
fn sqlite(options: SqliteConnectOptions, reading: bool) -> SqliteConnectOptions {
    let options = options
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .pragma("mmap_size", "268435456")
        .statement_cache_capacity(128);
    if reading {
        return options.pragma("query_only", "on");
    }
    options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-65536")
        // What a bulk statement must be able to take back is kept in memory, not in a file of its own.
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", "4000")
}

async fn epoch(db: &DatabaseConnection, dialect: Dialect, clock: &Clock) -> Result<uuid::Uuid, StorageError> {
    let made = dialect.statement(
        "INSERT INTO installation (id, epoch) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        [clock.new_id().into()],
    );
    db.execute_raw(made).await?;
    let row = db.query_one_raw(dialect.statement("SELECT epoch FROM installation WHERE id = 1", [])).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("installation".into()))?;
    column(&row, "epoch")
}
