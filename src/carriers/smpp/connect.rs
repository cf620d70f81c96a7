//! A connection to a message centre, by whichever of its addresses answers.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tracing::warn;

use crate::{carriers::CONNECT_WITHIN, outgoing};

use super::{Account, link::Ended};

/// So many addresses have their share of the time. Of more, others are tried the next time.
const SHARES: usize = 4;

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects. Each try begins with another address.
pub(super) async fn connect(account: &Account, tries: usize) -> Result<Box<dyn Stream>, Ended> {
    let connected = timeout(CONNECT_WITHIN, async {
        let addresses: Vec<_> = lookup_host((account.host.as_str(), account.port)).await?.collect();
        to_one_of(&addresses, tries, CONNECT_WITHIN).await
    });
    let stream = connected.await.map_err(|_| Ended::Lost("no connection within its time".into()))??;
    // A segment is small, and wanted now.
    if let Err(error) = stream.set_nodelay(true) {
        warn!(carrier = account.name, %error, "a socket's options could not be set");
    }
    if !account.tls {
        return Ok(Box::new(stream));
    }
    match timeout(CONNECT_WITHIN, secured(stream, &account.host)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(why)) => Err(Ended::Lost(why)),
        Err(_) => Err(Ended::Lost("no TLS within its time".into())),
    }
}

/// Tries one after the other, each for its share of the time: one that swallows everything does not hide the others.
async fn to_one_of(addresses: &[SocketAddr], tries: usize, within: Duration) -> io::Result<TcpStream> {
    let count = addresses.len();
    let share = within / u32::try_from(count.clamp(1, SHARES)).unwrap_or(1);
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses.iter().cycle().skip(tries % count.max(1)).take(count) {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

async fn secured(stream: TcpStream, host: &str) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
    let config = outgoing::tls().map_err(|error| format!("no TLS: {error}"))?;
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|_| "host is no name for TLS")?;
    let connected = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(|error| format!("no TLS: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    async fn there() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// An address that swallows everything: whoever listens there takes nobody any more.
    fn swallows() -> (Socket, Vec<Socket>, SocketAddr) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let knocks = (0..8).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        });
        (listener, knocks.collect(), address.as_socket().unwrap())
    }

    #[tokio::test]
    async fn an_address_that_swallows_everything_does_not_hide_the_next() {
        let ((_full, _knocks, first), (_listener, second)) = (swallows(), there().await);
        // Much longer than its share, and much shorter than a connection is tried for otherwise.
        let connected = timeout(CONNECT_WITHIN * 2, to_one_of(&[first, second], 0, Duration::from_secs(1))).await;
        assert_eq!(connected.unwrap().unwrap().peer_addr().unwrap(), second);
    }

    #[tokio::test]
    async fn each_try_begins_with_another_address() {
        let ((_a, first), (_b, second)) = (there().await, there().await);
        for (tries, expected) in [(0, first), (1, second), (2, first)] {
            let stream = to_one_of(&[first, second], tries, CONNECT_WITHIN).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), expected, "{tries}");
        }
        assert!(to_one_of(&[], 3, CONNECT_WITHIN).await.is_err());
    }
}
