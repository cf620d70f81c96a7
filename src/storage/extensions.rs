//! Tenants, and the people in them.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, sea_query};

use crate::domain::{
    Caller, ExtensionId, Role, TenantId, Timestamp,
    contacts::search::Needle,
    extension::{Colleague, Extension, People},
};

use super::{
    Storage, StorageError, column,
    dialect::{Column, Hex, bulk},
    entity::{extension, tenant},
    extension_id, models,
};

/// An extension, and what guards its provisioning.
#[derive(Clone, Debug)]
pub struct StoredExtension {
    /// Whose.
    pub tenant: TenantId,
    /// As it is.
    pub extension: Extension,
    /// argon2id, if it has a password.
    pub password_hash: Option<String>,
    /// Rises with each change of it.
    pub revision: i64,
}

impl StoredExtension {
    /// It, as one who asks.
    pub fn into_caller(self) -> Caller {
        let Extension { id, number, name, role, .. } = self.extension;
        Caller { tenant: self.tenant, extension: id, number, name, role }
    }
}

impl TryFrom<extension::Model> for StoredExtension {
    type Error = StorageError;
    fn try_from(row: extension::Model) -> Result<Self, StorageError> {
        let role = Role::parse(&row.role)
            .ok_or_else(|| StorageError::Inconsistent(format!("extension {} has the role {}", row.id, row.role)))?;
        Ok(Self {
            tenant: TenantId(row.tenant_id),
            extension: Extension {
                id: ExtensionId(row.id),
                number: row.number,
                name: row.name,
                role,
                enabled: row.enabled,
                credential: row.credential,
                deleted: row.deleted,
            },
            password_hash: row.password_hash,
            revision: row.revision,
        })
    }
}

impl Storage {
    /// The tenant of that name.
    pub async fn tenant(&self, name: &str) -> Result<Option<TenantId>, StorageError> {
        // PostgreSQL has no NUL in texts.
        if name.contains('\0') {
            return Ok(None);
        }
        let row = tenant::Entity::find().filter(tenant::Column::Name.eq(name)).one(&self.0.reader).await?;
        Ok(row.map(|t| TenantId(t.id)))
    }

    /// The tenant named like this host, whatever the case; none if two are.
    pub async fn tenant_by_host(&self, host: &str) -> Result<Option<(TenantId, String)>, StorageError> {
        let name = sea_query::Expr::expr(sea_query::Func::lower(sea_query::Expr::col(tenant::Column::Name)));
        let named = tenant::Entity::find().filter(name.eq(host.to_ascii_lowercase())).limit(2);
        let mut rows = named.all(&self.0.reader).await?;
        let only = rows.pop().filter(|_| rows.is_empty());
        Ok(only.map(|t| (TenantId(t.id), t.name)))
    }

    /// The only tenant, else the one named `default`: whose somebody is who doesn't say.
    pub async fn usual_tenant(&self) -> Result<Option<TenantId>, StorageError> {
        match &self.tenants(2).await?[..] {
            [(only, _)] => Ok(Some(*only)),
            _ => self.tenant("default").await,
        }
    }

    /// The name of a tenant.
    pub async fn tenant_name(&self, id: TenantId) -> Result<Option<String>, StorageError> {
        Ok(tenant::Entity::find_by_id(id.0).one(&self.0.reader).await?.map(|t| t.name))
    }

    /// The first tenants by name, at most `limit`.
    pub async fn tenants(&self, limit: u64) -> Result<Vec<(TenantId, String)>, StorageError> {
        let rows = tenant::Entity::find().order_by_asc(tenant::Column::Name).limit(limit).all(&self.0.reader).await?;
        Ok(rows.into_iter().map(|t| (TenantId(t.id), t.name)).collect())
    }

    /// The tenant of that name, made if need be.
    pub async fn make_tenant(&self, name: &str) -> Result<TenantId, StorageError> {
        let insert = self.statement(
            "INSERT INTO tenant (id, name, version, created_at) VALUES ($1, $2, 0, $3) ON CONFLICT (name) DO NOTHING",
            [self.0.clock.new_id().into(), name.into(), self.0.clock.now().0.into()],
        );
        self.0.writer.run(async |db| db.execute_raw(insert).await).await?;
        let row = tenant::Entity::find().filter(tenant::Column::Name.eq(name)).one(&self.0.reader).await?;
        row.map(|t| TenantId(t.id)).ok_or_else(|| StorageError::Inconsistent(format!("no tenant {name}")))
    }

    /// The extension of that number; who is deleted has none.
    pub async fn extension(&self, tenant: TenantId, number: &str) -> Result<Option<StoredExtension>, StorageError> {
        extension::Entity::find()
            .filter(extension::Column::TenantId.eq(tenant.0))
            .filter(extension::Column::Number.eq(number))
            .filter(extension::Column::Deleted.eq(false))
            .one(&self.0.reader)
            .await?
            .map(StoredExtension::try_from)
            .transpose()
    }

    /// When an extension was made whose number somebody else had before; none, if nobody had.
    pub async fn number_reused_at(
        &self,
        tenant: TenantId,
        extension: ExtensionId,
    ) -> Result<Option<Timestamp>, StorageError> {
        let sql = "SELECT e.created_at FROM extension e WHERE e.id = $2 AND e.tenant_id = $1 AND EXISTS (SELECT 1 \
             FROM extension gone WHERE gone.tenant_id = $1 AND gone.number = e.number AND gone.deleted)";
        let row = self.0.reader.query_one_raw(self.statement(sql, [tenant.0.into(), extension.0.into()])).await?;
        row.map(|row| column(&row, "created_at").map(Timestamp)).transpose()
    }

    /// Those of these numbers whom one may reach, by number.
    pub async fn colleagues(
        &self,
        tenant: TenantId,
        numbers: &[String],
    ) -> Result<HashMap<String, Colleague>, StorageError> {
        let keys: Vec<_> = numbers.iter().map(|number| (number,)).collect();
        let rows = self.0.dialect.rows(2, &[("number", Column::Text)]);
        let sql = format!(
            "SELECT e.id, e.number, e.name FROM {rows} r CROSS JOIN extension e WHERE e.tenant_id = $1 \
             AND e.number = r.number AND e.enabled"
        );
        let found = self.0.reader.query_all_raw(self.statement(&sql, [tenant.0.into(), bulk(&keys)])).await?;
        let colleague = |row| {
            let (id, number, name) = (extension_id(row, "id")?, column::<String>(row, "number")?, column(row, "name")?);
            Ok((number.clone(), Colleague { id, number, name }))
        };
        found.iter().map(colleague).collect()
    }

    /// The tenant's extensions by number, after `after`; with a needle those whose number or name matches.
    pub async fn extensions(
        &self,
        tenant: TenantId,
        needle: Option<&Needle>,
        after: Option<&str>,
        enabled_only: bool,
        limit: usize,
    ) -> Result<Vec<Extension>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut values = vec![tenant.0.into(), after.unwrap_or_default().into(), limit.into()];
        let mut sql =
            String::from("SELECT e.* FROM extension e WHERE e.tenant_id = $1 AND e.number > $2 AND NOT e.deleted");
        if enabled_only {
            sql.push_str(" AND e.enabled");
        }
        if let Some(needle) = needle {
            sql.push_str(" AND ");
            sql.push_str(&self.matches("e.search", needle, &mut values));
        }
        sql.push_str(" ORDER BY e.number LIMIT $3");
        let rows = self.0.reader.query_all_raw(self.statement(&sql, values)).await?;
        models::<extension::Model>(&rows)?
            .into_iter()
            .map(|row| Ok(StoredExtension::try_from(row)?.extension))
            .collect()
    }

    /// All extensions of the tenant, gone ones too: whoever may have written something.
    pub async fn everyone(&self, tenant: TenantId) -> Result<Vec<Extension>, StorageError> {
        let rows =
            extension::Entity::find().filter(extension::Column::TenantId.eq(tenant.0)).all(&self.0.reader).await?;
        rows.into_iter().map(|row| Ok(StoredExtension::try_from(row)?.extension)).collect()
    }

    /// The tenant's administrators.
    pub(super) async fn admins(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
    ) -> Result<Vec<ExtensionId>, StorageError> {
        let sql = "SELECT id FROM extension WHERE tenant_id = $1 AND role = 'admin' AND enabled";
        let rows = db.query_all_raw(self.statement(sql, [tenant.0.into()])).await?;
        rows.iter().map(|row| extension_id(row, "id")).collect()
    }

    /// The tenant's administrators, now.
    pub async fn administrators(&self, tenant: TenantId) -> Result<Vec<ExtensionId>, StorageError> {
        self.admins(&self.0.reader, tenant).await
    }

    /// Number and name of these extensions of the tenant.
    pub async fn people(
        &self,
        tenant: TenantId,
        ids: impl IntoIterator<Item = ExtensionId>,
    ) -> Result<People, StorageError> {
        let ids: Vec<_> = ids.into_iter().map(|id| (Hex(id.0),)).collect();
        if ids.is_empty() {
            return Ok(People::new());
        }
        let rows = self.0.dialect.rows(2, &[("id", Column::Uuid)]);
        let people =
            self.0.dialect.collected(&[("e.id", Column::Uuid), ("e.number", Column::Text), ("e.name", Column::Text)]);
        let sql =
            format!("SELECT {people} FROM {rows} r CROSS JOIN extension e WHERE e.id = r.id AND e.tenant_id = $1");
        let people: Vec<(ExtensionId, String, String)> =
            self.collect(&self.0.reader, &sql, [tenant.0.into(), bulk(&ids)]).await?;
        Ok(people.into_iter().map(|(id, number, name)| (id, (number, name))).collect())
    }
}
