//! SMS queues: mine, what is done with their conversations, and how the PBX provisions them.

use std::sync::Arc;

use actix_web::{
    HttpResponse, delete, get, post, put,
    web::{Data, Json, Path, Query},
};

use crate::{
    actors::{catch_up, queues::Wanting},
    domain::{
        Caller, ConversationId, QueueId, Refusal, Role,
        queue::{Settings, set_agent::Wish},
    },
    protocol::{
        self,
        requests::{InQueueState, ListNumbers, ListQueue, ListQueues, PutAgent, PutQueue, Transfer},
        shapes::{Conversation, List, MyQueue, ProvisionedQueue, QueueList, QueueName},
    },
    storage::{InQueue, Row},
};

use super::{
    Shared,
    auth::{Provisioner, SignedIn},
    conversations::place,
    error::{Problems, Refused},
    json::{self, Fields, NoFields},
};

/// Take what waits. However many try at once, one gets it; the others learn who.
#[utoipa::path(tag = "queues", params(("id" = String, Path)), responses((status = 200, body = Conversation), Problems))]
#[post("/v1/conversations/{id}/claim")]
pub async fn claim(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    _: NoFields,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    shared.engine.claim(caller, id).await?;
    after(&shared, caller, id).await
}

/// Give it back to its queue.
#[utoipa::path(tag = "queues", params(("id" = String, Path)), responses((status = 200, body = Conversation), Problems))]
#[post("/v1/conversations/{id}/release")]
pub async fn release(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    _: NoFields,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    shared.engine.release(caller, id).await?;
    after(&shared, caller, id).await
}

/// Give it to an agent of its queue, or to another queue.
#[utoipa::path(
    tag = "queues",
    params(("id" = String, Path)),
    request_body = Transfer,
    responses((status = 200, body = Conversation), Problems)
)]
#[post("/v1/conversations/{id}/transfer")]
pub async fn transfer(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Fields(Transfer { extension, queue }): Fields<Transfer>,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    let to = Wanting::of(extension, queue)?;
    shared.engine.transfer(caller, id, &to).await?;
    after(&shared, caller, id).await
}

/// End it. The customer's next text begins another.
#[utoipa::path(tag = "queues", params(("id" = String, Path)), responses((status = 200, body = Conversation), Problems))]
#[post("/v1/conversations/{id}/close")]
pub async fn close(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    _: NoFields,
) -> Result<Json<Conversation>, Refused> {
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    shared.engine.close(caller, id).await?;
    after(&shared, caller, id).await
}

/// The conversation as it is after what the caller has just done in it.
async fn after(shared: &Shared, caller: &Caller, id: ConversationId) -> Result<Json<Conversation>, Refused> {
    Ok(Json(catch_up::row_after(&shared.engine, caller, id).await?))
}

/// The closed conversations of the same pair of numbers, newest activity first, as far as I may read them.
#[utoipa::path(
    tag = "queues",
    params(("id" = String, Path), ListNumbers),
    responses((status = 200, body = List<Conversation>), Problems)
)]
#[get("/v1/conversations/{id}/earlier")]
pub async fn earlier(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<Conversation>>, Refused> {
    let limit = json::limit(page.limit)?;
    let before = page.after.as_deref().map(place).transpose()?;
    let (caller, id) = (&who.identity.caller, protocol::id(&id)?);
    let storage = &shared.engine.storage;
    if !storage.is_readable(caller.tenant, caller.extension, id).await? {
        return Err(Refusal::NotFound.into());
    }
    let rows = storage.earlier(caller.tenant, caller.extension, id, before, limit + 1).await?;
    paged(&shared, caller, rows, limit, catch_up::page_end).await
}

async fn paged(
    shared: &Shared,
    caller: &Caller,
    mut rows: Vec<Row>,
    limit: usize,
    end: fn(&Row) -> String,
) -> Result<Json<List<Conversation>>, Refused> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(end);
    Ok(Json(List { items: catch_up::seen_by(&shared.engine.storage, caller, &rows).await?, next }))
}

/// My SMS queues; with `all=true` the names of all of the company's.
#[utoipa::path(tag = "queues", params(ListQueues), responses((status = 200, body = QueueList), Problems))]
#[get("/v1/queues")]
pub async fn my_queues(
    shared: Data<Shared>,
    who: SignedIn,
    Query(which): Query<ListQueues>,
) -> Result<Json<QueueList>, Refused> {
    let caller = &who.identity.caller;
    if which.all {
        let all = shared.engine.storage.all_queues(caller.tenant).await?;
        let items = all.iter().map(|(id, name)| QueueName::of(*id, name)).collect();
        return Ok(Json(QueueList::All(List { items, next: None })));
    }
    let items = shared.engine.my_queues(caller).await?;
    Ok(Json(QueueList::Mine(List { items, next: None })))
}

/// A queue's conversations, as far as I may read them: what waits, the oldest wait first; else newest activity first.
#[utoipa::path(
    tag = "queues",
    params(("id" = String, Path), ListQueue),
    responses((status = 200, body = List<Conversation>), Problems)
)]
#[get("/v1/queues/{id}/conversations")]
pub async fn queue_conversations(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Query(page): Query<ListQueue>,
) -> Result<Json<List<Conversation>>, Refused> {
    let limit = json::limit(page.limit)?;
    let from = page.after.as_deref().map(place).transpose()?;
    let (caller, id) = (&who.identity.caller, protocol::id::<QueueId>(&id)?);
    known(&shared, caller, id).await?;
    let (which, end): (_, fn(&Row) -> String) = match page.state {
        InQueueState::Waiting => (InQueue::Waiting, waits_since),
        InQueueState::Claimed => (InQueue::Claimed, catch_up::page_end),
        InQueueState::Closed => (InQueue::Closed, catch_up::page_end),
        InQueueState::Missed => (InQueue::Missed, catch_up::page_end),
    };
    let storage = &shared.engine.storage;
    let rows = storage.in_queue(caller.tenant, caller.extension, id, which, from, limit + 1).await?;
    paged(&shared, caller, rows, limit, end).await
}

/// A queue is there for its members, and for supervisors.
async fn known(shared: &Shared, caller: &Caller, id: QueueId) -> Result<(), Refused> {
    let storage = &shared.engine.storage;
    // What was closed in a queue that is given up stays theirs to read.
    let supervises = caller.role >= Role::Supervisor && storage.is_queue(caller.tenant, id).await?;
    let agent = storage.agent(caller.tenant, id, caller.extension).await?;
    if supervises || agent.is_some_and(|agent| agent.member) { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

/// Where a page of what waits ended.
fn waits_since(row: &Row) -> String {
    let since = row.facts.queue.as_ref().and_then(|queued| queued.waiting_since());
    format!("{}.{}", since.map_or(0, |at| at.0), row.facts.id.0.as_simple())
}

/// My state in a queue: whether I work in it, and take what comes.
#[utoipa::path(
    tag = "queues",
    params(("id" = String, Path)),
    request_body = PutAgent,
    responses((status = 200, body = MyQueue), Problems)
)]
#[put("/v1/queues/{id}/agent")]
pub async fn set_agent(
    shared: Data<Shared>,
    who: SignedIn,
    id: Path<String>,
    Fields(PutAgent { logged_in, paused, pause_reason }): Fields<PutAgent>,
) -> Result<Json<MyQueue>, Refused> {
    let (caller, id): (&Arc<Caller>, QueueId) = (&who.identity.caller, protocol::id(&id)?);
    shared.engine.set_agent(caller, id, Wish { logged_in, paused, pause_reason }).await?;
    Ok(Json(shared.engine.my_queue(caller, id).await?))
}

/// Every SMS queue, by key.
#[utoipa::path(tag = "pbx", params(ListNumbers), responses((status = 200, body = List<ProvisionedQueue>), Problems))]
#[get("/v1/pbx/queues")]
pub async fn list_queues(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<ProvisionedQueue>>, Refused> {
    let limit = json::limit(page.limit)?;
    let storage = &shared.engine.storage;
    let mut found = storage.provisioned_queues(who.tenant, page.after.as_deref(), limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].key.clone());
    found.truncate(limit);
    let items = found.iter().map(|q| ProvisionedQueue::of(q.id, &q.key, &q.settings, &q.members)).collect();
    Ok(Json(List { items, next }))
}

/// Make an SMS queue, or alter it to be so. The same again changes nothing.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path)),
    request_body = PutQueue,
    responses((status = 201, body = ProvisionedQueue), (status = 200, body = ProvisionedQueue), Problems)
)]
#[put("/v1/pbx/queues/{key}")]
pub async fn put_queue(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    Fields(body): Fields<PutQueue>,
) -> Result<HttpResponse, Refused> {
    let PutQueue { name, members, idle_timeout_s, unclaimed_timeout_s, timeout_response } = body;
    let timeout_response = timeout_response.filter(|text| !text.is_empty());
    let settings = Settings { name, idle_timeout_s, unclaimed_timeout_s, timeout_response };
    let mut seen = std::collections::BTreeSet::new();
    let members: Vec<_> = members.into_iter().filter(|number| seen.insert(number.clone())).collect();
    let (id, made) = shared.engine.put_queue(&who.by, &key, settings.clone(), members.clone()).await?;
    let shown = ProvisionedQueue::of(id, &key, &settings, &members);
    Ok(if made { HttpResponse::Created().json(shown) } else { HttpResponse::Ok().json(shown) })
}

/// Give an SMS queue up. Not while conversations wait in it, or are claimed.
#[utoipa::path(tag = "pbx", params(("key" = String, Path)), responses((status = 204), Problems))]
#[delete("/v1/pbx/queues/{key}")]
pub async fn delete_queue(shared: Data<Shared>, who: Provisioner, key: Path<String>) -> Result<HttpResponse, Refused> {
    shared.engine.delete_queue(&who.by, &key).await?;
    Ok(HttpResponse::NoContent().finish())
}
