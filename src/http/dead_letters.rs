//! Carriers' requests that were signed and could not be used. Those that are nobody's are shown to the company `default`.

use actix_web::{
    HttpResponse, get, post,
    web::Json,
    web::{Data, Path, Query},
};

use crate::{
    carriers::{Kind, Webhook},
    domain::{Refusal, TenantId, audit::Entry},
    protocol::{
        self,
        requests::ListNumbers,
        shapes::{DeadLetter, List},
    },
};

use super::{
    Shared,
    auth::Provisioner,
    carriers::used,
    error::{Problems, Refused},
    json::{self, NoFields},
};

/// Requests that could not be used, oldest first.
#[utoipa::path(tag = "pbx", params(ListNumbers), responses((status = 200, body = List<DeadLetter>), Problems))]
#[get("/v1/pbx/dead-letters")]
pub async fn list_dead_letters(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<DeadLetter>>, Refused> {
    let limit = json::limit(page.limit)?;
    let after = json::after(page.after.as_deref())?;
    let nobodys = sees_nobodys(&shared, who.tenant).await?;
    let mut found = shared.engine.storage.dead_letters(who.tenant, nobodys, after, limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].id.to_string());
    found.truncate(limit);
    let items = found
        .into_iter()
        .map(|letter| DeadLetter {
            id: letter.id.to_string(),
            carrier: letter.carrier,
            kind: letter.kind,
            reason: letter.reason,
            content_type: letter.content_type,
            body: String::from_utf8_lossy(&letter.body).into_owned(),
            at: letter.at.to_rfc3339(),
        })
        .collect();
    Ok(Json(List { items, next }))
}

/// Try one again: the number is somebody's by now, or the engine understands it since. `invalid_request` says why it
/// still can't be used.
#[utoipa::path(tag = "pbx", params(("id" = String, Path)), responses((status = 204), Problems))]
#[post("/v1/pbx/dead-letters/{id}/replay")]
pub async fn replay_dead_letter(
    shared: Data<Shared>,
    who: Provisioner,
    id: Path<String>,
    _: NoFields,
) -> Result<HttpResponse, Refused> {
    let storage = &shared.engine.storage;
    let letter = storage.dead_letter(protocol::id(&id)?).await?.ok_or(Refusal::NotFound)?;
    let mine = match letter.tenant {
        Some(tenant) => tenant == who.tenant,
        None => sees_nobodys(&shared, who.tenant).await?,
    };
    if !mine || letter.replayed_at.is_some() {
        return Err(Refusal::NotFound.into());
    }
    let carrier = shared.engine.carriers.get(&letter.carrier);
    let carrier = carrier.ok_or_else(|| Refusal::invalid("its carrier is not configured any more"))?;
    // Its signature was checked when it came.
    let attempt = letter.path.split('?').next().and_then(|path| path.split("/status/").nth(1));
    let webhook = Webhook {
        kind: if letter.kind == "inbound" { Kind::Inbound } else { Kind::Status },
        attempt: attempt.and_then(|id| id.parse().ok()),
        path_and_query: &letter.path,
        content_type: &letter.content_type,
        headers: &[],
        body: &letter.body,
        now: letter.at,
    };
    let said = carrier.understand(&webhook).map_err(Refusal::invalid)?;
    let unused = used(&shared, &letter.carrier, said).await?;
    let mut mine = unused.into_iter().filter(|(owner, _)| letter.tenant.is_none() || *owner == letter.tenant);
    if let Some((_, reason)) = mine.next() {
        return Err(Refusal::invalid(reason).into());
    }
    storage.replayed(letter.id).await?;
    storage.audit(&who.by, &Entry::new("dead_letter.replayed", letter.id.to_string(), None)).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn sees_nobodys(shared: &Shared, tenant: TenantId) -> Result<bool, Refusal> {
    Ok(shared.engine.storage.tenant("default").await? == Some(tenant))
}
