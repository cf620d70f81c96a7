//! Whether a request is Telnyx's (Telnyx's documentation: "Receiving webhooks for messaging"; where it is vague, the
//! verifier of Telnyx's own SDK for Python decides).

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::{carriers::Webhook, domain::Timestamp};

/// Base64 of an Ed25519 signature (RFC 8032) over the timestamp, `|`, and the body.
const SIGNATURE: &str = "telnyx-signature-ed25519";
/// When it was signed, in seconds since 1970.
const TIMESTAMP: &str = "telnyx-timestamp";
/// An older request, or one of the future, is refused (seconds).
const TOLERANCE: u64 = 300;
const MICROS: i64 = 1_000_000;

/// The keys that an account's webhooks may be signed with.
#[derive(Debug)]
pub(super) struct Keys(Vec<VerifyingKey>);

impl Keys {
    /// One key in base64, or two while they change. The error says what is wrong with them.
    pub fn new(keys: &[String]) -> Result<Self, String> {
        if !(1..=2).contains(&keys.len()) {
            return Err("it needs one public_key, or two while it changes".into());
        }
        let key = |key: &String| verifying_key(key).ok_or("public_key is no Ed25519 key in base64");
        Ok(Self(keys.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// Whether one of the keys signed this request, no more than five minutes from now.
    pub fn have_signed(&self, request: &Webhook<'_>) -> bool {
        let (Some(signature), Some(timestamp)) = (request.header(SIGNATURE), request.header(TIMESTAMP)) else {
            return false;
        };
        let Some(signature) = decoded(signature) else { return false };
        let signed = [timestamp.as_bytes(), b"|", request.body].concat();
        let by = |key: &VerifyingKey| key.verify_strict(&signed, &Signature::from_bytes(&signature)).is_ok();
        is_recent(timestamp, request.now) && self.0.iter().any(by)
    }
}

/// A weak key is refused: for it a signature can be made that fits any body.
fn verifying_key(key: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&decoded(key)?).ok().filter(|key| !key.is_weak())
}

fn decoded<const N: usize>(base64: &str) -> Option<[u8; N]> {
    STANDARD.decode(base64.trim()).ok()?.try_into().ok()
}

fn is_recent(timestamp: &str, now: Timestamp) -> bool {
    let at = timestamp.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(MICROS));
    at.is_some_and(|at| at.abs_diff(now.0) <= TOLERANCE * MICROS.unsigned_abs())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::carriers::Kind;
    use ed25519_dalek::{Signer, SigningKey};

    const BODY: &[u8] = "{\"text\":\"Grüße\"}".as_bytes();
    pub const NOW: Timestamp = Timestamp(1_700_000_000 * MICROS);

    pub fn public_key(seed: u8) -> String {
        STANDARD.encode(SigningKey::from_bytes(&[seed; 32]).verifying_key())
    }

    /// The headers of a request that the key of this seed signed so many seconds from now.
    pub fn signed(seed: u8, after: i64, body: &[u8]) -> Vec<(String, String)> {
        let timestamp = (NOW.0 / MICROS + after).to_string();
        let signature = SigningKey::from_bytes(&[seed; 32]).sign(&[timestamp.as_bytes(), b"|", body].concat());
        vec![(SIGNATURE.into(), STANDARD.encode(signature.to_bytes())), (TIMESTAMP.into(), timestamp)]
    }

    fn is_signed(headers: &[(String, String)], body: &[u8]) -> bool {
        is_signed_at(headers, body, NOW)
    }

    fn is_signed_at(headers: &[(String, String)], body: &[u8], now: Timestamp) -> bool {
        let request = Webhook {
            kind: Kind::Inbound,
            attempt: None,
            path_and_query: "/v1/carriers/tx/inbound",
            content_type: "application/json",
            headers,
            body,
            now,
        };
        Keys::new(&[public_key(1), public_key(2)]).unwrap().have_signed(&request)
    }

    #[test]
    fn what_either_key_signed_is_theirs_and_nothing_else() {
        assert!(is_signed(&signed(1, 0, BODY), BODY));
        assert!(is_signed(&signed(2, 0, BODY), BODY));
        assert!(!is_signed(&signed(3, 0, BODY), BODY), "another key");
        assert!(!is_signed(&signed(1, 0, BODY), b"{}"), "another body");
        let with = |n: usize, value: &str| {
            let mut headers = signed(1, 0, BODY);
            headers[n].1 = value.into();
            is_signed(&headers, BODY)
        };
        assert!(!with(1, "1700000001"), "another time");
        assert!(!with(1, " 1700000000"), "the time is signed as it is written");
        assert!(!with(0, "") && !with(0, "?") && !with(0, "AAAA"));
        assert!(!is_signed(&signed(1, 0, BODY)[..1], BODY), "no time");
        assert!(!is_signed(&signed(1, 0, BODY)[1..], BODY), "no signature");
    }

    #[test]
    fn five_minutes_are_recent_either_way() {
        for (after, is_recent) in [(-300, true), (300, true), (-301, false), (301, false)] {
            assert_eq!(is_signed(&signed(1, after, BODY), BODY), is_recent, "{after}");
        }
        assert!(!is_signed_at(&signed(1, -300, BODY), BODY, Timestamp(NOW.0 + 1)));
        for timestamp in ["", "x", "-9223372036854775808", "9223372036854775807", "1e9", "1700000000.0"] {
            assert!(!is_recent(timestamp, NOW), "{timestamp}");
        }
    }

    #[test]
    fn what_telnyxs_own_verifier_accepts_is_theirs() {
        // Made by PyNaCl 1.6.2, and verified by Telnyx's SDK for Python, 4.189.0.
        let signature = "WnmhQXtBRiAuY2s7Q1LJO+UPsjE25KJ/+reEDVFTHXrT+zG+O59A1nXfNY7ELPJBdTAjhinmZhEtxvHDPbGZAg==";
        assert_eq!(public_key(1), "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=");
        let headers = [(SIGNATURE.to_owned(), signature.to_owned()), (TIMESTAMP.to_owned(), "1700000000".to_owned())];
        assert!(is_signed(&headers, BODY));
    }

    #[test]
    fn keys_that_can_t_be_are_refused() {
        let keys = |keys: &[&str]| Keys::new(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        assert!(keys(&[&public_key(1)]).is_ok());
        assert!(keys(&[&format!(" {}\n", public_key(1))]).is_ok(), "as it is copied");
        assert!(keys(&[]).is_err() && keys(&["", &public_key(1)]).is_err());
        assert!(keys(&[&public_key(1), &public_key(2), &public_key(3)]).is_err());
        assert!(keys(&["AAAA", "?"]).is_err());
        assert!(keys(&["AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]).is_err(), "a weak one");
    }
}
