//! Who may do what: every route of the document, walked by everybody who should not get through it.
//!
//! The routes come from the document, their bodies from its schemas. A path's parameters name what is the company's own
//! (`OURS`): a new kind of them has to be added there before the test runs at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use partyline::{
    config::{Carrier, Config, Simulator},
    http,
    storage::Scope,
};
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    client::{Answer, Api, PASSWORD},
    engine::TestEngine,
    webhooks::pausing,
};

/// In everything that the company wrote or named. Nobody else ever reads it.
const SECRET: &str = "Zebra";
const OUR_NUMBER: &str = "+14045550100";
const FREE_NUMBER: &str = "+14045550101";
const QUEUE_NUMBER: &str = "+14045550103";
const CUSTOMER: &str = "+14045550199";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    /// No token.
    Nobody,
    /// A token that never was one.
    Stranger,
    /// Of the company, and in none of its conversations and queues.
    Colleague,
    /// Of another company.
    OtherUser,
    /// The key of another company.
    OtherKey,
    /// The company's key that only reads.
    Reader,
    /// The company's key.
    Key,
    /// The company's administrator.
    Admin,
}

use Role::{Admin, Colleague, Key, Nobody, OtherKey, OtherUser, Reader, Stranger};

/// What is otherwise than the rule says: who, where, and the statuses that come.
const EXCEPTIONS: &[(&[Role], &str, &[u16])] = &[
    // The upgrade is open to all, as its first frame brings the token; this is none.
    (&[Nobody, Stranger, Colleague, OtherUser, OtherKey, Reader, Key, Admin], "GET /v1/ws", &[400]),
    // There is no such password.
    (&[Nobody], "POST /v1/login", &[401]),
    // The simulator brings its own by another way.
    (&[Nobody], "POST /v1/carriers/{name}/inbound", &[403]),
    (&[Nobody], "POST /v1/carriers/{name}/status", &[403]),
    (&[Nobody], "POST /v1/carriers/{name}/status/{attempt}", &[403]),
    // Another company's number can't be had, and that it is another's is told.
    (&[OtherKey], "PUT /v1/pbx/numbers/{number}", &[409]),
    // What is made so is their own, whatever we call by the same name.
    (&[OtherKey], "PUT /v1/pbx/extensions/{number}", &[201]),
    (&[OtherKey], "POST /v1/pbx/extensions/{number}/tokens", &[201]),
    (&[OtherKey], "PUT /v1/pbx/queues/{key}", &[201]),
    (&[OtherKey], "PUT /v1/pbx/voice-queues/{key}", &[201]),
    (&[OtherKey], "PUT /v1/pbx/phonebooks/{key}", &[201]),
    (&[OtherKey], "GET /v1/pbx/phonebooks/{key}/contacts", &[200]),
    (&[OtherKey], "PUT /v1/pbx/phonebooks/{key}/contacts", &[200]),
    (&[OtherKey], "PATCH /v1/pbx/phonebooks/{key}/contacts", &[200]),
    (&[OtherKey], "PUT /v1/pbx/webhooks/{key}", &[201]),
    (&[OtherKey], "GET /v1/pbx/webhooks/{key}/deliveries", &[200]),
    (&[OtherKey], "PUT /v1/pbx/consents/{ours}/{theirs}", &[201]),
];

/// Bodies that a schema can't tell of.
const BODIES: [(&str, &str); 2] = [
    ("POST /v1/conversations/{id}/transfer", "{\"extension\":\"202\"}"),
    ("POST /v1/pbx/unrouted/{id}/assign", "{\"extension\":\"201\"}"),
];

/// What is the company's own: (a path's beginning, a parameter, its value).
type Ours = Vec<(&'static str, &'static str, String)>;

/// An operation of the document.
struct Route {
    method: Method,
    path: String,
    is_open: bool,
    query: String,
    body: Option<(String, String)>,
}

impl Route {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_pbx(&self) -> bool {
        self.path.starts_with("/v1/pbx/")
    }

    fn names_something(&self) -> bool {
        self.path.contains('{')
    }

    /// With what is the company's own in the place of its parameters.
    fn address(&self, ours: &Ours) -> String {
        let mut address = self.path.clone();
        while let Some((before, rest)) = address.split_once('{') {
            let (parameter, _) = rest.split_once('}').unwrap();
            let found = ours.iter().find(|(begins, name, _)| before.starts_with(begins) && *name == parameter);
            let (.., value) = found.unwrap_or_else(|| panic!("{}: what is {{{parameter}}}?", self.path));
            address = address.replacen(&format!("{{{parameter}}}"), &value.replace('+', "%2B"), 1);
        }
        format!("{address}{}", self.query)
    }

    async fn ask(&self, api: Option<&Api>, engine: &TestEngine, ours: &Ours) -> Answer {
        let url = format!("{}{}", engine.url, self.address(ours));
        let request = match api {
            Some(api) => api.request(self.method.clone(), &self.address(ours)),
            None => reqwest::Client::new().request(self.method.clone(), url),
        };
        let request = match &self.body {
            Some((kind, body)) => request.header("content-type", kind).body(body.clone()),
            None => request,
        };
        Answer::of(request.send().await.unwrap()).await
    }

    /// Whether the status is what must come for who asks.
    fn expects(&self, role: Role, status: u16) -> bool {
        let name = self.name();
        let exception = EXCEPTIONS.iter().find(|(who, route, _)| who.contains(&role) && *route == name);
        if let Some((.., statuses)) = exception {
            return statuses.contains(&status);
        }
        let reads = self.method == Method::GET;
        match role {
            _ if self.is_open => status < 500 && ![401, 403].contains(&status),
            Nobody | Stranger => status == 401,
            Colleague if self.is_pbx() => status == 403,
            Reader if self.is_pbx() && !reads => status == 403,
            Reader | Key | OtherKey if !self.is_pbx() => status == 401,
            OtherUser if self.is_pbx() => status == 403,
            OtherUser | OtherKey | Colleague if self.names_something() => status == 404,
            OtherUser | OtherKey | Colleague | Reader if reads => status == 200,
            _ => status < 500 && ![401, 403].contains(&status),
        }
    }
}

/// Every operation, logging out last: it takes the token with it.
fn routes() -> Vec<Route> {
    let document = serde_json::to_value(http::document()).unwrap();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let required = |p: &&Value| p["in"] == "query" && p["required"] == true;
            let pair = |p: &Value| {
                let value = example(&document, &p["schema"]);
                format!("{}={}", p["name"].as_str().unwrap(), value.as_str().map_or(value.to_string(), str::to_owned))
            };
            let query = operation["parameters"].as_array().into_iter().flatten().filter(required).map(pair);
            let query = query.collect::<Vec<_>>().join("&");
            let content = operation["requestBody"]["content"].as_object();
            let body = content.and_then(|content| content.iter().next());
            let name = format!("{} {path}", method.to_uppercase());
            let said = BODIES.iter().find(|(route, _)| *route == name).map(|(_, body)| (*body).to_owned());
            let body = body.map(|(kind, body)| {
                (kind.clone(), said.unwrap_or_else(|| example(&document, &body["schema"]).to_string()))
            });
            routes.push(Route {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                is_open: operation["security"] == json!([{}]),
                query: if query.is_empty() { query } else { format!("?{query}") },
                body,
            });
        }
    }
    routes.sort_by_key(|route| route.path == "/v1/logout");
    assert!(routes.len() > 50, "the document has them all");
    routes
}

/// The smallest value that a schema takes.
fn example(document: &Value, schema: &Value) -> Value {
    if let Some(named) = schema["$ref"].as_str() {
        return example(document, document.pointer(named.trim_start_matches('#')).unwrap());
    }
    if let Some(one) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        return example(document, one.iter().find(|s| s["type"] != "null").unwrap());
    }
    if let Some(all) = schema["allOf"].as_array() {
        let parts = all.iter().map(|part| example(document, part));
        return parts.filter_map(|part| part.as_object().cloned()).flatten().collect::<Map<_, _>>().into();
    }
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    if let Some(one) = schema["enum"].as_array() {
        return one[0].clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
    match kind {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let field = |name: &str| (name.to_owned(), example(document, &schema["properties"][name]));
            required.map(field).collect::<Map<_, _>>().into()
        }
        Some("array") => json!([]),
        Some("boolean") => json!(false),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("string") if schema["format"] == "uuid" => json!(Uuid::now_v7()),
        Some("string") if schema["format"] == "date-time" => json!("2026-01-01T00:00:00.000Z"),
        Some("string") => json!("x"),
        _ => json!({}),
    }
}

/// A company that has something of everything, and what is its own.
async fn furnish(engine: &TestEngine) -> Ours {
    let pbx = engine.api();
    let secret = |what: &str| format!("{SECRET} {what}");
    let put = async |path: &str, body: Value| pbx.put(&format!("/v1/pbx/{path}"), body).await.ok();
    for (number, more) in [
        ("201", json!({"caller_ids": [OUR_NUMBER], "phonebooks": ["crm"]})),
        ("202", json!({})),
        ("208", json!({})),
        ("209", json!({"role": "admin"})),
    ] {
        let mut body = json!({"name": secret(number), "password": PASSWORD});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put(&format!("extensions/{number}"), body).await;
    }
    let number = json!({"label": secret("line"), "sms_enabled": true, "carrier": "sim"});
    put(&format!("numbers/{OUR_NUMBER}"), number.clone()).await;
    put(&format!("numbers/{FREE_NUMBER}"), number.clone()).await;
    let mut feeding = number.clone();
    feeding["queue"] = "support".into();
    put(&format!("numbers/{QUEUE_NUMBER}"), feeding).await;
    put("queues/support", json!({"name": secret("queue"), "members": ["201"]})).await;
    let agent = json!({"extension": "201", "logged_in": true, "paused": false});
    put("voice-queues/support", json!({"name": secret("queue"), "agents": [agent]})).await;
    put("phonebooks/crm", json!({"name": secret("customers"), "source": "crm"})).await;
    let contact = json!([{"key": "1", "name": secret("customer"), "numbers": [CUSTOMER]}]);
    put("phonebooks/crm/contacts", contact).await;
    let call = json!([{"key": "1", "extension": "201", "direction": "inbound", "number": "+14045550155",
        "caller_name": secret("caller"), "at": "2026-01-01T00:00:00.000Z"}]);
    pbx.post("/v1/pbx/calls", call).await.ok();
    put("settings", json!({"help_text": secret("help")})).await;
    put(&format!("consents/{OUR_NUMBER}/+14045550177"), json!({"reason": secret("no more")})).await;

    let webhook = json!({"url": "https://pbx.example.com/events", "events": ["*"]});
    put("webhooks/pbx", webhook).await;

    let jake = signed_in(engine, "default", "201").await;
    let group = jake.group(&secret("group"), &["202"]).await;
    jake.say(&group, &secret("text")).await;
    let text_in = async |from: &str, to: &str| {
        pbx.post("/v1/simulator/messages", json!({"from": from, "to": to, "text": secret("text")})).await
    };
    text_in(CUSTOMER, OUR_NUMBER).await.ok();
    text_in(CUSTOMER, QUEUE_NUMBER).await.ok();
    text_in("+14045550188", FREE_NUMBER).await.ok();
    // Nobody's number: a dead letter.
    text_in(CUSTOMER, "+14045550111").await;
    let first = async |path: &str| pbx.get(path).await.ok()["items"][0]["id"].as_str().unwrap().to_owned();
    let phonebook = jake.get("/v1/phonebooks").await.ok()["items"][0]["id"].as_str().unwrap().to_owned();
    let my_queue = jake.get("/v1/queues").await.ok()["items"][0]["id"].as_str().unwrap().to_owned();
    let delivery = loop {
        let deliveries = pbx.get("/v1/pbx/webhooks/pbx/deliveries").await.ok();
        let tried = deliveries["items"].as_array().unwrap().iter().find(|delivery| delivery["attempts"] == 1);
        match tried {
            Some(delivery) => break delivery["id"].as_str().unwrap().to_owned(),
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    vec![
        ("/v1/voice-queues/", "key", "support".into()),
        ("/v1/pbx/webhooks/", "key", "pbx".into()),
        ("/v1/pbx/webhooks/", "id", delivery),
        ("/v1/conversations/", "id", group),
        ("/v1/conversations/", "seq", "1".into()),
        ("/v1/conversations/", "who", "202".into()),
        ("/v1/queues/", "id", my_queue),
        ("/v1/phonebooks/", "id", phonebook),
        ("/v1/pbx/phonebooks/", "key", "crm".into()),
        ("/v1/attachments/", "id", Uuid::now_v7().to_string()),
        ("/v1/carriers/", "name", "sim".into()),
        ("/v1/carriers/", "attempt", Uuid::now_v7().to_string()),
        ("/v1/pbx/extensions/", "number", "201".into()),
        ("/v1/pbx/numbers/", "number", OUR_NUMBER.into()),
        ("/v1/pbx/queues/", "key", "support".into()),
        ("/v1/pbx/voice-queues/", "key", "support".into()),
        ("/v1/pbx/consents/", "ours", OUR_NUMBER.into()),
        ("/v1/pbx/consents/", "theirs", "+14045550177".into()),
        ("/v1/pbx/unrouted/", "id", first("/v1/pbx/unrouted").await),
        ("/v1/pbx/dead-letters/", "id", first("/v1/pbx/dead-letters").await),
    ]
}

async fn signed_in(engine: &TestEngine, tenant: &str, extension: &str) -> Api {
    let login = json!({"tenant": tenant, "extension": extension, "password": PASSWORD});
    let session = engine.api().login(login).await.ok();
    engine.api().with_token(session["token"].as_str().unwrap())
}

/// All that the company can read of its own.
async fn everything(engine: &TestEngine, jake: &Api, routes: &[Route], ours: &Ours) -> BTreeMap<String, Value> {
    let key = engine.api();
    let mut read = BTreeMap::new();
    for route in routes.iter().filter(|r| r.method == Method::GET && !r.is_open && r.path != "/v1/ws") {
        let api = if route.is_pbx() { &key } else { jake };
        read.insert(route.path.clone(), route.ask(Some(api), engine, ours).await.body);
    }
    read
}

#[tokio::test]
async fn every_route_lets_through_whom_it_should_and_nobody_else() {
    let sim = Simulator { pace_per_s: 10_000.0, open: false, knobs: Default::default() };
    // Nothing is tried again meanwhile, so that what is seen twice is the same.
    let options = pausing(vec![Duration::from_secs(3_600)]);
    let configure = |c: &mut Config| drop(c.carriers.insert("sim".into(), Carrier::Simulator(sim)));
    let engine = TestEngine::on(Arc::new(tempfile::tempdir().unwrap()), options, configure).await;
    let ours = furnish(&engine).await;
    let routes = routes();
    let (_, other_key) = engine.tenant("other").await;
    let other_key = engine.api().with_token(&other_key);
    other_key.put("/v1/pbx/extensions/301", json!({"name": "Eve", "password": PASSWORD})).await.ok();
    let tenant = engine.engine.storage.tenant("default").await.unwrap().unwrap();
    let reader = engine.engine.storage.create_api_key(tenant, Scope::PbxRead).await.unwrap();

    let mut wrong = Vec::new();
    let mut walk = async |role: Role, api: Option<&Api>| {
        for route in routes.iter().filter(|route| role == Nobody || !route.is_open) {
            let answer = route.ask(api, &engine, &ours).await;
            let status = answer.status.as_u16();
            if !route.expects(role, status) {
                wrong.push(format!("{role:?}: {} is {status}: {}", route.name(), answer.body));
            }
            // The simulator's phones see all that it carries; it answers on loopback alone.
            let may_know = [Colleague, Reader, Key, Admin].contains(&role) || route.path.starts_with("/v1/simulator/");
            if !may_know && answer.body.to_string().contains(SECRET) {
                wrong.push(format!("{role:?}: {} tells {}", route.name(), answer.body));
            }
        }
    };
    // The open ones, too: what they change is changed before we look.
    walk(Nobody, None).await;
    let jake = signed_in(&engine, "default", "201").await;
    let before = everything(&engine, &jake, &routes, &ours).await;
    walk(Stranger, Some(&engine.api().with_token("never-was-one"))).await;
    walk(Reader, Some(&engine.api().with_token(&reader))).await;
    walk(OtherKey, Some(&other_key)).await;
    walk(OtherUser, Some(&signed_in(&engine, "other", "301").await)).await;
    let after = everything(&engine, &jake, &routes, &ours).await;
    // Whoever is of the company may change what is theirs.
    walk(Colleague, Some(&signed_in(&engine, "default", "208").await)).await;
    walk(Admin, Some(&signed_in(&engine, "default", "209").await)).await;
    walk(Key, Some(&engine.api())).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let shown = before.values().filter(|body| body.to_string().contains(SECRET)).count();
    assert!(shown > 10, "there was something to see: {shown}");
    for (path, body) in &before {
        assert_eq!(body, &after[path], "{path} was changed by who may not");
    }
    let names: BTreeSet<_> = routes.iter().map(Route::name).collect();
    for route in EXCEPTIONS.iter().map(|(_, route, _)| route).chain(BODIES.iter().map(|(route, _)| route)) {
        assert!(names.contains(*route), "{route} is not there any more");
    }
}
