//! Tokens and API keys. Only their hashes are stored, so a stolen database signs nobody in.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};

use crate::{
    clock::new_secret,
    domain::{ExtensionId, TenantId, Timestamp, extension::Extension},
};

use super::{
    Storage, StorageError, StoredExtension,
    entity::{access_token, api_key},
};

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of `/v1/pbx` for its tenant.
    Pbx,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Scope::Pbx => "pbx",
        }
    }
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The tenant it provisions.
    pub tenant: TenantId,
    /// What it may do.
    pub scope: Scope,
}

/// Who brings a token that is good.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who it is.
    pub extension: StoredExtension,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

impl Storage {
    /// A new token of an extension, and when it ends.
    pub async fn issue_token(
        &self,
        tenant: TenantId,
        extension: &Extension,
        ttl: Duration,
    ) -> Result<(String, Timestamp), StorageError> {
        let token = new_secret()?;
        let now = self.0.clock.now();
        let expires_at = now + ttl;
        let row = access_token::ActiveModel {
            hash: Set(hash(&token)),
            tenant_id: Set(tenant.0),
            extension_id: Set(extension.id.0),
            credential: Set(extension.credential),
            expires_at: Set(expires_at.0),
        };
        let over = access_token::Entity::delete_many().filter(access_token::Column::ExpiresAt.lt(now.0));
        self.0.writer.run(async |db| over.exec(&db).await).await?;
        let insert = access_token::Entity::insert(row);
        self.0.writer.run(async |db| insert.exec_without_returning(&db).await).await?;
        Ok((token, expires_at))
    }

    /// Who brings this token, until when; nobody if it is unknown, over, or of an earlier password.
    ///
    /// The look-up is by the token's hash, so how long it takes tells nothing about other tokens.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Authenticated>, StorageError> {
        let Some(row) = access_token::Entity::find_by_id(hash(token)).one(&self.0.reader).await? else {
            return Ok(None);
        };
        if row.expires_at <= self.0.clock.now().0 {
            return Ok(None);
        }
        let extension = self.bearer(ExtensionId(row.extension_id), row.credential).await?;
        Ok(extension.map(|extension| Authenticated { extension, expires_at: Timestamp(row.expires_at) }))
    }

    /// The token is good no longer.
    pub async fn revoke_token(&self, token: &str) -> Result<(), StorageError> {
        let delete = access_token::Entity::delete_by_id(hash(token));
        self.0.writer.run(async |db| delete.exec(&db).await).await?;
        Ok(())
    }

    /// A new API key of a tenant.
    pub async fn create_api_key(&self, tenant: TenantId, scope: Scope) -> Result<String, StorageError> {
        let key = format!("pk_{}", new_secret()?);
        let row = api_key::ActiveModel {
            hash: Set(hash(&key)),
            tenant_id: Set(tenant.0),
            scope: Set(scope.as_str().into()),
            created_at: Set(self.0.clock.now().0),
        };
        let insert = api_key::Entity::insert(row);
        self.0.writer.run(async |db| insert.exec_without_returning(&db).await).await?;
        Ok(key)
    }

    /// Whose API key this is.
    pub async fn key_owner(&self, key: &str) -> Result<Option<KeyOwner>, StorageError> {
        let row = api_key::Entity::find_by_id(hash(key)).one(&self.0.reader).await?;
        let scope = |name: &str| [Scope::Pbx].into_iter().find(|s| s.as_str() == name);
        Ok(row.and_then(|k| Some(KeyOwner { tenant: TenantId(k.tenant_id), scope: scope(&k.scope)? })))
    }
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}
