//! A tenant's settings.

use sea_orm::ConnectionTrait;

use crate::domain::{
    TenantId,
    settings::{Settings, StoredSettings},
};

use super::{Storage, StorageError, column};

impl Storage {
    /// A tenant's settings, as they are now.
    pub async fn settings(&self, tenant: TenantId) -> Result<StoredSettings, StorageError> {
        self.settings_in(&self.0.reader, tenant).await
    }

    pub(super) async fn settings_in(
        &self,
        db: &impl ConnectionTrait,
        tenant: TenantId,
    ) -> Result<StoredSettings, StorageError> {
        let sql = "SELECT settings, settings_revision FROM tenant WHERE id = $1";
        let Some(row) = db.query_one_raw(self.statement(sql, [tenant.0.into()])).await? else {
            return Ok(StoredSettings::default());
        };
        let settings = column::<Option<String>>(&row, "settings")?;
        let settings = settings.map_or(Ok(Settings::default()), |text| serde_json::from_str(&text));
        let settings = settings.map_err(|e| StorageError::Inconsistent(format!("settings of {tenant}: {e}")))?;
        Ok(StoredSettings { settings, revision: column(&row, "settings_revision")? })
    }
}
