//! What comes over a carrier's link, kept from before it is answered until it is used; and which parts of a long text have
//! arrived.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0009_links"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // `long_text` tells apart the long texts of one pair of numbers; null: it is a text by itself. Once it is used,
        // the octets are gone, and the digest remains: by that a repeat is known.
        m.create_table(
            Table::create()
                .table("piece")
                .col(uuid("id").primary_key())
                .col(string("carrier"))
                .col(string("our_number"))
                .col(string("number"))
                .col(string_null("long_text"))
                .col(big_integer("part"))
                .col(big_integer("total"))
                .col(big_integer("data_coding"))
                .col(blob("octets"))
                .col(binary_len("digest", 32))
                .col(big_integer("at"))
                .col(big_integer_null("used_at"))
                .col(big_integer_null("answered_at"))
                .to_owned(),
        )
        .await?;
        m.create_index(index("piece_digest", "piece", &["carrier", "digest"])).await?;
        let mut unused = index("piece_unused", "piece", &["at"]);
        unused.and_where(Expr::col("used_at").is_null());
        m.create_index(unused).await?;
        let mut long = index("piece_long", "piece", &["carrier", "number", "our_number", "long_text"]);
        long.and_where(Expr::col("used_at").is_null());
        m.create_index(long).await?;
        let mut used = index("piece_used", "piece", &["at"]);
        used.and_where(Expr::col("used_at").is_not_null());
        m.create_index(used).await?;

        // A receipt may be here before the answer to its text is.
        m.create_table(
            Table::create()
                .table("held_receipt")
                .col(uuid("id").primary_key())
                .col(string("carrier"))
                .col(string("provider_id"))
                .col(text("receipt"))
                .col(big_integer("at"))
                .to_owned(),
        )
        .await?;
        let delivered = boolean("delivered").default(false).take();
        m.alter_table(Table::alter().table("attempt_part").add_column(delivered).to_owned()).await
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
