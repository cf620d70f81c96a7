//! Telnyx, API v2: one POST for each text, and signed webhooks.
//!
//! After Telnyx's documentation: "Send a message", "Idempotency", "Receiving webhooks for messaging", "Messaging error
//! codes". A text is sent under an `Idempotency-Key`, the attempt's name: what is asked again under it is one text, so
//! that is how a lost answer is found out. As "Idempotency" and the header's description in Telnyx's own SDKs have it:
//!
//! - Only a 2xx is kept, for up to 24 hours, and answered again. What was refused is done afresh.
//! - The request must be the same byte for byte, at the same path; else the answer is 422, and what became of the first
//!   one is not told.
//! - While the first request is still being done, the answer is 409: that says nothing of the text.
//!
//! Proxies of the environment (`HTTPS_PROXY`) are not used: what is reached is what the configuration names.

mod errors;
mod signature;
mod webhook;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{RequestBuilder, Url, header};
use serde::Serialize;
use serde_json::Value;

use super::{
    Carrier, FetchError, Fetched, Pending, Said, Submission, Webhook,
    errors::unreachable,
    files::Hop,
    server::{Answer, Places, Server, Within, plain},
};
use crate::domain::sms::{
    delivery::{Rejection, Submitted},
    inbound::Media,
};

use signature::Keys;

/// Telnyx waits 2 s for an answer ("Receiving webhooks for messaging"); some of that goes by on the way here and back.
const WAITS: Duration = Duration::from_millis(1_500);

/// An account with the carrier.
#[derive(Clone)]
pub struct TelnyxAccount {
    /// The key for its API, version 2: `KEY…`.
    pub api_key: String,
    /// The key that its webhooks are signed with, in base64; two of them while it changes.
    pub public_keys: Vec<String>,
    /// A messaging profile to send by: our number must be one of its numbers. Without it, that of the number is used.
    pub messaging_profile_id: Option<String>,
    /// "https://api.telnyx.com", and ours.
    pub places: Places,
    /// Segments each second for each of its numbers.
    pub pace_per_s: f64,
}

/// Without the secret.
impl fmt::Debug for TelnyxAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelnyxAccount")
            .field("messaging_profile_id", &self.messaging_profile_id)
            .field("places", &self.places)
            .field("pace_per_s", &self.pace_per_s)
            .finish_non_exhaustive()
    }
}

/// The carrier behind an account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Telnyx(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    account: TelnyxAccount,
    keys: Keys,
    server: Server,
}

/// What is posted. The order of its members is that of the bytes: asked again, they are the same.
#[derive(Serialize)]
struct Message<'a> {
    from: &'a str,
    to: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_profile_id: Option<&'a str>,
    webhook_url: &'a str,
}

impl Telnyx {
    /// Makes ready to send; nothing is sent yet. The error says, for who wrote the configuration, what is wrong with it.
    pub fn new(account: TelnyxAccount) -> Result<Self, String> {
        Self::within(account, Within::default())
    }

    fn within(mut account: TelnyxAccount, within: Within) -> Result<Self, String> {
        account.messaging_profile_id = account.messaging_profile_id.filter(|id| !id.is_empty());
        if account.api_key.is_empty() || !account.api_key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("it needs an api_key, without spaces".into());
        }
        let keys = Keys::new(&account.public_keys)?;
        let server = Server::new(account.places.clone(), "/v2/messages", within)?;
        Ok(Self(Arc::new(Inner { account, keys, server })))
    }
}

impl Carrier for Telnyx {
    fn submit(&self, submission: Submission) -> Pending<Submitted> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.submit(&submission).await })
    }

    /// Telnyx answers STOP and START ("Advanced opt-in/out management").
    fn answers_keywords(&self) -> bool {
        true
    }

    fn knows_attempts(&self) -> bool {
        true
    }

    fn pace_per_s(&self) -> f64 {
        self.0.account.pace_per_s
    }

    fn is_signed(&self, request: &Webhook<'_>) -> bool {
        self.0.keys.have_signed(request)
    }

    /// What it is about is in the event, whichever of our addresses it came to: by default all events of a messaging
    /// profile go to the same one.
    fn understand(&self, request: &Webhook<'_>) -> Result<Vec<Said>, String> {
        webhook::said(request)
    }

    fn waits(&self) -> Duration {
        WAITS
    }

    /// Telnyx keeps files at a public address that changes, so they may be anywhere outside; they need no credentials.
    fn fetch(&self, media: Media, most: usize) -> Pending<Result<Fetched, FetchError>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let url = Url::parse(&media.url).ok().filter(|url| inner.server.files.may_be_at(url));
            let start = url.map(|url| Hop { url, has_credentials: false });
            inner.server.files.fetch(start, most, |request| request).await
        })
    }
}

impl Inner {
    async fn submit(&self, Submission { attempt, from, to, text, is_again }: &Submission) -> Submitted {
        let message = Message {
            from: from.as_str(),
            to: to.as_str(),
            text: text.as_str(),
            messaging_profile_id: self.account.messaging_profile_id.as_deref(),
            webhook_url: &self.server.status_url(*attempt),
        };
        let Ok(body) = serde_json::to_vec(&message) else {
            return Submitted::Rejected(Rejection::Temporary, unreachable());
        };
        let write = |request: RequestBuilder| {
            let request = request.bearer_auth(&self.account.api_key).header("idempotency-key", attempt.to_string());
            request.header(header::CONTENT_TYPE, "application/json").body(body)
        };
        match self.server.post(write).await {
            Ok(answer) => judged(&answer, text.as_str(), *is_again),
            Err(ended) => ended,
        }
    }
}

/// What an answer to a submit says. `text` is what was sent: it is not to be repeated in an error. `is_again`: it was asked
/// before under the same key.
fn judged(Answer { status, retry_after, body }: &Answer, text: &str, is_again: bool) -> Submitted {
    if (200..300).contains(status) {
        let taken = body.get("data").unwrap_or(&Value::Null);
        let segments = plain(taken, "parts").and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        return match plain(taken, "id") {
            Some(id) => Submitted::Accepted { provider_ids: vec![id], segments },
            None => Submitted::Unknown,
        };
    }
    let error = errors::Told::first(body);
    if is_again && errors::is_of_another(*status, &error) {
        return Submitted::Unknowable;
    }
    match errors::refusal(*status, &error, *retry_after) {
        Some(kind) => Submitted::Rejected(kind, errors::refused(*status, &error, text)),
        None => Submitted::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        carriers::fake::{Does, IMPATIENT, answer, carrier, no_tls, nobody},
        domain::{
            AttemptId, MessageText,
            phone::Number,
            sms::delivery::{DeliveryError, Rejection, Source},
        },
    };
    use uuid::Uuid;

    fn account(base_url: &str) -> TelnyxAccount {
        TelnyxAccount {
            api_key: "KEY-secret".into(),
            public_keys: vec![signature::tests::public_key(1)],
            messaging_profile_id: None,
            places: Places {
                base_url: base_url.into(),
                public_url: "https://sms.example.com/engine/".into(),
                name: "tx".into(),
            },
            pace_per_s: 1.0,
        }
    }

    pub fn telnyx(base_url: &str) -> Telnyx {
        Telnyx::new(account(base_url)).unwrap()
    }

    pub fn attempt() -> AttemptId {
        AttemptId(Uuid::from_u128(7))
    }

    async fn submit_by(account: TelnyxAccount) -> Submitted {
        submit_to(account, false).await
    }

    async fn submit_to(account: TelnyxAccount, is_again: bool) -> Submitted {
        let telnyx = Telnyx::within(account, IMPATIENT).unwrap();
        let number = |n: &str| Number::stored(n.into());
        let text = MessageText::stored("See you at 5 & bring \"cake\"".into());
        let (from, to) = (number("+14045550100"), number("+14045550199"));
        telnyx.submit(Submission { attempt: attempt(), from, to, text, is_again }).await
    }

    async fn submit(does: Does) -> Submitted {
        let (base, _asked) = carrier(vec![does]).await;
        submit_by(account(&base)).await
    }

    fn rejected(submitted: Submitted) -> (Rejection, DeliveryError) {
        match submitted {
            Submitted::Rejected(kind, error) => (kind, error),
            other => panic!("{other:?}"),
        }
    }

    fn error(code: &str) -> String {
        format!(r#"{{"errors":[{{"code":"{code}","title":"Some title","detail":"From '+14045550100'"}}]}}"#)
    }

    #[tokio::test]
    async fn a_text_is_one_post_under_the_attempts_name_and_the_same_when_asked_again() {
        let taken = || answer("200 OK", r#"{"data":{"id":"m1","parts":2,"to":[{"status":"queued"}]}}"#);
        let (base, asked) = carrier(vec![taken(), taken()]).await;
        let accepted = Submitted::Accepted { provider_ids: vec!["m1".into()], segments: Some(2) };
        assert_eq!(submit_by(account(&format!("{base}/"))).await, accepted);
        assert_eq!(submit_by(account(&base)).await, accepted);
        let asked = asked.await.unwrap();
        assert_eq!(asked[0], asked[1], "byte for byte");
        let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v2/messages HTTP/1.1\r\n"), "{head}");
        for header in ["authorization: Bearer KEY-secret", "content-type: application/json"] {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{head}");
        }
        assert!(head.contains(&format!("\r\nidempotency-key: {}\r\n", attempt())), "{head}");
        let webhook = format!("https://sms.example.com/engine/v1/carriers/tx/status/{}", attempt());
        let expected = format!(
            r#"{{"from":"+14045550100","to":"+14045550199","text":"See you at 5 & bring \"cake\"","webhook_url":"{webhook}"}}"#
        );
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn a_messaging_profile_is_named_beside_the_sender() {
        let (base, asked) = carrier(vec![answer("200 OK", r#"{"data":{"id":"m1","parts":0}}"#)]).await;
        let account = TelnyxAccount { messaging_profile_id: Some("p1".into()), ..account(&base) };
        let accepted = Submitted::Accepted { provider_ids: vec!["m1".into()], segments: None };
        assert_eq!(submit_by(account).await, accepted);
        let asked = asked.await.unwrap().remove(0);
        assert!(asked.contains(r#"{"from":"+14045550100","#), "{asked}");
        assert!(asked.contains(r#","messaging_profile_id":"p1","#), "{asked}");
    }

    #[tokio::test]
    async fn asked_again_with_another_body_nobody_knows_what_became_of_it() {
        let again = async |does| {
            let (base, _asked) = carrier(vec![does]).await;
            submit_to(account(&base), true).await
        };
        let another = || answer("422 Unprocessable Entity", &error("10015"));
        assert_eq!(again(another()).await, Submitted::Unknowable);
        assert_eq!(again(answer("422 Unprocessable Entity", "<html>")).await, Submitted::Unknowable);
        assert_eq!(rejected(submit(another()).await).0, Rejection::Permanent, "nobody has asked before");
        let refused = again(answer("422 Unprocessable Entity", &error("40310"))).await;
        assert_eq!(rejected(refused).0, Rejection::Permanent, "Telnyx had never taken it");
        assert_eq!(again(answer("409 Conflict", &error("10012"))).await, Submitted::Unknown, "it is being done");
    }

    #[tokio::test]
    async fn refusals_are_told_by_their_code_and_repeat_nothing() {
        let (kind, told) = rejected(submit(answer("403 Forbidden", &error("40300"))).await);
        assert_eq!((kind, told.source, told.code.as_str()), (Rejection::OptedOut, Source::Carrier, "40300"));
        let (kind, told) = rejected(submit(answer("422 Unprocessable Entity", &error("77"))).await);
        assert_eq!((kind, told.message.as_str()), (Rejection::Permanent, "Some title"));
        let body = r#"{"errors":[{"code":"10015","detail":"'See you at 5 & bring \"cake\"' is bad"}]}"#;
        let (_, told) = rejected(submit(answer("400 Bad Request", body)).await);
        assert!(!told.message.contains("cake"), "{told:?}");
        let (kind, _) = rejected(submit(answer("401 Unauthorized", &error("10009"))).await);
        assert_eq!(kind, Rejection::Auth);
    }

    #[tokio::test]
    async fn too_fast_is_told_with_its_pause() {
        let throttled = answer("429 Too Many Requests\r\nretry-after: 30", &error("10011"));
        assert_eq!(rejected(submit(throttled).await).0, Rejection::Throttled(Some(Duration::from_secs(30))));
        assert_eq!(rejected(submit(answer("429 Too Many Requests", "")).await).0, Rejection::Throttled(None));
    }

    #[tokio::test]
    async fn what_certainly_was_not_written_is_temporary() {
        let (kind, told) = rejected(submit_by(account(&nobody().await)).await);
        assert_eq!((kind, told.source), (Rejection::Temporary, Source::Engine));
        assert_eq!(rejected(submit_by(account(&no_tls().await)).await).0, Rejection::Temporary);
    }

    #[tokio::test]
    async fn a_lost_answer_is_unknown() {
        assert_eq!(submit(Does::Hangs).await, Submitted::Unknown);
        assert_eq!(submit(Does::Resets).await, Submitted::Unknown);
        let short = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"data\":{\"id\":\"m1\"}}";
        assert_eq!(submit(Does::Answers(short.into())).await, Submitted::Unknown);
        assert_eq!(submit(answer("200 OK", "<html>fine</html>")).await, Submitted::Unknown);
        assert_eq!(submit(answer("200 OK", r#"{"data":{"id":""}}"#)).await, Submitted::Unknown);
        assert_eq!(submit(answer("504 Gateway Timeout", &error("10007"))).await, Submitted::Unknown);
        assert_eq!(submit(answer("409 Conflict", &error("10012"))).await, Submitted::Unknown, "it is being done");
    }

    #[tokio::test]
    async fn trouble_of_the_carriers_is_temporary_and_redirects_are_not_followed() {
        let trouble = answer("503 Service Unavailable", &error("10007"));
        assert_eq!(rejected(submit(trouble).await).0, Rejection::Temporary);
        let moved = answer("308 Permanent Redirect\r\nlocation: /elsewhere", "");
        assert_eq!(rejected(submit(moved).await).0, Rejection::Temporary);
    }

    #[tokio::test]
    async fn a_file_is_fetched_without_our_key_and_never_from_our_network() {
        let file = answer("200 OK\r\ncontent-type: image/png", "12345");
        let (base, asked) = carrier(vec![file]).await;
        let fetch = |url: String| telnyx(&base).fetch(Media { url, content_type: "image/png".into() }, 5);
        let fetched = Fetched { content_type: "image/png".into(), bytes: b"12345".to_vec() };
        assert_eq!(fetch(format!("{base}/a")).await, Ok(fetched));
        let asked = asked.await.unwrap().remove(0);
        assert!(!asked.contains("authorization") && !asked.contains("KEY"), "{asked}");
        for url in ["https://10.0.0.1/a", "http://example.com/a", "http://127.0.0.1:9/a", "file:///etc/passwd", "?"] {
            assert!(matches!(fetch(url.into()).await, Err(FetchError::Never(_))), "{url}");
        }
    }

    #[test]
    fn an_account_that_can_t_work_is_refused_and_secrets_are_not_shown() {
        let valid = || account("https://api.telnyx.com");
        let wrong = [
            TelnyxAccount { api_key: String::new(), ..valid() },
            TelnyxAccount { api_key: "KEY secret".into(), ..valid() },
            TelnyxAccount { public_keys: vec![], ..valid() },
            TelnyxAccount { public_keys: vec!["…".into()], ..valid() },
            account("api.telnyx.com"),
        ];
        for account in wrong {
            assert!(Telnyx::new(account).is_err());
        }
        let telnyx = Telnyx::new(valid()).unwrap();
        assert!(!format!("{telnyx:?} {:?}", valid()).contains("KEY"));
        assert!(telnyx.answers_keywords() && telnyx.knows_attempts());
        assert!(telnyx.waits() < Duration::from_secs(2));
    }
}
