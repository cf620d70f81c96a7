//! Who wants no texts.

use actix_web::{
    HttpResponse, delete, get, put,
    web::{Data, Json, Path, Query},
};

use crate::{
    domain::{Refusal, phone::Number},
    protocol::{
        self,
        requests::{ConsentScope, ListNumbers, PutConsent, RecordConsent},
        shapes::{ConsentRecord, Conversation, List},
    },
};

use super::{
    Shared,
    auth::{Provisioner, SignedIn},
    conversations::row,
    error::{Problems, Refused},
    json::{self, Fields},
};

/// Somebody in a conversation told me that they want no texts, or take them again.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path)),
    request_body = RecordConsent,
    responses((status = 200, body = Conversation), Problems)
)]
#[put("/v1/conversations/{id}/consent")]
pub async fn record_consent(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Fields(RecordConsent { number, opted_out, scope }): Fields<RecordConsent>,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    let of_all = scope == ConsentScope::Tenant;
    shared.engine.record_consent(caller, id, &number, opted_out, of_all).await?;
    Ok(Json(row(&shared, caller, id).await?))
}

/// Everybody who wants no texts, by number.
#[utoipa::path(tag = "pbx", params(ListNumbers), responses((status = 200, body = List<ConsentRecord>), Problems))]
#[get("/v1/pbx/consents")]
pub async fn list_consents(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<ConsentRecord>>, Refused> {
    let limit = json::limit(page.limit)?;
    let after = page.after.as_deref().map(|after| after.split_once(' ').unwrap_or((after, "")));
    let storage = &shared.engine.storage;
    let mut found = storage.consents(who.tenant, after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let end = |c: &crate::domain::sms::consent::Consent| {
        format!("{} {}", c.number, c.our_number.as_ref().map(Number::to_string).unwrap_or_default())
    };
    let next = found.last().filter(|_| more).map(end);
    let people = storage.people(who.tenant, found.iter().filter_map(|c| c.by)).await?;
    Ok(Json(List { items: found.iter().map(|c| ConsentRecord::of(c, &people)).collect(), next }))
}

/// Somebody wants no texts, from one of our numbers or from `all`.
#[utoipa::path(
    tag = "pbx",
    params(("ours" = String, Path), ("theirs" = String, Path)),
    request_body = PutConsent,
    responses((status = 201), (status = 200), Problems)
)]
#[put("/v1/pbx/consents/{ours}/{theirs}")]
pub async fn put_consent(
    shared: Data<Shared>,
    who: Provisioner,
    path: Path<(String, String)>,
    Fields(PutConsent { reason }): Fields<PutConsent>,
) -> Result<HttpResponse, Refused> {
    if reason.as_ref().is_some_and(|r| r.chars().count() > 200 || r.contains('\0')) {
        return Err(Refusal::invalid("reason: up to 200 characters").into());
    }
    let (ours, theirs) = numbers(&path)?;
    let made = shared.engine.put_consent(&who.by, ours, theirs, true, reason).await?;
    Ok(if made { HttpResponse::Created().finish() } else { HttpResponse::Ok().finish() })
}

/// Somebody takes texts again.
#[utoipa::path(
    tag = "pbx",
    params(("ours" = String, Path), ("theirs" = String, Path)),
    responses((status = 204), Problems)
)]
#[delete("/v1/pbx/consents/{ours}/{theirs}")]
pub async fn delete_consent(
    shared: Data<Shared>,
    who: Provisioner,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Refused> {
    let (ours, theirs) = numbers(&path)?;
    let recorded = shared.engine.storage.consents_of(who.tenant, &theirs).await?;
    if !recorded.iter().any(|c| c.opted_out && c.our_number == ours) {
        return Err(Refusal::NotFound.into());
    }
    shared.engine.put_consent(&who.by, ours, theirs, false, None).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn numbers((ours, theirs): &(String, String)) -> Result<(Option<Number>, Number), Refusal> {
    let ours = if ours == "all" { None } else { Some(Number::owned(ours)?) };
    Ok((ours, Number::owned(theirs)?))
}
