//! A JWKS: which of its keys are for signatures, and with which algorithm each (RFC 7517, RFC 7518, RFC 8037).

use std::{collections::HashMap, fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// An issuer has a handful.
const MOST: usize = 100;
/// What is shorter can be broken, and what is longer takes too long to check (bytes of the modulus).
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A key, and the one algorithm that it is for.
pub(super) struct Key {
    pub key: DecodingKey,
    pub algorithm: Algorithm,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Keys by name.
pub(super) type Ring = HashMap<String, Arc<Key>>;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that tokens can be checked with. Others in it are no concern of ours; without any it is an error.
pub(super) fn read(set: &[u8]) -> Result<Ring, String> {
    let set: Set = serde_json::from_slice(set).map_err(|error| format!("no JWKS: {error}"))?;
    let keys = set.keys.into_iter().take(MOST).filter_map(|key| serde_json::from_value(key).ok().and_then(usable));
    let ring: Ring = keys.collect();
    if ring.is_empty() { Err("no key in it is named and for RS256, ES256 or EdDSA".into()) } else { Ok(ring) }
}

fn usable(jwk: Jwk) -> Option<(String, Arc<Key>)> {
    let is_to_verify = jwk.r#use.as_deref().is_none_or(|what| what == "sig")
        && jwk.key_ops.as_ref().is_none_or(|all| all.iter().any(|what| what == "verify"));
    if !is_to_verify {
        return None;
    }
    let (algorithm, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            let (n, e) = (bytes(jwk.n)?, bytes(jwk.e)?);
            let length = n.iter().skip_while(|byte| **byte == 0).count();
            MODULUS.contains(&length).then_some(())?;
            (Algorithm::RS256, DecodingKey::from_rsa_raw_components(&n, &e))
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (jwk.x?, jwk.y?);
            (Algorithm::ES256, DecodingKey::from_ec_components(&x, &y).ok()?)
        }
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, DecodingKey::from_ed_components(&jwk.x?).ok()?),
        _ => return None,
    };
    let is_its = jwk.alg.is_none_or(|alg| super::names(algorithm).contains(&alg.as_str()));
    is_its.then(|| (jwk.kid, Arc::new(Key { key, algorithm })))
}

fn bytes(part: Option<String>) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(part?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(keys: Value) -> Vec<String> {
        let mut names: Vec<_> = read(keys.to_string().as_bytes()).map(|r| r.into_keys().collect()).unwrap_or_default();
        names.sort();
        names
    }

    #[test]
    fn only_named_keys_for_signatures_of_a_known_kind_count() {
        let n = BASE64_URL_SAFE_NO_PAD.encode([0xc1; 256]);
        let x = BASE64_URL_SAFE_NO_PAD.encode([1; 32]);
        let rsa = json!({"kty": "RSA", "kid": "rsa", "n": n, "e": "AQAB"});
        let with = |field: &str, value: Value| {
            let mut key = rsa.clone();
            key[field] = value;
            key
        };
        let keys = json!({"keys": [
            rsa,
            {"kty": "EC", "kid": "ec", "crv": "P-256", "x": x, "y": x, "alg": "ES256", "use": "sig"},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": x, "key_ops": ["verify"]},
        ]});
        assert_eq!(names(keys), ["ec", "ed", "rsa"]);
        let short = BASE64_URL_SAFE_NO_PAD.encode([0xc1; 128]);
        for other in [
            json!({"kty": "RSA", "n": n, "e": "AQAB"}),
            with("use", json!("enc")),
            with("key_ops", json!(["wrapKey"])),
            with("alg", json!("RS512")),
            with("alg", json!("HS256")),
            with("n", json!(short)),
            json!({"kty": "oct", "kid": "a", "k": x}),
            json!({"kty": "EC", "kid": "a", "crv": "P-384", "x": x, "y": x}),
            json!("nonsense"),
        ] {
            assert!(names(json!({"keys": [other]})).is_empty(), "{other}");
        }
        assert!(read(b"<html>").is_err() && read(b"{\"keys\":[]}").is_err());
    }
}
