//! Webhooks: where the PBX has events sent to, and what became of each.

use actix_web::{
    HttpResponse, delete, get, post, put,
    web::{Data, Json, Path, Query},
};

use crate::{
    domain::{
        Refusal,
        provision::voice_queue::check_key,
        webhook::{Secret, Wanted, Webhook as Stored},
    },
    protocol::{
        self,
        requests::ListNumbers,
        shapes::List,
        webhooks::{ListDeliveries, PutWebhook, Webhook, WebhookDelivery, WebhookDeliveryStatus},
    },
    storage::{self, DeliveryStatus},
    webhooks::{Key, check_url},
};

use super::{
    Shared,
    auth::Provisioner,
    error::{Problems, Refused},
    json::{self, Fields, NoFields},
};

/// Every webhook, by key. Their secrets are not shown.
#[utoipa::path(tag = "pbx", params(ListNumbers), responses((status = 200, body = List<Webhook>), Problems))]
#[get("/v1/pbx/webhooks")]
pub async fn list_webhooks(
    shared: Data<Shared>,
    who: Provisioner,
    Query(page): Query<ListNumbers>,
) -> Result<Json<List<Webhook>>, Refused> {
    let limit = json::limit(page.limit)?;
    let mut found = shared.engine.storage.webhooks(who.tenant, page.after.as_deref(), limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].key.clone());
    found.truncate(limit);
    Ok(Json(List { items: found.iter().map(|w| Webhook::of(w, None)).collect(), next }))
}

/// Have events sent to a URL, signed by the Standard Webhooks convention; up to 20 a company. A new one begins with what
/// happens from now on. The same again changes nothing, but enables one that had answered 410.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path, description = "The PBX's own name for it: 1–80 characters")),
    request_body = PutWebhook,
    responses((status = 201, body = Webhook), (status = 200, body = Webhook), Problems)
)]
#[put("/v1/pbx/webhooks/{key}")]
pub async fn put_webhook(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    Fields(PutWebhook { url, events, secret }): Fields<PutWebhook>,
) -> Result<HttpResponse, Refused> {
    check_key(&key)?;
    check_url(&url, shared.config.webhooks.allow_private).map_err(Refusal::InvalidRequest)?;
    let events = Wanted::parse(&events)?;
    if secret.as_ref().is_some_and(|secret| Key::parse(secret).is_err()) {
        return Err(Refusal::invalid("secret: whsec_ and the base64 of 24 to 64 bytes").into());
    }
    let put = shared.engine.put_webhook(&who.by, &key, &url, &events, secret.map(Secret)).await?;
    let shown = Webhook::of(&put.webhook, put.made_up.map(|Secret(secret)| secret));
    Ok(if put.made { HttpResponse::Created().json(shown) } else { HttpResponse::Ok().json(shown) })
}

/// Send no more to it. What it was to be sent is forgotten.
#[utoipa::path(tag = "pbx", params(("key" = String, Path)), responses((status = 204), Problems))]
#[delete("/v1/pbx/webhooks/{key}")]
pub async fn delete_webhook(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
) -> Result<HttpResponse, Refused> {
    check_key(&key)?;
    shared.engine.delete_webhook(&who.by, &key).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What it was sent and is to be sent, newest first. Settled ones are kept for 7 days, and at most 10,000.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path), ListDeliveries),
    responses((status = 200, body = List<WebhookDelivery>), Problems)
)]
#[get("/v1/pbx/webhooks/{key}/deliveries")]
pub async fn list_webhook_deliveries(
    shared: Data<Shared>,
    who: Provisioner,
    key: Path<String>,
    Query(page): Query<ListDeliveries>,
) -> Result<Json<List<WebhookDelivery>>, Refused> {
    let limit = json::limit(page.limit)?;
    let before = json::after(page.after.as_deref())?;
    let webhook = webhook(&shared, &who, &key).await?;
    let mut found = shared.engine.storage.webhook_deliveries(webhook.id, before, limit + 1).await?;
    let next = (found.len() > limit).then(|| found[limit - 1].place.to_string());
    found.truncate(limit);
    Ok(Json(List { items: found.into_iter().map(shown).collect(), next }))
}

/// Send one once more: the same bytes under the same id, now and out of turn; one that still waits, now.
#[utoipa::path(
    tag = "pbx",
    params(("key" = String, Path), ("id" = String, Path)),
    responses((status = 202, body = WebhookDelivery), Problems)
)]
#[post("/v1/pbx/webhooks/{key}/deliveries/{id}/replay")]
pub async fn replay_webhook_delivery(
    shared: Data<Shared>,
    who: Provisioner,
    path: Path<(String, String)>,
    _: NoFields,
) -> Result<HttpResponse, Refused> {
    let (key, id) = path.into_inner();
    let webhook = webhook(&shared, &who, &key).await?;
    let delivery = shared.engine.replay_webhook_delivery(webhook.id, protocol::id(&id)?).await?;
    Ok(HttpResponse::Accepted().json(shown(delivery)))
}

async fn webhook(shared: &Shared, who: &Provisioner, key: &str) -> Result<Stored, Refusal> {
    check_key(key)?;
    shared.engine.storage.webhook(who.tenant, key).await?.ok_or(Refusal::NotFound)
}

fn shown(delivery: storage::WebhookDelivery) -> WebhookDelivery {
    let status = match delivery.status {
        DeliveryStatus::Waiting | DeliveryStatus::Replayed => WebhookDeliveryStatus::Waiting,
        DeliveryStatus::Delivered => WebhookDeliveryStatus::Delivered,
        DeliveryStatus::Failed => WebhookDeliveryStatus::Failed,
    };
    let waits = status == WebhookDeliveryStatus::Waiting;
    WebhookDelivery {
        id: delivery.id.to_string(),
        r#type: delivery.kind,
        status,
        attempts: delivery.attempts,
        last_status: delivery.last_status,
        last_error: delivery.last_error,
        created_at: delivery.created_at.to_rfc3339(),
        next_attempt_at: waits.then(|| delivery.next_attempt_at.to_rfc3339()),
        body: delivery.body,
    }
}
