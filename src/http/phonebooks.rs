//! Phonebooks, as the PBX provisions them.

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header,
    patch, put,
    web::{Data, Json, Path, Payload, Query},
};
use futures_util::StreamExt;

use crate::{
    actors::Load,
    domain::{
        Refusal,
        contacts::Contact,
        provision::phonebook::{self, PATCH_MAX, there},
    },
    protocol::{
        contacts::{ContactEntry, ContactsReplaced, PatchContact, ProvisionedPhonebook, PutContact, PutPhonebook},
        requests::ListNumbers,
        shapes::List,
    },
};

use super::{
    Shared,
    auth::Provisioner,
    contact_stream::{Form, Pieces},
    error::{Problems, Refused},
    json::{self, Fields},
};

/// The largest body of contacts, in bytes.
const BULK_MAX: usize = 64 << 20;
/// The largest body of a patch, in bytes.
const PATCH_BYTES: usize = 2 << 20;
/// Contacts that are stored at once: chat waits for no more.
const AT_ONCE: usize = 500;

/// Every phonebook, by key.
#[utoipa::path(tag = "pbx", params(ListNumbers), responses((status = 200, body = List<ProvisionedPhonebook>), Problems))]
#[get("/v1/pbx/phonebooks")]
pub async fn list_phonebooks(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<ProvisionedPhonebook>>, Refused> {
    let limit = json::limit(page.limit)?;
    let mut found = shared.engine.storage.phonebooks(who.tenant, page.after.as_deref(), limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].phonebook.key.clone());
    found.truncate(limit);
    Ok(Json(List { items: found.iter().map(Into::into).collect(), next }))
}

/// Make a phonebook, or alter it to be so; who is in it stays. The same again changes nothing.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path, description = "The PBX's own name for it: 1–100 characters")),
    request_body = PutPhonebook,
    responses((status = 201, body = ProvisionedPhonebook), (status = 200, body = ProvisionedPhonebook), Problems)
)]
#[put("/v1/pbx/phonebooks/{key}")]
pub async fn put_phonebook(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    Fields(PutPhonebook { name, source }): Fields<PutPhonebook>,
) -> Result<HttpResponse, Refused> {
    let wanted = phonebook::Phonebook { key: key.into_inner(), name, source: source.into() };
    let (stored, made) = shared.engine.put_phonebook(&who.by, wanted).await?;
    let shown = ProvisionedPhonebook::from(&stored);
    Ok(if made { HttpResponse::Created().json(shown) } else { HttpResponse::Ok().json(shown) })
}

/// Take a phonebook away, with all that is in it.
#[utoipa::path(tag = "pbx", params(("key" = String, Path)), responses((status = 204), Problems))]
#[delete("/v1/pbx/phonebooks/{key}")]
pub async fn delete_phonebook(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
) -> Result<HttpResponse, Refused> {
    shared.engine.delete_phonebook(&who.by, &key).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A phonebook's contacts, by key.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path), ListNumbers),
    responses((status = 200, body = List<ContactEntry>), Problems)
)]
#[get("/v1/pbx/phonebooks/{key}/contacts")]
pub async fn list_contacts(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<ContactEntry>>, Refused> {
    let limit = json::limit(page.limit)?;
    let storage = &shared.engine.storage;
    let book = there(storage.phonebook(who.tenant, &key).await?)?;
    let mut found = storage.contacts(who.tenant, book.generation, page.after.as_deref(), limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].key.clone());
    found.truncate(limit);
    Ok(Json(List { items: found.iter().map(Into::into).collect(), next }))
}

/// All contacts of a phonebook, in the place of those that are there: all of them, or none. A JSON array, or an object a
/// line; up to 250,000 contacts and 64 MiB. What is so already changes nothing.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path)),
    request_body(content((Vec<PutContact> = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, body = ContactsReplaced), Problems)
)]
#[put("/v1/pbx/phonebooks/{key}/contacts")]
pub async fn replace_contacts(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    request: HttpRequest,
    body: Payload,
) -> Result<Json<ContactsReplaced>, Refused> {
    let form = form(&request)?;
    let region = shared.engine.storage.settings(who.tenant).await?.settings.region;
    let mut load = shared.engine.begin_load(&who.by, &key).await?;
    let done = match take_in(&mut load, body, form, &region).await {
        Ok(()) => load.finish().await,
        Err(refusal) => Err(refusal),
    };
    if done.is_err() {
        load.abandon().await;
    }
    let crate::actors::Replaced { contacts, added, changed, removed } = done?;
    Ok(Json(ContactsReplaced { contacts, added, changed, removed }))
}

/// Some contacts of a phonebook: those that are given are altered or new, those that are `deleted` go; the others stay.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path)),
    request_body(content((Vec<PatchContact> = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 200, body = ProvisionedPhonebook), Problems)
)]
#[patch("/v1/pbx/phonebooks/{key}/contacts")]
pub async fn patch_contacts(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    request: HttpRequest,
    body: Payload,
) -> Result<Json<ProvisionedPhonebook>, Refused> {
    let mut body = Body::of(body, form(&request)?, PATCH_BYTES);
    let mut pieces = vec![];
    while let Some(more) = body.next().await? {
        pieces.extend(more);
        if pieces.len() > PATCH_MAX {
            return Err(Refusal::invalid(format!("up to {PATCH_MAX} contacts; to replace all of them use PUT")).into());
        }
    }
    let region = shared.engine.storage.settings(who.tenant).await?.settings.region;
    let (mut put, mut removed) = (vec![], vec![]);
    for piece in &pieces {
        let PatchContact { key, name, numbers, deleted } = read(piece)?;
        match (deleted, name, numbers) {
            (false, Some(name), Some(numbers)) => put.push(Contact::provisioned(key, name, &numbers, &region)?),
            (true, None, None) => removed.push(key),
            (false, ..) => return Err(Refusal::invalid(format!("contact {key}: missing name or numbers")).into()),
            (true, ..) => return Err(Refusal::invalid(format!("contact {key}: deleted stands alone")).into()),
        }
    }
    let stored = shared.engine.patch_contacts(&who.by, &key, put, removed).await?;
    Ok(Json(ProvisionedPhonebook::from(&stored)))
}

/// Stores what comes, some at a time, and waits for that before it reads on.
async fn take_in(load: &mut Load<'_>, body: Payload, form: Form, region: &str) -> Result<(), Refusal> {
    let mut body = Body::of(body, form, BULK_MAX);
    let mut pieces = vec![];
    loop {
        let more = body.next().await?;
        let is_over = more.is_none();
        pieces.extend(more.into_iter().flatten());
        while pieces.len() >= AT_ONCE || (is_over && !pieces.is_empty()) {
            let rest = pieces.split_off(pieces.len().min(AT_ONCE));
            let (some, region) = (std::mem::replace(&mut pieces, rest), region.to_owned());
            // Numbers take a while to read.
            let contacts = actix_web::web::block(move || contacts(&some, &region));
            load.add(&contacts.await.map_err(|_| Refusal::Busy)??).await?;
        }
        if is_over {
            return Ok(());
        }
    }
}

fn contacts(pieces: &[Vec<u8>], region: &str) -> Result<Vec<Contact>, Refusal> {
    let contact = |piece: &Vec<u8>| {
        let PutContact { key, name, numbers } = read(piece)?;
        Contact::provisioned(key, name, &numbers, region)
    };
    pieces.iter().map(contact).collect()
}

fn read<T: serde::de::DeserializeOwned>(piece: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(piece).map(|json::Object(said)| said).map_err(|error| {
        let start: String = String::from_utf8_lossy(piece).chars().filter(|c| !c.is_control()).take(40).collect();
        Refusal::invalid(format!("{start}…: {error}"))
    })
}

/// A body, taken apart while it arrives.
struct Body {
    payload: Payload,
    pieces: Option<Pieces>,
    left: usize,
}

impl Body {
    fn of(payload: Payload, form: Form, most: usize) -> Self {
        Self { payload, pieces: Some(Pieces::of(form)), left: most }
    }

    /// The next pieces; none at its end.
    async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, Refusal> {
        let Some(pieces) = &mut self.pieces else { return Ok(None) };
        match self.payload.next().await {
            Some(Ok(bytes)) => {
                self.left = self.left.checked_sub(bytes.len()).ok_or(Refusal::PayloadTooLarge)?;
                pieces.feed(&bytes).map(Some)
            }
            Some(Err(error)) => Err(Refusal::invalid(format!("the body broke off: {error}"))),
            None => {
                let last = self.pieces.take().map_or(Ok(None), Pieces::end)?;
                Ok(last.map(|piece| vec![piece]))
            }
        }
    }
}

fn form(request: &HttpRequest) -> Result<Form, Refusal> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Form::Array),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Form::Lines),
        _ => Err(Refusal::UnsupportedMediaType),
    }
}
