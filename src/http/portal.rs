//! The portal, from the binary, and the headers that keep it safe.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    middleware::DefaultHeaders,
    web::Data,
};
use rust_embed::RustEmbed;

use crate::domain::Refusal;

use super::{error::Refused, json::Routes};

#[derive(RustEmbed)]
#[folder = "$PORTAL_DIST"]
struct Portal;

/// Whatever no handler took: a file of the portal, its one page, or nothing.
pub async fn page(request: HttpRequest, routes: Data<Routes>) -> Result<HttpResponse, Refused> {
    if let Some(refusal) = routes.refuse(&request) {
        return Ok(refusal);
    }
    if ![Method::GET, Method::HEAD].contains(request.method()) || request.path().starts_with("/v1/") {
        return Err(Refusal::NotFound.into());
    }
    let path = request.path().trim_start_matches('/');
    // A file has a name with a dot; any other address is a place within the portal.
    let name = if path.contains('.') { path } else { "index.html" };
    let file = Portal::get(name).ok_or(Refusal::NotFound)?;
    let etag =
        format!("\"{}\"", file.metadata.sha256_hash()[..8].iter().map(|b| format!("{b:02x}")).collect::<String>());
    if request.headers().get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == etag.as_bytes()) {
        return Ok(HttpResponse::NotModified().finish());
    }
    // Files under assets/ have their hash in the name.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    Ok(HttpResponse::Ok()
        .content_type(file.metadata.mimetype())
        .insert_header((header::CACHE_CONTROL, cache))
        .insert_header((header::ETAG, etag))
        .body(file.data.into_owned()))
}

/// No script but our own, no frame around us, nothing from elsewhere. (Styles: the page to read the API at needs them.)
pub fn headers() -> DefaultHeaders {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
        img-src 'self' data:; media-src 'self' https: data:; font-src 'self'; connect-src 'self'; \
        manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add(("cross-origin-opener-policy", "same-origin"))
}
