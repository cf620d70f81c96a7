//! Tokens that the PBX signs: with a secret, made by hand here; with keys of a JWKS, in a file or at an address; and those
//! of a real OIDC issuer.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use partyline::{
    actors::Behaviour,
    app::Options,
    config::{Config, Secret},
    jwt::Pace,
};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    client::{Api, PASSWORD, ready_for_tls},
    engine::{TestEngine, manual_clock},
};

const SECRET: &str = "a secret of the PBX, of 32 bytes or more";
const ISSUER: &str = "https://pbx.test";

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// By hand: so that nothing of what verifies it has made it.
fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn signed(claims: &Value) -> String {
    hs256(&json!({"alg": "HS256", "typ": "JWT"}), claims, SECRET.as_bytes())
}

fn seconds() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// What a good token of an extension says.
fn claims(extension: &str) -> Value {
    json!({"iss": ISSUER, "aud": "partyline", "sub": extension, "exp": seconds() + 300})
}

fn with(mut claims: Value, claim: &str, value: Value) -> Value {
    claims[claim] = value;
    claims
}

fn by_secret(config: &mut Config) {
    config.jwt.issuer = ISSUER.into();
    config.jwt.audience = "partyline".into();
    config.jwt.secret = Secret(SECRET.into());
}

/// An engine with 201, an administrator, and 202.
async fn engine(options: Options, configure: impl FnOnce(&mut Config)) -> TestEngine {
    let engine = TestEngine::on(Arc::new(tempfile::tempdir().unwrap()), options, configure).await;
    let pbx = engine.api();
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake", "role": "admin", "password": PASSWORD})).await.ok();
    pbx.put("/v1/pbx/extensions/202", json!({"name": "Ann", "password": PASSWORD})).await.ok();
    engine
}

#[tokio::test]
async fn a_signed_token_serves_wherever_one_of_ours_does() {
    let engine = engine(Options::default(), by_secret).await;
    let (jake, ann) =
        (engine.api().with_token(&signed(&claims("201"))), engine.api().with_token(&signed(&claims("202"))));
    assert_eq!(jake.get("/v1/me").await.ok()["name"], "Jake");
    let mut session = ann.connect().await;
    let chat = jake.chat("202").await;
    jake.say(&chat, "Hi").await;
    assert_eq!(session.until_event("message.created").await["data"]["text"], "Hi");
    let mut upgraded = crate::client::Client::of(upgrade(&engine, &jake.token).await);
    upgraded.say(json!({"type": "hello", "cursor": null, "epoch": null})).await;
    upgraded.until_ready().await;
    // An administrator's may provision, another's may not.
    let put = async |api: &Api| api.put("/v1/pbx/extensions/203", json!({"name": "Omar"})).await;
    assert_eq!(put(&ann).await.code(), "forbidden");
    assert_eq!(put(&jake).await.status, 201);
    // It is exchanged for one of ours, which ends with the password as any other.
    let ours = ann.with_token(ann.post("/v1/token", json!(null)).await.ok()["token"].as_str().unwrap());
    assert!(!ours.token.contains('.'));
    assert_eq!(ours.get("/v1/me").await.ok()["extension"], "202");
}

async fn upgrade(
    engine: &TestEngine,
    token: &str,
) -> tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>> {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let mut request = format!("{}/v1/ws", engine.url.replace("http", "ws")).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_it_is_refused_alike() {
    let engine = engine(Options::default(), by_secret).await;
    let good = claims("201");
    let plain = |algorithm: &str| json!({"alg": algorithm, "typ": "JWT"});
    let unsigned = |algorithm: &str| format!("{}.{}.", part(&plain(algorithm)), part(&good));
    let token = signed(&good);
    let (head, signature) = token.rsplit_once('.').unwrap();
    let other = signed(&claims("202"));
    let mixed = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    let mut without = good.clone();
    let mut lacking = |claim: &str| {
        without = good.clone();
        without.as_object_mut().unwrap().remove(claim);
        signed(&without)
    };
    let cases = [
        ("iss", signed(&with(good.clone(), "iss", json!("https://other.test")))),
        ("no iss", lacking("iss")),
        ("aud", signed(&with(good.clone(), "aud", json!("other")))),
        ("no aud", lacking("aud")),
        ("aud in vain", signed(&with(good.clone(), "aud", json!(["other", "another"])))),
        ("aud of no kind", signed(&with(good.clone(), "aud", json!({"partyline": 1})))),
        ("exp", signed(&with(good.clone(), "exp", json!(seconds() - 61)))),
        ("no exp", lacking("exp")),
        ("exp in words", signed(&with(good.clone(), "exp", json!("2099-01-01")))),
        ("nbf", signed(&with(good.clone(), "nbf", json!(seconds() + 120)))),
        ("nobody", signed(&claims("999"))),
        ("no number", signed(&claims("2\u{0}1"))),
        ("no sub", lacking("sub")),
        ("secret", hs256(&plain("HS256"), &good, b"another secret of the PBX, as long as it")),
        ("empty secret", hs256(&plain("HS256"), &good, b"")),
        ("none", unsigned("none")),
        ("None", unsigned("None")),
        ("none, signed", hs256(&plain("none"), &good, SECRET.as_bytes())),
        ("HS512 in name", hs256(&plain("HS512"), &good, SECRET.as_bytes())),
        ("RS256 in name", hs256(&plain("RS256"), &good, SECRET.as_bytes())),
        ("crit", hs256(&json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &good, SECRET.as_bytes())),
        ("another's signature", mixed),
        ("no signature", format!("{head}.")),
        ("two parts", head.to_owned()),
        ("five parts", format!("{token}.x.y")),
        ("padding", format!("{token}=")),
        ("too long", signed(&with(good.clone(), "more", json!("x".repeat(20_000))))),
        ("no JSON", format!("x.y.{signature}")),
        ("dots", "...".to_owned()),
    ];
    assert_eq!(engine.api().with_token(&token).get("/v1/me").await.status, 200, "the good one");
    for (what, token) in cases {
        let api = engine.api().with_token(&token);
        assert_eq!(api.get("/v1/me").await.code(), "unauthenticated", "{what}");
        assert_eq!(api.get("/v1/pbx/extensions").await.code(), "unauthenticated", "{what}");
    }
    let mut session = engine.api().open().await;
    session.say(json!({"type": "hello", "token": signed(&with(good, "aud", json!("other")))})).await;
    assert_eq!(session.closed().await, 4001);
}

#[tokio::test]
async fn without_the_section_no_signed_token_is_taken() {
    let engine = engine(Options::default(), |_| ()).await;
    assert_eq!(engine.api().with_token(&signed(&claims("201"))).get("/v1/me").await.code(), "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_clocks_may_differ_by_a_minute() {
    let clock = manual_clock();
    let behaviour = Behaviour { heartbeat: Duration::from_millis(100), ..Behaviour::default() };
    let options = Options { clock: clock.clone(), behaviour: Some(behaviour), ..Options::default() };
    let engine = engine(options, by_secret).await;
    let now = u64::try_from(clock.now().0 / 1_000_000).unwrap();
    let jake = engine.api().with_token(&signed(&with(claims("201"), "exp", json!(now + 10))));
    let mut session = jake.connect().await;
    clock.advance(Duration::from_secs(65));
    assert_eq!(jake.get("/v1/me").await.status, 200);
    session.settled().await;
    clock.advance(Duration::from_secs(6));
    assert_eq!(session.closed().await, 4001);
    assert_eq!(jake.get("/v1/me").await.code(), "unauthenticated");
}

#[tokio::test]
async fn a_session_ends_at_that_moment_and_not_at_the_next_beat() {
    let engine = engine(Options::default(), by_secret).await;
    // Good for ten seconds more, with the leeway.
    let token = signed(&with(claims("201"), "exp", json!(seconds() - 50)));
    let mut session = engine.api().with_token(&token).connect().await;
    // Beats are 25 s apart: the test's patience is shorter.
    assert_eq!(session.closed().await, 4001);
}

#[tokio::test]
async fn who_is_disabled_is_out_and_a_new_password_is_no_matter() {
    let engine = engine(Options::default(), by_secret).await;
    let pbx = engine.api();
    let ann = pbx.with_token(&signed(&claims("202")));
    let mut session = ann.connect().await;
    pbx.put("/v1/pbx/extensions/202", json!({"name": "Ann", "password": "another one"})).await.ok();
    assert_eq!(ann.get("/v1/me").await.status, 200);
    session.settled().await;
    pbx.put("/v1/pbx/extensions/202", json!({"name": "Ann", "enabled": false})).await.ok();
    assert_eq!(session.closed().await, 4003);
    assert_eq!(ann.get("/v1/me").await.code(), "unauthenticated");
}

#[tokio::test]
async fn a_token_of_who_is_gone_is_not_good_for_who_has_the_number_now() {
    let engine = engine(Options::default(), by_secret).await;
    let pbx = engine.api();
    let issued = |at: u64| with(claims("202"), "iat", json!(at));
    let old = pbx.with_token(&signed(&issued(seconds() - 5)));
    assert_eq!(old.get("/v1/me").await.status, 200);
    assert_eq!(pbx.delete("/v1/pbx/extensions/202").await.status, 204);
    pbx.put("/v1/pbx/extensions/202", json!({"name": "New", "role": "admin"})).await.ok();
    assert_eq!(old.get("/v1/me").await.code(), "unauthenticated");
    assert_eq!(old.post("/v1/token", json!(null)).await.code(), "unauthenticated");
    // When a token was issued has to be said where a number was somebody else's.
    assert_eq!(pbx.with_token(&signed(&claims("202"))).get("/v1/me").await.code(), "unauthenticated");
    assert_eq!(pbx.with_token(&signed(&issued(seconds() + 1))).get("/v1/me").await.ok()["name"], "New");
}

#[tokio::test]
async fn a_logout_ends_its_sessions_and_the_token_stays_good() {
    let engine = engine(Options::default(), by_secret).await;
    let ann = engine.api().with_token(&signed(&claims("202")));
    let another = engine.api().with_token(&signed(&with(claims("202"), "jti", json!("another"))));
    let (mut session, mut other) = (ann.connect().await, another.connect().await);
    assert_eq!(ann.post("/v1/logout", json!(null)).await.status, 204);
    assert_eq!(session.closed().await, 4003);
    other.settled().await;
    ann.connect().await;
}

#[tokio::test]
async fn the_claim_names_the_company_and_without_one_it_is_the_usual() {
    let named = |config: &mut Config| {
        by_secret(config);
        config.jwt.tenant_claim = "org".into();
    };
    let two = async |configure: fn(&mut Config)| {
        let engine = engine(Options::default(), configure).await;
        let (_, key) = engine.tenant("other").await;
        engine.api().with_token(&key).put("/v1/pbx/extensions/201", json!({"name": "Eve"})).await.ok();
        engine
    };
    let me = async |engine: &TestEngine, claims: Value| {
        let answer = engine.api().with_token(&signed(&claims)).get("/v1/me").await;
        if answer.status == 200 { answer.body["tenant"].clone() } else { answer.code().into() }
    };
    let one = two(named).await;
    for (org, expected) in [
        (json!("other"), "other"),
        (json!("default"), "default"),
        (json!("nowhere"), "unauthenticated"),
        (json!("a\u{0}"), "unauthenticated"),
        (json!(1), "unauthenticated"),
        (json!(null), "unauthenticated"),
    ] {
        assert_eq!(me(&one, with(claims("201"), "org", org.clone())).await, expected, "{org}");
    }
    assert_eq!(me(&one, claims("201")).await, "unauthenticated", "who can name it must");
    let usual = two(by_secret).await;
    assert_eq!(me(&usual, with(claims("201"), "org", json!("other"))).await, "default");
}

/// A private key, by name.
struct Signer {
    kid: &'static str,
    key: EncodingKey,
}

impl Signer {
    fn new(kid: &'static str, seed: u8) -> Self {
        // PKCS #8 of an Ed25519 key: what comes before its 32 bytes is always the same.
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend([seed; 32]);
        Self { kid, key: EncodingKey::from_ed_der(&der) }
    }

    fn public(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, Algorithm::EdDSA).unwrap()).unwrap();
        jwk["kid"] = self.kid.into();
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.into()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// An RSA key of which nobody has the private half.
const MODULUS: &str = "oQt6-mBD_L0anbMJgOE9Ty4ZUK2qE9_6YIosoj22nIOsSi8HdjgerMYTctLPcoYthkTMVS7X5av0-LstmBMg9D3FpQgmFuTqzph_JzAL7F6IQY\
    v-UC4W0y35_Z-BCGfY4yhqfLhvLwtDSGpLLgCRve-4YEDSVw7_WrhZFTQL1QuJO2w2moC4LYv9dgLJ5kY0LcCDlzvq1vyc1pitzpYvZ8xawTYO\
    mUbLkl56scEIwyWXQPHk6oI71RrYRvF9-oZxFj-5j7dLJdF88QDT4DmNECiNlPI1Z2iM67Fx82Dl9UAUH4meN6FA5PWKfWAnpxgQFiqrcalGrK-jJBzWhhNbuQ";
const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoQt6+mBD/L0anbMJgOE9\n\
    Ty4ZUK2qE9/6YIosoj22nIOsSi8HdjgerMYTctLPcoYthkTMVS7X5av0+LstmBMg\n\
    9D3FpQgmFuTqzph/JzAL7F6IQYv+UC4W0y35/Z+BCGfY4yhqfLhvLwtDSGpLLgCR\n\
    ve+4YEDSVw7/WrhZFTQL1QuJO2w2moC4LYv9dgLJ5kY0LcCDlzvq1vyc1pitzpYv\n\
    Z8xawTYOmUbLkl56scEIwyWXQPHk6oI71RrYRvF9+oZxFj+5j7dLJdF88QDT4DmN\n\
    ECiNlPI1Z2iM67Fx82Dl9UAUH4meN6FA5PWKfWAnpxgQFiqrcalGrK+jJBzWhhNb\n\
    uQIDAQAB\n\
    -----END PUBLIC KEY-----\n";

fn set(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

fn by_keys(jwks: &str) -> impl FnOnce(&mut Config) {
    move |config| {
        config.jwt.issuer = ISSUER.into();
        config.jwt.audience = "partyline".into();
        config.jwt.jwks = jwks.into();
    }
}

/// Asks until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let asking = async { while !is_so().await {} };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it does not come to be so");
}

/// Asked as often as a token wants.
fn at_once() -> Options {
    let pace = Pace { least: Duration::from_millis(20), most: Duration::from_millis(40) };
    Options { jwks_pace: Some(pace), ..Options::default() }
}

#[tokio::test]
async fn a_public_key_is_no_secret_and_a_key_has_one_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let ed = Signer::new("ed", 1);
    let rsa = json!({"kty": "RSA", "kid": "rsa", "n": MODULUS, "e": "AQAB", "alg": "RS256"});
    std::fs::write(&file, set(&[rsa, ed.public()])).unwrap();
    let engine = engine(Options::default(), by_keys(file.to_str().unwrap())).await;
    let me = async |token: &str| engine.api().with_token(token).get("/v1/me").await;
    assert_eq!(me(&ed.sign(&claims("201"))).await.status, 200);

    let modulus = BASE64_URL_SAFE_NO_PAD.decode(MODULUS).unwrap();
    let x = ed.public()["x"].as_str().unwrap().to_owned();
    let x = BASE64_URL_SAFE_NO_PAD.decode(x).unwrap();
    for (kid, secret) in [
        ("rsa", PEM.as_bytes()),
        ("rsa", PEM.trim().as_bytes()),
        ("rsa", MODULUS.as_bytes()),
        ("rsa", &modulus[..]),
        ("ed", &x[..]),
    ] {
        for algorithm in ["HS256", "RS256", "EdDSA", "none"] {
            let token = hs256(&json!({"alg": algorithm, "kid": kid}), &claims("201"), secret);
            assert_eq!(me(&token).await.code(), "unauthenticated", "{algorithm} with {kid}");
        }
    }
    let nameless = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims("201"), &ed.key).unwrap();
    assert_eq!(me(&nameless).await.code(), "unauthenticated");
    for stranger in [Signer::new("ed", 2), Signer::new("rsa", 1), Signer::new("other", 1)] {
        assert_eq!(me(&stranger.sign(&claims("201"))).await.code(), "unauthenticated", "{}", stranger.kid);
    }
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_when_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let (old, new) = (Signer::new("old", 1), Signer::new("the newer one", 2));
    std::fs::write(&file, set(&[old.public()])).unwrap();
    let engine = engine(at_once(), by_keys(file.to_str().unwrap())).await;
    let me = async |signer: &Signer| engine.api().with_token(&signer.sign(&claims("201"))).get("/v1/me").await;
    assert_eq!(me(&old).await.status, 200);
    assert_eq!(me(&new).await.code(), "unauthenticated");
    // Half a file takes no key away.
    std::fs::write(&file, "{\"keys\":[").unwrap();
    std::fs::write(&file, set(&[new.public()])).unwrap();
    until(async || me(&new).await.status == 200).await;
    until(async || me(&old).await.status == 401).await;
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("partyline.toml");
    let database = folder.path().join("p.db");
    let toml = format!(
        "listen = \"127.0.0.1:0\"\ndatabase_url = \"sqlite://{}?mode=rwc\"\n\
         [jwt]\nissuer = \"i\"\naudience = \"a\"\njwks = \"/nowhere/jwks.json\"\n",
        database.display()
    );
    std::fs::write(&file, toml).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_partyline")).args(["serve", "--config"]).arg(&file).output().unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(!run.status.success() && said.contains("/nowhere/jwks.json"), "{said}");
}

/// A server of keys, which counts who asks, and says what it is told to.
struct KeyServer {
    url: String,
    asked: Arc<AtomicUsize>,
    says: Arc<Mutex<(u16, String)>>,
}

impl KeyServer {
    async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let (asked, says) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new((200, set(keys)))));
        let (count, answer) = (asked.clone(), says.clone());
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 4_096];
                let _ = socket.read(&mut request).await;
                count.fetch_add(1, Ordering::SeqCst);
                let (status, body) = answer.lock().unwrap().clone();
                let head =
                    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = socket.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { url, asked, says }
    }

    fn says(&self, status: u16, body: String) {
        *self.says.lock().unwrap() = (status, body);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_key_that_is_not_known_is_asked_for_once_however_many_tokens_name_it() {
    let (old, new) = (Signer::new("old", 1), Signer::new("new", 2));
    let server = KeyServer::start(&[old.public()]).await;
    let engine = engine(Options::default(), by_keys(&server.url)).await;
    let me = async |signer: &Signer| engine.api().with_token(&signer.sign(&claims("201"))).get("/v1/me").await;
    assert_eq!(me(&old).await.status, 200, "who comes before the first answer waits for it");
    server.says(200, set(&[old.public(), new.public()]));
    for _ in 0..20 {
        assert_eq!(me(&new).await.code(), "unauthenticated", "it was asked less than 30 s ago");
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn new_keys_are_found_and_old_ones_stay_good_while_fetching_fails() {
    let (old, new) = (Signer::new("old", 1), Signer::new("new", 2));
    let server = KeyServer::start(&[old.public()]).await;
    let pace = Pace { least: Duration::from_millis(20), most: Duration::from_secs(3_600) };
    let engine = engine(Options { jwks_pace: Some(pace), ..Options::default() }, by_keys(&server.url)).await;
    let me = async |signer: &Signer| engine.api().with_token(&signer.sign(&claims("201"))).get("/v1/me").await;
    assert_eq!(me(&old).await.status, 200);
    for (status, body) in [
        (500, String::new()),
        (302, String::new()),
        (200, "<html>".into()),
        (200, set(&[])),
        (200, " ".repeat(300_000)),
    ] {
        server.says(status, body);
        let before = server.asked();
        until(async || {
            assert_eq!(me(&new).await.code(), "unauthenticated");
            server.asked() >= before + 2
        })
        .await;
        assert_eq!(me(&old).await.status, 200, "{status}");
    }
    server.says(200, set(&[new.public()]));
    until(async || me(&new).await.status == 200).await;
    assert_eq!(me(&old).await.code(), "unauthenticated", "it was taken away");
}

#[tokio::test]
async fn keys_are_asked_for_now_and_then_even_if_no_token_wants_another() {
    let old = Signer::new("old", 1);
    let server = KeyServer::start(&[old.public()]).await;
    let engine = engine(at_once(), by_keys(&server.url)).await;
    let jake = engine.api().with_token(&old.sign(&claims("201")));
    assert_eq!(jake.get("/v1/me").await.status, 200);
    server.says(200, set(&[Signer::new("new", 2).public()]));
    until(async || jake.get("/v1/me").await.status == 401).await;
}

/// `oidc-provider`, as a process of its own.
struct Provider {
    issuer: String,
    child: Child,
}

impl Provider {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/issuer");
        install(&folder);
        let mut node = Command::new("node");
        let node = node.arg("issuer.mjs").current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = node.spawn().expect("the test needs Node");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { issuer: line.trim().to_owned(), child }
    }

    /// A token for who has this client's secret.
    async fn token(&self, client: &str, resource: &str) -> String {
        ready_for_tls();
        let request = reqwest::Client::new()
            .post(format!("{}/token", self.issuer))
            .basic_auth(client, Some(format!("the%20secret%20of%20{client}")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&resource={resource}"));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its packages, if they are not there yet, or of another time.
fn install(folder: &Path) {
    let made = |file: PathBuf| std::fs::metadata(file).and_then(|m| m.modified()).ok();
    let (there, lock) = (made(folder.join("node_modules/.package-lock.json")), made(folder.join("package-lock.json")));
    if there < lock {
        let npm = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder)
            .status();
        assert!(npm.expect("the test needs npm").success());
    }
}

#[tokio::test]
async fn people_sign_in_with_tokens_of_a_real_issuer() {
    let provider = Provider::start();
    let engine = engine(Options::default(), |config| {
        config.jwt.issuer = provider.issuer.clone();
        config.jwt.audience = "partyline".into();
        config.jwt.jwks = format!("{}/jwks", provider.issuer);
    })
    .await;
    for algorithm in ["RS256", "EdDSA"] {
        let token = provider.token("201", &format!("urn:partyline:{algorithm}")).await;
        let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert!(String::from_utf8(header).unwrap().contains(algorithm), "{algorithm}");
        let jake = engine.api().with_token(&token);
        assert_eq!(jake.get("/v1/me").await.ok()["name"], "Jake", "{algorithm}");
        jake.connect().await.settled().await;
        let elsewhere = provider.token("201", &format!("urn:other:{algorithm}")).await;
        assert_eq!(engine.api().with_token(&elsewhere).get("/v1/me").await.code(), "unauthenticated");
        let nobody = provider.token("999", &format!("urn:partyline:{algorithm}")).await;
        assert_eq!(engine.api().with_token(&nobody).get("/v1/me").await.code(), "unauthenticated");
    }
}
