//! Queues of calls, as the PBX reports them: what it puts, and what people see of it.

use std::collections::BTreeSet;

use actix_web::{
    HttpResponse, delete, get, put,
    web::{Data, Json, Path, Query},
};

use crate::{
    domain::{By, Role, provision::voice_queue},
    protocol::{
        requests::ListNumbers,
        shapes::List,
        voice_queues::{ProvisionedVoiceQueue, PutVoiceQueue, RequestVoiceAgent, VoiceAgentAsked, VoiceQueue},
    },
};

use super::{
    Shared,
    auth::{Provisioner, SignedIn},
    error::{Problems, Refused},
    json::{self, Fields},
};

/// Every queue of calls, by key.
#[utoipa::path(
    tag = "pbx",
    params(ListNumbers),
    responses((status = 200, body = List<ProvisionedVoiceQueue>), Problems)
)]
#[get("/v1/pbx/voice-queues")]
pub async fn list_voice_queues(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<ProvisionedVoiceQueue>>, Refused> {
    let limit = json::limit(page.limit)?;
    let mut found = shared.engine.storage.voice_queues(who.tenant, None, page.after.as_deref(), limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].key.clone());
    found.truncate(limit);
    Ok(Json(List { items: found.iter().map(Into::into).collect(), next }))
}

/// Report a queue of calls, as a whole. The same again changes nothing.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path, description = "The PBX's own name for it: 1–80 characters")),
    request_body = PutVoiceQueue,
    responses((status = 201, body = ProvisionedVoiceQueue), (status = 200, body = ProvisionedVoiceQueue), Problems)
)]
#[put("/v1/pbx/voice-queues/{key}")]
pub async fn put_voice_queue(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    json::Bulk(json::Object(body)): json::Bulk<json::Object<PutVoiceQueue>>,
) -> Result<HttpResponse, Refused> {
    let agents = body.agents.into_iter().map(Into::into).collect();
    let reported = voice_queue::VoiceQueue::reported(key.into_inner(), body.name, agents)?;
    let made = shared.engine.put_voice_queue(&who.by, &reported).await?;
    let shown = ProvisionedVoiceQueue::from(&reported);
    Ok(if made { HttpResponse::Created().json(shown) } else { HttpResponse::Ok().json(shown) })
}

/// Report that a queue of calls is gone.
#[utoipa::path(tag = "pbx", params(("key" = String, Path)), responses((status = 204), Problems))]
#[delete("/v1/pbx/voice-queues/{key}")]
pub async fn delete_voice_queue(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
) -> Result<HttpResponse, Refused> {
    shared.engine.delete_voice_queue(&who.by, &key).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The queues of calls that I am an agent of, by key; a supervisor's are all.
#[utoipa::path(tag = "people", params(ListNumbers), responses((status = 200, body = List<VoiceQueue>), Problems))]
#[get("/v1/voice-queues")]
pub async fn voice_queues(
    shared: Data<Shared>,
    who: SignedIn,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<VoiceQueue>>, Refused> {
    let limit = json::limit(page.limit)?;
    let (caller, storage) = (&who.identity.caller, &shared.engine.storage);
    let agent = (caller.role < Role::Supervisor).then_some(caller.number.as_str());
    let mut found = storage.voice_queues(caller.tenant, agent, page.after.as_deref(), limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].key.clone());
    found.truncate(limit);
    let numbers: BTreeSet<_> = found.iter().flat_map(|q| &q.agents).map(|a| a.extension.as_str()).collect();
    let names = storage.names_of(caller.tenant, &numbers).await?;
    let takes_requests = storage.takes_requests(caller.tenant).await?;
    Ok(Json(List { items: found.iter().map(|q| VoiceQueue::of(q, &names, takes_requests)).collect(), next }))
}

/// Ask the PBX that I stand so in a queue of calls: it hears of it by the webhook `voice_agent.requested`, and what it
/// reports then is what is shown. `forbidden` where no webhook takes such requests.
#[utoipa::path(
    tag = "people",
    params(("key" = String, Path)),
    request_body = RequestVoiceAgent,
    responses((status = 202, body = VoiceAgentAsked), Problems)
)]
#[put("/v1/voice-queues/{key}/agent")]
pub async fn request_voice_agent(
    shared: Data<Shared>,
    who: SignedIn,
    key: Path<String>,
    Fields(RequestVoiceAgent { logged_in, paused, pause_reason }): Fields<RequestVoiceAgent>,
) -> Result<HttpResponse, Refused> {
    let caller = &who.identity.caller;
    let agent = voice_queue::VoiceAgent { extension: caller.number.clone(), logged_in, paused, pause_reason };
    shared.engine.request_voice_agent(&By::Extension(caller.clone()), &key, agent).await?;
    Ok(HttpResponse::Accepted().json(VoiceAgentAsked {}))
}
