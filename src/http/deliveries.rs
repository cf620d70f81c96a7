//! Texts that did not arrive.

use actix_web::{
    post,
    web::{Data, Json, Path},
};

use crate::{
    domain::Refusal,
    protocol::{self, requests::RetryDelivery, shapes::Message},
};

use super::{
    Shared,
    auth::SignedIn,
    error::{Problems, Refused},
    json::Fields,
};

/// Send a text again that failed, or perhaps did. Answers the message as it is: if the attempt that I saw is not the
/// newest any more, nothing is sent.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path), ("seq" = i64, Path)),
    request_body = RetryDelivery,
    responses((status = 200, body = Message), Problems)
)]
#[post("/v1/conversations/{id}/messages/{seq}/retry")]
pub async fn retry_delivery(
    shared: Data<Shared>,
    who: SignedIn,
    path: Path<(String, i64)>,
    Fields(RetryDelivery { number, attempt }): Fields<RetryDelivery>,
) -> Result<Json<Message>, Refused> {
    let (caller, (id, seq)) = (&who.identity.caller, path.into_inner());
    let typed = shared.engine.typed(caller, &[number], None).await?;
    let number = typed.first().ok_or(Refusal::NotFound)?;
    let message = shared.engine.retry(caller, protocol::id(&id)?, seq, number, attempt).await?;
    let people = shared.engine.storage.people(caller.tenant, message.people()).await?;
    Ok(Json(Message::of(&message, &people)))
}
