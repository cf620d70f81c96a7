//! Queues of calls, as the PBX reports them.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0006_voice_queues"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // Of one that is gone the row stays, so that a reader who comes back hears of it. Its agents are JSON: they are
        // reported, and read, as a whole, and may name extensions that come later.
        m.create_table(
            Table::create()
                .table("voice_queue")
                .col(uuid("tenant_id"))
                .col(string("key"))
                .col(string("name"))
                .col(text("agents"))
                .col(boolean("deleted"))
                .col(big_integer("revision"))
                .col(big_integer("version"))
                .primary_key(Index::create().col("tenant_id").col("key"))
                .foreign_key(ForeignKey::create().from("voice_queue", "tenant_id").to("tenant", "id"))
                .to_owned(),
        )
        .await?;
        let mut by_version = Index::create();
        by_version.name("voice_queue_version").table("voice_queue").col("tenant_id").col("version");
        m.create_index(by_version).await
    }
}
