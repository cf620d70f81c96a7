//! How bodies, queries and paths are read, and how what can't be read is refused.

use std::{fmt, marker::PhantomData};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{JsonBody, Payload, ResourceDef, ServiceRequest, ServiceResponse},
    error::{JsonPayloadError, QueryPayloadError},
    http::Method,
    middleware::Next,
    web::{Bytes, Json, JsonConfig, PathConfig, QueryConfig},
};
use futures_util::future::LocalBoxFuture;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::openapi::OpenApi as Document;

use crate::{
    domain::{Refusal, contacts::search::Needle},
    protocol::problem::Problem,
};

use super::error::{Refused, respond};

/// JSON bodies up to a size in bytes.
pub fn body(limit: usize) -> JsonConfig {
    JsonConfig::default().limit(limit).error_handler(|error, _| unread(error))
}

/// A JSON body that may be larger than others: up to 1 MiB, a thousand of whatever it lists.
pub struct Bulk<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Bulk<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = JsonBody::<T>::new(request, payload, None, true).limit(1 << 20);
        Box::pin(async move { body.await.map(Bulk).map_err(unread) })
    }
}

/// The answer to a body that can't be read.
pub fn unread(error: JsonPayloadError) -> actix_web::Error {
    let response = match &error {
        JsonPayloadError::ContentType => respond(&Problem::of_http(415)),
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            respond(&Problem::of_http(413))
        }
        JsonPayloadError::Deserialize(error) => respond(&(&Refusal::invalid(error.to_string())).into()),
        other => respond(&(&Refusal::invalid(other.to_string())).into()),
    };
    actix_web::error::InternalError::from_response(error, response).into()
}

/// A JSON body: an object. A list of what its fields would be is none, whatever `serde` makes of it.
#[derive(Clone, Copy, Debug)]
pub struct Fields<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Fields<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Json::<Object<T>>::from_request(request, payload);
        Box::pin(async move { body.await.map(|Json(Object(fields))| Fields(fields)) })
    }
}

/// A JSON object.
#[derive(Clone, Copy, Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfFields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfFields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(OfFields(PhantomData))
    }
}

/// The body of a call that takes no fields: empty, `null`, or an object without any.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

impl FromRequest for NoFields {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = body.await?;
            if body.is_empty() {
                return Ok(NoFields {});
            }
            let body = serde_json::from_slice::<Option<Object<NoFields>>>(&body);
            body.map(|_| NoFields {}).map_err(|error| unread(JsonPayloadError::Deserialize(error)))
        })
    }
}

/// Query strings.
pub fn query() -> QueryConfig {
    QueryConfig::default().error_handler(|error, _| match error {
        QueryPayloadError::Deserialize(error) => Refused(Refusal::invalid(error.to_string())).into(),
        other => Refused(Refusal::invalid(other.to_string())).into(),
    })
}

/// Paths: what can't be an id is not there.
pub fn path() -> PathConfig {
    PathConfig::default().error_handler(|_, _| Refused(Refusal::NotFound).into())
}

/// Nothing is called by a NUL, and PostgreSQL takes none: such a path is not there, and such a query can't be understood.
pub async fn without_nul(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if request.path().contains("%00") {
        return Err(Refused(Refusal::NotFound).into());
    }
    if request.query_string().contains("%00") {
        return Err(Refused(Refusal::invalid("a NUL character in the query")).into());
    }
    next.call(request).await
}

/// A page's size: 1–200, 50 if absent.
pub fn limit(asked: Option<usize>) -> Result<usize, Refusal> {
    match asked.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit),
        _ => Err(Refusal::invalid("limit: 1 to 200")),
    }
}

/// What is looked for, if anything is.
pub fn needle(q: Option<&str>) -> Result<Option<Needle>, Refusal> {
    q.map_or(Ok(None), Needle::typed)
}

/// Where a page ended that is asked on by id.
pub fn after<T: std::str::FromStr>(after: Option<&str>) -> Result<Option<T>, Refusal> {
    after.map(|id| id.parse().map_err(|_| Refusal::invalid("after: not a `next` of this list"))).transpose()
}

/// The paths there are, and the methods of each.
pub struct Routes(Vec<(ResourceDef, Vec<Method>)>);

impl Routes {
    /// As the document has them.
    pub fn of(document: &Document) -> Self {
        let methods = |item: &utoipa::openapi::PathItem| {
            let all = [
                (&item.get, Method::GET),
                (&item.put, Method::PUT),
                (&item.post, Method::POST),
                (&item.patch, Method::PATCH),
                (&item.delete, Method::DELETE),
            ];
            all.into_iter().filter(|(operation, _)| operation.is_some()).map(|(_, method)| method).collect()
        };
        Self(document.paths.paths.iter().map(|(p, item)| (ResourceDef::new(p.as_str()), methods(item))).collect())
    }

    /// The answer to a request that no handler took, if its path is one of ours: `method_not_allowed`.
    pub fn refuse(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let (_, methods) = self.0.iter().find(|(path, _)| path.is_match(request.path()))?;
        let mut response = respond(&Problem::of_http(405));
        let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        if let Ok(allow) = allow.parse() {
            response.headers_mut().insert(actix_web::http::header::ALLOW, allow);
        }
        Some(response)
    }
}
