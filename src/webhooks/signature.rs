//! The secret that a webhook shares with its receiver, and what is signed with it.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// Bytes of a secret, at least and at most.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What is signed with.
pub struct Key(Vec<u8>);

/// A text is no secret of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl Key {
    /// Of `whsec_` and the base64 of 24–64 bytes.
    pub fn parse(secret: &str) -> Result<Self, NotAKey> {
        let bytes = STANDARD.decode(secret.strip_prefix(PREFIX).ok_or(NotAKey)?).map_err(|_| NotAKey)?;
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(NotAKey) }
    }

    /// The header `webhook-signature` of a body that goes out under this id at this time, in seconds since 1970.
    pub fn sign(&self, id: &str, at_s: i64, body: &str) -> String {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{at_s}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// A secret of 32 random bytes.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_as_the_convention_s_own_example_is() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_says_what_it_is_and_has_24_to_64_bytes() {
        let of = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        for good in [of(24), of(64), new_secret().unwrap()] {
            assert!(Key::parse(&good).is_ok(), "{good}");
        }
        for bad in [of(23), of(65), STANDARD.encode([7; 32]), "whsec_".into(), "whsec_%".into(), String::new()] {
            assert!(Key::parse(&bad).is_err(), "{bad}");
        }
        assert_ne!(new_secret().unwrap(), new_secret().unwrap());
    }
}
