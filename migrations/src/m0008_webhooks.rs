//! Webhooks, what they are to deliver, and what agents ask of the PBX; and what a reader of a range of versions looks up.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0008_webhooks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // The secret is stored as it is: each attempt is signed with it. `due_at` is when there is something to send, null
        // where nothing waits: so that a look at this table alone tells which of them have work.
        m.create_table(
            Table::create()
                .table("webhook")
                .col(uuid("id").primary_key())
                .col(uuid("tenant_id"))
                .col(string("key"))
                .col(text("url"))
                .col(text("events"))
                .col(string("secret"))
                .col(string("state"))
                .col(text_null("last_error"))
                .col(big_integer("revision"))
                .col(big_integer("cursor"))
                .col(big_integer("placed"))
                .col(big_integer_null("due_at"))
                .col(uuid_null("node"))
                .col(big_integer("leased_until"))
                .col(big_integer("created_at"))
                .foreign_key(ForeignKey::create().from("webhook", "tenant_id").to("tenant", "id"))
                .to_owned(),
        )
        .await?;
        let mut by_key = index("webhook_key", "webhook", &["tenant_id", "key"]);
        by_key.unique();
        m.create_index(by_key).await?;

        // The body is kept as it was first made: every attempt sends the same bytes.
        m.create_table(
            Table::create()
                .table("webhook_delivery")
                .col(uuid("id").primary_key())
                .col(uuid("webhook_id"))
                .col(big_integer("place"))
                .col(string("type"))
                .col(text("body"))
                .col(string("status"))
                .col(big_integer("attempts"))
                .col(big_integer("tries"))
                .col(big_integer_null("last_status"))
                .col(text_null("last_error"))
                .col(big_integer("created_at"))
                .col(big_integer("next_attempt_at"))
                .col(big_integer_null("settled_at"))
                .foreign_key(
                    ForeignKey::create()
                        .from("webhook_delivery", "webhook_id")
                        .to("webhook", "id")
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .to_owned(),
        )
        .await?;
        let mut by_place = index("webhook_delivery_place", "webhook_delivery", &["webhook_id", "place"]);
        by_place.unique();
        m.create_index(by_place).await?;
        let mut waiting = index("webhook_delivery_waiting", "webhook_delivery", &["webhook_id", "place"]);
        waiting.and_where(Expr::col("status").eq("waiting"));
        m.create_index(waiting).await?;
        let mut replayed = index("webhook_delivery_replayed", "webhook_delivery", &["webhook_id", "next_attempt_at"]);
        replayed.and_where(Expr::col("status").eq("replayed"));
        m.create_index(replayed).await?;
        let mut settled = index("webhook_delivery_settled", "webhook_delivery", &["webhook_id", "settled_at"]);
        settled.and_where(Expr::col("settled_at").is_not_null());
        m.create_index(settled).await?;

        // The newest of each agent: it says how they want to stand, and the PBX decides.
        m.create_table(
            Table::create()
                .table("voice_agent_request")
                .col(uuid("tenant_id"))
                .col(string("queue"))
                .col(string("extension"))
                .col(boolean("logged_in"))
                .col(boolean("paused"))
                .col(string_null("pause_reason"))
                .col(big_integer("version"))
                .primary_key(Index::create().col("tenant_id").col("queue").col("extension"))
                .foreign_key(ForeignKey::create().from("voice_agent_request", "tenant_id").to("tenant", "id"))
                .to_owned(),
        )
        .await?;
        m.create_index(index("voice_agent_request_version", "voice_agent_request", &["tenant_id", "version"])).await?;

        // Who reads a range of versions finds what changed in it, and not what has changed since as well.
        m.create_index(index("conversation_revised", "conversation", &["tenant_id", "revised_version"])).await?;
        m.create_index(index("agent_version", "agent", &["tenant_id", "version"])).await?;
        let mut moved = index("participant_moved", "participant", &["tenant_id", "marker_version"]);
        moved.and_where(Expr::col("marker_version").gt(0));
        m.create_index(moved).await
    }
}

fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    index
}
