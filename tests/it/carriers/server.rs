//! An HTTP server: it reads whole requests, and a function answers them, or closes the connection without a word.

use std::{collections::HashMap, future::Future};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it came; the names of its headers in lower case.
#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Response {
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, content_type: "application/json", body: body.to_string().into_bytes() }
    }
}

/// It listens until it is dropped.
pub struct Server {
    pub url: String,
    listening: JoinHandle<()>,
}

impl Server {
    pub async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(Request) -> F + Clone + Send + 'static,
        F: Future<Output = Option<Response>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let listening = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, answer.clone()));
            }
        });
        Self { url, listening }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve<F: Future<Output = Option<Response>>>(mut socket: TcpStream, answer: impl Fn(Request) -> F) {
    let mut read = Vec::new();
    while let Some(request) = request(&mut socket, &mut read).await {
        let Some(Response { status, content_type, body }) = answer(request).await else { return };
        let head = format!(
            "HTTP/1.1 {status} Answer\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if socket.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}

/// The next request of a connection; `None` if it ends. What came of the one after it is left in `read`.
async fn request(socket: &mut TcpStream, read: &mut Vec<u8>) -> Option<Request> {
    let mut until = async |is_there: &(dyn Fn(&[u8]) -> Option<usize> + Sync)| loop {
        if let Some(length) = is_there(read) {
            return Some(read.drain(..length).collect::<Vec<_>>());
        }
        if socket.read_buf(read).await.unwrap_or(0) == 0 {
            return None;
        }
    };
    let head = until(&|read| read.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)).await?;
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (first.next()?, first.next()?);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> = headers.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let body = until(&|read| (read.len() >= length).then_some(length)).await?;
    Some(Request { method, path, headers, body })
}
