//! My conversations, and what is in them.

use actix_web::{
    HttpResponse, get, patch, post, put,
    web::{Data, Json, Path, Query},
};

use crate::{
    actors::{catch_up, sent, session},
    domain::{Caller, ClientId, ConversationId, MessageText, Refusal, Timestamp, conversation::Command, phone::Number},
    protocol::{
        self,
        requests::{
            ConversationFilter, CreateConversation, ListConversations, ListMessages, MarkRead, Rename, SendMessage,
        },
        shapes::{Conversation, List, Message},
    },
    storage::{Filter, Page},
};

use super::{
    Shared,
    auth::SignedIn,
    error::{Problems, Refused},
    json::{self, Fields},
};

/// My conversations, newest activity first.
#[utoipa::path(tag = "conversations", params(ListConversations), responses((status = 200, body = List<Conversation>), Problems))]
#[get("/v1/conversations")]
pub async fn list(
    shared: Data<Shared>,
    who: SignedIn,
    Query(page): Query<ListConversations>,
) -> Result<Json<List<Conversation>>, Refused> {
    let limit = json::limit(page.limit)?;
    let caller = &who.identity.caller;
    let filter = match page.filter.unwrap_or_default() {
        ConversationFilter::All => Filter::All,
        ConversationFilter::Unread => Filter::Unread,
        ConversationFilter::NeedsReply => Filter::NeedsReply,
        ConversationFilter::Closed => Filter::Closed,
        ConversationFilter::Missed => Filter::Missed,
    };
    let after = page.after.as_deref().map(place).transpose()?;
    let storage = &shared.engine.storage;
    let needle = json::needle(page.q.as_deref())?;
    let mut rows =
        storage.conversations(caller.tenant, caller.extension, filter, needle.as_ref(), after, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(catch_up::page_end);
    Ok(Json(List { items: catch_up::seen_by(storage, caller, &rows).await?, next }))
}

/// Where a page of conversations ended.
pub(super) fn place(after: &str) -> Result<(Timestamp, ConversationId), Refusal> {
    let parse = || {
        let (at, id) = after.split_once('.')?;
        Some((Timestamp(at.parse().ok()?), id.parse().ok()?))
    };
    parse().ok_or_else(|| Refusal::invalid("after: not a `next` of this list"))
}

/// Begin a conversation, or get the one that is there.
#[utoipa::path(
    tag = "conversations",
    request_body = CreateConversation,
    responses((status = 201, body = Conversation), (status = 200, body = Conversation), Problems)
)]
#[post("/v1/conversations")]
pub async fn create(
    shared: Data<Shared>,
    who: SignedIn,
    Fields(body): Fields<CreateConversation>,
) -> Result<HttpResponse, Refused> {
    let caller = &who.identity.caller;
    let (id, made) = match body {
        CreateConversation::Direct { extension } => shared.engine.create_direct(caller, &extension).await?,
        CreateConversation::Group { client_id, name, extensions, numbers } => {
            shared.engine.create_group(caller, ClientId(client_id), &name, &extensions, &numbers).await?
        }
        CreateConversation::Sms { number, from } => shared.engine.create_sms(caller, &number, from.as_deref()).await?,
    };
    let conversation = row(&shared, caller, id).await?;
    Ok(if made { HttpResponse::Created().json(conversation) } else { HttpResponse::Ok().json(conversation) })
}

/// One of my conversations, or of my queues'.
#[utoipa::path(tag = "conversations", params(("id" = String, Path)), responses((status = 200, body = Conversation), Problems))]
#[get("/v1/conversations/{id}")]
pub async fn get(shared: Data<Shared>, who: SignedIn, id: Path<String>) -> Result<Json<Conversation>, Refused> {
    Ok(Json(row(&shared, &who.identity.caller, protocol::id(&id)?).await?))
}

/// Give a group another name.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path)),
    request_body = Rename,
    responses((status = 200, body = Conversation), Problems)
)]
#[patch("/v1/conversations/{id}")]
pub async fn rename(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Fields(Rename { name }): Fields<Rename>,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    shared.engine.ask(caller, id, Command::Rename { name }).await?;
    Ok(Json(row(&shared, caller, id).await?))
}

pub(super) async fn row(shared: &Shared, caller: &Caller, id: ConversationId) -> Result<Conversation, Refused> {
    let storage = &shared.engine.storage;
    let row = storage.row(caller.tenant, caller.extension, id).await?.ok_or(Refusal::NotFound)?;
    catch_up::seen_by(storage, caller, &[row]).await?.pop().ok_or(Refused(Refusal::NotFound))
}

/// A page of a timeline, oldest first: the newest without a bound. Asked on with `after=<next>`, it goes on in the same
/// direction.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path), ListMessages),
    responses((status = 200, body = List<Message>), Problems)
)]
#[get("/v1/conversations/{id}/messages")]
pub async fn messages(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Query(query): Query<ListMessages>,
) -> Result<Json<List<Message>>, Refused> {
    let limit = json::limit(query.limit)?;
    let page = match (query.before_seq, query.after_seq, query.after.as_deref()) {
        (None, None, None) => Page::Newest,
        (Some(seq), None, None) => Page::Before(seq),
        (None, Some(seq), None) => Page::After(seq),
        (None, None, Some(next)) => bound(next)?,
        _ => return Err(Refusal::invalid("before_seq, after_seq or after: one of them").into()),
    };
    let caller = &who.identity.caller;
    let storage = &shared.engine.storage;
    let found = storage.history(caller.tenant, caller.extension, protocol::id(&id)?, page, limit).await?;
    let (messages, more) = found.ok_or(Refusal::NotFound)?;
    let people = storage.people(caller.tenant, messages.iter().flat_map(|m| m.people())).await?;
    let next = match page {
        Page::After(_) => messages.last().map(|m| format!("up.{}", m.seq)),
        Page::Newest | Page::Before(_) => messages.first().map(|m| format!("down.{}", m.seq)),
    };
    let next = next.filter(|_| more);
    let names = storage.contact_names(caller, messages.iter().filter_map(|m| m.author.number().cloned())).await?;
    Ok(Json(List { items: messages.iter().map(|m| Message::of(m, &people).with_names(&names)).collect(), next }))
}

/// Where a page of a timeline ended, and in which direction it went.
fn bound(next: &str) -> Result<Page, Refusal> {
    let parse = || match next.split_once('.')? {
        ("up", seq) => seq.parse().ok().map(Page::After),
        ("down", seq) => seq.parse().ok().map(Page::Before),
        _ => None,
    };
    parse().ok_or_else(|| Refusal::invalid("after: not a `next` of this list"))
}

/// Write a message. The same `client_id` again answers the first message.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path)),
    request_body = SendMessage,
    responses((status = 201, body = Message), (status = 200, body = Message, description = "Sent before"), Problems)
)]
#[post("/v1/conversations/{id}/messages")]
pub async fn send(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Fields(body): Fields<SendMessage>,
) -> Result<HttpResponse, Refused> {
    let caller = who.identity.caller;
    let id: ConversationId = protocol::id(&id)?;
    let text = MessageText::parse(body.text)?;
    let from = body.from.as_deref().map(Number::owned).transpose()?;
    let command = Command::Send { client_id: ClientId(body.client_id), text, from };
    let answer = shared.engine.ask(&caller, id, command).await?;
    let (message, new) = sent(answer).ok_or(Refusal::OutcomeUnknown)?;
    let message = session::by(&message, &caller);
    Ok(if new { HttpResponse::Created().json(message) } else { HttpResponse::Ok().json(message) })
}

/// I have read so far. Markers move forward only, and at most to the newest message.
#[utoipa::path(
    tag = "conversations",
    params(("id" = String, Path)),
    request_body = MarkRead,
    responses((status = 204), Problems)
)]
#[put("/v1/conversations/{id}/read")]
pub async fn read(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Fields(body): Fields<MarkRead>,
) -> Result<HttpResponse, Refused> {
    let id = protocol::id(&id)?;
    shared.engine.ask(&who.identity.caller, id, Command::Read { seq: body.seq }).await?;
    Ok(HttpResponse::NoContent().finish())
}
