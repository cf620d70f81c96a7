//! An upload that comes as slowly as a test wants.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::BOOKS;
use crate::client::{Answer, Api};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Contacts on their way to a phonebook, piece by piece.
pub struct Upload(TcpStream);

impl Upload {
    pub async fn begin(api: &Api, key: &str, content_type: &str) -> Self {
        let host = api.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let head = format!(
            "PUT {BOOKS}/{key}/contacts HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\
             content-type: {content_type}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
            api.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    pub async fn lines(api: &Api, key: &str) -> Self {
        Self::begin(api, key, "application/x-ndjson").await
    }

    /// A piece of it; false if nobody takes it any more.
    pub async fn bring(&mut self, text: &str) -> bool {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        timeout(PATIENCE, self.0.write_all(chunk.as_bytes())).await.unwrap().is_ok()
    }

    /// That was all of it: the answer.
    pub async fn end(mut self) -> Answer {
        self.0.write_all(b"0\r\n\r\n").await.unwrap();
        self.answer().await
    }

    /// It breaks off in the middle.
    pub async fn break_off(mut self) {
        self.0.shutdown().await.unwrap();
        let mut rest = vec![];
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.unwrap();
    }

    async fn answer(mut self) -> Answer {
        let mut answer = vec![];
        timeout(PATIENCE, self.0.read_to_end(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse::<u16>().unwrap();
        let body = serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()));
        Answer { status: status.try_into().unwrap(), body }
    }
}
