//! A receiver of webhooks, as good or as bad as a test wants it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::sms::eventually;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Got {
    pub headers: HashMap<String, String>,
    pub bytes: String,
    pub at: Instant,
    /// The status that it was answered with; 0: none.
    pub status: u16,
}

impl Got {
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.bytes).unwrap()
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// The text of a message.
    pub fn text(&self) -> String {
        self.data()["text"].as_str().unwrap_or_default().to_owned()
    }

    pub fn is_taken(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, and a header.
    Status(u16, Option<(&'static str, String)>),
    /// Nothing, and the connection stays open.
    Silence,
}

/// Says what a request is answered, by how many came before it.
type Manners = dyn Fn(usize, &Got) -> Reply + Send + Sync;

pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
    manners: Arc<Mutex<Arc<Manners>>>,
    listening: JoinHandle<()>,
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::answering(|_, _| Reply::Status(204, None)).await
    }

    pub async fn answering(manners: impl Fn(usize, &Got) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?token=hidden", listener.local_addr().unwrap());
        let got = Arc::<Mutex<Vec<Got>>>::default();
        let manners: Arc<Mutex<Arc<Manners>>> = Arc::new(Mutex::new(Arc::new(manners)));
        let (kept, how) = (got.clone(), manners.clone());
        let listening = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, kept.clone(), how.clone()));
            }
        });
        Self { url, got, manners, listening }
    }

    /// From now on it answers so.
    pub fn answers(&self, manners: impl Fn(usize, &Got) -> Reply + Send + Sync + 'static) {
        *self.manners.lock().unwrap() = Arc::new(manners);
    }

    /// All that came so far.
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// What was answered with 2xx so far.
    pub fn taken(&self) -> Vec<Got> {
        self.got().into_iter().filter(Got::is_taken).collect()
    }

    /// The texts of messages that it took.
    pub fn texts(&self) -> Vec<String> {
        self.taken().iter().filter(|got| got.kind() == "message.created").map(Got::text).collect()
    }

    /// Waits until this is so of what came.
    pub async fn until(&self, is_so: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        eventually(async || {
            let got = self.got();
            if is_so(&got) { Ok(got) } else { Err(format!("{got:#?}")) }
        })
        .await
    }

    /// Waits until it has taken so many.
    pub async fn until_taken(&self, count: usize) -> Vec<Got> {
        self.until(|got| got.iter().filter(|g| g.is_taken()).count() >= count).await;
        self.taken()
    }

    /// Waits until it has taken a message of this text.
    pub async fn until_text(&self, text: &str) -> Got {
        self.until(|got| got.iter().any(|g| g.is_taken() && g.text() == text)).await;
        self.taken().into_iter().find(|got| got.text() == text).unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(mut socket: TcpStream, kept: Arc<Mutex<Vec<Got>>>, manners: Arc<Mutex<Arc<Manners>>>) {
    let mut read = Vec::new();
    loop {
        let Some(head) = read.windows(4).position(|w| w == b"\r\n\r\n") else {
            if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let text = String::from_utf8(read[..head].to_vec()).unwrap();
        let lines = text.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: HashMap<_, _> = lines.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
        let length: usize = headers["content-length"].parse().unwrap();
        while read.len() < head + 4 + length {
            if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let body: Vec<u8> = read.drain(..head + 4 + length).skip(head + 4).collect();
        let mut got = Got { headers, bytes: String::from_utf8(body).unwrap(), at: Instant::now(), status: 0 };
        let manners = manners.lock().unwrap().clone();
        let reply = {
            let mut kept = kept.lock().unwrap();
            let reply = manners(kept.len(), &got);
            if let Reply::Status(status, _) = &reply {
                got.status = *status;
            }
            kept.push(got);
            reply
        };
        let Reply::Status(status, header) = reply else {
            // Until the other end has had enough.
            while socket.read_buf(&mut read).await.unwrap_or(0) > 0 {}
            return;
        };
        let header = header.map(|(name, value)| format!("{name}: {value}\r\n")).unwrap_or_default();
        let answer = format!("HTTP/1.1 {status} Answer\r\n{header}content-length: 5\r\n\r\nhello");
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
