//! A carrier's server, for the tests of those that speak HTTP.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::server::Within;

/// Longer than any test.
pub(super) const LONG: Duration = Duration::from_secs(10);
/// With little patience for an answer.
pub(super) const IMPATIENT: Within = Within { connect: LONG, answer: Duration::from_millis(300), fetch: LONG };

/// What it does with a connection, once it has read the request.
pub(super) enum Does {
    Answers(String),
    Hangs,
    Resets,
}

pub(super) fn answer(head: &str, body: &str) -> Does {
    Does::Answers(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// A carrier that does this with each connection in turn, and what it was asked.
pub(super) async fn carrier(does: Vec<Does>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut asked = vec![];
        for does in does {
            let (mut stream, _) = listener.accept().await.unwrap();
            asked.push(request(&mut stream).await);
            match does {
                Does::Answers(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                Does::Hangs => tokio::time::sleep(LONG).await,
                Does::Resets => stream.set_zero_linger().unwrap(),
            }
        }
        asked
    });
    (base, asked)
}

/// An address where nobody listens.
pub(super) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server that takes no TLS.
pub(super) async fn no_tls() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 64];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    base
}

async fn request(stream: &mut TcpStream) -> String {
    let (mut read, mut buffer) = (vec![], [0; 4_096]);
    loop {
        let n = stream.read(&mut buffer).await.unwrap();
        read.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |l| l.parse().unwrap());
        if n == 0 || text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length) {
            return text;
        }
    }
}
