//! A client: HTTP by calls, the WebSocket by frames, and what a chat program makes of them.

use std::{collections::HashMap, ops::Index, time::Duration};

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::CloseFrame},
};
use uuid::Uuid;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The HTTP interface, as whoever holds the token.
#[derive(Clone)]
pub struct Api {
    pub url: String,
    pub token: String,
    client: reqwest::Client,
}

/// An answer: its status and its JSON.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let status = response.status();
        let text = response.text().await.unwrap();
        Self { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// A refusal's code, after making sure that it is told the same way everywhere.
    pub fn code(&self) -> &str {
        assert_eq!(self.body["status"], self.status.as_u16(), "{self:?}");
        assert!(self.body["detail"].as_str().is_some_and(|d| !d.is_empty()), "{self:?}");
        self.body["code"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}"))
    }

    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.body
    }
}

/// HTTP clients find TLS ready, though no test uses it.
pub fn ready_for_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Api {
    pub fn new(url: &str, token: &str) -> Self {
        ready_for_tls();
        // The server ends a connection that was silent for some seconds: one that is about to end is not used again.
        let client = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(1)).build().unwrap();
        Self { url: url.into(), token: token.into(), client }
    }

    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.into(), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(&body).send().await.unwrap()).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(&body).send().await.unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    pub async fn login(&self, body: Value) -> Answer {
        let request = self.client.post(format!("{}/v1/login", self.url));
        Answer::of(request.json(&body).send().await.unwrap()).await
    }

    /// Makes these people with the token of the PBX, and signs them in.
    pub async fn people(&self, numbers: &[&str]) -> People {
        self.people_of("default", numbers).await
    }

    pub async fn people_of(&self, tenant: &str, numbers: &[&str]) -> People {
        let mut people = HashMap::new();
        for number in numbers {
            let name = format!("Name {number}");
            let body = json!({"name": name, "password": PASSWORD});
            self.put(&format!("/v1/pbx/extensions/{number}"), body).await.ok();
            let login = json!({"tenant": tenant, "extension": number, "password": PASSWORD});
            let session = self.login(login).await.ok();
            people.insert((*number).to_owned(), self.with_token(session["token"].as_str().unwrap()));
        }
        People(people)
    }

    /// The chat with another: its id.
    pub async fn chat(&self, with: &str) -> String {
        let made = self.post("/v1/conversations", json!({"kind": "direct", "extension": with})).await.ok();
        made["id"].as_str().unwrap().to_owned()
    }

    /// A new group with others: its id.
    pub async fn group(&self, name: &str, others: &[&str]) -> String {
        let body = json!({"kind": "group", "client_id": Uuid::now_v7(), "name": name, "extensions": others});
        self.post("/v1/conversations", body).await.ok()["id"].as_str().unwrap().to_owned()
    }

    pub async fn rename(&self, group: &str, name: &str) -> Answer {
        self.patch(&format!("/v1/conversations/{group}"), json!({"name": name})).await
    }

    pub async fn add(&self, group: &str, others: &[&str]) -> Answer {
        self.post(&format!("/v1/conversations/{group}/participants"), json!({"extensions": others})).await
    }

    /// Removes somebody from a group; `me`: leaves it.
    pub async fn remove(&self, group: &str, who: &str) -> Answer {
        self.delete(&format!("/v1/conversations/{group}/participants/{who}")).await
    }

    pub async fn send(&self, conversation: &str, client_id: Uuid, text: &str) -> Answer {
        let body = json!({"client_id": client_id, "text": text});
        self.post(&format!("/v1/conversations/{conversation}/messages"), body).await
    }

    /// Sends under a new `client_id`.
    pub async fn say(&self, conversation: &str, text: &str) -> Value {
        self.send(conversation, Uuid::now_v7(), text).await.ok()
    }

    /// The whole timeline, oldest first.
    pub async fn history(&self, conversation: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut from = "after_seq=0".to_owned();
        loop {
            let path = format!("/v1/conversations/{conversation}/messages?{from}&limit=200");
            let page = self.get(&path).await.ok();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => from = format!("after={next}"),
                None => return all,
            }
        }
    }

    pub async fn connect(&self) -> Client {
        self.connect_at(None, None).await
    }

    /// Connects, and reads up to `ready`.
    pub async fn connect_at(&self, cursor: Option<i64>, epoch: Option<&str>) -> Client {
        let mut client = self.open().await;
        client.say(json!({"type": "hello", "cursor": cursor, "epoch": epoch, "token": self.token})).await;
        client.until_ready().await;
        client
    }

    /// Connects, and says nothing yet.
    pub async fn open(&self) -> Client {
        let request = format!("{}/v1/ws", self.url.replace("http", "ws")).into_client_request().unwrap();
        let (socket, _) = timeout(PATIENCE, connect_async(request)).await.unwrap().unwrap();
        Client::of(socket)
    }
}

/// The password of everyone in tests.
pub const PASSWORD: &str = "correct horse";

/// People by number.
pub struct People(HashMap<String, Api>);

impl Index<&str> for People {
    type Output = Api;
    fn index(&self, number: &str) -> &Api {
        &self.0[number]
    }
}

/// A WebSocket.
pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The frames from `welcome` to `ready`.
    pub beginning: Vec<Value>,
    /// All events so far.
    pub events: Vec<Value>,
    pub cursor: i64,
    pub epoch: String,
    pub resumed: bool,
}

impl Client {
    pub fn of(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self { socket, beginning: vec![], events: vec![], cursor: 0, epoch: String::new(), resumed: false }
    }

    pub async fn say(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    pub async fn send(&mut self, conversation: &str, client_id: Uuid, text: &str) {
        let frame = json!({"type": "send", "ref": client_id, "conversation": conversation, "client_id": client_id, "text": text});
        self.say(frame).await;
    }

    /// The next frame; events are kept, in order and each once, as the protocol promises.
    pub async fn frame(&mut self) -> Value {
        self.try_frame().await.expect("the connection ended")
    }

    /// `Err`: why the server closed.
    pub async fn try_frame(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("no frame in time") {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    self.note(&frame);
                    return Ok(frame);
                }
                Some(Ok(Message::Close(close))) => return Err(close),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    fn note(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap() {
            "welcome" => {
                self.resumed = frame["resumed"].as_bool().unwrap();
                self.epoch = frame["epoch"].as_str().unwrap().into();
            }
            "event" => {
                let version = frame["version"].as_i64().unwrap();
                assert!(version > self.cursor, "version {version} after {}: {frame}", self.cursor);
                self.cursor = version;
                self.events.push(frame.clone());
            }
            "ready" => {
                let cursor = frame["cursor"].as_i64().unwrap();
                assert!(cursor >= self.cursor, "ready at {cursor} after {}", self.cursor);
                self.cursor = cursor;
            }
            _ => {}
        }
    }

    pub async fn until_ready(&mut self) {
        loop {
            let frame = self.frame().await;
            let ready = frame["type"] == "ready";
            self.beginning.push(frame);
            if ready {
                return;
            }
        }
    }

    /// The next frame of a type; what comes before it is only noted.
    pub async fn until(&mut self, r#type: &str) -> Value {
        self.until_matching(|f| f["type"] == r#type).await
    }

    pub async fn until_event(&mut self, name: &str) -> Value {
        self.until_matching(|f| f["type"] == "event" && f["name"] == name).await
    }

    pub async fn until_matching(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.frame().await;
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Whatever is under way has arrived when a ping that was sent after it is answered.
    pub async fn settled(&mut self) -> Vec<Value> {
        self.say(json!({"type": "ping"})).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["type"] == "pong" {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// The code with which the server closes.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Err(close) = self.try_frame().await {
                return close.map_or(0, |c| c.code.into());
            }
        }
    }

    /// The names of all events so far.
    pub fn names(&self) -> Vec<&str> {
        self.events.iter().map(|e| e["name"].as_str().unwrap()).collect()
    }

    /// `(conversation, seq, text)` of the messages that came as events.
    pub fn messages(&self) -> Vec<(String, i64, String)> {
        let created = self.events.iter().filter(|e| e["name"] == "message.created").map(|e| &e["data"]);
        created
            .map(|m| {
                let text = |field: &str| m[field].as_str().unwrap().to_owned();
                (text("conversation"), m["seq"].as_i64().unwrap(), text("text"))
            })
            .collect()
    }
}
