//! Who asks: a bearer token, the portal's cookie, or an API key.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    dev::Payload,
    http::{Method, header},
    web::Data,
};

use crate::{
    actors::Identity,
    config::host_of,
    domain::{By, Refusal, Role, TenantId},
    storage::{Scope, SecretHash},
};

use super::{Shared, error::Refused};

/// The portal's cookie.
pub const COOKIE: &str = "partyline";

/// What a request brought, and how.
enum Brought {
    Bearer(String),
    Cookie(String),
    Nothing,
}

fn brought(request: &HttpRequest) -> Brought {
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    if let Some((scheme, token)) = bearer.and_then(|b| b.split_once(' ')) {
        let token = token.trim().to_owned();
        return if scheme.eq_ignore_ascii_case("bearer") { Brought::Bearer(token) } else { Brought::Nothing };
    }
    request.cookie(COOKIE).map_or(Brought::Nothing, |c| Brought::Cookie(c.value().to_owned()))
}

fn reads(request: &HttpRequest) -> bool {
    [Method::GET, Method::HEAD].contains(request.method())
}

/// Whether the request comes from a page of our own: of `public_url`, or of the host that a company is named like, and that
/// is asked. A browser adds its cookies to any page's requests.
pub async fn is_own_origin(request: &HttpRequest, shared: &Shared) -> Result<bool, Refusal> {
    let said = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(ours)) = (said(header::ORIGIN), shared.config.origin()) else { return Ok(false) };
    if origin == ours {
        return Ok(true);
    }
    let (Some(host), Some((scheme, _))) = (said(header::HOST), ours.split_once("://")) else { return Ok(false) };
    let is_same = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) == Some(host);
    Ok(is_same && shared.engine.storage.tenant_by_host(host_of(host)).await?.is_some())
}

/// The token of a request; one from the cookie counts for a write, or an upgrade, only from our own pages.
pub async fn token(request: &HttpRequest, shared: &Shared) -> Result<Option<String>, Refusal> {
    match brought(request) {
        Brought::Bearer(token) => Ok(Some(token)),
        Brought::Nothing => Ok(None),
        Brought::Cookie(token) => {
            let upgrades = request.headers().contains_key(header::UPGRADE);
            if (reads(request) && !upgrades) || is_own_origin(request, shared).await? {
                return Ok(Some(token));
            }
            Err(Refusal::Forbidden(format!("with the cookie, only from {}", shared.config.public_url)))
        }
    }
}

/// An extension that signed in.
pub struct SignedIn {
    /// Who it is.
    pub identity: Identity,
    /// What it brought.
    pub token: String,
}

impl FromRequest for SignedIn {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let shared = shared(&request)?;
            let token = token(&request, &shared).await?.ok_or(Refusal::Unauthenticated)?;
            let identity = shared.engine.identify(&token).await?.ok_or(Refusal::Unauthenticated)?;
            Ok(SignedIn { identity, token })
        })
    }
}

/// Whoever may provision a tenant: its API key, or one of its administrators.
pub struct Provisioner {
    /// The tenant.
    pub tenant: TenantId,
    /// On whose behalf.
    pub by: By,
}

impl FromRequest for Provisioner {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let shared = shared(&request)?;
            let token = token(&request, &shared).await?.ok_or(Refusal::Unauthenticated)?;
            if let Some(owner) = shared.engine.storage.key_owner(&token).await? {
                if owner.scope == Scope::PbxRead && !reads(&request) {
                    return Err(Refusal::Forbidden("this key may read, not write".into()).into());
                }
                let (tenant, key) = (owner.tenant, SecretHash::of(&token).label().into());
                return Ok(Provisioner { tenant, by: By::Pbx { tenant, key } });
            }
            let caller = shared.engine.identify(&token).await?.ok_or(Refusal::Unauthenticated)?.caller;
            if caller.role != Role::Admin {
                return Err(Refusal::Forbidden("only an administrator, or the PBX, may do this".into()).into());
            }
            Ok(Provisioner { tenant: caller.tenant, by: By::Extension(caller) })
        })
    }
}

fn shared(request: &HttpRequest) -> Result<Data<Shared>, Refused> {
    request.app_data::<Data<Shared>>().cloned().ok_or(Refused(Refusal::Busy))
}

/// The cookie that keeps a browser signed in; an empty token takes it away.
pub fn cookie(token: String, ttl: Duration, secure: bool) -> Cookie<'static> {
    let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
    Cookie::build(COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(secure)
        .max_age(CookieDuration::seconds(seconds))
        .finish()
}
