//! Texts that came in and are nobody's.

use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};

use crate::{
    actors::texts::Assignee,
    domain::Refusal,
    protocol::{
        self,
        requests::{AssignUnrouted, ListNumbers},
        shapes::{List, UnroutedText},
    },
};

use super::{
    Shared,
    auth::Provisioner,
    error::{Problems, Refused},
    json::{self, Fields},
};

/// Texts that are nobody's, oldest first.
#[utoipa::path(tag = "pbx", params(ListNumbers), responses((status = 200, body = List<UnroutedText>), Problems))]
#[get("/v1/pbx/unrouted")]
pub async fn list_unrouted(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<UnroutedText>>, Refused> {
    let limit = json::limit(page.limit)?;
    let after = json::after(page.after.as_deref())?;
    let mut found = shared.engine.storage.unrouted(who.tenant, after, limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].0.to_string());
    found.truncate(limit);
    let items = found
        .into_iter()
        .map(|(id, incoming, at)| UnroutedText {
            id: id.to_string(),
            our_number: incoming.to.to_string(),
            number: incoming.from.to_string(),
            text: incoming.text.as_str().to_owned(),
            attachment_count: incoming.media.len(),
            at: at.to_rfc3339(),
        })
        .collect();
    Ok(Json(List { items, next }))
}

/// Give one to somebody: it goes into their thread with who sent it, or waits in a queue.
#[utoipa::path(
    tag = "pbx",
    params(("id" = String, Path)),
    request_body = AssignUnrouted,
    responses((status = 204), Problems)
)]
#[post("/v1/pbx/unrouted/{id}/assign")]
pub async fn assign_unrouted(
    shared: Data<Shared>,
    who: Provisioner,
    id: Path<String>,
    Fields(body): Fields<AssignUnrouted>,
) -> Result<HttpResponse, Refused> {
    let to = match (body.extension, body.queue) {
        (Some(number), None) => Assignee::Extension(number),
        (None, Some(key)) => Assignee::Queue(key),
        _ => return Err(Refusal::invalid("extension or queue: one of them").into()),
    };
    shared.engine.assign_unrouted(&who.by, protocol::id(&id)?, &to).await?;
    Ok(HttpResponse::NoContent().finish())
}
