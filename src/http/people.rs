//! Signing in and out, the directory, and what a client needs to know.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    post,
    web::{Data, Json, Query},
};
use serde::{Deserialize, Serialize};

use crate::{
    actors::{Identity, catch_up},
    config::host_of,
    domain::{
        By, Refusal, TenantId,
        audit::Entry,
        extension::check_number,
        phone::Number,
        text::{MAX_CHARACTERS, MAX_SMS_CHARACTERS},
    },
    protocol::{
        frames::{FRAME_MAX_BYTES, WATCH_MAX},
        requests::{AskNames, ListExtensions, Login},
        shapes::{DirectoryEntry, List, LoginForm, Me, Session, Settings, Token},
    },
    storage::StoredExtension,
};

use super::{
    Shared,
    auth::{COOKIE, SignedIn, cookie, is_own_origin},
    client_address::client_address,
    error::{Problems, Refused},
    json::{self, Fields, NoFields},
};

/// Who can be signed in by a click, in a demo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DemoPerson {
    /// Its number.
    pub extension: String,
    /// Its name.
    pub name: String,
    /// Its password, which everyone may know.
    pub password: String,
}

/// What the form to sign in with has to ask. No company is named that the request's host doesn't name.
#[utoipa::path(tag = "people", security(()), responses((status = 200, body = LoginForm), Problems))]
#[get("/v1/login")]
pub async fn login_form(shared: Data<Shared>, request: HttpRequest) -> Result<Json<LoginForm>, Refused> {
    if let Some((_, company)) = company_of_host(&shared, &request).await? {
        return Ok(Json(LoginForm { company, asks_company: false }));
    }
    let several = shared.engine.storage.tenants(2).await?.len() > 1;
    Ok(Json(LoginForm { company: None, asks_company: several }))
}

/// Sign in with an extension's number and password.
#[utoipa::path(tag = "people", request_body = Login, security(()), responses((status = 200, body = Session), Problems))]
#[post("/v1/login")]
pub async fn login(
    shared: Data<Shared>,
    request: HttpRequest,
    Fields(body): Fields<Login>,
) -> Result<HttpResponse, Refused> {
    // A page elsewhere must not sign its visitor in as somebody.
    if request.headers().contains_key(header::ORIGIN) && !is_own_origin(&request, &shared).await? {
        let here = &shared.config.public_url;
        return Err(Refusal::Forbidden(format!("sign in at {here}")).into());
    }
    let engine = &shared.engine;
    let address = client_address(&request, &shared.config.trusted_proxies);
    let tenant = company(&shared, &request, body.tenant.as_deref()).await?;
    // What can't be a number is nobody's; it is not remembered.
    let number = if check_number(&body.extension).is_ok() { body.extension.as_str() } else { "" };
    let who = format!("{}/{number}", tenant.map(|t| t.to_string()).unwrap_or_default());
    let failures = engine.limits.failures();
    failures.attempt(&who, address, engine.clock.now())?;
    let found = match tenant {
        // That the storage failed is nobody's failed login.
        Some(tenant) => {
            engine.storage.extension(tenant, number).await.inspect_err(|_| failures.succeeded(&who, address))?
        }
        None => None,
    };
    // Whether the company, the extension or the password was wrong is not told, by the time it takes neither.
    let stored: Option<StoredExtension> = found.filter(|s| s.extension.enabled);
    let hash = stored.as_ref().and_then(|s| s.password_hash.clone());
    let checked = engine.verify_password(body.password, hash).await;
    let right = checked.inspect_err(|_| failures.succeeded(&who, address))?;
    let Some(stored) = stored.filter(|_| right) else {
        metrics::counter!("partyline_failed_logins_total").increment(1);
        tracing::info!(%address, "a login failed");
        if let Some(tenant) = tenant {
            engine.storage.audit(&By::Engine(tenant), &Entry::new("login.failed", number, None)).await?;
        }
        return Err(Refusal::WrongCredentials.into());
    };
    failures.succeeded(&who, address);
    let ttl = Duration::from_secs(shared.config.limits.token_ttl_s);
    let (token, expires_at) =
        engine.storage.issue_token(stored.tenant, stored.extension.id, stored.extension.credential, ttl).await?;
    let tenant = engine.storage.tenant_name(stored.tenant).await?.unwrap_or_default();
    tracing::info!(extension = %stored.extension.id, "signed in");
    let by = By::Extension(Arc::new(stored.clone().into_caller()));
    engine.storage.audit(&by, &Entry::new("login", number, None)).await?;
    let me = engine.me(&stored.into_caller(), &tenant).await?;
    let cookie = cookie(token.clone(), ttl, shared.config.is_secure());
    Ok(HttpResponse::Ok().cookie(cookie).json(Session { token, expires_at: expires_at.to_rfc3339(), me }))
}

/// The company that the host names, and whether it is the request's own or that of `public_url`.
async fn company_of_host(
    shared: &Shared,
    request: &HttpRequest,
) -> Result<Option<(TenantId, Option<String>)>, Refused> {
    let storage = &shared.engine.storage;
    // What a proxy adds is not asked: it would be anybody's word.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).map(host_of);
    if let Some(host) = host
        && let Some((tenant, name)) = storage.tenant_by_host(host).await?
    {
        return Ok(Some((tenant, Some(name))));
    }
    let Some(host) = shared.config.host() else { return Ok(None) };
    Ok(storage.tenant_by_host(host).await?.map(|(tenant, _)| (tenant, None)))
}

/// The company that is meant: the one named, else the one that the host names, else the only one, else `default`.
async fn company(shared: &Shared, request: &HttpRequest, named: Option<&str>) -> Result<Option<TenantId>, Refused> {
    if let Some(name) = named {
        return Ok(shared.engine.storage.tenant(name).await?);
    }
    match company_of_host(shared, request).await? {
        Some((tenant, _)) => Ok(Some(tenant)),
        None => Ok(shared.engine.storage.usual_tenant().await?),
    }
}

/// Sign out: the token is good no longer, and its sessions end.
#[utoipa::path(tag = "people", responses((status = 204), Problems))]
#[post("/v1/logout")]
pub async fn logout(shared: Data<Shared>, who: SignedIn, _: NoFields) -> Result<HttpResponse, Refused> {
    shared.engine.storage.revoke_token(&who.token).await?;
    shared.engine.revoked(&who.identity.caller, who.identity.token);
    let mut gone = cookie(String::new(), Duration::ZERO, shared.config.is_secure());
    gone.make_removal();
    Ok(HttpResponse::NoContent().cookie(gone).finish())
}

/// A new token. The one it was asked with stays good until its end.
#[utoipa::path(tag = "people", responses((status = 200, body = Token), Problems))]
#[post("/v1/token")]
pub async fn renew(
    shared: Data<Shared>,
    request: HttpRequest,
    who: SignedIn,
    _: NoFields,
) -> Result<HttpResponse, Refused> {
    let Identity { caller, credential, .. } = &who.identity;
    let ttl = Duration::from_secs(shared.config.limits.token_ttl_s);
    // Under the same password as the one it was asked with: if that has changed meanwhile, this is void, too.
    let issued = shared.engine.storage.issue_token(caller.tenant, caller.extension, *credential, ttl);
    let (token, expires_at) = issued.await?;
    let mut response = HttpResponse::Ok();
    if request.cookie(COOKIE).is_some() {
        response.cookie(cookie(token.clone(), ttl, shared.config.is_secure()));
    }
    Ok(response.json(Token { token, expires_at: expires_at.to_rfc3339() }))
}

/// Who I am.
#[utoipa::path(tag = "people", responses((status = 200, body = Me), Problems))]
#[get("/v1/me")]
pub async fn whoami(shared: Data<Shared>, who: SignedIn) -> Result<Json<Me>, Refused> {
    Ok(Json(shared.engine.me(&who.identity.caller, &who.identity.company).await?))
}

/// My colleagues, by number.
#[utoipa::path(tag = "people", params(ListExtensions), responses((status = 200, body = List<DirectoryEntry>), Problems))]
#[get("/v1/extensions")]
pub async fn extensions(
    shared: Data<Shared>,
    who: SignedIn,
    Query(page): Query<ListExtensions>,
) -> Result<Json<List<DirectoryEntry>>, Refused> {
    let limit = json::limit(page.limit)?;
    let tenant = who.identity.caller.tenant;
    let storage = &shared.engine.storage;
    let needle = json::needle(page.q.as_deref())?;
    let mut found = storage.extensions(tenant, needle.as_ref(), page.after.as_deref(), true, limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].number.clone());
    found.truncate(limit);
    let states = shared.engine.presence(tenant, found.iter().map(|e| e.id).collect()).await;
    let items = found
        .into_iter()
        .zip(states)
        .map(|(e, state)| DirectoryEntry { extension: e.number, name: e.name, presence: state.into() })
        .collect();
    Ok(Json(List { items, next }))
}

/// What I may show for numbers.
#[utoipa::path(
    tag = "people",
    params(AskNames),
    responses((status = 200, body = std::collections::BTreeMap<String, String>), Problems)
)]
#[get("/v1/names")]
pub async fn names(
    shared: Data<Shared>,
    who: SignedIn,
    Query(asked): Query<AskNames>,
) -> Result<Json<std::collections::BTreeMap<String, String>>, Refused> {
    let numbers: Vec<_> = asked.numbers.split(',').filter_map(Number::sender).collect();
    if numbers.len() > 200 {
        return Err(Refusal::invalid("numbers: up to 200").into());
    }
    Ok(Json(catch_up::shown_as(&shared.engine.storage, &who.identity.caller, numbers).await?))
}

/// What a client needs to know.
#[utoipa::path(tag = "people", responses((status = 200, body = Settings), Problems))]
#[get("/v1/settings")]
pub async fn settings(shared: Data<Shared>, who: SignedIn) -> Result<Json<Settings>, Refused> {
    let stored = shared.engine.storage.settings(who.identity.caller.tenant).await?.settings;
    Ok(Json(Settings {
        message_max_characters: MAX_CHARACTERS,
        sms_max_characters: MAX_SMS_CHARACTERS,
        frame_max_bytes: FRAME_MAX_BYTES,
        watch_max: WATCH_MAX,
        region: stored.region,
        alert_tone: stored.alert_tone,
        pause_reasons: stored.pause_reasons,
    }))
}

/// The people of a demo; elsewhere there are none.
#[get("/demo/people")]
pub async fn demo(shared: Data<Shared>) -> Json<Vec<DemoPerson>> {
    Json(shared.demo.clone())
}
