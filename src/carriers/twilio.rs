//! Twilio, and others that speak its API (SignalWire, resellers): one POST for each text, and signed callbacks.
//!
//! After Twilio's documentation: "Messages resource", "Outbound Message Status in Status Callbacks", "Twilio's request to
//! your incoming message Webhook URL", "Media subresource". There is no idempotency key: each attempt has a callback
//! address of its own, so that a callback settles what became of a lost answer.
//!
//! Proxies of the environment (`HTTPS_PROXY`) are not used: what is reached is what the configuration names.

mod errors;
mod signature;
mod webhook;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Client, Response, Url, header};
use serde_json::Value;

use super::{ANSWER_WITHIN, CONNECT_WITHIN, Carrier, FetchError, Fetched, Kind, Pending, Said, Submission, Webhook};
use crate::{
    domain::sms::{
        delivery::{Rejection, Submitted},
        inbound::Media,
    },
    outgoing::{PublicOnly, client, collected, is_public, literal},
};

use webhook::{Form, incoming, news};

/// How long a file may take, redirects included.
const FETCH_WITHIN: Duration = Duration::from_secs(60);
/// An answer to a submit is far shorter (bytes).
const LONGEST_ANSWER: usize = 256 << 10;
/// The most redirects on the way to a file.
const MOST_HOPS: usize = 3;

/// An account with the carrier.
#[derive(Clone)]
pub struct Account {
    /// `AC…`
    pub account_sid: String,
    /// The secret, or two of them during a rotation: the first one sends, both may have signed what comes. A shared key's
    /// secret, if the account signs with one, can be the second.
    pub auth_tokens: Vec<String>,
    /// The carrier's server: "https://api.twilio.com". It may have a path.
    pub base_url: String,
    /// A messaging service to send through, `MG…`: our number must be one of its senders.
    pub messaging_service_sid: Option<String>,
    /// Our own address, as the carrier is told it. It may have a port and a path.
    pub public_url: String,
    /// The name of its section in the configuration: callbacks are for `/v1/carriers/{name}/…`.
    pub name: String,
    /// Segments each second for each of its numbers.
    pub pace_per_s: f64,
}

/// Without the secrets.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("account_sid", &self.account_sid)
            .field("base_url", &self.base_url)
            .field("messaging_service_sid", &self.messaging_service_sid)
            .field("public_url", &self.public_url)
            .field("pace_per_s", &self.pace_per_s)
            .finish_non_exhaustive()
    }
}

/// The carrier behind an account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Twilio(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    account: Account,
    base: Url,
    messages: Url,
    within: Within,
    /// For the carrier's own server, wherever that is.
    carrier: Client,
    /// For all others: it calls no private address, whatever a name resolves to.
    outside: Client,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
struct Within {
    connect: Duration,
    answer: Duration,
    fetch: Duration,
}

impl Twilio {
    /// Makes ready to send; nothing is sent yet. The error says, for who wrote the configuration, what is wrong with it.
    pub fn new(account: Account) -> Result<Self, String> {
        Self::within(account, Within { connect: CONNECT_WITHIN, answer: ANSWER_WITHIN, fetch: FETCH_WITHIN })
    }

    fn within(mut account: Account, within: Within) -> Result<Self, String> {
        for url in [&mut account.base_url, &mut account.public_url] {
            url.truncate(url.trim_end_matches('/').len());
        }
        account.messaging_service_sid = account.messaging_service_sid.filter(|sid| !sid.is_empty());
        let tokens = &account.auth_tokens;
        // An empty secret would let anybody sign.
        if !(1..=2).contains(&tokens.len()) || tokens.iter().any(String::is_empty) || account.account_sid.is_empty() {
            return Err("it needs an account_sid, and one auth_token, or two while rotating".into());
        }
        let base = http_url(&account.base_url).ok_or("base_url is no http(s) URL")?;
        http_url(&account.public_url).ok_or("public_url is no http(s) URL")?;
        let messages = format!("{}/2010-04-01/Accounts/{}/Messages.json", account.base_url, account.account_sid);
        let messages = http_url(&messages).ok_or("base_url and account_sid make no URL")?;
        let no_client = |error: reqwest::Error| format!("no HTTP client: {error}");
        let carrier = client(within.connect)?.build().map_err(no_client)?;
        let outside = client(within.connect)?.https_only(true).dns_resolver(PublicOnly).build().map_err(no_client)?;
        Ok(Self(Arc::new(Inner { account, base, messages, within, carrier, outside })))
    }
}

impl Carrier for Twilio {
    fn submit(&self, submission: Submission) -> Pending<Submitted> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.submit(&submission).await })
    }

    /// Twilio answers STOP, START and HELP ("Support for Opt-Out Keywords").
    fn answers_keywords(&self) -> bool {
        true
    }

    fn pace_per_s(&self) -> f64 {
        self.0.account.pace_per_s
    }

    fn is_signed(&self, request: &Webhook<'_>) -> bool {
        let account = &self.0.account;
        signature::is_signed(request, &account.public_url, &account.auth_tokens)
    }

    fn understand(&self, request: &Webhook<'_>) -> Result<Vec<Said>, String> {
        let form = Form::of(request)?;
        let said = match request.kind {
            Kind::Inbound => incoming(&form).map(Said::Text),
            Kind::Status => news(&form, request).map(Said::News),
        };
        said.map(|said| vec![said])
    }

    /// No instructions, in TwiML: it would send what other bodies say as an answer.
    fn thanks(&self) -> (&'static str, &'static str) {
        ("text/xml", r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#)
    }

    fn fetch(&self, media: Media, most: usize) -> Pending<Result<Fetched, FetchError>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let fetched = tokio::time::timeout(inner.within.fetch, inner.fetch(&media, most)).await;
            fetched.unwrap_or_else(|_| Err(FetchError::Later("it took too long".into())))
        })
    }
}

impl Inner {
    async fn submit(&self, submission: &Submission) -> Submitted {
        let account = &self.account;
        let callback = format!("{}/v1/carriers/{}/status/{}", account.public_url, account.name, submission.attempt);
        let mut form = vec![
            ("To", submission.to.as_str()),
            ("From", submission.from.as_str()),
            ("Body", submission.text.as_str()),
            ("StatusCallback", &callback),
        ];
        // Beside `From`, which keeps the sender: alone, the service would choose one of its own.
        form.extend(account.messaging_service_sid.as_deref().map(|sid| ("MessagingServiceSid", sid)));
        let request = self.carrier.post(self.messages.clone()).timeout(self.within.answer);
        match request.basic_auth(&account.account_sid, account.auth_tokens.first()).form(&form).send().await {
            Ok(response) => answered(response, submission.text.as_str()).await,
            // No name, no connection, no TLS within the time for it: not a byte of the request was written.
            Err(error) if error.is_connect() || error.is_builder() => {
                Submitted::Rejected(Rejection::Temporary, errors::unreachable())
            }
            Err(_) => Submitted::Unknown,
        }
    }

    async fn fetch(&self, media: &Media, most: usize) -> Result<Fetched, FetchError> {
        let mut hop = self.first_hop(&media.url).ok_or_else(|| FetchError::Never("it is not at the carrier".into()))?;
        for _ in 0..=MOST_HOPS {
            let client = if self.is_at_base(&hop.url) { &self.carrier } else { &self.outside };
            let mut request = client.get(hop.url.clone());
            if hop.has_credentials {
                request = request.basic_auth(&self.account.account_sid, self.account.auth_tokens.first());
            }
            let response = request.send().await.map_err(|_| FetchError::Later("no answer".into()))?;
            let status = response.status();
            match status.as_u16() {
                200..=299 => return file(response, most).await,
                301 | 302 | 303 | 307 | 308 => {
                    let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                    let next = to.and_then(|to| self.next_hop(&hop, to));
                    hop = next.ok_or_else(|| FetchError::Never("it was moved to where nothing is fetched".into()))?;
                }
                401 | 403 | 404 | 410 => return Err(FetchError::Never(format!("the answer is {status}"))),
                _ => return Err(FetchError::Later(format!("the answer is {status}"))),
            }
        }
        Err(FetchError::Never("too many redirects".into()))
    }

    /// Files are at the carrier's own server, or at one of Twilio's: those may see our credentials.
    fn first_hop(&self, url: &str) -> Option<Hop> {
        let url = Url::parse(url).ok()?;
        let is_twilios = url.scheme() == "https" && url.host_str().is_some_and(|host| host.ends_with(".twilio.com"));
        (is_twilios || self.is_at_base(&url)).then_some(Hop { url, has_credentials: true })
    }

    /// Where a redirect goes, if we follow it: the files themselves may be anywhere, but not in our own network. Once it
    /// has left the server it began at, it has no credentials any more, even if it comes back.
    fn next_hop(&self, from: &Hop, to: &str) -> Option<Hop> {
        let url = from.url.join(to).ok()?;
        let has_credentials = from.has_credentials && url.origin() == from.url.origin();
        // Names are looked at when they are resolved, by `PublicOnly`.
        let is_outside = url.scheme() == "https" && literal(&url).is_none_or(is_public);
        (is_outside || self.is_at_base(&url)).then_some(Hop { url, has_credentials })
    }

    fn is_at_base(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }
}

/// One request on the way to a file.
#[derive(Debug, PartialEq)]
struct Hop {
    url: Url,
    has_credentials: bool,
}

/// Without a user and a password in it: those would be shown with it.
fn http_url(url: &str) -> Option<Url> {
    let is_bare = |url: &Url| url.has_host() && url.username().is_empty() && url.password().is_none();
    Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && is_bare(url))
}

/// What an answer to a submit says. `text` is what was sent: it is not to be repeated in an error.
async fn answered(response: Response, text: &str) -> Submitted {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| value.trim().parse().ok()).filter(|seconds| *seconds > 0);
    let body = collected(response, LONGEST_ANSWER).await.unwrap_or_default();
    judged(status, retry_after.map(Duration::from_secs), &body, text)
}

/// The body is empty if it broke off: then the status alone counts, which is enough to say no, and not to say yes.
fn judged(status: u16, retry_after: Option<Duration>, body: &[u8], text: &str) -> Submitted {
    let body = serde_json::from_slice(body).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        let segments = plain(&body, "num_segments").and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        return match plain(&body, "sid") {
            Some(sid) => Submitted::Accepted { provider_ids: vec![sid], segments },
            None => Submitted::Unknown,
        };
    }
    let code = plain(&body, "code");
    match errors::refusal(status, code.as_deref(), retry_after) {
        Some(kind) => {
            let said = plain(&body, "message");
            Submitted::Rejected(kind, errors::refused(status, code.as_deref(), said.as_deref(), text))
        }
        None => Submitted::Unknown,
    }
}

/// A member that is a text or a number (which of both differs between those who speak this API), and not empty.
fn plain(body: &Value, name: &str) -> Option<String> {
    match body.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

async fn file(response: Response, most: usize) -> Result<Fetched, FetchError> {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let content_type =
        content_type.and_then(|kind| kind.split(';').next()).map(|kind| kind.trim().to_ascii_lowercase());
    let content_type = content_type.unwrap_or_else(|| "application/octet-stream".into());
    let bytes = collected(response, most).await?;
    Ok(Fetched { content_type, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AttemptId, MessageText,
        phone::Number,
        sms::delivery::{DeliveryError, Source},
    };
    use base64::{Engine, engine::general_purpose::STANDARD};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        task::JoinHandle,
    };
    use uuid::Uuid;

    pub const FORM: &str = "application/x-www-form-urlencoded";
    const SHORT: Duration = Duration::from_millis(300);
    const LONG: Duration = Duration::from_secs(10);

    fn account(base_url: &str) -> Account {
        Account {
            account_sid: "AC1".into(),
            auth_tokens: vec!["first-token".into(), "second-token".into()],
            base_url: base_url.into(),
            messaging_service_sid: None,
            public_url: "https://sms.example.com/engine/".into(),
            name: "main".into(),
            pace_per_s: 1.0,
        }
    }

    pub fn twilio(base_url: &str) -> Twilio {
        Twilio::new(account(base_url)).unwrap()
    }

    pub fn attempt() -> AttemptId {
        AttemptId(Uuid::from_u128(7))
    }

    /// What the carrier of a test does with a connection, once it has read the request.
    enum Does {
        Answers(String),
        Hangs,
        Resets,
    }

    fn answer(head: &str, body: &str) -> Does {
        Does::Answers(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
    }

    /// A carrier that does this with each connection in turn, and what it was asked.
    async fn carrier(does: Vec<Does>) -> (String, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let mut asked = vec![];
            for does in does {
                let (mut stream, _) = listener.accept().await.unwrap();
                asked.push(request(&mut stream).await);
                match does {
                    Does::Answers(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    Does::Hangs => tokio::time::sleep(LONG).await,
                    Does::Resets => stream.set_zero_linger().unwrap(),
                }
            }
            asked
        });
        (base, asked)
    }

    async fn request(stream: &mut TcpStream) -> String {
        let (mut read, mut buffer) = (vec![], [0; 4_096]);
        loop {
            let n = stream.read(&mut buffer).await.unwrap();
            read.extend_from_slice(&buffer[..n]);
            let text = String::from_utf8_lossy(&read).into_owned();
            let length =
                text.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |l| l.parse().unwrap());
            if n == 0 || text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length) {
                return text;
            }
        }
    }

    async fn submit_to(base_url: &str) -> Submitted {
        let within = Within { connect: LONG, answer: SHORT, fetch: LONG };
        let twilio = Twilio::within(account(base_url), within).unwrap();
        let number = |n: &str| Number::stored(n.into());
        let text = MessageText::stored("See you at 5 & bring cake".into());
        let (from, to) = (number("+14045550100"), number("+14045550199"));
        twilio.submit(Submission { attempt: attempt(), from, to, text }).await
    }

    async fn submit(does: Does) -> Submitted {
        let (base, _asked) = carrier(vec![does]).await;
        submit_to(&base).await
    }

    fn rejected(submitted: Submitted) -> (Rejection, DeliveryError) {
        match submitted {
            Submitted::Rejected(kind, error) => (kind, error),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_text_is_one_post_and_accepted_with_its_name() {
        let taken = answer("201 Created", r#"{"sid":"SM1","status":"queued","num_segments":"2","error_code":null}"#);
        let (base, asked) = carrier(vec![taken]).await;
        let accepted = Submitted::Accepted { provider_ids: vec!["SM1".into()], segments: Some(2) };
        assert_eq!(submit_to(&format!("{base}/")).await, accepted);
        let asked = asked.await.unwrap().remove(0);
        assert!(asked.starts_with("POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n"), "{asked}");
        let credentials = STANDARD.encode("AC1:first-token");
        assert!(asked.contains(&format!("authorization: Basic {credentials}\r\n")), "{asked}");
        assert!(asked.contains(&format!("content-type: {FORM}\r\n")), "{asked}");
        let callback = "https%3A%2F%2Fsms.example.com%2Fengine%2Fv1%2Fcarriers%2Fmain%2Fstatus%2F";
        let form = format!(
            "To=%2B14045550199&From=%2B14045550100&Body=See+you+at+5+%26+bring+cake&StatusCallback={callback}{}",
            attempt()
        );
        assert!(asked.ends_with(&format!("\r\n\r\n{form}")), "{asked}");
    }

    #[tokio::test]
    async fn a_messaging_service_keeps_the_sender() {
        let (base, asked) = carrier(vec![answer("201 Created", r#"{"sid":"SM1","num_segments":"0"}"#)]).await;
        let account = Account { messaging_service_sid: Some("MG1".into()), ..account(&base) };
        let number = Number::stored("+14045550100".into());
        let text = MessageText::stored("Hi".into());
        let submission = Submission { attempt: attempt(), from: number.clone(), to: number, text };
        let submitted = Twilio::new(account).unwrap().submit(submission).await;
        assert_eq!(submitted, Submitted::Accepted { provider_ids: vec!["SM1".into()], segments: None });
        let asked = asked.await.unwrap().remove(0);
        assert!(asked.contains("&From=%2B14045550100&") && asked.ends_with("&MessagingServiceSid=MG1"), "{asked}");
    }

    #[tokio::test]
    async fn too_fast_is_told_with_its_pause() {
        let body = r#"{"code":20429,"message":"Too Many Requests","status":429}"#;
        let (kind, error) = rejected(submit(answer("429 Too Many Requests\r\nretry-after: 30", body)).await);
        assert_eq!(kind, Rejection::Throttled(Some(Duration::from_secs(30))));
        assert_eq!((error.source, error.code.as_str()), (Source::Carrier, "20429"));
        let (kind, _) = rejected(submit(answer("429 Too Many Requests", "")).await);
        assert_eq!(kind, Rejection::Throttled(None));
    }

    #[tokio::test]
    async fn who_said_stop_and_what_is_wrong_is_told_by_its_code() {
        let body = r#"{"code":21610,"message":"Attempt to send to unsubscribed recipient","status":400}"#;
        let (kind, error) = rejected(submit(answer("400 Bad Request", body)).await);
        assert_eq!((kind, error.code.as_str()), (Rejection::OptedOut, "21610"));
        let body = r#"{"code":"21999","message":"Body 'See you at 5 & bring cake' is bad"}"#;
        let (kind, error) = rejected(submit(answer("400 Bad Request", body)).await);
        assert_eq!((kind, error.code.as_str()), (Rejection::Permanent, "21999"));
        assert!(!error.message.contains("cake"), "{error:?}");
        assert_eq!(rejected(submit(answer("401 Unauthorized", "")).await).0, Rejection::Auth);
    }

    #[tokio::test]
    async fn what_certainly_was_not_written_is_temporary() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = listener.local_addr().unwrap();
        drop(listener);
        let (kind, error) = rejected(submit_to(&format!("http://{gone}")).await);
        assert_eq!((kind, error.source), (Rejection::Temporary, Source::Engine));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let no_tls = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 64];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        });
        assert_eq!(rejected(submit_to(&format!("https://{no_tls}")).await).0, Rejection::Temporary);
    }

    #[tokio::test]
    async fn a_lost_answer_is_unknown() {
        assert_eq!(submit(Does::Hangs).await, Submitted::Unknown);
        assert_eq!(submit(Does::Resets).await, Submitted::Unknown);
        let short = "HTTP/1.1 201 Created\r\ncontent-length: 99\r\n\r\n{\"sid\":\"SM1\"}";
        assert_eq!(submit(Does::Answers(short.into())).await, Submitted::Unknown);
        assert_eq!(submit(answer("201 Created", "<html>fine</html>")).await, Submitted::Unknown);
        assert_eq!(submit(answer("200 OK", r#"{"sid":""}"#)).await, Submitted::Unknown);
        assert_eq!(submit(answer("504 Gateway Timeout", "<html>")).await, Submitted::Unknown);
    }

    #[tokio::test]
    async fn trouble_of_the_carriers_is_temporary_and_redirects_are_not_followed() {
        let trouble = answer("503 Service Unavailable", r#"{"code":20503,"message":"Service unavailable"}"#);
        assert_eq!(rejected(submit(trouble).await).0, Rejection::Temporary);
        assert_eq!(rejected(submit(answer("500 Internal Server Error", "")).await).0, Rejection::Temporary);
        let moved = answer("308 Permanent Redirect\r\nlocation: /elsewhere", "");
        assert_eq!(rejected(submit(moved).await).0, Rejection::Temporary);
    }

    async fn fetch(base: &str, url: &str, most: usize) -> Result<Fetched, FetchError> {
        let media = Media { url: url.into(), content_type: "image/png".into() };
        twilio(base).fetch(media, most).await
    }

    fn never(fetched: Result<Fetched, FetchError>) -> bool {
        matches!(fetched, Err(FetchError::Never(_)))
    }

    #[tokio::test]
    async fn a_file_is_fetched_with_our_credentials_over_redirects() {
        let moved = answer("307 Temporary Redirect\r\nlocation: /b", "");
        let file = answer("200 OK\r\ncontent-type: Image/PNG; charset=x", "12345");
        let (base, asked) = carrier(vec![moved, file]).await;
        let fetched = fetch(&base, &format!("{base}/a"), 5).await;
        assert_eq!(fetched, Ok(Fetched { content_type: "image/png".into(), bytes: b"12345".to_vec() }));
        for asked in asked.await.unwrap() {
            assert!(asked.contains("authorization: Basic "), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_is_not_read() {
        let (base, _asked) = carrier(vec![answer("200 OK", "123456")]).await;
        assert!(never(fetch(&base, &format!("{base}/a"), 5).await));
        let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n123\r\n3\r\n456\r\n0\r\n\r\n";
        let (base, _asked) = carrier(vec![Does::Answers(chunks.into())]).await;
        assert!(never(fetch(&base, &format!("{base}/a"), 5).await));
        let (base, _asked) = carrier(vec![Does::Answers(chunks.into())]).await;
        assert_eq!(fetch(&base, &format!("{base}/a"), 6).await.unwrap().bytes, b"123456");
    }

    #[tokio::test]
    async fn what_is_not_there_never_will_be_and_trouble_passes() {
        for head in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"] {
            let (base, _asked) = carrier(vec![answer(head, "")]).await;
            assert!(never(fetch(&base, &format!("{base}/a"), 5).await), "{head}");
        }
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n123";
        for does in [answer("503 Service Unavailable", ""), Does::Resets, Does::Answers(cut.into())] {
            let (base, _asked) = carrier(vec![does]).await;
            assert!(matches!(fetch(&base, &format!("{base}/a"), 5).await, Err(FetchError::Later(_))));
        }
    }

    #[tokio::test]
    async fn files_elsewhere_and_redirects_into_our_network_are_refused() {
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = format!("http://{}", other.local_addr().unwrap());
        let private = ["https://10.0.0.1/x", "https://[::1]/x", "https://2130706433/x", "http://example.com/x", &other];
        for to in private {
            let (base, _asked) = carrier(vec![answer(&format!("302 Found\r\nlocation: {to}"), "")]).await;
            assert!(never(fetch(&base, &format!("{base}/a"), 5).await), "{to}");
            assert!(never(fetch(&base, to, 5).await), "{to}");
        }
        let round = || answer("302 Found\r\nlocation: /a", "");
        let (base, asked) = carrier(vec![round(), round(), round(), round()]).await;
        assert!(never(fetch(&base, &format!("{base}/a"), 5).await), "it goes round");
        assert_eq!(asked.await.unwrap().len(), 4);
    }

    #[test]
    fn credentials_are_for_the_carrier_alone() {
        let twilio = twilio("https://sms.example.com:8443/api");
        let first = |url: &str| twilio.0.first_hop(url);
        for url in ["https://sms.example.com:8443/a", "https://api.twilio.com/a", "https://mcs.us1.twilio.com/a"] {
            assert!(first(url).is_some_and(|hop| hop.has_credentials), "{url}");
        }
        for url in [
            "https://sms.example.com/a",
            "http://sms.example.com:8443/a",
            "http://api.twilio.com/a",
            "https://twilio.com/a",
            "https://eviltwilio.com/a",
            "https://api.twilio.com.evil.example/a",
            "https://api.twilio.com@evil.example/a",
            "file:///etc/passwd",
            "nonsense",
        ] {
            assert_eq!(first(url), None, "{url}");
        }
        let start = first("https://api.twilio.com/a").unwrap();
        let next = twilio.0.next_hop(&start, "/b").unwrap();
        assert!(next.has_credentials);
        let away = twilio.0.next_hop(&next, "https://media.twiliocdn.com/b").unwrap();
        let back = twilio.0.next_hop(&away, "https://api.twilio.com/c").unwrap();
        assert!(!away.has_credentials && !back.has_credentials);
    }

    #[test]
    fn an_account_that_can_t_work_is_refused_and_secrets_are_not_shown() {
        let valid = || account("https://api.twilio.com");
        let wrong = [
            Account { auth_tokens: vec![], ..valid() },
            Account { auth_tokens: vec![String::new()], ..valid() },
            Account { auth_tokens: vec!["a".into(); 3], ..valid() },
            Account { account_sid: String::new(), ..valid() },
            Account { base_url: "api.twilio.com".into(), ..valid() },
            Account { base_url: "https://AC1:secret@api.twilio.com".into(), ..valid() },
            Account { public_url: "ftp://example.com".into(), ..valid() },
        ];
        for account in wrong {
            assert!(Twilio::new(account).is_err());
        }
        let twilio = Twilio::new(valid()).unwrap();
        assert!(!format!("{twilio:?} {:?}", valid()).contains("-token"));
        assert!(twilio.answers_keywords());
        assert_eq!(twilio.thanks().0, "text/xml");
    }
}
