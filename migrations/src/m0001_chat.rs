//! Tenants, extensions, and what they say to each other.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_chat"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // What this database is: its epoch is new after a restore, so that no client trusts a cursor of another past.
        m.create_table(
            Table::create().table("installation").col(integer("id").primary_key()).col(uuid("epoch")).to_owned(),
        )
        .await?;

        // `version` is the counter that every change of the tenant takes its place from.
        m.create_table(
            Table::create()
                .table("tenant")
                .col(uuid("id").primary_key())
                .col(string("name").unique_key())
                .col(big_integer("version").default(0))
                .col(big_integer("created_at"))
                .to_owned(),
        )
        .await?;

        // `revision` guards provisioning; tokens of another `credential` are void.
        m.create_table(
            Table::create()
                .table("extension")
                .col(uuid("id").primary_key())
                .col(uuid("tenant_id"))
                .col(string("number"))
                .col(string("name"))
                .col(string("role"))
                .col(string_null("password_hash"))
                .col(boolean("enabled"))
                .col(big_integer("credential"))
                .col(big_integer("revision"))
                .col(big_integer("version"))
                .col(big_integer("created_at"))
                .foreign_key(ForeignKey::create().from("extension", "tenant_id").to("tenant", "id"))
                .to_owned(),
        )
        .await?;
        index(m, "extension_number", "extension", &["tenant_id", "number"], true).await?;
        index(m, "extension_version", "extension", &["tenant_id", "version"], false).await?;

        m.create_table(
            Table::create()
                .table("access_token")
                .col(binary_len("hash", 32).primary_key())
                .col(uuid("tenant_id"))
                .col(uuid("extension_id"))
                .col(big_integer("credential"))
                .col(big_integer("expires_at"))
                .foreign_key(ForeignKey::create().from("access_token", "extension_id").to("extension", "id"))
                .to_owned(),
        )
        .await?;
        index(m, "access_token_expiry", "access_token", &["expires_at"], false).await?;
        index(m, "access_token_extension", "access_token", &["extension_id"], false).await?;

        m.create_table(
            Table::create()
                .table("api_key")
                .col(binary_len("hash", 32).primary_key())
                .col(uuid("tenant_id"))
                .col(string("scope"))
                .col(big_integer("created_at"))
                .foreign_key(ForeignKey::create().from("api_key", "tenant_id").to("tenant", "id"))
                .to_owned(),
        )
        .await?;

        // `version` is the newest change of anything in it, `revised_version` of the row itself.
        m.create_table(
            Table::create()
                .table("conversation")
                .col(uuid("id").primary_key())
                .col(uuid("tenant_id"))
                .col(string("kind"))
                .col(string_null("natural_key"))
                .col(string_null("name"))
                .col(big_integer("revision"))
                .col(big_integer("revised_version"))
                .col(big_integer("version"))
                .col(big_integer("last_seq"))
                .col(big_integer("text_count"))
                .col(big_integer("participant_count"))
                .col(big_integer("last_activity_at"))
                .col(big_integer("created_at"))
                .foreign_key(ForeignKey::create().from("conversation", "tenant_id").to("tenant", "id"))
                .to_owned(),
        )
        .await?;
        index(m, "conversation_natural_key", "conversation", &["tenant_id", "natural_key"], true).await?;
        index(m, "conversation_version", "conversation", &["tenant_id", "version"], false).await?;

        // Never deleted: with `left_version` it is the tombstone that tells a reader what it lost.
        m.create_table(
            Table::create()
                .table("participant")
                .col(uuid("conversation_id"))
                .col(uuid("extension_id"))
                .col(uuid("tenant_id"))
                .col(big_integer("joined_version"))
                .col(big_integer_null("left_version"))
                .col(big_integer("joined_seq"))
                .col(big_integer("joined_text_no"))
                .col(big_integer("read_seq"))
                .col(big_integer("read_text_no"))
                .col(big_integer("marker_version"))
                .primary_key(Index::create().col("conversation_id").col("extension_id"))
                .foreign_key(ForeignKey::create().from("participant", "conversation_id").to("conversation", "id"))
                .foreign_key(ForeignKey::create().from("participant", "extension_id").to("extension", "id"))
                .to_owned(),
        )
        .await?;
        index(m, "participant_extension", "participant", &["extension_id", "conversation_id"], false).await?;

        m.create_table(
            Table::create()
                .table("message")
                .col(uuid("conversation_id"))
                .col(big_integer("seq"))
                .col(uuid("tenant_id"))
                .col(big_integer("version"))
                .col(big_integer("text_no"))
                .col(string("direction"))
                .col(uuid("author_id"))
                .col(uuid("client_id"))
                .col(big_integer("created_at"))
                .col(text("text"))
                .primary_key(Index::create().col("conversation_id").col("seq"))
                .foreign_key(ForeignKey::create().from("message", "conversation_id").to("conversation", "id"))
                .to_owned(),
        )
        .await?;
        index(m, "message_client_id", "message", &["author_id", "client_id"], true).await?;
        // In the tenant's order, so that it grows at its end: an index by conversation costs a page for each message.
        index(m, "message_version", "message", &["tenant_id", "version"], false).await
    }
}

async fn index(
    m: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
    unique: bool,
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    m.create_index(index.to_owned()).await
}
