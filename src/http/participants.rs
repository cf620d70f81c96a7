//! Who is in a conversation.

use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Json, Path, Query},
};

use crate::{
    domain::{ExtensionId, Refusal, conversation::Command, extension::check_number, phone::Number},
    protocol::{
        self,
        requests::{AddParticipants, ListParticipants},
        shapes::{Conversation, List, Outsider, Participant},
    },
};

use super::{
    Shared,
    auth::SignedIn,
    conversations::row,
    error::{Problems, Refused},
    json::{self, Fields},
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
    let (after, outside) = page.after.as_deref().map(place).transpose()?.unwrap_or((None, None));
    let caller = &who.identity.caller;
    let storage = &shared.engine.storage;
    let found = storage.participants(caller.tenant, caller.extension, protocol::id(&id)?, after, limit + 1).await?;
    let (mut inside, numbers) = found.ok_or(Refusal::NotFound)?;
    let more_inside = inside.len() > limit;
    inside.truncate(limit);
    let people = storage.people(caller.tenant, inside.iter().map(|r| r.extension)).await?;
    // Those outside follow on the page on which those inside end.
    let outside = numbers.iter().filter(|n| !more_inside && outside.as_ref().is_none_or(|after| *n > after));
    let mut outside: Vec<_> = outside.collect();
    let more_outside = inside.len() + outside.len() > limit;
    outside.truncate(limit - inside.len());
    let next = match (more_inside, outside.last(), inside.last()) {
        (true, _, Some(last)) => Some(last.extension.to_string()),
        (false, Some(last), _) if more_outside => Some(last.to_string()),
        // A page that those inside fill to the last place.
        (false, None, Some(last)) if more_outside => Some(last.extension.to_string()),
        _ => None,
    };
    let inside = inside.iter().filter_map(|r| Participant::of(r, &people));
    let mut names = storage.contact_names(caller, outside.iter().map(|number| (*number).clone())).await?;
    let outside = outside
        .into_iter()
        .map(|number| Participant::Outsider(Outsider { number: number.to_string(), name: names.remove(number) }));
    let items = inside.chain(outside).collect();
    Ok(Json(List { items, next }))
}

/// Where a page of participants ended: at somebody inside, or at a number outside, after all of those.
fn place(after: &str) -> Result<(Option<ExtensionId>, Option<Number>), Refusal> {
    if after.starts_with('+') {
        return Ok((Some(ExtensionId(uuid::Uuid::max())), Some(Number::owned(after)?)));
    }
    let id = after.parse().map_err(|_| Refusal::invalid("after: not a `next` of this list"))?;
    Ok((Some(id), None))
}

/// Bring colleagues, and numbers outside, into a group. Colleagues see the whole history; who is in it already stays as they are.
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
    Fields(AddParticipants { extensions, numbers }): Fields<AddParticipants>,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    // Who is not in the group learns nothing of the directory by it either.
    row(&shared, caller, id).await?;
    let others = shared.engine.colleagues(caller.tenant, &extensions).await?.into();
    let numbers = shared.engine.typed(caller, &numbers, None).await?.into();
    let added = shared.engine.ask(caller, id, Command::Add { others, numbers }).await;
    if added.as_ref().is_err_and(|refusal| *refusal == Refusal::Busy) {
        // Whoever is deleted meanwhile can't be added, however often it is tried: who asks is told that.
        shared.engine.colleagues(caller.tenant, &extensions).await?;
    }
    added?;
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
        number if number.starts_with('+') => {
            Command::RemoveNumber { number: Number::owned(number).map_err(|_| Refusal::NotFound)? }
        }
        number => {
            check_number(number).map_err(|_| Refusal::NotFound)?;
            let member = shared.engine.storage.member(caller.tenant, id, number).await?;
            Command::Remove { who: member.ok_or(Refusal::NotFound)? }
        }
    };
    shared.engine.ask(caller, id, command).await?;
    Ok(HttpResponse::NoContent().finish())
}
