//! The configuration: a TOML file, then `PARTYLINE_<NAME>` in the environment (`__` between levels).

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::carriers::Knobs;
#[cfg(feature = "smpp")]
use crate::carriers::smpp::{DefaultAlphabet, ReceiptIds};

/// Everything that can be set. `docs/partyline.example.toml` shows each key with its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the engine listens.
    pub listen: String,
    /// What carriers sign, what links say, and what a browser's `Origin` must be.
    pub public_url: String,
    /// `sqlite://FILE?mode=rwc` or `postgres://…`.
    pub database_url: String,
    /// Empty: one node.
    pub nats_url: String,
    /// Addresses and networks whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// What is logged: `tracing` directives.
    pub log: String,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// How often and how much.
    pub limits: Limits,
    /// Tokens signed by the PBX.
    pub jwt: Jwt,
    /// Events to the PBX.
    pub webhooks: Webhooks,
    /// Who carries SMS, by name.
    pub carriers: BTreeMap<String, Carrier>,
}

/// Networks, and addresses, which are the smallest of them.
fn networks<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<IpNet>, D::Error> {
    let named = Vec::<String>::deserialize(d)?;
    let network = |name: &String| name.parse().or_else(|_| name.parse::<IpAddr>().map(IpNet::from));
    named.iter().map(network).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How often and how much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Sends of one extension each second.
    pub sends_per_s: u32,
    /// Sends of one extension at once.
    pub sends_burst: u32,
    /// Frames of one WebSocket each second.
    pub frames_per_s: u32,
    /// Frames of one WebSocket at once.
    pub frames_burst: u32,
    /// Failed logins of one extension in 5 minutes.
    pub failed_logins: usize,
    /// Failed logins from one address in 5 minutes.
    pub failed_logins_per_address: usize,
    /// How long a token is good, in seconds.
    pub token_ttl_s: u64,
    /// How long a carrier's refusals that may pass are waited out, in seconds.
    pub sms_give_up_s: u64,
    /// The largest file that is kept with a text, in bytes.
    pub attachment_max_bytes: usize,
}

/// Tokens signed by the PBX.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jwt {
    /// `iss`. Empty: no such tokens.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// For HS256: at least 32 bytes.
    pub secret: Secret,
    /// For RS256, ES256 and EdDSA: a file or a URL.
    pub jwks: String,
    /// The claim that names the tenant. Empty: the only one, or `default`.
    pub tenant_claim: String,
}

/// Events to the PBX.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Whether webhooks may be in private networks, and without TLS.
    pub allow_private: bool,
}

/// Who carries SMS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Carrier {
    /// Built in, for trying things out.
    Simulator(Simulator),
    /// Twilio, SignalWire and others that speak its API.
    Twilio(Twilio),
    /// SMPP 3.4.
    #[cfg(feature = "smpp")]
    Smpp(Smpp),
    /// Telnyx v2.
    Telnyx(Telnyx),
}

impl Carrier {
    /// Its name in the configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Carrier::Simulator(_) => "simulator",
            Carrier::Twilio(_) => "twilio",
            #[cfg(feature = "smpp")]
            Carrier::Smpp(_) => "smpp",
            Carrier::Telnyx(_) => "telnyx",
        }
    }
}

/// Built in, for trying things out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulator {
    /// Segments each second for each number.
    #[serde(default = "one")]
    pub pace_per_s: f64,
    /// Whether it answers beyond loopback.
    #[serde(default)]
    pub open: bool,
    /// How it misbehaves.
    #[serde(default)]
    pub knobs: Knobs,
}

/// Twilio, SignalWire and others that speak its API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twilio {
    /// Segments each second for each number.
    #[serde(default = "one")]
    pub pace_per_s: f64,
    /// `AC…`
    pub account_sid: String,
    /// Of the account; two while rotating.
    pub auth_token: OneOrTwo,
    /// Another server than Twilio's.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Sends through a messaging service.
    #[serde(default)]
    pub messaging_service_sid: Option<String>,
}

/// SMPP 3.4.
#[cfg(feature = "smpp")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smpp {
    /// Segments each second for each number.
    #[serde(default = "one")]
    pub pace_per_s: f64,
    /// The message centre.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether over TLS.
    #[serde(default)]
    pub tls: bool,
    /// Who binds.
    pub system_id: String,
    /// Its password.
    pub password: Secret,
    /// The most segments in flight.
    #[serde(default = "window")]
    pub window: usize,
    /// What `data_coding` 0 means there: `gsm7` or `latin1`.
    #[serde(default)]
    pub data_coding_0: DefaultAlphabet,
    /// How receipts write the names of messages: `same`, or `hex` or `decimal` where the answer writes them the other way.
    #[serde(default)]
    pub receipt_ids: ReceiptIds,
}

/// Telnyx v2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telnyx {
    /// Segments each second for each number.
    #[serde(default = "one")]
    pub pace_per_s: f64,
    /// Of the account.
    pub api_key: Secret,
    /// That webhooks are signed with; two while it changes.
    pub public_key: OneOrTwo,
    /// Another server than Telnyx's.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Sends through a messaging profile.
    #[serde(default)]
    pub messaging_profile_id: Option<String>,
}

#[cfg(feature = "smpp")]
fn window() -> usize {
    crate::carriers::smpp::WINDOW
}

fn one() -> f64 {
    1.0
}

impl Jwt {
    /// Whether such tokens are taken.
    pub fn is_set(&self) -> bool {
        *self != Jwt::default()
    }

    fn check(&self) -> Result<(), &'static str> {
        let secret = &self.secret.0;
        match (secret.is_empty(), self.jwks.is_empty()) {
            _ if !self.is_set() => Ok(()),
            _ if self.issuer.is_empty() => Err("issuer is missing"),
            _ if self.audience.is_empty() => Err("audience is missing"),
            (true, true) => Err("secret or jwks is missing"),
            (false, false) => Err("secret or jwks, not both"),
            (false, _) if secret.len() < 32 => Err("secret: at least 32 bytes, and random ones"),
            _ => Ok(()),
        }
    }
}

/// A secret, or the old and the new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrTwo {
    /// One.
    One(Secret),
    /// While rotating.
    Two([Secret; 2]),
}

impl OneOrTwo {
    /// They, in their order.
    pub fn all(&self) -> Vec<String> {
        match self {
            OneOrTwo::One(Secret(one)) => vec![one.clone()],
            OneOrTwo::Two(both) => both.iter().map(|Secret(one)| one.clone()).collect(),
        }
    }
}

/// A value that is never shown.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(secret)" })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            public_url: "http://localhost:8080".into(),
            database_url: "sqlite://partyline.db?mode=rwc".into(),
            nats_url: String::new(),
            trusted_proxies: vec![],
            log: "info".into(),
            log_format: LogFormat::Text,
            limits: Limits::default(),
            jwt: Jwt::default(),
            webhooks: Webhooks::default(),
            carriers: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sends_per_s: 50,
            sends_burst: 200,
            frames_per_s: 200,
            frames_burst: 1_000,
            failed_logins: 10,
            failed_logins_per_address: 100,
            token_ttl_s: 30 * 24 * 3_600,
            sms_give_up_s: 4 * 3_600,
            attachment_max_bytes: 5 << 20,
        }
    }
}

/// Why the configuration can't be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A key or value that isn't known.
    #[error("the configuration: {0}")]
    Invalid(#[from] Box<figment::Error>),
    /// A value that makes no sense.
    #[error("the configuration: {0}")]
    Nonsense(String),
}

impl Config {
    /// Reads the file, if one is named, and the environment.
    pub fn read(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        let config: Config = figment.merge(Env::prefixed("PARTYLINE_").split("__")).extract().map_err(Box::new)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let nonsense = |text: &str| Err(ConfigError::Nonsense(text.into()));
        if self.origin().is_none() {
            return nonsense("public_url is no http(s) URL");
        }
        if !["sqlite://", "postgres://", "postgresql://"].iter().any(|p| self.database_url.starts_with(p)) {
            return nonsense("database_url begins with sqlite:// or postgres://");
        }
        if !self.nats_url.is_empty() {
            return nonsense("nats_url: several nodes are not supported yet; leave it empty");
        }
        let l = &self.limits;
        if l.sends_per_s == 0 || l.sends_burst == 0 || l.frames_per_s == 0 || l.frames_burst == 0 || l.token_ttl_s == 0
        {
            return nonsense("limits are at least 1");
        }
        self.jwt.check().or_else(|why| nonsense(&format!("jwt: {why}")))?;
        #[cfg(feature = "smpp")]
        for carrier in self.carriers.values() {
            let Carrier::Smpp(one) = carrier else { continue };
            let differs = |name: &&String| match &self.carriers[*name] {
                Carrier::Smpp(c) => (c.data_coding_0, c.receipt_ids) != (one.data_coding_0, one.receipt_ids),
                _ => false,
            };
            if let Some(other) = self.sections_of(one).iter().find(differs) {
                let what = "data_coding_0 and receipt_ids are the account's: another section of it has others";
                return Err(ConfigError::Nonsense(format!("carriers.{other}: {what}")));
            }
        }
        let pace = |c: &Carrier| match c {
            Carrier::Simulator(c) => c.pace_per_s,
            Carrier::Twilio(c) => c.pace_per_s,
            #[cfg(feature = "smpp")]
            Carrier::Smpp(c) => c.pace_per_s,
            Carrier::Telnyx(c) => c.pace_per_s,
        };
        if let Some((name, _)) = self.carriers.iter().find(|(_, c)| !pace(c).is_finite() || pace(c) <= 0.0) {
            return Err(ConfigError::Nonsense(format!("carriers.{name}.pace_per_s is above 0")));
        }
        Ok(())
    }

    /// The sections that bind by the same name and password: several links to one carrier.
    #[cfg(feature = "smpp")]
    pub fn sections_of(&self, Smpp { system_id, password, .. }: &Smpp) -> Vec<String> {
        let is_same = |c: &Smpp| c.system_id == *system_id && c.password == *password;
        let is_one = |carrier: &Carrier| matches!(carrier, Carrier::Smpp(c) if is_same(c));
        self.carriers.iter().filter(|(_, carrier)| is_one(carrier)).map(|(name, _)| name.clone()).collect()
    }

    /// The sections that share an account with this one, and itself.
    pub fn sections_with(&self, name: &str) -> Vec<String> {
        match self.carriers.get(name) {
            #[cfg(feature = "smpp")]
            Some(Carrier::Smpp(c)) => self.sections_of(c),
            _ => vec![name.to_owned()],
        }
    }

    /// Scheme, host and port of `public_url`, as a browser says its `Origin`.
    pub fn origin(&self) -> Option<&str> {
        let (scheme, rest) = self.public_url.split_once("://")?;
        let host = rest.split('/').next().filter(|host| !host.is_empty())?;
        ["http", "https"].contains(&scheme).then(|| &self.public_url[..scheme.len() + 3 + host.len()])
    }

    /// The host of `public_url`, without its port.
    pub fn host(&self) -> Option<&str> {
        self.origin().and_then(|origin| origin.split_once("://")).map(|(_, authority)| host_of(authority))
    }

    /// Whether cookies go over TLS alone.
    pub fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// A host without its port.
pub fn host_of(authority: &str) -> &str {
    // The colons of an IPv6 address stand in brackets.
    match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
#[allow(clippy::result_large_err)] // figment's Jail
mod tests {
    use super::*;
    use figment::Jail;

    fn read(toml: &str) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("partyline.toml");
        std::fs::write(&file, toml).unwrap();
        Config::read(Some(&file)).map_err(|e| e.to_string())
    }

    #[test]
    fn unknown_keys_are_named() {
        for toml in ["colour = 1", "[limits]\ncolour = 1", "[carriers.x]\nkind = \"simulator\"\ncolour = 1"] {
            assert!(read(toml).unwrap_err().contains("colour"), "{toml}");
        }
        assert!(read("[carriers.x]\nkind = \"pigeon\"").unwrap_err().contains("pigeon"));
        assert!(read("[carriers.x]\nkind = \"twilio\"").unwrap_err().contains("account_sid"));
    }

    #[test]
    fn the_environment_comes_last() {
        Jail::expect_with(|jail| {
            jail.create_file("p.toml", "listen = \"127.0.0.1:1\"\n[limits]\nsends_per_s = 5")?;
            jail.set_env("PARTYLINE_LISTEN", "127.0.0.1:2");
            jail.set_env("PARTYLINE_LIMITS__SENDS_BURST", "7");
            let config = Config::read(Some(Path::new("p.toml"))).unwrap();
            assert_eq!(
                (config.listen.as_str(), config.limits.sends_per_s, config.limits.sends_burst),
                ("127.0.0.1:2", 5, 7)
            );
            jail.set_env("PARTYLINE_COLOUR", "7");
            assert!(Config::read(None).unwrap_err().to_string().contains("colour"));
            Ok(())
        });
    }

    #[cfg(feature = "smpp")]
    #[test]
    fn sections_of_one_account_agree_on_how_it_is_read() {
        let section = |name: &str, more: &str| {
            format!(
                "[carriers.{name}]\nkind = \"smpp\"\nhost = \"{name}.example\"\nport = 2775\nsystem_id = \"us\"\n\
                 password = \"secret\"\n{more}\n"
            )
        };
        let both = |one: &str, other: &str| read(&(section("a", one) + &section("b", other)));
        assert_eq!(both("", "window = 5").unwrap().sections_with("b"), ["a", "b"]);
        for other in ["data_coding_0 = \"latin1\"", "receipt_ids = \"hex\""] {
            assert!(both("", other).unwrap_err().contains("another section of it has others"), "{other}");
            assert!(both(other, other).is_ok());
        }
    }

    #[cfg(feature = "smpp")]
    #[test]
    fn the_example_shows_every_key_with_its_default() {
        let example = include_str!("../docs/partyline.example.toml");
        let config = read(example).unwrap();
        assert_eq!(Config { carriers: BTreeMap::new(), ..config.clone() }, Config::default());
        assert_eq!(config.carriers.len(), 4, "one of each kind");
        let keys = serde_json::to_value(Config::default()).unwrap();
        for (key, value) in keys.as_object().unwrap() {
            let nested = value.as_object().into_iter().flat_map(|o| o.keys());
            for key in nested.chain([key]) {
                assert!(example.contains(key.as_str()), "{key}");
            }
        }
    }

    #[test]
    fn signed_tokens_need_an_issuer_an_audience_and_one_kind_of_key() {
        let jwt = |lines: &str| read(&format!("[jwt]\n{lines}")).map(|c| c.jwt.is_set());
        let both = "issuer = \"i\"\naudience = \"a\"\n";
        let secret = format!("secret = \"{}\"\n", "x".repeat(32));
        let jwks = "jwks = \"/etc/jwks.json\"\n";
        assert_eq!(jwt(""), Ok(false));
        assert_eq!(jwt(&format!("{both}{secret}")), Ok(true));
        assert_eq!(jwt(&format!("{both}{jwks}tenant_claim = \"tenant\"")), Ok(true));
        let cases = [
            (format!("issuer = \"i\"\n{secret}"), "audience is missing"),
            (format!("audience = \"a\"\n{jwks}"), "issuer is missing"),
            ("tenant_claim = \"tenant\"".into(), "issuer is missing"),
            (both.into(), "secret or jwks is missing"),
            (format!("{both}{secret}{jwks}"), "not both"),
            (format!("{both}secret = \"{}\"", "x".repeat(31)), "at least 32 bytes"),
        ];
        for (lines, why) in cases {
            let refused = jwt(&lines).unwrap_err();
            assert!(refused.contains(why) && !refused.contains("xxx"), "{lines}: {refused}");
        }
    }

    #[test]
    fn a_trusted_proxy_is_an_address_or_a_network() {
        let config = read("trusted_proxies = [\"10.0.0.1\", \"192.168.0.0/16\"]").unwrap();
        assert_eq!(config.trusted_proxies.len(), 2);
        assert!(read("trusted_proxies = [\"proxy\"]").is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", read(include_str!("../docs/partyline.example.toml")).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let config = Config { public_url: "https://m.example.com:8443/x".into(), ..Config::default() };
        assert_eq!(config.origin(), Some("https://m.example.com:8443"));
        assert_eq!(config.host(), Some("m.example.com"));
        assert_eq!((host_of("[::1]:80"), host_of("[::1]"), host_of("a.test")), ("[::1]", "[::1]", "a.test"));
        assert!(read("public_url = \"example.com\"").is_err());
        assert!(read("database_url = \"mysql://x\"").is_err());
        assert!(read("[limits]\nsends_per_s = 0").is_err());
        assert!(read("nats_url = \"nats://localhost\"").is_err());
    }
}
