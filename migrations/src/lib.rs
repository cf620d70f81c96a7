//! The changes of Partyline's tables, in order. Each runs on SQLite and PostgreSQL alike, in one transaction.
//!
//! Times are `bigint` microseconds since 1970, because a text time does not sort in SQLite.

mod m0001_chat;
mod m0002_groups;
mod m0003_phone_numbers;
mod m0004_sms;
mod m0005_queues;
mod m0006_voice_queues;
mod m0007_contacts;
mod m0008_webhooks;
mod m0009_links;
mod m0010_sessions;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// All of them.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_chat::Migration),
            Box::new(m0002_groups::Migration),
            Box::new(m0003_phone_numbers::Migration),
            Box::new(m0004_sms::Migration),
            Box::new(m0005_queues::Migration),
            Box::new(m0006_voice_queues::Migration),
            Box::new(m0007_contacts::Migration),
            Box::new(m0008_webhooks::Migration),
            Box::new(m0009_links::Migration),
            Box::new(m0010_sessions::Migration),
        ]
    }
}
