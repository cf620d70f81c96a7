//! Phone numbers that a company owns, and the extensions that may send from them.

use sea_orm_migration::{prelude::*, schema::*};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_phone_numbers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    #[allow(elided_lifetimes_in_paths)] // the trait is declared so
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        // A number is one company's; given up, its row stays, so that a reader who comes back hears of it.
        m.create_table(
            Table::create()
                .table("phone_number")
                .col(string("number").primary_key())
                .col(uuid("tenant_id"))
                .col(string_null("label"))
                .col(boolean("sms_enabled"))
                .col(string("carrier"))
                .col(string_null("queue"))
                .col(string_null("extension"))
                .col(boolean("deleted"))
                .col(big_integer("revision"))
                .col(big_integer("version"))
                .foreign_key(ForeignKey::create().from("phone_number", "tenant_id").to("tenant", "id"))
                .to_owned(),
        )
        .await?;
        let mut by_tenant = Index::create();
        by_tenant.name("phone_number_tenant").table("phone_number").col("tenant_id").col("number");
        m.create_index(by_tenant).await?;
        let mut by_version = Index::create();
        by_version.name("phone_number_version").table("phone_number").col("tenant_id").col("version");
        m.create_index(by_version).await?;

        // The number may come later than its assignment: no foreign key.
        m.create_table(
            Table::create()
                .table("caller_id")
                .col(uuid("extension_id"))
                .col(big_integer("place"))
                .col(uuid("tenant_id"))
                .col(string("number"))
                .primary_key(Index::create().col("extension_id").col("place"))
                .foreign_key(ForeignKey::create().from("caller_id", "extension_id").to("extension", "id"))
                .to_owned(),
        )
        .await?;
        let mut holders = Index::create();
        holders.name("caller_id_number").table("caller_id").col("tenant_id").col("number");
        m.create_index(holders).await
    }
}
