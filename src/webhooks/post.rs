//! One attempt: an HTTP POST, and what its answer says.

use std::{error::Error, time::Duration};

use reqwest::{Client, Response, Url, header};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::{
    domain::{
        Timestamp,
        webhook::{Attempt, URL_MAX},
    },
    outgoing::{PublicOnly, client, is_public, literal},
};

use super::Key;

/// A connection may take so long; it counts for the whole.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Servers end idle connections after five seconds, many of them: ours end before.
const IDLE: Duration = Duration::from_secs(2);
/// An answer is read so far, so that its connection can be used again, and for no longer.
const READ: usize = 4 << 10;
const READ_WITHIN: Duration = Duration::from_secs(1);
/// The longest reason that is kept, in characters.
const REASON: usize = 200;

/// What goes out.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// Where to.
    pub url: &'a str,
    /// What it is signed with.
    pub key: &'a Key,
    /// The same for each attempt.
    pub id: &'a str,
    /// When this attempt is made.
    pub at: Timestamp,
    /// The same for each attempt.
    pub body: &'a str,
}

/// Posts.
#[derive(Clone, Debug)]
pub struct Post {
    client: Client,
    allow_private: bool,
    within: Duration,
}

impl Post {
    /// With receivers that have so long to answer; in private networks too, and without TLS, if that is allowed.
    pub fn new(allow_private: bool, within: Duration) -> Result<Self, String> {
        let mut client = client(CONNECT_WITHIN)?.pool_idle_timeout(IDLE);
        if !allow_private {
            client = client.https_only(true).dns_resolver(PublicOnly);
        }
        let client = client.build().map_err(|error| format!("no HTTP client: {error}"))?;
        Ok(Self { client, allow_private, within })
    }

    /// Makes one attempt. What is answered is not looked at, but for its status.
    pub async fn post(&self, letter: Letter<'_>) -> Attempt {
        // It was looked at when it was put; the configuration may be another since.
        if let Err(why) = check_url(letter.url, self.allow_private) {
            return Attempt::Unanswered(why);
        }
        let at_s = letter.at.0.div_euclid(1_000_000);
        let request = self
            .client
            .post(letter.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", letter.id)
            .header("webhook-timestamp", at_s.to_string())
            .header("webhook-signature", letter.key.sign(letter.id, at_s, letter.body))
            .body(letter.body.to_owned());
        match tokio::time::timeout(self.within, request.send()).await {
            Ok(Ok(response)) => answered(response, letter.at).await,
            Ok(Err(error)) => Attempt::Unanswered(reason(&error)),
            Err(_) => Attempt::Unanswered(format!("no answer within {} s", self.within.as_secs_f64())),
        }
    }
}

/// Whether a webhook may be there; if not, why.
pub fn check_url(url: &str, allow_private: bool) -> Result<(), String> {
    if url.chars().count() > URL_MAX {
        return Err(format!("url: up to {URL_MAX} characters"));
    }
    let parsed = Url::parse(url).ok().filter(Url::has_host).ok_or("url: not a URL")?;
    match parsed.scheme() {
        "https" => {}
        "http" if allow_private => {}
        _ => return Err("url: it begins with https://".into()),
    }
    let is_private = literal(&parsed).is_some_and(|address| !is_public(address)) || names_this_machine(&parsed);
    if is_private && !allow_private {
        return Err("url: its address is not public".into());
    }
    Ok(())
}

/// Names that never mean anything else (RFC 6761); what others mean is looked at when they are called.
fn names_this_machine(url: &Url) -> bool {
    let name = url.host_str().unwrap_or_default().trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

async fn answered(mut response: Response, at: Timestamp) -> Attempt {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| time_asked(value.trim(), at));
    let _ = tokio::time::timeout(READ_WITHIN, async {
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > READ {
                return;
            }
        }
    })
    .await;
    match status {
        200..=299 => Attempt::Taken(status),
        410 => Attempt::Gone,
        _ => Attempt::Refused(status, retry_after),
    }
}

/// How long a receiver asks to be left alone, from this moment: seconds, or a date.
fn time_asked(retry_after: &str, at: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = retry_after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = OffsetDateTime::parse(retry_after, &Rfc2822).ok()?.unix_timestamp();
    Some(Timestamp(until.saturating_mul(1_000_000)).since(at))
}

/// The innermost cause: the others name the URL, which may hold a secret.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = match error.source() {
        Some(cause) => cause,
        None => return "it can't be called".into(),
    };
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let said: String = cause.to_string().chars().filter(|c| !c.is_control()).take(REASON).collect();
    if error.is_connect() { format!("no connection: {said}") } else { format!("no answer: {said}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_somewhere_public_behind_tls() {
        for good in ["https://hooks.example.com/x?y=1", "https://93.184.215.14:8443/", "https://user:pw@example.com"] {
            assert_eq!(check_url(good, false), Ok(()), "{good}");
        }
        for bad in [
            "http://example.com/",
            "ftp://example.com/",
            "https://",
            "example.com",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://192.0.2.1/",
            "https://224.0.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://localhost/",
            "https://LOCALHOST.:8443/",
            "https://x.localhost/",
        ] {
            assert!(check_url(bad, false).is_err(), "{bad}");
        }
        assert!(check_url("http://10.0.0.1:3000/hook", true).is_ok());
        assert!(check_url("ftp://10.0.0.1/", true).is_err());
        let long = |n: usize| format!("https://example.com/{}", "x".repeat(n - 20));
        assert!(check_url(&long(URL_MAX), false).is_ok() && check_url(&long(URL_MAX + 1), false).is_err());
    }

    #[test]
    fn a_receiver_asks_for_time_in_seconds_or_until_a_date() {
        let at = Timestamp(784_111_777_000_000);
        for (asked, seconds) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(time_asked(asked, at), seconds.map(Duration::from_secs), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_name_that_means_our_own_network_is_not_called() {
        let post = Post::new(false, Duration::from_secs(5)).unwrap();
        let error = post.client.post("https://localhost:9/").send().await.unwrap_err();
        assert!(reason(&error).contains("not public"), "{}", reason(&error));
    }
}
