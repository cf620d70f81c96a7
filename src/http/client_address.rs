//! Whom a request comes from, behind the proxies that are trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The address that counts for limits.
pub fn client_address(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip());
    let peer = peer.to_canonical();
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|v| v.to_str().ok());
    network(behind(peer, &forwarded.collect::<Vec<_>>().join(","), trusted))
}

/// Who has one IPv6 address has the 2^64 beside it.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !0 << 64)),
    }
}

/// From right to left, the first address that is no trusted proxy: only what a trusted one has added is believed.
fn behind(peer: IpAddr, forwarded: &str, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut address = peer;
    for hop in forwarded.rsplit(',') {
        if !is_trusted(address) {
            break;
        }
        let Ok(next) = hop.trim().parse() else { break };
        address = next;
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let ip = |s: &str| s.parse::<IpAddr>().unwrap();
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let address = |peer, forwarded| behind(ip(peer), forwarded, &trusted);
        assert_eq!(address("203.0.113.1", "198.51.100.7"), ip("203.0.113.1"));
        assert_eq!(address("10.0.0.1", "198.51.100.7"), ip("198.51.100.7"));
        assert_eq!(address("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.2"), ip("198.51.100.7"));
        assert_eq!(address("10.0.0.1", "nonsense"), ip("10.0.0.1"));
        assert_eq!(address("10.0.0.1", ""), ip("10.0.0.1"));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let ip = |s: &str| s.parse::<IpAddr>().unwrap();
        assert_eq!(network(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(network(ip("203.0.113.1")), ip("203.0.113.1"));
    }
}
