//! HTTP to others: how a client is made, and what it may reach where somebody else named the address.

use std::{
    error::Error,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, ClientBuilder, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect, retry,
};

/// Why a body is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncollected {
    /// It is longer than it may be.
    TooLarge,
    /// The connection ended in it.
    BrokeOff,
}

/// How long a connection waits for the next text. The carrier closes it some time, and what is written at that moment is
/// lost and unconfirmed: so we close it first.
const IDLE: Duration = Duration::from_secs(10);
/// What is said of a name that means an address of somebody's own network.
const NOT_PUBLIC: &str = "its address is not public";

/// HTTP/1, one request at a time on a connection, nothing sent twice: so it is clear what was written.
pub fn client(connect: Duration) -> Result<ClientBuilder, String> {
    let tls = tls().map_err(|error| format!("no TLS: {error}"))?;
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(connect)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("partyline/", env!("CARGO_PKG_VERSION"))))
}

/// The roots that browsers trust are in the binary, as a small container has none; those of the system count too, for a
/// carrier within a company. The provider is named, so that none has to be installed.
pub fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Finds the addresses of a name that has none but public ones, at the moment of connecting: a name that means one address
/// when it is checked and another when it is called gains nothing.
#[derive(Debug)]
pub struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() || !found.iter().all(|address| is_public(address.ip())) {
                return Err(Box::<dyn Error + Send + Sync>::from(NOT_PUBLIC));
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The address that a URL names instead of a host.
pub fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Whether an address is on the internet, as opposed to in a network of somebody's own (IANA's registries of
/// special-purpose addresses).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || matches!((a, b, c), (0 | 224.., ..) | (100, 64..128, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..20, _));
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, ..] = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // IPv4 in other clothes: translated (NAT64), 6to4. No server is reached by a mapped address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, ..] => v4(b, c),
        // Protocols' own (Teredo among them, which hides an IPv4 address), and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that is assigned to the internet.
        _ => a & 0xe000 == 0x2000,
    }
}

/// A body, if it is not longer than `most` bytes. No more than that is ever held.
pub async fn collected(mut response: Response, most: usize) -> Result<Vec<u8>, Uncollected> {
    if response.content_length().is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most)) {
        return Err(Uncollected::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Uncollected::BrokeOff)? {
        if chunk.len() > most - bytes.len() {
            return Err(Uncollected::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_means_our_own_network_is_not_found() {
        let found = PublicOnly.resolve("localhost".parse().unwrap()).await;
        assert!(found.is_err());
    }

    #[test]
    fn public_addresses_are_told_from_others() {
        for address in ["93.184.215.14", "172.15.0.1", "2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::808:808"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::",
            "::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "192.0.2.1",
            "203.0.113.9",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "::7f00:1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }
}
