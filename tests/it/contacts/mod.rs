//! Phonebooks, contacts, calls and names, from outside: the PBX that provisions them, and people who look.

mod bulk;
mod calls;
mod names;
mod nightly;
mod phonebooks;
mod search;
mod upload;

use std::{collections::HashMap, ops::Index, path::Path};

use partyline::{app::Options, carriers::Knobs, config::Config};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Answer, Api, Client},
    engine::{TestEngine, database_url},
    queues::sign_in,
    sms::{engine_with, simulator},
};

pub const BOOKS: &str = "/v1/pbx/phonebooks";
pub const JAKE: &str = "201";
pub const MIA: &str = "202";
pub const WYATT: &str = "211";

/// A company whose people are signed in, with two numbers of ours and the simulator.
pub struct Office {
    pub engine: TestEngine,
    pub pbx: Api,
    people: HashMap<String, Api>,
}

impl Index<&str> for Office {
    type Output = Api;
    fn index(&self, number: &str) -> &Api {
        &self.people[number]
    }
}

impl Office {
    pub async fn open(people: &[&str]) -> Self {
        Self::with(Options::default(), people).await
    }

    pub async fn with(options: Options, people: &[&str]) -> Self {
        let engine = engine_with(options, |config| config.carriers = simulator(Knobs::default())).await;
        let mut office = Self { pbx: engine.api(), engine, people: HashMap::new() };
        for number in people {
            let somebody = sign_in(&office.engine, &office.pbx, number, "user").await;
            office.people.insert((*number).to_owned(), somebody);
        }
        office
    }

    /// Says how an extension is: these fields beside its name.
    pub async fn put(&self, extension: &str, fields: Value) {
        let mut body = json!({"name": format!("Name {extension}")});
        for (field, value) in fields.as_object().unwrap() {
            body[field] = value.clone();
        }
        self.pbx.put(&format!("/v1/pbx/extensions/{extension}"), body).await.ok();
    }

    /// Gives somebody these phonebooks, in this order.
    pub async fn assign(&self, extension: &str, books: &[&str]) {
        self.put(extension, json!({"phonebooks": books})).await;
    }

    /// Makes a phonebook.
    pub async fn book(&self, key: &str, name: &str, source: &str) -> Value {
        self.pbx.put(&format!("{BOOKS}/{key}"), json!({"name": name, "source": source})).await.ok()
    }

    /// ... with these contacts, which Jake has.
    pub async fn customers(&self, contacts: Value) {
        self.book("crm", "Customers", "crm").await;
        self.pbx.fill("crm", contacts).await.ok();
        self.assign(JAKE, &["crm"]).await;
    }

    /// The newest version of the company.
    pub async fn version(&self) -> i64 {
        self.pbx_version("default").await
    }

    async fn pbx_version(&self, tenant: &str) -> i64 {
        let storage = &self.engine.engine.storage;
        storage.current_version(storage.tenant(tenant).await.unwrap().unwrap()).await.unwrap()
    }

    /// What a client has heard since it was asked last: up to a change that everyone hears of.
    pub async fn heard(&self, client: &mut Client) -> Vec<(String, Value)> {
        let name = Uuid::now_v7().to_string();
        self.put("999", json!({"name": name})).await;
        client.until_matching(|f| f["name"] == "extension.updated" && f["data"]["name"] == name.as_str()).await;
        let marker = |e: &Value| e["name"] == "extension.updated" && e["data"]["extension"] == "999";
        let events = client.events.drain(..).filter(|e| !marker(e));
        events.map(|e| (e["name"].as_str().unwrap().to_owned(), e["data"].clone())).collect()
    }

    /// A second engine on the same database, where there can be one: a second on the same SQLite file is refused.
    pub async fn second(&self) -> Option<TestEngine> {
        std::env::var("TEST_POSTGRES").ok()?;
        let configure = |config: &mut Config| config.carriers = simulator(Knobs::default());
        Some(TestEngine::on(self.engine.folder.clone(), Options::default(), configure).await)
    }

    /// How many rows a table has.
    pub async fn rows(&self, table: &str) -> i64 {
        rows(self.engine.folder.path(), table).await
    }
}

/// That these numbers may have other names; none: that any may.
pub fn told(numbers: impl Into<Option<Vec<&'static str>>>) -> (String, Value) {
    let numbers = numbers.into();
    ("names.updated".to_owned(), json!({"numbers": numbers}))
}

pub fn contact(key: &str, name: &str, numbers: &[&str]) -> Value {
    json!({"key": key, "name": name, "numbers": numbers})
}

/// How many rows a table of the database in this folder has.
pub async fn rows(folder: &Path, table: &str) -> i64 {
    let db = Database::connect(database_url(folder)).await.unwrap();
    let sql = format!("SELECT count(*) AS n FROM {table}");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    db.close().await.unwrap();
    row.try_get("", "n").unwrap()
}

/// As it stands in a URL.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The names of what was found.
pub fn shown(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap_or("-")).collect()
}

impl Api {
    /// All contacts of a phonebook, in the place of those there were.
    pub async fn fill(&self, key: &str, contacts: Value) -> Answer {
        self.put(&format!("{BOOKS}/{key}/contacts"), contacts).await
    }

    /// Some contacts of a phonebook.
    pub async fn alter(&self, key: &str, contacts: Value) -> Answer {
        self.patch(&format!("{BOOKS}/{key}/contacts"), contacts).await
    }

    /// All contacts of a phonebook, as the PBX sees them.
    pub async fn contacts(&self, key: &str) -> Vec<Value> {
        self.all(&format!("{BOOKS}/{key}/contacts")).await
    }

    /// What I may show for a number.
    pub async fn name_of(&self, number: &str) -> String {
        let names = self.get(&format!("/v1/names?numbers={}", encoded(number))).await.ok();
        names[number].as_str().unwrap_or_else(|| panic!("no {number} in {names}")).to_owned()
    }

    /// Whom I may mean by this.
    pub async fn find(&self, q: &str) -> Vec<Value> {
        let found = self.get(&format!("/v1/contacts?q={}", encoded(q))).await.ok();
        assert_eq!(found["next"], Value::Null);
        found["items"].as_array().unwrap().clone()
    }

    /// Where I stand: what `/v1/sync` goes on from.
    pub async fn stand(&self) -> (i64, String) {
        let sync = self.get("/v1/sync").await.ok();
        (sync["cursor"].as_i64().unwrap(), sync["epoch"].as_str().unwrap().to_owned())
    }

    /// What happened since.
    pub async fn since(&self, (cursor, epoch): &(i64, String)) -> Vec<(String, Value)> {
        let sync = self.get(&format!("/v1/sync?cursor={cursor}&epoch={epoch}")).await.ok();
        assert_eq!(sync["resumed"], true);
        let events = sync["events"].as_array().unwrap();
        events.iter().map(|e| (e["name"].as_str().unwrap().to_owned(), e["data"].clone())).collect()
    }
}
