//! SMS queues: their settings and members, the state of their agents, and where their conversations stand.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0005_queues"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        m.create_table(
            Table::create()
                .table("sms_queue")
                .col(uuid("id").primary_key())
                .col(uuid("tenant_id"))
                .col(string("key"))
                .col(string("name"))
                .col(big_integer("idle_timeout_s"))
                .col(big_integer("unclaimed_timeout_s"))
                .col(text_null("timeout_response"))
                .col(boolean("deleted"))
                .col(big_integer("revision"))
                .col(big_integer("version"))
                .to_owned(),
        )
        .await?;
        m.create_index(unique("sms_queue_key", "sms_queue", &["tenant_id", "key"])).await?;

        m.create_index(index("sms_queue_version", "sms_queue", &["tenant_id", "version"])).await?;

        // By their numbers: who isn't there yet is a member once they are.
        m.create_table(
            Table::create()
                .table("queue_member")
                .col(uuid("queue_id"))
                .col(string("number"))
                .col(big_integer("place"))
                .col(uuid("tenant_id"))
                .primary_key(Index::create().col("queue_id").col("number"))
                .to_owned(),
        )
        .await?;
        m.create_index(index("queue_member_number", "queue_member", &["tenant_id", "number"])).await?;

        m.create_table(
            Table::create()
                .table("agent")
                .col(uuid("queue_id"))
                .col(uuid("extension_id"))
                .col(uuid("tenant_id"))
                .col(boolean("logged_in"))
                .col(boolean("paused"))
                .col(string_null("pause_reason"))
                .col(big_integer("revision"))
                .col(big_integer("version"))
                .primary_key(Index::create().col("queue_id").col("extension_id"))
                .to_owned(),
        )
        .await?;
        m.create_index(index("agent_extension", "agent", &["extension_id"])).await?;

        let add = |column: ColumnDef| Table::alter().table("conversation").add_column(column).to_owned();
        m.alter_table(add(uuid_null("queue_id"))).await?;
        m.alter_table(add(string_null("queue_state"))).await?;
        m.alter_table(add(big_integer_null("queue_since"))).await?;
        // From when a timeout counts, and since when it waits: written with what they follow from, so that what is due and
        // who waits longest are found by an index, and a changed timeout counts for what is there.
        m.alter_table(add(big_integer_null("clock_since"))).await?;
        m.alter_table(add(big_integer_null("waiting_since"))).await?;
        m.alter_table(add(uuid_null("claimed_by"))).await?;
        m.alter_table(add(uuid_null("last_held_by"))).await?;
        m.alter_table(add(uuid_null("closed_by"))).await?;
        let mut clock = index("conversation_clock", "conversation", &["queue_id", "queue_state", "clock_since"]);
        clock.and_where(Expr::col("clock_since").is_not_null());
        m.create_index(clock).await?;
        let mut waiting = index("conversation_waiting", "conversation", &["queue_id", "waiting_since", "id"]);
        waiting.and_where(Expr::col("waiting_since").is_not_null());
        m.create_index(waiting).await?;
        let mut claimed = index("conversation_claimed", "conversation", &["tenant_id", "claimed_by", "queue_id"]);
        claimed.and_where(Expr::col("claimed_by").is_not_null());
        m.create_index(claimed).await?;
        let closed = ["queue_id", "queue_state", "last_activity_at", "id"];
        let mut closed = index("conversation_in_queue", "conversation", &closed);
        closed.and_where(Expr::col("queue_id").is_not_null());
        m.create_index(closed).await?;
        let mut missed = index("conversation_missed", "conversation", &["tenant_id", "last_activity_at", "id"]);
        missed.and_where(Expr::col("queue_state").eq("closed")).and_where(Expr::col("closed_by").is_null());
        m.create_index(missed).await?;
        for (name, column) in [("conversation_last_held", "last_held_by"), ("conversation_closed_by", "closed_by")] {
            let mut mine = index(name, "conversation", &[column, "last_activity_at", "id"]);
            mine.and_where(Expr::col(column).is_not_null());
            m.create_index(mine).await?;
        }
        // Who held what is closed keeps it to read, but not in their list of what is open.
        let over = boolean("over").default(false).to_owned();
        m.alter_table(Table::alter().table("participant").add_column(over).to_owned()).await?;
        let mut open = index("participant_open", "participant", &["extension_id", "conversation_id"]);
        open.and_where(Expr::col("left_version").is_null()).and_where(Expr::col("over").not());
        m.create_index(open).await?;
        // What is said around a text tells whether the customer waits again when it comes to nothing.
        m.alter_table(Table::alter().table("message").drop_column("ended_wait_since").to_owned()).await?;
        // The word of consent that a text was when it came in.
        m.alter_table(Table::alter().table("unrouted").add_column(string_null("keyword")).to_owned()).await
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

fn unique(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = index(name, table, columns);
    index.unique();
    index
}
