//! Who is in a conversation.

use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Json, Path, Query},
};

use crate::{
    domain::{ExtensionId, Refusal, conversation::Command, extension::check_number},
    protocol::{
        self,
        requests::{AddParticipants, ListParticipants},
        shapes::{Conversation, List, Participant},
    },
};

use super::{
    Shared,
    auth::SignedIn,
    conversations::row,
    error::{Problems, Refused},
    json,
};

/// Who is in a conversation, and how far each has read.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path), ListParticipants),
    responses((status = 200, body = List<Participant>), Problems)
)]
#[get("/v1/conversations/{id}/participants")]
pub async fn list_participants(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Query(page): Query<ListParticipants>,
) -> Result<Json<List<Participant>>, Refused> {
    let limit = json::limit(page.limit)?;
    let after = page.after.as_deref().map(place).transpose()?;
    let caller = &who.identity.caller;
    let storage = &shared.engine.storage;
    let found = storage.participants(caller.tenant, caller.extension, protocol::id(&id)?, after, limit + 1).await?;
    let mut found = found.ok_or(Refusal::NotFound)?;
    let next = (found.len() > limit).then(|| found[limit - 1].extension.to_string());
    found.truncate(limit);
    let people = storage.people(caller.tenant, found.iter().map(|r| r.extension)).await?;
    Ok(Json(List { items: found.iter().filter_map(|r| Participant::of(r, &people)).collect(), next }))
}

/// Where a page of participants ended.
fn place(after: &str) -> Result<ExtensionId, Refusal> {
    after.parse().map_err(|_| Refusal::invalid("after: not a `next` of this list"))
}

/// Bring colleagues into a group. They see the whole history; who is in it already stays as they are.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path)),
    request_body = AddParticipants,
    responses((status = 200, body = Conversation), Problems)
)]
#[post("/v1/conversations/{id}/participants")]
pub async fn add_participants(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Json(AddParticipants { extensions }): Json<AddParticipants>,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    // Who is not in the group learns nothing of the directory by it either.
    row(&shared, caller, id).await?;
    let others = shared.engine.colleagues(caller.tenant, &extensions).await?.into();
    shared.engine.ask(caller, id, Command::Add { others }).await?;
    Ok(Json(row(&shared, caller, id).await?))
}

/// Remove somebody from a group; `me`, or my own number: leave it.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path), ("who" = String, Path)),
    responses((status = 204), Problems)
)]
#[delete("/v1/conversations/{id}/participants/{who}")]
pub async fn remove_participant(
    shared: Data<Shared>,
    who: SignedIn,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Refused> {
    let caller = &who.identity.caller;
    let (id, whom) = path.into_inner();
    let id = protocol::id(&id)?;
    let command = match whom.as_str() {
        "me" => Command::Leave,
        number => {
            check_number(number).map_err(|_| Refusal::NotFound)?;
            let member = shared.engine.storage.member(caller.tenant, id, number).await?;
            Command::Remove { who: member.ok_or(Refusal::NotFound)? }
        }
    };
    shared.engine.ask(caller, id, command).await?;
    Ok(HttpResponse::NoContent().finish())
}
