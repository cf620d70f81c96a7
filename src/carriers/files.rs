//! The files that came with texts, fetched from wherever they are, but never from our own network.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, Url, header};

use super::{FetchError, Fetched, server::Within};
use crate::outgoing::{PublicOnly, client, collected, is_public, literal};

/// The most redirects on the way to a file.
const MOST_HOPS: usize = 3;

/// What fetches a carrier's files.
#[derive(Debug)]
pub(super) struct Files {
    base: Url,
    within: Duration,
    /// For the carrier's own server, wherever that is.
    carrier: Client,
    /// For all others: it calls no private address, whatever a name resolves to.
    outside: Client,
}

/// One request on the way to a file.
#[derive(Debug, PartialEq)]
pub(super) struct Hop {
    pub url: Url,
    /// Whether it may see our credentials.
    pub has_credentials: bool,
}

impl Files {
    /// Of the carrier whose own server is at `base`, and is reached by `carrier`.
    pub fn new(base: Url, carrier: Client, within: Within) -> Result<Self, String> {
        let outside = client(within.connect)?.https_only(true).dns_resolver(PublicOnly).build();
        let outside = outside.map_err(|error| format!("no HTTP client: {error}"))?;
        Ok(Self { base, within: within.fetch, carrier, outside })
    }

    /// Fetches a file of at most `most` bytes, over redirects. `authorize` puts our credentials on a request: it is asked
    /// where a hop may see them. Without a `start` there is nowhere to begin, and nothing is fetched.
    pub async fn fetch(
        &self,
        start: Option<Hop>,
        most: usize,
        authorize: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Fetched, FetchError> {
        let hop = start.ok_or_else(|| FetchError::Never("it is not where the carrier keeps files".into()))?;
        let walked = tokio::time::timeout(self.within, self.walk(hop, most, authorize)).await;
        walked.unwrap_or_else(|_| Err(FetchError::Later("it took too long".into())))
    }

    /// Whether this is the carrier's own server.
    pub fn is_at_base(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Whether anything is fetched from there at all. Names are looked at when they are resolved, by `PublicOnly`.
    pub fn may_be_at(&self, url: &Url) -> bool {
        self.is_at_base(url) || (url.scheme() == "https" && literal(url).is_none_or(is_public))
    }

    /// Where a redirect goes, if we follow it. Once it has left the server it began at, it has no credentials any more,
    /// even if it comes back.
    pub fn next_hop(&self, from: &Hop, to: &str) -> Option<Hop> {
        let url = from.url.join(to).ok()?;
        let has_credentials = from.has_credentials && url.origin() == from.url.origin();
        self.may_be_at(&url).then_some(Hop { url, has_credentials })
    }

    async fn walk(
        &self,
        mut hop: Hop,
        most: usize,
        authorize: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Fetched, FetchError> {
        for _ in 0..=MOST_HOPS {
            let client = if self.is_at_base(&hop.url) { &self.carrier } else { &self.outside };
            let request = client.get(hop.url.clone());
            let request = if hop.has_credentials { authorize(request) } else { request };
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
    use crate::carriers::fake::{Does, answer, carrier};
    use tokio::net::TcpListener;

    fn files(base: &str) -> Files {
        let within = Within::default();
        Files::new(Url::parse(base).unwrap(), client(within.connect).unwrap().build().unwrap(), within).unwrap()
    }

    /// From the carrier's own server, or from where it sends us.
    async fn fetch(base: &str, url: &str, most: usize) -> Result<Fetched, FetchError> {
        let (files, url) = (files(base), Url::parse(url).unwrap());
        let start = files.may_be_at(&url).then_some(Hop { url, has_credentials: false });
        files.fetch(start, most, |request| request).await
    }

    fn never(fetched: Result<Fetched, FetchError>) -> bool {
        matches!(fetched, Err(FetchError::Never(_)))
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
    async fn files_and_redirects_in_our_network_are_refused() {
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

    #[tokio::test]
    async fn a_name_that_means_our_network_is_not_called() {
        let fetched = fetch("https://sms.example.com", "https://localhost/x", 5).await;
        assert_eq!(fetched, Err(FetchError::Later("no answer".into())));
    }

    #[test]
    fn credentials_do_not_come_back_once_they_are_gone() {
        let files = files("https://sms.example.com");
        let start = Hop { url: Url::parse("https://api.example.com/a").unwrap(), has_credentials: true };
        let next = files.next_hop(&start, "/b").unwrap();
        assert!(next.has_credentials);
        let away = files.next_hop(&next, "https://media.example.com/b").unwrap();
        let back = files.next_hop(&away, "https://api.example.com/c").unwrap();
        assert!(!away.has_credentials && !back.has_credentials);
    }
}
