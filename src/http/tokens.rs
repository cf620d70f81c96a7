//! Tokens that the PBX asks for: it signs its users in.

use std::time::Duration;

use actix_web::{
    HttpResponse, post,
    web::{Data, Path},
};

use crate::{
    domain::{Refusal, audit::Entry, extension::check_number},
    protocol::{requests::IssueToken, shapes::Token},
};

use super::{
    Shared,
    auth::Provisioner,
    error::{Problems, Refused},
    json::Fields,
};

/// No token is shorter, unless the configuration's longest is.
const SHORTEST: u64 = 60;

/// Sign an extension in on its behalf: a token of it, as `POST /v1/login` would answer.
#[utoipa::path(
    tag = "pbx",
    params(("number" = String, Path)),
    request_body = IssueToken,
    responses((status = 201, body = Token), Problems)
)]
#[post("/v1/pbx/extensions/{number}/tokens")]
pub async fn issue_token(
    shared: Data<Shared>,
    who: Provisioner,
    number: Path<String>,
    Fields(body): Fields<IssueToken>,
) -> Result<HttpResponse, Refused> {
    let longest = shared.config.limits.token_ttl_s;
    let ttl_s = body.ttl_s.unwrap_or(longest);
    if !(SHORTEST.min(longest)..=longest).contains(&ttl_s) {
        return Err(Refusal::invalid(format!("ttl_s: {} to {longest}", SHORTEST.min(longest))).into());
    }
    check_number(&number).map_err(|_| Refusal::NotFound)?;
    let storage = &shared.engine.storage;
    let extension = storage.extension(who.tenant, &number).await?.ok_or(Refusal::NotFound)?.extension;
    if !extension.enabled {
        return Err(Refusal::Forbidden(format!("{number} is disabled")).into());
    }
    // Under the password of now: if that changes, this is void, too.
    let ttl = Duration::from_secs(ttl_s);
    let (token, expires_at) = storage.issue_token(who.tenant, extension.id, extension.credential, ttl).await?;
    storage.audit(&who.by, &Entry::new("token.issued", number.into_inner(), None)).await?;
    Ok(HttpResponse::Created().json(Token { token, expires_at: expires_at.to_rfc3339() }))
}
