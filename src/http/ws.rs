//! The upgrade to a WebSocket.

use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::{actors::session, domain::Refusal};

use super::{
    Shared,
    auth::token,
    error::{Problems, Refused},
};

/// The WebSocket. Text frames, one JSON object each: `ClientFrame` in, `ServerFrame` out. The first is `hello`.
#[utoipa::path(tag = "people", responses((status = 101, description = "Upgraded"), Problems))]
#[get("/v1/ws")]
pub async fn connect(
    shared: web::Data<Shared>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    if shared.engine.is_stopping() {
        return Err(Refused(Refusal::Busy).into());
    }
    let identity = match token(&request, &shared).await.map_err(Refused)? {
        // One that is no longer good is told by a close code: a browser doesn't show an upgrade's status to its page.
        Some(token) => shared.engine.identify(&token).await.map_err(Refused)?,
        None => None,
    };
    session::upgrade(shared.engine.clone(), identity, &request, payload)
        .map_err(|_| Refused(Refusal::invalid("this is a WebSocket: ask for an upgrade")).into())
}
