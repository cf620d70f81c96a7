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

use std::{fmt, sync::Arc};

use reqwest::Url;

use super::{
    Carrier, FetchError, Fetched, Kind, Pending, Said, Submission, Webhook,
    files::Hop,
    server::{Answer, Places, Server, Within, plain},
};
use crate::domain::sms::{delivery::Submitted, inbound::Media};

use webhook::{Form, incoming, news};

/// An account with the carrier.
#[derive(Clone)]
pub struct Account {
    /// `AC…`
    pub account_sid: String,
    /// The secret, or two of them during a rotation: the first one sends, both may have signed what comes. A shared key's
    /// secret, if the account signs with one, can be the second.
    pub auth_tokens: Vec<String>,
    /// A messaging service to send through, `MG…`: our number must be one of its senders.
    pub messaging_service_sid: Option<String>,
    /// "https://api.twilio.com", and ours.
    pub places: Places,
    /// Segments each second for each of its numbers.
    pub pace_per_s: f64,
}

/// Without the secrets.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("account_sid", &self.account_sid)
            .field("messaging_service_sid", &self.messaging_service_sid)
            .field("places", &self.places)
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
    server: Server,
}

impl Twilio {
    /// Makes ready to send; nothing is sent yet. The error says, for who wrote the configuration, what is wrong with it.
    pub fn new(account: Account) -> Result<Self, String> {
        Self::within(account, Within::default())
    }

    fn within(mut account: Account, within: Within) -> Result<Self, String> {
        account.messaging_service_sid = account.messaging_service_sid.filter(|sid| !sid.is_empty());
        let tokens = &account.auth_tokens;
        // An empty secret would let anybody sign.
        if !(1..=2).contains(&tokens.len()) || tokens.iter().any(String::is_empty) || account.account_sid.is_empty() {
            return Err("it needs an account_sid, and one auth_token, or two while rotating".into());
        }
        let path = format!("/2010-04-01/Accounts/{}/Messages.json", account.account_sid);
        let server = Server::new(account.places.clone(), &path, within)?;
        Ok(Self(Arc::new(Inner { account, server })))
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
        signature::is_signed(request, self.0.server.public_url(), &self.0.account.auth_tokens)
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
            let (sid, tokens) = (&inner.account.account_sid, &inner.account.auth_tokens);
            let start = inner.first_hop(&media.url);
            inner.server.files.fetch(start, most, |request| request.basic_auth(sid, tokens.first())).await
        })
    }
}

impl Inner {
    async fn submit(&self, submission: &Submission) -> Submitted {
        let account = &self.account;
        let callback = self.server.status_url(submission.attempt);
        let mut form = vec![
            ("To", submission.to.as_str()),
            ("From", submission.from.as_str()),
            ("Body", submission.text.as_str()),
            ("StatusCallback", &callback),
        ];
        // Beside `From`, which keeps the sender: alone, the service would choose one of its own.
        form.extend(account.messaging_service_sid.as_deref().map(|sid| ("MessagingServiceSid", sid)));
        let (sid, token) = (&account.account_sid, account.auth_tokens.first());
        match self.server.post(|request| request.basic_auth(sid, token).form(&form)).await {
            Ok(answer) => judged(&answer, submission.text.as_str()),
            Err(ended) => ended,
        }
    }

    /// Files are at the carrier's own server, or at one of Twilio's: those may see our credentials.
    fn first_hop(&self, url: &str) -> Option<Hop> {
        let url = Url::parse(url).ok()?;
        let is_twilios = url.scheme() == "https" && url.host_str().is_some_and(|host| host.ends_with(".twilio.com"));
        (is_twilios || self.server.files.is_at_base(&url)).then_some(Hop { url, has_credentials: true })
    }
}

/// What an answer to a submit says. `text` is what was sent: it is not to be repeated in an error.
fn judged(Answer { status, retry_after, body }: &Answer, text: &str) -> Submitted {
    if (200..300).contains(status) {
        let segments = plain(body, "num_segments").and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        return match plain(body, "sid") {
            Some(sid) => Submitted::Accepted { provider_ids: vec![sid], segments },
            None => Submitted::Unknown,
        };
    }
    let code = plain(body, "code");
    match errors::refusal(*status, code.as_deref(), *retry_after) {
        Some(kind) => {
            let said = plain(body, "message");
            Submitted::Rejected(kind, errors::refused(*status, code.as_deref(), said.as_deref(), text))
        }
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
    use base64::{Engine, engine::general_purpose::STANDARD};
    use std::time::Duration;
    use uuid::Uuid;

    pub const FORM: &str = "application/x-www-form-urlencoded";

    fn account(base_url: &str) -> Account {
        Account {
            account_sid: "AC1".into(),
            auth_tokens: vec!["first-token".into(), "second-token".into()],
            messaging_service_sid: None,
            places: Places {
                base_url: base_url.into(),
                public_url: "https://sms.example.com/engine/".into(),
                name: "main".into(),
            },
            pace_per_s: 1.0,
        }
    }

    pub fn twilio(base_url: &str) -> Twilio {
        Twilio::new(account(base_url)).unwrap()
    }

    pub fn attempt() -> AttemptId {
        AttemptId(Uuid::from_u128(7))
    }

    async fn submit_to(base_url: &str) -> Submitted {
        let twilio = Twilio::within(account(base_url), IMPATIENT).unwrap();
        let number = |n: &str| Number::stored(n.into());
        let text = MessageText::stored("See you at 5 & bring cake".into());
        let (from, to) = (number("+14045550100"), number("+14045550199"));
        twilio.submit(Submission { attempt: attempt(), from, to, text, is_again: false }).await
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
        let submission = Submission { attempt: attempt(), from: number.clone(), to: number, text, is_again: false };
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
        let (kind, error) = rejected(submit_to(&nobody().await).await);
        assert_eq!((kind, error.source), (Rejection::Temporary, Source::Engine));
        assert_eq!(rejected(submit_to(&no_tls().await).await).0, Rejection::Temporary);
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
    }

    #[test]
    fn an_account_that_can_t_work_is_refused_and_secrets_are_not_shown() {
        let valid = || account("https://api.twilio.com");
        let wrong = [
            Account { auth_tokens: vec![], ..valid() },
            Account { auth_tokens: vec![String::new()], ..valid() },
            Account { auth_tokens: vec!["a".into(); 3], ..valid() },
            Account { account_sid: String::new(), ..valid() },
            account("api.twilio.com"),
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
