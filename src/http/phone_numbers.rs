//! The company's phone numbers, as the PBX provisions them.

use actix_web::{
    HttpResponse, delete, get, put,
    web::{Data, Json, Path, Query},
};

use crate::{
    carriers::{Link, LinkState},
    config::Carrier,
    domain::{phone::Number, provision::phone_number::PhoneNumber},
    protocol::{
        requests::{ListNumbers, PutNumber},
        shapes::{CarrierEntry, CarrierLink, CarrierLinkState, List, ProvisionedNumber},
    },
};

use super::{
    Shared,
    auth::Provisioner,
    error::{Problems, Refused},
    json::{self, Fields},
};

/// Every phone number, in order.
#[utoipa::path(tag = "pbx", params(ListNumbers), responses((status = 200, body = List<ProvisionedNumber>), Problems))]
#[get("/v1/pbx/numbers")]
pub async fn list_numbers(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<ProvisionedNumber>>, Refused> {
    let limit = json::limit(page.limit)?;
    let mut found = shared.engine.storage.phone_numbers(who.tenant, page.after.as_deref(), limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].number.to_string());
    found.truncate(limit);
    Ok(Json(List { items: found.iter().map(Into::into).collect(), next }))
}

/// Who carries texts here: what may be a number's `carrier`.
#[utoipa::path(tag = "pbx", responses((status = 200, body = List<CarrierEntry>), Problems))]
#[get("/v1/pbx/carriers")]
pub async fn list_carriers(shared: Data<Shared>, _who: Provisioner) -> Json<List<CarrierEntry>> {
    let entry = |(name, carrier): (&String, &Carrier)| {
        let (name, kind) = (name.clone(), carrier.kind().to_owned());
        let link = shared.engine.carriers.get(&name).and_then(|carrier| carrier.link()).map(shown);
        CarrierEntry { parked: shared.engine.is_parked(&name), name, kind, link }
    };
    Json(List { items: shared.config.carriers.iter().map(entry).collect(), next: None })
}

fn shown(Link { state, since, reason }: Link) -> CarrierLink {
    let state = match state {
        LinkState::Up => CarrierLinkState::Up,
        LinkState::Down => CarrierLinkState::Down,
        LinkState::Refused => CarrierLinkState::Refused,
    };
    CarrierLink { state, since: since.to_rfc3339(), reason }
}

/// Make a phone number ours, or alter it to be so. The same again changes nothing.
#[utoipa::path(
    tag = "pbx",
    params(("number" = String, Path, description = "In E.164")),
    request_body = PutNumber,
    responses((status = 201, body = ProvisionedNumber), (status = 200, body = ProvisionedNumber), Problems)
)]
#[put("/v1/pbx/numbers/{number}")]
pub async fn put_number(
    shared: Data<Shared>,
    who: Provisioner,
    number: Path<String>,
    Fields(body): Fields<PutNumber>,
) -> Result<HttpResponse, Refused> {
    let PutNumber { label, sms_enabled, carrier, queue, extension } = body;
    let phone_number = PhoneNumber { number: Number::owned(&number)?, label, sms_enabled, carrier, queue, extension };
    let made = shared.engine.put_phone_number(&who.by, &phone_number).await?;
    let shown = ProvisionedNumber::from(&phone_number);
    Ok(if made { HttpResponse::Created().json(shown) } else { HttpResponse::Ok().json(shown) })
}

/// Give a phone number up.
#[utoipa::path(tag = "pbx", params(("number" = String, Path)), responses((status = 204), Problems))]
#[delete("/v1/pbx/numbers/{number}")]
pub async fn delete_number(
    shared: Data<Shared>,
    who: Provisioner,
    number: Path<String>,
) -> Result<HttpResponse, Refused> {
    shared.engine.delete_phone_number(&who.by, &Number::owned(&number)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
