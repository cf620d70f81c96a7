//! Tokens and API keys. Only their hashes are stored, so a stolen database signs nobody in.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter};
use sha2::{Digest, Sha256};

use crate::{
    clock::new_secret,
    domain::{ExtensionId, TenantId, Timestamp},
};

use super::{
    Storage, StorageError, StoredExtension, column,
    entity::{access_token, api_key, extension},
};

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of `/v1/pbx` for its tenant.
    Pbx,
    /// The same, to read.
    PbxRead,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Scope::Pbx => "pbx",
            Scope::PbxRead => "pbx-read",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Scope::Pbx, Scope::PbxRead].into_iter().find(|scope| scope.as_str() == name)
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

/// What is kept of a token or key: it names the secret without telling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Of this token or key.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// What a key is known by in the audit log: too little of it to look for the key.
    pub fn label(self) -> String {
        self.0[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// Who brings a token that is good.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who it is.
    pub extension: StoredExtension,
    /// The name of its tenant.
    pub company: String,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

impl Storage {
    /// A new token of an extension under its password as of `credential`, and when it ends.
    pub async fn issue_token(
        &self,
        tenant: TenantId,
        extension: ExtensionId,
        credential: i64,
        ttl: Duration,
    ) -> Result<(String, Timestamp), StorageError> {
        let token = new_secret()?;
        let now = self.0.clock.now();
        let expires_at = now + ttl;
        let row = access_token::ActiveModel {
            hash: Set(SecretHash::of(&token).bytes()),
            tenant_id: Set(tenant.0),
            extension_id: Set(extension.0),
            credential: Set(credential),
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
    pub async fn authenticate(&self, token: SecretHash) -> Result<Option<Authenticated>, StorageError> {
        let sql = "SELECT e.*, t.expires_at, c.name AS company FROM access_token t \
                   JOIN extension e ON e.id = t.extension_id AND e.credential = t.credential AND e.enabled \
                   JOIN tenant c ON c.id = e.tenant_id WHERE t.hash = $1 AND t.expires_at > $2";
        let values = [token.bytes().into(), self.0.clock.now().0.into()];
        let Some(row) = self.0.reader.query_one_raw(self.statement(sql, values)).await? else { return Ok(None) };
        let extension = extension::Model::from_query_result(&row, "")?.try_into()?;
        let expires_at = Timestamp(column(&row, "expires_at")?);
        Ok(Some(Authenticated { extension, company: column(&row, "company")?, expires_at }))
    }

    /// The token is good no longer.
    pub async fn revoke_token(&self, token: &str) -> Result<(), StorageError> {
        let delete = access_token::Entity::delete_by_id(SecretHash::of(token).bytes());
        self.0.writer.run(async |db| delete.exec(&db).await).await?;
        Ok(())
    }

    /// A new API key of a tenant.
    pub async fn create_api_key(&self, tenant: TenantId, scope: Scope) -> Result<String, StorageError> {
        let key = format!("pk_{}", new_secret()?);
        let row = api_key::ActiveModel {
            hash: Set(SecretHash::of(&key).bytes()),
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
        let row = api_key::Entity::find_by_id(SecretHash::of(key).bytes()).one(&self.0.reader).await?;
        Ok(row.and_then(|k| Some(KeyOwner { tenant: TenantId(k.tenant_id), scope: Scope::parse(&k.scope)? })))
    }
}
