//! Texts: threads with numbers outside, deliveries and their attempts, consent, files, and what is nobody's.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_sms"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let add = |table: &'static str, column: ColumnDef| Table::alter().table(table).add_column(column).to_owned();
        m.alter_table(add("conversation", string_null("our_number"))).await?;
        m.alter_table(add("conversation", string_null("their_number"))).await?;
        m.alter_table(add("conversation", big_integer_null("needs_reply_since"))).await?;
        index(m, "conversation_pair", "conversation", &["tenant_id", "their_number", "our_number"]).await?;
        m.alter_table(add("message", string_null("author_number"))).await?;
        m.alter_table(add("message", big_integer_null("ended_wait_since"))).await?;
        // What became of it later: `version` stays the place at which it was added.
        m.alter_table(add("message", big_integer_null("updated_version"))).await?;
        let mut updated = Index::create();
        updated.name("message_updated").table("message").col("tenant_id").col("updated_version");
        updated.and_where(Expr::col("updated_version").is_not_null());
        m.create_index(updated).await?;
        m.alter_table(add("tenant", text_null("settings"))).await?;
        m.alter_table(add("tenant", big_integer("settings_revision").default(0).to_owned())).await?;
        m.alter_table(add("tenant", big_integer("settings_version").default(0).to_owned())).await?;

        // Who outside is in a group.
        m.create_table(
            Table::create()
                .table("outsider")
                .col(uuid("conversation_id"))
                .col(string("number"))
                .col(uuid("tenant_id"))
                .primary_key(Index::create().col("conversation_id").col("number"))
                .to_owned(),
        )
        .await?;

        // `place` is the order in which they go out: the version of their message.
        m.create_table(
            Table::create()
                .table("delivery")
                .col(uuid("conversation_id"))
                .col(big_integer("seq"))
                .col(string("number"))
                .col(uuid("tenant_id"))
                .col(string_null("our_number"))
                .col(string("status"))
                .col(big_integer("attempt"))
                .col(uuid_null("attempt_id"))
                .col(big_integer("segments"))
                .col(text_null("error"))
                .col(big_integer("updated_at"))
                .col(big_integer("due_at"))
                .col(big_integer("since"))
                .col(big_integer("tries"))
                .col(boolean("confirms_opt_out"))
                .col(big_integer("place"))
                .primary_key(Index::create().col("conversation_id").col("seq").col("number"))
                .to_owned(),
        )
        .await?;
        let mut waiting = Index::create();
        waiting.name("delivery_waiting").table("delivery").col("our_number").col("place");
        waiting.and_where(Expr::col("status").is_in(["queued", "sending"]));
        m.create_index(waiting).await?;
        let mut line = Index::create();
        line.name("delivery_line").table("delivery").col("our_number").col("number").col("place");
        line.and_where(Expr::col("status").is_in(["queued", "sending"]));
        m.create_index(line).await?;
        let mut due = Index::create();
        due.name("delivery_due").table("delivery").col("due_at").and_where(Expr::col("status").eq("queued"));
        m.create_index(due).await?;

        m.create_table(
            Table::create()
                .table("attempt")
                .col(uuid("id").primary_key())
                .col(uuid("tenant_id"))
                .col(uuid("conversation_id"))
                .col(big_integer("seq"))
                .col(string("number"))
                .col(big_integer("attempt"))
                .col(string("carrier"))
                .to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("attempt_part")
                .col(uuid("attempt_id"))
                .col(big_integer("part"))
                .col(string("provider_id"))
                .primary_key(Index::create().col("attempt_id").col("part"))
                .to_owned(),
        )
        .await?;
        index(m, "attempt_part_provider", "attempt_part", &["provider_id"]).await?;

        // Texts that came in, by their carriers' names: the same again is the same.
        m.create_table(
            Table::create()
                .table("incoming")
                .col(string("carrier"))
                .col(string("provider_id"))
                .col(uuid("tenant_id"))
                .col(big_integer("at"))
                .primary_key(Index::create().col("carrier").col("provider_id"))
                .to_owned(),
        )
        .await?;
        m.create_table(
            Table::create()
                .table("last_sender")
                .col(uuid("tenant_id"))
                .col(string("our_number"))
                .col(string("number"))
                .col(uuid("extension_id"))
                .primary_key(Index::create().col("tenant_id").col("our_number").col("number"))
                .to_owned(),
        )
        .await?;
        // `our_number` is empty where it is of the whole company.
        m.create_table(
            Table::create()
                .table("consent")
                .col(uuid("tenant_id"))
                .col(string("our_number"))
                .col(string("number"))
                .col(boolean("opted_out"))
                .col(string("source"))
                .col(uuid_null("by_id"))
                .col(string_null("reason"))
                .col(big_integer("at"))
                .col(big_integer("version"))
                .primary_key(Index::create().col("tenant_id").col("number").col("our_number"))
                .to_owned(),
        )
        .await?;
        index(m, "consent_version", "consent", &["tenant_id", "version"]).await?;
        m.create_table(
            Table::create()
                .table("automatic_text")
                .col(big_pk_auto("id"))
                .col(uuid("tenant_id"))
                .col(string("our_number"))
                .col(string("number"))
                .col(string_null("keyword"))
                .col(big_integer("at"))
                .to_owned(),
        )
        .await?;
        index(m, "automatic_text_pair", "automatic_text", &["tenant_id", "number", "our_number", "at"]).await?;

        m.create_table(
            Table::create()
                .table("attachment")
                .col(uuid("id").primary_key())
                .col(uuid("conversation_id"))
                .col(big_integer("seq"))
                .col(big_integer("place"))
                .col(uuid("tenant_id"))
                .col(text("url"))
                .col(string("content_type"))
                .col(string("state"))
                .col(big_integer_null("size"))
                .col(big_integer("tries"))
                .col(big_integer("due_at"))
                .to_owned(),
        )
        .await?;
        index(m, "attachment_message", "attachment", &["conversation_id", "seq"]).await?;
        let mut pending = Index::create();
        pending.name("attachment_pending").table("attachment").col("due_at");
        pending.and_where(Expr::col("state").eq("pending"));
        m.create_index(pending).await?;
        m.create_table(
            Table::create().table("attachment_content").col(uuid("id").primary_key()).col(blob("bytes")).to_owned(),
        )
        .await?;

        m.create_table(
            Table::create()
                .table("unrouted")
                .col(uuid("id").primary_key())
                .col(uuid("tenant_id"))
                .col(string("our_number"))
                .col(string("number"))
                .col(text("text"))
                .col(text("media"))
                .col(string("carrier"))
                .col(string("provider_id"))
                .col(big_integer("at"))
                .col(big_integer("version"))
                .col(boolean("assigned"))
                .to_owned(),
        )
        .await?;
        index(m, "unrouted_tenant", "unrouted", &["tenant_id", "assigned", "id"]).await?;
        index(m, "unrouted_version", "unrouted", &["tenant_id", "version"]).await?;
        // A carrier's request, whole: signed, and not to be understood, or for a number that nobody has.
        m.create_table(
            Table::create()
                .table("dead_letter")
                .col(uuid("id").primary_key())
                .col(uuid_null("tenant_id"))
                .col(string("carrier"))
                .col(string("kind"))
                .col(string("content_type"))
                .col(text("path"))
                .col(blob("body"))
                .col(string("reason"))
                .col(big_integer("at"))
                .col(big_integer_null("replayed_at"))
                .to_owned(),
        )
        .await?;
        index(m, "dead_letter_tenant", "dead_letter", &["tenant_id", "id"]).await?;
        index(m, "dead_letter_at", "dead_letter", &["at"]).await?;
        // What the customers' phones of the simulator received.
        m.create_table(
            Table::create()
                .table("simulated_text")
                .col(big_pk_auto("id"))
                .col(string("sender"))
                .col(string("recipient"))
                .col(text("text"))
                .col(big_integer("at"))
                .to_owned(),
        )
        .await?;
        index(m, "simulated_text_recipient", "simulated_text", &["recipient", "id"]).await
    }
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
    m.create_index(index.to_owned()).await
}
