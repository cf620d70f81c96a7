//! Who brings a token: one of ours, or one that the PBX signed.

use std::sync::Arc;

use crate::{
    domain::{Caller, Refusal, Timestamp, claims::Claimed, extension::Extension},
    jwt::is_jwt,
    storage::SecretHash,
};

use super::Engine;

/// A token says in whole seconds when it was issued (here in microseconds).
const SECOND: i64 = 1_000_000;

/// Who came, and with what.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who it is.
    pub caller: Arc<Caller>,
    /// The name of its tenant.
    pub company: String,
    /// Of its password: when the token was issued, or, of a signed one, now.
    pub credential: i64,
    /// Until when the token is good.
    pub expires_at: Timestamp,
    /// Of the token it brought.
    pub token: SecretHash,
    /// Whether somebody else signed it: a new password doesn't void it.
    pub is_signed: bool,
}

impl Identity {
    /// Whether the token is void since its extension is so.
    pub(super) fn ends_with(&self, extension: &Extension) -> bool {
        !extension.enabled || (!self.is_signed && extension.credential != self.credential)
    }
}

impl Engine {
    /// Who brings this token.
    pub async fn identify(&self, token: &str) -> Result<Option<Identity>, Refusal> {
        let hash = SecretHash::of(token);
        if let Some(issuer) = self.issuer.as_ref().filter(|_| is_jwt(token)) {
            return match issuer.verify(token, self.clock.now()).await {
                Some(claimed) => self.claimed(claimed, hash).await,
                None => Ok(None),
            };
        }
        let found = self.storage.authenticate(hash).await?;
        Ok(found.map(|found| Identity {
            company: found.company,
            credential: found.extension.extension.credential,
            caller: Arc::new(found.extension.into_caller()),
            expires_at: found.expires_at,
            token: hash,
            is_signed: false,
        }))
    }

    /// Whose a signed token is, if there is such a one and they may sign in.
    async fn claimed(&self, claimed: Claimed, token: SecretHash) -> Result<Option<Identity>, Refusal> {
        let tenant = match &claimed.tenant {
            Some(name) => self.storage.tenant(name).await?,
            None => self.storage.usual_tenant().await?,
        };
        let Some(tenant) = tenant else { return Ok(None) };
        let found = self.storage.extension(tenant, &claimed.extension).await?;
        let Some(found) = found.filter(|found| found.extension.enabled) else { return Ok(None) };
        // Whoever had the number before is another person, and a token of theirs is nobody's.
        if let Some(since) = self.storage.number_reused_at(tenant, found.extension.id).await?
            && claimed.issued.is_none_or(|issued| issued.0 / SECOND < since.0 / SECOND)
        {
            return Ok(None);
        }
        Ok(Some(Identity {
            company: self.storage.tenant_name(tenant).await?.unwrap_or_default(),
            credential: found.extension.credential,
            caller: Arc::new(found.into_caller()),
            expires_at: claimed.until,
            token,
            is_signed: true,
        }))
    }

    /// Whether who came before would still be let in with the same.
    pub(super) async fn is_still_good(&self, identity: &Identity) -> Result<bool, Refusal> {
        if !identity.is_signed {
            return Ok(self.storage.authenticate(identity.token).await?.is_some());
        }
        let Caller { tenant, extension, number, .. } = &*identity.caller;
        let found = self.storage.extension(*tenant, number).await?.map(|found| found.extension);
        Ok(found.is_some_and(|found| found.id == *extension && !identity.ends_with(&found)))
    }
}
