//! Contacts, as people find them; and the calls that the PBX reports.

use actix_web::{
    get, post,
    web::{Data, Json, Path, Query},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    domain::{Refusal, Timestamp, contacts::fold::fold, phone::Number, provision::call::Call},
    protocol::{
        contacts::{CallsReported, ContactEntry, FindContacts, FoundContact, ListContacts, Phonebook, ReportCall},
        shapes::List,
    },
};

use super::{
    Shared,
    auth::{Provisioner, SignedIn},
    error::{Problems, Refused},
    json,
};

/// Whom I may mean: of my phonebooks, my calls and my conversations, best first, one row for each number.
#[utoipa::path(tag = "people", params(FindContacts), responses((status = 200, body = List<FoundContact>), Problems))]
#[get("/v1/contacts")]
pub async fn find_contacts(
    shared: Data<Shared>,
    who: SignedIn,
    Query(asked): Query<FindContacts>,
) -> Result<Json<List<FoundContact>>, Refused> {
    let limit = json::limit(asked.limit)?;
    let found = shared.engine.search_contacts(&who.identity.caller, asked.q.as_deref().unwrap_or_default(), limit);
    Ok(Json(List { items: found.await?.into_iter().map(Into::into).collect(), next: None }))
}

/// My phonebooks, in their order.
#[utoipa::path(tag = "people", responses((status = 200, body = List<Phonebook>), Problems))]
#[get("/v1/phonebooks")]
pub async fn my_phonebooks(shared: Data<Shared>, who: SignedIn) -> Result<Json<List<Phonebook>>, Refused> {
    let caller = &who.identity.caller;
    let books = shared.engine.storage.my_phonebooks(caller.tenant, caller.extension).await?;
    Ok(Json(List { items: books.iter().map(Into::into).collect(), next: None }))
}

/// The contacts of one of my phonebooks, by name.
#[utoipa::path(
    tag = "people",
    params(("id" = String, Path), ListContacts),
    responses((status = 200, body = List<ContactEntry>), Problems)
)]
#[get("/v1/phonebooks/{id}/contacts")]
pub async fn contacts_of_phonebook(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Query(page): Query<ListContacts>,
) -> Result<Json<List<ContactEntry>>, Refused> {
    let limit = json::limit(page.limit)?;
    let needle = json::needle(page.q.as_deref())?;
    let after: Option<(String, String)> = page.after.as_deref().map(place).transpose()?;
    let (caller, storage) = (&who.identity.caller, &shared.engine.storage);
    let books = storage.my_phonebooks(caller.tenant, caller.extension).await?;
    let book = books.into_iter().find(|book| book.id.to_string() == *id).ok_or(Refusal::NotFound)?;
    let after = after.as_ref().map(|(sort, key)| (sort.as_str(), key.as_str()));
    let mut found = shared.engine.contacts_of(caller, &book, needle.as_ref(), after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let end = |contact: &crate::domain::contacts::Contact| {
        let place = serde_json::to_vec(&(fold(&contact.name), &contact.key)).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(place)
    };
    let next = found.last().filter(|_| more).map(end);
    Ok(Json(List { items: found.iter().map(Into::into).collect(), next }))
}

/// Where a page of contacts by name ended.
fn place(after: &str) -> Result<(String, String), Refusal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(after).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice::<(String, String)>(&bytes).ok());
    place
        .filter(|(sort, key)| !sort.contains('\0') && !key.contains('\0'))
        .ok_or_else(|| Refusal::invalid("after: not a `next` of this list"))
}

/// Report recent calls, up to 1,000 at once. They tell whom people had to do with, and what callers are called. The same
/// again changes nothing.
#[utoipa::path(
    tag = "pbx",
    request_body = Vec<ReportCall>,
    responses((status = 200, body = CallsReported), Problems)
)]
#[post("/v1/pbx/calls")]
pub async fn report_calls(
    shared: Data<Shared>,
    who: Provisioner,
    json::Bulk(calls): json::Bulk<Vec<json::Object<ReportCall>>>,
) -> Result<Json<CallsReported>, Refused> {
    let region = shared.engine.storage.settings(who.tenant).await?.settings.region;
    let call = |json::Object(call)| {
        let ReportCall { key, extension, direction, number, caller_name, at } = call;
        let at =
            Timestamp::parse(&at).ok_or_else(|| Refusal::invalid(format!("call {key}: at: no time in RFC 3339")))?;
        let number = Number::typed(&number, &region).map_err(|refusal| match refusal {
            Refusal::InvalidNumber(why) => Refusal::InvalidNumber(format!("call {key}: {number}: {why}")),
            other => other,
        })?;
        Ok(Call { key, extension, direction: direction.into(), number, caller_name, at })
    };
    let calls = calls.into_iter().map(call).collect::<Result<_, Refusal>>()?;
    Ok(Json(CallsReported { changed: shared.engine.report_calls(&who.by, calls).await? }))
}
