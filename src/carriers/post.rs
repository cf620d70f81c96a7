//! A text as one POST: what the carrier answers, and how a submit without an answer ends.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url, header};
use serde_json::Value;

use super::{ANSWER_WITHIN, CONNECT_WITHIN, errors};
use crate::{
    domain::sms::delivery::{Rejection, Submitted},
    outgoing::{client, collected},
};

/// An answer to a submit is far shorter (bytes).
const LONGEST_ANSWER: usize = 256 << 10;

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Within {
    pub connect: Duration,
    pub answer: Duration,
    /// A file, redirects included.
    pub fetch: Duration,
}

impl Default for Within {
    fn default() -> Self {
        Self { connect: CONNECT_WITHIN, answer: ANSWER_WITHIN, fetch: Duration::from_secs(60) }
    }
}

/// What a carrier answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// How long it wants to be left in peace.
    pub retry_after: Option<Duration>,
    /// `null` if it is no JSON, or broke off: then the status alone counts, which is enough to say no, and not to say yes.
    pub body: Value,
}

/// Posts a text. The error is how the submit ends if there is no answer.
pub(super) async fn post(request: RequestBuilder) -> Result<Answer, Submitted> {
    match request.send().await {
        Ok(response) => Ok(answer(response).await),
        // No name, no connection, no TLS within the time for it: not a byte of the request was written.
        Err(error) if error.is_connect() || error.is_builder() => {
            Err(Submitted::Rejected(Rejection::Temporary, errors::unreachable()))
        }
        Err(_) => Err(Submitted::Unknown),
    }
}

/// For the carrier's own server, wherever that is.
pub(super) fn to_carrier(within: Within) -> Result<Client, String> {
    client(within.connect)?.build().map_err(|error| format!("no HTTP client: {error}"))
}

/// Without a user and a password in it: those would be shown with it.
pub(super) fn http_url(url: &str) -> Option<Url> {
    let is_bare = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && is_bare(url))
}

/// A member that is a text or a number (which of both differs between those who speak the same API), and not empty.
pub(super) fn plain(body: &Value, name: &str) -> Option<String> {
    match body.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

async fn answer(response: Response) -> Answer {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| value.trim().parse().ok()).filter(|seconds| *seconds > 0);
    let body = collected(response, LONGEST_ANSWER).await.unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status, retry_after: retry_after.map(Duration::from_secs), body }
}
