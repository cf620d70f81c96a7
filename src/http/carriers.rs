//! What carriers bring: each in its own format, with its own signature. They are answered after the commit.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    post,
    rt::time::timeout,
    web::{Bytes, Data, Path},
};
use tracing::warn;

use crate::{
    actors::texts::Received,
    carriers::{Kind, Said, Unread, Webhook},
    domain::{AttemptId, Refusal, TenantId},
    protocol::{self, problem::Problem},
    storage::DeadLetter,
};

use super::{
    Shared,
    error::{Problems, Refused, respond},
};

/// A text comes in: a form of a Twilio-compatible carrier, an event of Telnyx.
#[utoipa::path(
    tag = "carriers",
    security(()),
    params(("name" = String, Path)),
    request_body(content((String = "application/x-www-form-urlencoded"), (serde_json::Value = "application/json"))),
    responses((status = 200, body = String, content_type = "text/xml"), Problems)
)]
#[post("/v1/carriers/{name}/inbound")]
pub async fn inbound(
    shared: Data<Shared>,
    request: HttpRequest,
    name: Path<String>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Refused> {
    taken(&shared, &request, &name, Kind::Inbound, None, body).await
}

/// A text that went out has news.
#[utoipa::path(
    tag = "carriers",
    security(()),
    params(("name" = String, Path)),
    request_body(content((String = "application/x-www-form-urlencoded"), (serde_json::Value = "application/json"))),
    responses((status = 200, body = String, content_type = "text/xml"), Problems)
)]
#[post("/v1/carriers/{name}/status")]
pub async fn status(
    shared: Data<Shared>,
    request: HttpRequest,
    name: Path<String>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Refused> {
    taken(&shared, &request, &name, Kind::Status, None, body).await
}

/// An attempt to send a text has news.
#[utoipa::path(
    tag = "carriers",
    security(()),
    params(("name" = String, Path), ("attempt" = String, Path)),
    request_body(content((String = "application/x-www-form-urlencoded"), (serde_json::Value = "application/json"))),
    responses((status = 200, body = String, content_type = "text/xml"), Problems)
)]
#[post("/v1/carriers/{name}/status/{attempt}")]
pub async fn attempt_status(
    shared: Data<Shared>,
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Refused> {
    let (name, attempt) = path.into_inner();
    let attempt = Some(protocol::id(&attempt)?);
    taken(&shared, &request, &name, Kind::Status, attempt, body).await
}

async fn taken(
    shared: &Shared,
    request: &HttpRequest,
    name: &str,
    kind: Kind,
    attempt: Option<AttemptId>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Refused> {
    let Ok(body) = body else { return Ok(respond(&Problem::of_http(413))) };
    let carrier = shared.engine.carriers.get(name).ok_or(Refusal::NotFound)?;
    let headers: Vec<_> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let path_and_query = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let now = shared.engine.clock.now();
    let webhook = Webhook { kind, attempt, path_and_query, content_type, headers: &headers, body: &body, now };
    let label = if kind == Kind::Inbound { "inbound" } else { "status" };
    let count = |what: &'static str| {
        metrics::counter!("partyline_carrier_requests_total", "carrier" => name.to_owned(), "kind" => label, "result" => what)
            .increment(1);
    };
    let said = match carrier.read(&webhook) {
        Err(Unread::Unsigned) => {
            count("unsigned");
            warn!(carrier = name, kind = label, "a carrier's request is not signed rightly");
            return Err(Refusal::Forbidden("this request is not signed rightly".into()).into());
        }
        Err(Unread::NotUnderstood(reason)) => Err(reason),
        Ok(said) => Ok(said),
    };
    let taking = async {
        let unused = match said {
            Ok(said) => used(shared, name, said).await?,
            Err(reason) => [(None, reason)].into(),
        };
        let is_kept = !unused.is_empty();
        for (tenant, reason) in unused {
            keep(shared, &webhook, name, label, reason, tenant).await?;
        }
        Ok::<_, Refusal>(if is_kept { "dead_letter" } else { "taken" })
    };
    // What is being committed then is committed all the same: brought again, it is known.
    let Ok(taken) = timeout(carrier.waits(), taking).await else {
        count("too_late");
        return Err(Refusal::Busy.into());
    };
    count(taken?);
    let (content_type, thanks) = carrier.thanks();
    Ok(HttpResponse::Ok().content_type(content_type).body(thanks))
}

/// Why something could not be used, by whose it would be.
pub(super) type Unused = BTreeMap<Option<TenantId>, String>;

/// Uses all that a carrier said. Answers what could not be used. A text for several numbers that is somebody's is nobody's
/// letter: only who has one of its numbers may read it.
pub(super) async fn used(shared: &Shared, name: &str, said: Vec<Said>) -> Result<Unused, Refusal> {
    let mut unused = Unused::new();
    let mut is_somebodys = false;
    for one in said {
        match one {
            Said::Text(mut incoming) => {
                let number = incoming.to.clone();
                let owner = shared.engine.storage.phone_number(&number).await?.filter(|number| !number.deleted);
                // What came by one link of an account may be for a number of another.
                let carrier = owner.as_ref().map(|number| number.phone_number.carrier.clone());
                let carrier = carrier.filter(|carrier| shared.config.sections_with(name).contains(carrier));
                incoming.carrier = carrier.unwrap_or_else(|| name.to_owned());
                let Received::Nobodys(reason) = shared.engine.receive(incoming).await? else {
                    is_somebodys = true;
                    continue;
                };
                unused.insert(owner.map(|number| number.tenant), reason.to_owned());
            }
            Said::News(news) => {
                // Of a text that is none of ours: others may send by the same account.
                if !shared.engine.news(name, news).await? {
                    metrics::counter!("partyline_carrier_news_unknown_total", "carrier" => name.to_owned())
                        .increment(1);
                }
            }
        }
    }
    unused.retain(|owner, _| owner.is_some() || !is_somebodys);
    Ok(unused)
}

/// Keeps a request whole that could not be used.
pub(super) async fn keep(
    shared: &Shared,
    webhook: &Webhook<'_>,
    carrier: &str,
    kind: &str,
    reason: String,
    tenant: Option<TenantId>,
) -> Result<(), Refusal> {
    let letter = DeadLetter {
        id: shared.engine.clock.new_id(),
        tenant,
        carrier: carrier.to_owned(),
        kind: kind.to_owned(),
        content_type: webhook.content_type.to_owned(),
        path: webhook.path_and_query.to_owned(),
        body: webhook.body.to_vec(),
        reason,
        at: shared.engine.clock.now(),
        replayed_at: None,
    };
    warn!(carrier, kind, letter = %letter.id, reason = letter.reason, "a carrier's request is kept as a dead letter");
    Ok(shared.engine.storage.keep_dead_letter(&letter).await?)
}
