//! What the PBX provisions.

use actix_web::{
    HttpResponse, delete, get, put,
    web::{Data, Json, Path, Query},
};

use crate::{
    actors::ExtensionRequest,
    domain::{Refusal, extension::Extension, phone::Number},
    protocol::{
        requests::{ListExtensions, PutExtension},
        shapes::{List, ProvisionedExtension},
    },
};

use super::{
    Shared,
    auth::Provisioner,
    error::{Problems, Refused},
    json::{self, Fields},
};

/// Every extension, by number.
#[utoipa::path(tag = "pbx", params(ListExtensions), responses((status = 200, body = List<ProvisionedExtension>), Problems))]
#[get("/v1/pbx/extensions")]
pub async fn list_extensions(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListExtensions>,
) -> Result<Json<List<ProvisionedExtension>>, Refused> {
    let limit = json::limit(page.limit)?;
    let storage = &shared.engine.storage;
    let needle = json::needle(page.q.as_deref())?;
    let mut found = storage.extensions(who.tenant, needle.as_ref(), page.after.as_deref(), false, limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].number.clone());
    found.truncate(limit);
    let mut caller_ids = storage.caller_ids_of(found.iter().map(|e| e.id)).await?;
    let mut phonebooks = storage.phonebooks_of(found.iter().map(|e| e.id)).await?;
    let item = |e: &Extension| {
        let caller_ids = caller_ids.remove(&e.id).unwrap_or_default();
        ProvisionedExtension::of(e, &caller_ids, phonebooks.remove(&e.id).unwrap_or_default())
    };
    Ok(Json(List { items: found.iter().map(item).collect(), next }))
}

/// Take an extension away for good: its sessions end, what it held in queues waits again, and its groups show that it
/// left. One that is made later with the same number is another person.
#[utoipa::path(tag = "pbx", params(("number" = String, Path)), responses((status = 204), Problems))]
#[delete("/v1/pbx/extensions/{number}")]
pub async fn delete_extension(
    shared: Data<Shared>,
    who: Provisioner,
    number: Path<String>,
) -> Result<HttpResponse, Refused> {
    shared.engine.delete_extension(&who.by, &number).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make an extension, or alter it to be so. The same again changes nothing.
#[utoipa::path(
    tag = "pbx",
    params(("number" = String, Path)),
    request_body = PutExtension,
    responses((status = 201, body = ProvisionedExtension), (status = 200, body = ProvisionedExtension), Problems)
)]
#[put("/v1/pbx/extensions/{number}")]
pub async fn put_extension(
    shared: Data<Shared>,
    who: Provisioner,
    number: Path<String>,
    Fields(body): Fields<PutExtension>,
) -> Result<HttpResponse, Refused> {
    let PutExtension { name, role, password, enabled, caller_ids, phonebooks } = body;
    if password.as_ref().is_some_and(|p| !(8..=200).contains(&p.chars().count())) {
        return Err(Refusal::invalid("password: 8 to 200 characters").into());
    }
    let number = number.into_inner();
    let caller_ids = caller_ids.iter().map(|n| Number::owned(n)).collect::<Result<Vec<_>, _>>()?;
    let request = ExtensionRequest {
        number,
        name,
        role: role.into(),
        password,
        enabled,
        caller_ids: caller_ids.clone(),
        phonebooks: phonebooks.clone(),
    };
    let (extension, made) = shared.engine.put_extension(&who.by, request).await?;
    let shown = ProvisionedExtension::of(&extension, &caller_ids, phonebooks);
    Ok(if made { HttpResponse::Created().json(shown) } else { HttpResponse::Ok().json(shown) })
}
