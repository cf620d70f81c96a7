//! A carrier's server that is spoken to by HTTP: where it is, where it finds us, and how a text's POST ends.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url, header};
use serde_json::Value;

use super::{ANSWER_WITHIN, CONNECT_WITHIN, errors, files::Files};
use crate::{
    domain::{
        AttemptId,
        sms::delivery::{Rejection, Submitted},
    },
    outgoing::{client, collected},
};

/// An answer to a submit is far shorter (bytes).
const LONGEST_ANSWER: usize = 256 << 10;

/// Where a carrier is, and where it finds us.
#[derive(Clone, Debug)]
pub struct Places {
    /// The carrier's server, such as "https://api.twilio.com". It may have a path.
    pub base_url: String,
    /// Our own address, as the carrier is told it. It may have a port and a path.
    pub public_url: String,
    /// The name of its section in the configuration: it calls us at `/v1/carriers/{name}/…`.
    pub name: String,
}

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

/// A carrier's server, wherever that is.
#[derive(Debug)]
pub(super) struct Server {
    places: Places,
    /// Where texts are posted.
    messages: Url,
    answer_within: Duration,
    client: Client,
    /// What came with texts.
    pub files: Files,
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

impl Server {
    /// Of a carrier that takes texts at `path`. The error says what is wrong with the configuration.
    pub fn new(mut places: Places, path: &str, within: Within) -> Result<Self, String> {
        for url in [&mut places.base_url, &mut places.public_url] {
            url.truncate(url.trim_end_matches('/').len());
        }
        let base = http_url(&places.base_url).ok_or("base_url is no http(s) URL")?;
        http_url(&places.public_url).ok_or("public_url is no http(s) URL")?;
        let messages = http_url(&format!("{}{path}", places.base_url)).ok_or("base_url and the account make no URL")?;
        let client = client(within.connect)?.build().map_err(|error| format!("no HTTP client: {error}"))?;
        let files = Files::new(base, client.clone(), within)?;
        Ok(Self { places, messages, answer_within: within.answer, client, files })
    }

    /// Our own address, without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.places.public_url
    }

    /// Where news of an attempt is brought.
    pub fn status_url(&self, attempt: AttemptId) -> String {
        format!("{}/v1/carriers/{}/status/{attempt}", self.places.public_url, self.places.name)
    }

    /// Posts a text; `write` puts it, and our credentials, on the request. The error is how the submit ends if there is no
    /// answer.
    pub async fn post(&self, write: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Result<Answer, Submitted> {
        let request = self.client.post(self.messages.clone()).timeout(self.answer_within);
        match write(request).send().await {
            Ok(response) => Ok(answer(response).await),
            // No name, no connection, no TLS within the time for it: not a byte of the request was written.
            Err(error) if error.is_connect() || error.is_builder() => {
                Err(Submitted::Rejected(Rejection::Temporary, errors::unreachable()))
            }
            Err(_) => Err(Submitted::Unknown),
        }
    }
}

/// A member that is a text or a number (which of both differs between those who speak the same API), and not empty.
/// PostgreSQL keeps no NUL in a text, and no carrier means one.
pub(super) fn plain(body: &Value, name: &str) -> Option<String> {
    match body.get(name)? {
        Value::String(text) if !text.is_empty() && !text.contains('\0') => Some(text.clone()),
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

/// Without a user and a password in it: those would be shown with it.
fn http_url(url: &str) -> Option<Url> {
    let is_bare = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && is_bare(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn places(base_url: &str, public_url: &str) -> Places {
        Places { base_url: base_url.into(), public_url: public_url.into(), name: "main".into() }
    }

    #[test]
    fn both_addresses_may_have_a_path_and_end_with_a_slash() {
        let places = places("https://sms.example.com:8443/api/", "https://example.com/engine//");
        let server = Server::new(places, "/messages", Within::default()).unwrap();
        assert_eq!(server.messages.as_str(), "https://sms.example.com:8443/api/messages");
        let attempt = AttemptId(Uuid::from_u128(7));
        let expected = format!("https://example.com/engine/v1/carriers/main/status/{attempt}");
        assert_eq!((server.status_url(attempt), server.public_url()), (expected, "https://example.com/engine"));
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for (base_url, public_url) in [
            ("api.example.com", "https://example.com"),
            ("https://user:secret@api.example.com", "https://example.com"),
            ("", "https://example.com"),
            ("https://api.example.com", "ftp://example.com"),
            ("https://api.example.com", ""),
        ] {
            let refused = Server::new(places(base_url, public_url), "/", Within::default());
            assert!(refused.is_err_and(|why| !why.contains("secret")), "{base_url} {public_url}");
        }
    }
}
