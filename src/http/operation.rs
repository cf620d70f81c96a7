//! What operators ask, and what is counted of each request. No secrets here.

use std::time::Instant;

use ::metrics::{counter, histogram};
use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    get,
    http::Method,
    middleware::Next,
    web::Data,
};
use tracing::{Instrument, info_span};

use super::Shared;

/// Whether the process lives.
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/healthz")]
pub async fn healthz() -> &'static str {
    "ok"
}

/// Whether the database answers, and the server isn't about to stop.
#[utoipa::path(
    tag = "operation",
    security(()),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain")
    )
)]
#[get("/readyz")]
pub async fn readyz(shared: Data<Shared>) -> HttpResponse {
    if shared.engine.is_stopping() {
        return HttpResponse::ServiceUnavailable().content_type("text/plain").body("stopping");
    }
    match shared.engine.storage.ping().await {
        Ok(()) => HttpResponse::Ok().content_type("text/plain").body("ready"),
        Err(_) => HttpResponse::ServiceUnavailable().content_type("text/plain").body("the database does not answer"),
    }
}

/// What is counted, for Prometheus.
#[utoipa::path(tag = "operation", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub async fn metrics(shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(shared.metrics.render())
}

/// Counts and times each request by its route, never by its path: that would be a series for each conversation.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    // Any word may be sent as a method, and each label is kept for ever.
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let span = info_span!("request", %method, route = tracing::field::Empty);
    let response = next.call(request).instrument(span.clone()).await?;
    let route = response.request().match_pattern().unwrap_or_else(|| "other".into());
    span.record("route", &route);
    let status = response.status().as_u16().to_string();
    histogram!("partyline_http_seconds", "route" => route.clone()).record(started.elapsed().as_secs_f64());
    counter!("partyline_http_requests_total", "method" => method, "route" => route, "status" => status).increment(1);
    Ok(response)
}
