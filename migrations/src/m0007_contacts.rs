//! Phonebooks and who is in them, recent calls, extensions that are gone for good, and who changed what.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DatabaseBackend};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0007_contacts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        extensions(m).await?;
        phonebooks(m).await?;
        contacts(m).await?;
        calls(m).await?;
        audit(m).await
    }
}

/// The number of one who is gone is free again. `search` is what a directory's search looks through, `names_version` the
/// last change of what the extension may show for numbers.
async fn extensions(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let add = |column: ColumnDef| Table::alter().table("extension").add_column(column).to_owned();
    m.alter_table(add(boolean("deleted").default(false).take())).await?;
    m.alter_table(add(text("search").default("").take())).await?;
    m.alter_table(add(big_integer("names_version").default(0).take())).await?;
    let folded = "UPDATE extension SET search = '\n' || lower(name) || '\n' || number || '\n'";
    m.get_connection().execute_unprepared(folded).await?;
    m.drop_index(Index::drop().name("extension_number").table("extension").to_owned()).await?;
    let mut number = Index::create();
    number.name("extension_number").table("extension").col("tenant_id").col("number").unique();
    m.create_index(number.and_where(Expr::col("deleted").eq(false)).take()).await?;
    // SQLite uses a partial index only where a query repeats its condition.
    index(m, "extension_numbered", "extension", &["tenant_id", "number"]).await?;
    index(m, "extension_names_version", "extension", &["tenant_id", "names_version"]).await?;
    // ... and what a search for a group looks through.
    let search = text("name_search").default("").take();
    m.alter_table(Table::alter().table("conversation").add_column(search).to_owned()).await?;
    let folded = "UPDATE conversation SET name_search = '\n' || lower(name) || '\n' WHERE name IS NOT NULL";
    m.get_connection().execute_unprepared(folded).await.map(drop)
}

async fn phonebooks(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Of one that is gone the row stays, so that a reader who comes back hears of it. `generation` is under which its
    // contacts are stored.
    m.create_table(
        Table::create()
            .table("phonebook")
            .col(uuid("id").primary_key())
            .col(uuid("tenant_id"))
            .col(string("key"))
            .col(string("name"))
            .col(string("source"))
            .col(uuid("generation"))
            .col(big_integer("contacts"))
            .col(boolean("deleted"))
            .col(big_integer("revision"))
            .col(big_integer("version"))
            .foreign_key(ForeignKey::create().from("phonebook", "tenant_id").to("tenant", "id"))
            .to_owned(),
    )
    .await?;
    let mut key = Index::create();
    key.name("phonebook_key").table("phonebook").col("tenant_id").col("key").unique();
    m.create_index(key).await?;
    index(m, "phonebook_version", "phonebook", &["tenant_id", "version"]).await?;

    // By key, as a phonebook may come after who has it.
    m.create_table(
        Table::create()
            .table("extension_phonebook")
            .col(uuid("extension_id"))
            .col(big_integer("place"))
            .col(uuid("tenant_id"))
            .col(string("key"))
            .primary_key(Index::create().col("extension_id").col("place"))
            .foreign_key(ForeignKey::create().from("extension_phonebook", "extension_id").to("extension", "id"))
            .to_owned(),
    )
    .await?;
    index(m, "extension_phonebook_key", "extension_phonebook", &["tenant_id", "key"]).await
}

/// A contact belongs to one generation, so that all of a phonebook can be replaced at once. No foreign keys: a hundred
/// thousand rows come and go at a time.
async fn contacts(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    // A search looks through all contacts of a phonebook: they lie together.
    let together = |table: &mut TableCreateStatement| {
        if m.get_database_backend() == DatabaseBackend::Sqlite {
            table.extra("WITHOUT ROWID");
        }
        table.to_owned()
    };
    let mut contact = Table::create();
    contact
        .table("contact")
        .col(uuid("generation"))
        .col(string("key"))
        .col(uuid("tenant_id"))
        .col(text("name"))
        .col(text("numbers"))
        .col(text("sort"))
        .col(text("search"))
        .primary_key(Index::create().col("generation").col("key"));
    m.create_table(together(&mut contact)).await?;
    index(m, "contact_sort", "contact", &["generation", "sort", "key"]).await?;

    let mut number = Table::create();
    number
        .table("contact_number")
        .col(uuid("generation"))
        .col(string("number"))
        .col(string("key"))
        .col(uuid("tenant_id"))
        .primary_key(Index::create().col("generation").col("number").col("key"));
    m.create_table(together(&mut number)).await?;
    index(m, "contact_number_key", "contact_number", &["generation", "key"]).await?;

    // Generations that are no phonebook's: those that are still being stored, and those that are deleted bit by bit.
    m.create_table(
        Table::create()
            .table("contact_load")
            .col(uuid("generation").primary_key())
            .col(uuid("tenant_id"))
            .col(big_integer("touched_at"))
            .col(boolean("dropped"))
            .to_owned(),
    )
    .await?;
    index(m, "contact_load_touched", "contact_load", &["touched_at"]).await
}

async fn calls(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        Table::create()
            .table("recent_call")
            .col(uuid("tenant_id"))
            .col(string("key"))
            .col(string("extension"))
            .col(string("direction"))
            .col(string("number"))
            .col(text_null("caller_name"))
            .col(big_integer("at"))
            .col(text("search"))
            .primary_key(Index::create().col("tenant_id").col("key"))
            .foreign_key(ForeignKey::create().from("recent_call", "tenant_id").to("tenant", "id"))
            .to_owned(),
    )
    .await?;
    index(m, "recent_call_at", "recent_call", &["tenant_id", "extension", "at"]).await?;
    index(m, "recent_call_number", "recent_call", &["tenant_id", "extension", "number", "at"]).await
}

/// Who changed what. An API key is known by `label`, and so is an extension by its number.
async fn audit(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    m.create_table(
        Table::create()
            .table("audit")
            .col(big_pk_auto("id"))
            .col(uuid("tenant_id"))
            .col(big_integer("at"))
            .col(string("by_kind"))
            .col(string_null("by_number"))
            .col(string_null("by_name"))
            .col(string("action"))
            .col(string("subject"))
            .col(text_null("detail"))
            .foreign_key(ForeignKey::create().from("audit", "tenant_id").to("tenant", "id"))
            .to_owned(),
    )
    .await?;
    index(m, "audit_tenant", "audit", &["tenant_id", "id"]).await?;
    index(m, "audit_action", "audit", &["tenant_id", "action", "id"]).await?;
    index(m, "audit_by", "audit", &["tenant_id", "by_number", "id"]).await?;
    index(m, "audit_at", "audit", &["at"]).await
}

async fn index(
    m: &SchemaManager<'_>,
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    m.create_index(index).await
}
