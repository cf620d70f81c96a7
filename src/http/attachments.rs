//! Files that came with texts.

use actix_web::{
    HttpResponse, get,
    http::header::{self, ContentDisposition, DispositionType},
    web::{Data, Path},
};

use crate::{domain::Refusal, protocol};

use super::{
    Shared,
    auth::SignedIn,
    error::{Problems, Refused},
};

/// A file of one of my conversations.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), Problems)
)]
#[get("/v1/attachments/{id}")]
pub async fn attachment(shared: Data<Shared>, who: SignedIn, id: Path<String>) -> Result<HttpResponse, Refused> {
    let caller = &who.identity.caller;
    let found = shared.engine.storage.file(caller.tenant, caller.extension, protocol::id(&id)?).await?;
    let file = found.ok_or(Refusal::NotFound)?;
    // Only pictures are shown in a page; anything else is saved. Neither may run anything.
    let shown = file.content_type.starts_with("image/");
    let disposition = if shown { DispositionType::Inline } else { DispositionType::Attachment };
    Ok(HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header(ContentDisposition { disposition, parameters: vec![] })
        .insert_header((header::CACHE_CONTROL, "private, max-age=31536000, immutable"))
        // A browser shows a picture in a page of its own, which it styles.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"))
        .body(file.bytes))
}
