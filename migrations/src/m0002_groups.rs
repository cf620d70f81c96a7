//! Groups: messages that nobody wrote (system messages), and members who are gone and why.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_groups"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // SQLite can't take NOT NULL from a column: the table is made anew, on PostgreSQL as well.
        m.create_table(
            Table::create()
                .table("message_anew")
                .col(uuid("conversation_id"))
                .col(big_integer("seq"))
                .col(uuid("tenant_id"))
                .col(big_integer("version"))
                .col(big_integer("text_no"))
                .col(string("direction"))
                .col(uuid_null("author_id"))
                .col(uuid_null("client_id"))
                .col(big_integer("created_at"))
                .col(text("text"))
                .col(text_null("event"))
                .primary_key(Index::create().col("conversation_id").col("seq"))
                .foreign_key(ForeignKey::create().from("message_anew", "conversation_id").to("conversation", "id"))
                .to_owned(),
        )
        .await?;
        m.get_connection()
            .execute_unprepared(
                "INSERT INTO message_anew (conversation_id, seq, tenant_id, version, text_no, direction, author_id, \
                 client_id, created_at, text) SELECT conversation_id, seq, tenant_id, version, text_no, direction, \
                 author_id, client_id, created_at, text FROM message",
            )
            .await?;
        m.drop_table(Table::drop().table("message").to_owned()).await?;
        m.rename_table(Table::rename().table("message_anew", "message").to_owned()).await?;
        // Clients name their sends in the order of time (UUIDv7): this way round the index grows at its end.
        let mut by_client_id = Index::create();
        by_client_id.name("message_client_id").table("message").col("client_id").col("author_id").unique();
        m.create_index(by_client_id).await?;
        let mut by_version = Index::create();
        by_version.name("message_version").table("message").col("tenant_id").col("version");
        m.create_index(by_version).await?;

        // With `left_version` the row is a tombstone: a reader that comes back is told that it is over, and why.
        m.alter_table(Table::alter().table("participant").add_column(string_null("left_reason")).to_owned()).await?;
        let mut gone = Index::create();
        gone.name("participant_left").table("participant").col("tenant_id").col("left_version");
        gone.and_where(Expr::col("left_version").is_not_null());
        m.create_index(gone).await?;
        let mut mine = Index::create();
        mine.name("participant_gone").table("participant").col("tenant_id").col("extension_id").col("left_version");
        mine.and_where(Expr::col("left_version").is_not_null());
        m.create_index(mine).await?;
        // Who comes back reads the markers that moved, and not those of everybody in a large group.
        let mut moved = Index::create();
        moved.name("participant_marker").table("participant").col("conversation_id").col("marker_version");
        m.create_index(moved).await
    }
}
