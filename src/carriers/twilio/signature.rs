//! Whether a request is Twilio's (Twilio's documentation: "Webhooks security"; where it is vague, `RequestValidator` of
//! Twilio's own SDKs decides).

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::carriers::Webhook;

const SIGNATURE: &str = "x-twilio-signature";
/// `key=webhooks_sharedkey_…,algorithm=HMAC_SHA256`, on what is signed with a shared key of the account's.
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
/// In the query of what has a body that is no form: the body's SHA-256 in hexadecimal.
const BODY_HASH: &[u8] = b"bodySHA256";

/// Whether one of the secrets signed this request. The URL is the one that is configured at the carrier, so it is made of
/// `public_url` (without a slash at its end), never of what the request says of its host.
///
/// Every secret is tried on every form of the URL, whatever the others gave, and all is compared in constant time.
pub(super) fn is_signed(request: &Webhook<'_>, public_url: &str, secrets: &[String]) -> bool {
    let (Some(signature), Some(algorithm)) = (request.header(SIGNATURE), algorithm(request.header(SETTINGS))) else {
        return false;
    };
    let (fields, is_whole) = if is_form(request.content_type) {
        (sorted(request.body), Choice::from(1))
    } else {
        // Only the URL is signed, and it says what the body is.
        (vec![], has_body_of_its_query(request))
    };
    let mut is_theirs = Choice::from(0);
    for url in with_and_without_port(&format!("{public_url}{}", request.path_and_query)) {
        for secret in secrets {
            let made_by = match algorithm {
                Algorithm::Sha1 => has_signed::<Hmac<Sha1>>,
                Algorithm::Sha256 => has_signed::<Hmac<Sha256>>,
            };
            is_theirs |= made_by(secret, &[url.as_bytes(), &fields], signature.trim());
        }
    }
    (is_theirs & is_whole).into()
}

/// Whether a body of this type is a form.
pub(super) fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The names and values of a form, or of a query, in their order: bytes, as nobody has checked yet that it is text.
pub(super) fn pairs(form: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    form.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_at(pair.iter().position(|b| *b == b'=').unwrap_or(pair.len()));
        (decoded(name), decoded(value.get(1..).unwrap_or_default()))
    })
}

fn decoded(written: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = written.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    percent_decode(&spaced).collect()
}

#[derive(Clone, Copy)]
enum Algorithm {
    Sha1,
    Sha256,
}

/// How it is signed; `None` if in a way that we don't know. The header names the hash and the key, and changes nothing
/// else. The key's name is of no use here: all secrets are tried.
fn algorithm(settings: Option<&str>) -> Option<Algorithm> {
    let named = settings.unwrap_or_default().split(',').filter_map(|part| part.split_once('='));
    let named = named.filter(|(name, _)| name.trim() == "algorithm").map(|(_, value)| value.trim());
    match named.filter(|value| !value.is_empty()).map(str::to_ascii_uppercase).next().as_deref() {
        None | Some("HMAC_SHA1") => Some(Algorithm::Sha1),
        Some("HMAC_SHA256") => Some(Algorithm::Sha256),
        Some(_) => None,
    }
}

/// All that came, known or not: name and value of each pair, sorted, each pair once.
fn sorted(form: &[u8]) -> Vec<u8> {
    let pairs: BTreeSet<_> = pairs(form).collect();
    pairs.into_iter().flat_map(|(name, value)| [name, value]).flatten().collect()
}

fn has_body_of_its_query(request: &Webhook<'_>) -> Choice {
    let query = request.path_and_query.split_once('?').map_or("", |(_, query)| query);
    let Some((_, said)) = pairs(query.as_bytes()).find(|(name, _)| name == BODY_HASH) else {
        return Choice::from(0);
    };
    let is: String = Sha256::digest(request.body).iter().map(|b| format!("{b:02x}")).collect();
    is.as_bytes().ct_eq(&said)
}

fn has_signed<M: Mac + KeyInit>(secret: &str, parts: &[&[u8]], signature: &str) -> Choice {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(secret.as_bytes()) else {
        return Choice::from(0);
    };
    parts.iter().for_each(|part| mac.update(part));
    STANDARD.encode(mac.finalize().into_bytes()).as_bytes().ct_eq(signature.as_bytes())
}

/// The carrier's own servers disagree on whether the port belongs to the URL that they sign.
fn with_and_without_port(url: &str) -> [String; 2] {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let usual = if scheme.eq_ignore_ascii_case("http") { "80" } else { "443" };
    let (host, port) = authority.rsplit_once(':').filter(|(_, port)| is_port(port)).unwrap_or((authority, usual));
    [format!("{scheme}://{host}:{port}{path}"), format!("{scheme}://{host}{path}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{carriers::Kind, domain::Timestamp};

    const FORM: &str = "application/x-www-form-urlencoded";
    const TOKEN: &str = "12345";
    /// Of Twilio's documentation.
    const PATH: &str = "/myapp.php?foo=1&bar=2";
    const BODY: &str =
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
    const SHA1: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    // These were made by Twilio's SDK for Python, 9.13.0.
    const SHA256: &str = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
    const SHA1_443: &str = "kvajT1Ptam85bY51eRf/AJRuM3w=";
    const SHA1_8443: &str = "ZOaJEsozlsUyzk5k5fpaCxTxXDA=";
    const USES_SHA256: (&str, &str) = (SETTINGS, "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256");

    struct Request<'a> {
        url: &'a str,
        path: &'a str,
        kind: &'a str,
        body: &'a [u8],
        headers: Vec<(&'a str, &'a str)>,
        secrets: Vec<&'a str>,
    }

    impl Request<'_> {
        fn is_signed(&self) -> bool {
            let headers: Vec<_> = self.headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let secrets: Vec<_> = self.secrets.iter().map(|s| (*s).to_owned()).collect();
            let request = Webhook {
                kind: Kind::Inbound,
                attempt: None,
                path_and_query: self.path,
                content_type: self.kind,
                headers: &headers,
                body: self.body,
                now: Timestamp(0),
            };
            is_signed(&request, self.url, &secrets)
        }
    }

    fn vector(signature: &str) -> Request<'_> {
        Request {
            url: "https://mycompany.com",
            path: PATH,
            kind: FORM,
            body: BODY.as_bytes(),
            headers: vec![(SIGNATURE, signature)],
            secrets: vec![TOKEN],
        }
    }

    #[test]
    fn the_vector_of_the_documentation_is_theirs() {
        assert!(vector(SHA1).is_signed());
        let with_charset = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
        assert!(Request { kind: with_charset, ..vector(SHA1) }.is_signed());
    }

    #[test]
    fn nothing_that_was_changed_is_theirs() {
        let changed = BODY.replace("1234&From", "1235&From");
        assert!(!Request { body: changed.as_bytes(), ..vector(SHA1) }.is_signed());
        let more = format!("{BODY}&New=1");
        assert!(!Request { body: more.as_bytes(), ..vector(SHA1) }.is_signed());
        assert!(!Request { path: "/myapp.php?foo=1&bar=3", ..vector(SHA1) }.is_signed());
        assert!(!Request { url: "http://mycompany.com", ..vector(SHA1) }.is_signed());
        assert!(!Request { kind: "application/json", ..vector(SHA1) }.is_signed(), "the body would not be signed");
        assert!(!vector("RSOYDt4T1cUTdK1PDd93/VVr8B9=").is_signed());
        assert!(!vector("").is_signed());
        assert!(!Request { headers: vec![], ..vector(SHA1) }.is_signed());
    }

    #[test]
    fn while_rotating_either_secret_counts_and_no_other() {
        assert!(Request { secrets: vec!["new", TOKEN], ..vector(SHA1) }.is_signed());
        assert!(Request { secrets: vec![TOKEN, "new"], ..vector(SHA1) }.is_signed());
        assert!(!Request { secrets: vec!["new", "newer"], ..vector(SHA1) }.is_signed());
        assert!(!Request { secrets: vec![], ..vector(SHA1) }.is_signed());
    }

    #[test]
    fn the_port_may_be_in_what_was_signed_or_not() {
        assert!(vector(SHA1_443).is_signed());
        let with_port = "https://mycompany.com:8443";
        assert!(Request { url: with_port, ..vector(SHA1_8443) }.is_signed());
        assert!(Request { url: with_port, ..vector(SHA1) }.is_signed());
        assert!(!vector(SHA1_8443).is_signed());
        let both = |url| with_and_without_port(url);
        assert_eq!(both("http://a.example?x=1:2"), ["http://a.example:80?x=1:2", "http://a.example?x=1:2"]);
        assert_eq!(both("https://[::1]/x"), ["https://[::1]:443/x", "https://[::1]/x"]);
        assert_eq!(both("https://[::1]:8/x"), ["https://[::1]:8/x", "https://[::1]/x"]);
    }

    #[test]
    fn with_sha_256_only_the_hash_is_another() {
        let headers = |signature| vec![USES_SHA256, (SIGNATURE, signature)];
        assert!(Request { headers: headers(SHA256), ..vector("") }.is_signed());
        assert!(!Request { headers: headers(SHA1), ..vector("") }.is_signed());
        assert!(!vector(SHA256).is_signed());
        let other = vec![(SETTINGS, "key=1, algorithm = HMAC_SHA512"), (SIGNATURE, SHA256)];
        assert!(!Request { headers: other, ..vector("") }.is_signed());
        let unnamed = vec![(SETTINGS, "key=1"), (SIGNATURE, SHA1)];
        assert!(Request { headers: unnamed, ..vector("") }.is_signed());
    }

    #[test]
    fn every_value_of_a_name_is_signed_once_in_order() {
        let body = "b=2&a=z&a=b&a=z&e=&t=Gr%C3%BC%C3%9Fe+%F0%9F%98%80%2B&B=1";
        let url = "https://example.com/v1";
        let request = Request { url, path: "/carriers/main/inbound", body: body.as_bytes(), ..vector("") };
        assert!(Request { headers: vec![(SIGNATURE, "tq6bd51H1wi5hNJHtbyt0Y09i0M=")], ..request }.is_signed());
    }

    #[test]
    fn a_body_that_is_no_form_is_told_by_its_hash_in_the_signed_url() {
        let hash = "11e7bf13552933449a694cebd23c86104ac689a67b5bb9843299ec893acc246a";
        let path = format!("/v1/carriers/main/status?bodySHA256={hash}");
        let request = |body: &'static str, headers| Request {
            url: "https://example.com",
            path: &path,
            kind: "application/json",
            body: body.as_bytes(),
            headers,
            secrets: vec![TOKEN],
        };
        let body = r#"{"MessageSid":"SM1","Body":"Grüße"}"#;
        let sha1 = vec![(SIGNATURE, "GY2WAqFP89uFwT9wYTNuYaqY4ak=")];
        assert!(request(body, sha1.clone()).is_signed());
        assert!(!request(r#"{"MessageSid":"SM2","Body":"Grüße"}"#, sha1.clone()).is_signed());
        assert!(!Request { path: "/v1/carriers/main/status", ..request(body, sha1) }.is_signed());
        let sha256 = vec![USES_SHA256, (SIGNATURE, "KUoxYBWdW334lfv9HByAbzdntsPhenHht3cnGQYVa3I=")];
        assert!(request(body, sha256).is_signed());
    }

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let read = |form: &str| -> Vec<_> {
            pairs(form.as_bytes())
                .map(|(n, v)| (String::from_utf8_lossy(&n).into_owned(), String::from_utf8_lossy(&v).into_owned()))
                .collect()
        };
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(read("a=1+2%2B&&b=&c&d=e=f"), [pair("a", "1 2+"), pair("b", ""), pair("c", ""), pair("d", "e=f")]);
        assert_eq!(read("a=%zz%4"), [pair("a", "%zz%4")]);
        assert!(read("").is_empty());
    }
}
