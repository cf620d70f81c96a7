//! What comes over a link is kept with the session in which it came; and sections that share an account share what they keep.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0010_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // Null: of a session that is long over.
        m.alter_table(Table::alter().table("piece").add_column(uuid_null("session")).to_owned()).await?;
        for name in ["piece_digest", "piece_long"] {
            m.drop_index(Index::drop().name(name).table("piece").to_owned()).await?;
        }
        m.create_index(Index::create().name("piece_digest").table("piece").col("digest").to_owned()).await?;
        let mut long = Index::create().name("piece_long").table("piece").col("number").col("our_number").to_owned();
        long.col("long_text").and_where(Expr::col("used_at").is_null());
        m.create_index(long).await?;
        let mut unanswered = Index::create().name("piece_unanswered").table("piece").col("at").to_owned();
        unanswered.and_where(Expr::col("answered_at").is_null());
        m.create_index(unanswered).await
    }
}
