//! Tokens that the PBX, or its identity provider, signs. They are verified here, and never made.
//!
//! A signature is checked with the one algorithm that its key is for. Which that is says the configuration (a secret:
//! HS256) or the key itself (a JWKS: RS256, ES256 or EdDSA), never the token: a public key is no secret.

mod jwks;
mod keys;

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use crate::domain::{
    Timestamp,
    claims::{self, Claimed, Claims, Expected},
};

pub use jwks::{KeySet, Pace, Source};

use keys::Key;

/// A token is far shorter (bytes).
const LONGEST: usize = 16 << 10;

/// Whose tokens are taken.
#[derive(Debug)]
pub struct Issuer {
    expected: Expected,
    tenant_claim: String,
    keys: Keys,
}

/// What its signatures are checked with.
#[derive(Debug)]
pub enum Keys {
    /// One secret that both know.
    Secret(String),
    /// Public keys, by name.
    Set(Arc<KeySet>),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl Issuer {
    /// Tokens of `issuer` for `audience`. An empty `tenant_claim`: they don't name the company.
    pub fn new(issuer: String, audience: String, tenant_claim: String, keys: Keys) -> Self {
        let expected = Expected { issuer, audience, names_tenant: !tenant_claim.is_empty() };
        Self { expected, tenant_claim, keys }
    }

    /// Whose token this is, if it is good now.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Option<Claimed> {
        let verdict = match self.signed(token).await {
            Ok(claims) => claims::check(claims, &self.expected, now).map_err(|why| why.to_string()),
            Err(why) => Err(why.to_owned()),
        };
        verdict.inspect_err(|why| tracing::info!(%why, "a signed token was refused")).ok()
    }

    /// What a token says, if its signature is good; else what is wrong with it.
    async fn signed(&self, token: &str) -> Result<Claims, &'static str> {
        let parts: Vec<&str> = token.splitn(4, '.').collect();
        let [header, payload, signature] = parts[..] else { return Err("it is no JWT") };
        if token.len() > LONGEST {
            return Err("it is too long");
        }
        let header: Header = read(header).ok_or("its header can't be read")?;
        if header.crit.is_some() {
            return Err("its header asks for what nobody here knows");
        }
        let key = self.key(header.kid.as_deref()).await.ok_or("its key is not known")?;
        if !names(key.algorithm).contains(&header.alg.as_str()) {
            return Err("its algorithm is not its key's");
        }
        let signed = &token.as_bytes()[..token.len() - signature.len() - 1];
        if !crypto::verify(signature, signed, &key.key, key.algorithm).unwrap_or(false) {
            return Err("its signature is wrong");
        }
        let payload: Map<String, Value> = read(payload).ok_or("what it says can't be read")?;
        self.claims(&payload).ok_or("what it says is malformed")
    }

    async fn key(&self, name: Option<&str>) -> Option<Arc<Key>> {
        match &self.keys {
            Keys::Secret(secret) => {
                let key = DecodingKey::from_secret(secret.as_bytes());
                Some(Arc::new(Key { key, algorithm: Algorithm::HS256 }))
            }
            Keys::Set(set) => set.find(name?).await,
        }
    }

    /// `None`: a claim that is no such thing.
    fn claims(&self, said: &Map<String, Value>) -> Option<Claims> {
        let text = |name: &str| said.get(name).map_or(Some(None), |v| v.as_str().map(|v| Some(v.to_owned())));
        let number = |name: &str| said.get(name).map_or(Some(None), |v| v.as_f64().map(Some));
        let audience = match said.get("aud") {
            None => vec![],
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().map(|v| v.as_str().map(Into::into)).collect::<Option<_>>()?,
            Some(_) => return None,
        };
        Some(Claims {
            issuer: text("iss")?,
            audience,
            expires: number("exp")?,
            not_before: number("nbf")?,
            issued: number("iat")?,
            subject: text("sub")?,
            tenant: if self.expected.names_tenant { text(&self.tenant_claim)? } else { None },
        })
    }
}

/// Whether this may be such a token: ours have no dots.
pub fn is_jwt(token: &str) -> bool {
    token.contains('.')
}

/// What an algorithm is called in a header. `Ed25519` is what RFC 9864 calls EdDSA with that curve.
fn names(algorithm: Algorithm) -> &'static [&'static str] {
    match algorithm {
        Algorithm::HS256 => &["HS256"],
        Algorithm::RS256 => &["RS256"],
        Algorithm::ES256 => &["ES256"],
        Algorithm::EdDSA => &["EdDSA", "Ed25519"],
        _ => &[],
    }
}

fn read<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
