//! A refusal as an HTTP answer: `application/problem+json`.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder},
};

use crate::{
    domain::Refusal,
    protocol::problem::{Problem, code},
    storage::StorageError,
};

/// A handler's refusal.
#[derive(Debug)]
pub struct Refused(pub Refusal);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused(refusal)
    }
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        Refused(error.into())
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(code(&self.0).1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        respond(&Problem::from(&self.0))
    }
}

/// A problem as an answer.
pub fn respond(problem: &Problem) -> HttpResponse {
    metrics::counter!("partyline_refusals_total", "code" => problem.code).increment(1);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = problem.retry_after_s {
        response.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    if problem.status == 401 {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    let body = serde_json::to_string(problem).unwrap_or_default();
    response.content_type("application/problem+json").body(body)
}

/// The refusals that any call may answer with, for the OpenAPI document.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> std::collections::BTreeMap<String, RefOr<Response>> {
        let _ = <Problem as PartialSchema>::schema;
        let all = [
            ("400", "Can't be understood"),
            ("401", "Not signed in"),
            ("403", "Not allowed"),
            ("404", "Not there, or not yours to know of"),
            ("405", "Not with this method"),
            ("409", "The state doesn't allow it"),
            ("413", "Too large"),
            ("415", "Not JSON"),
            ("422", "Can't be used"),
            ("429", "Too often"),
            ("503", "Not now"),
        ];
        let schema = Ref::from_schema_name(Problem::name());
        let response = |what: &str| {
            let content = ContentBuilder::new().schema(Some(schema.clone())).build();
            ResponseBuilder::new().description(what).content("application/problem+json", content).build()
        };
        all.into_iter().map(|(status, what)| (status.to_owned(), RefOr::T(response(what)))).collect()
    }
}
