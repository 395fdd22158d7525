//! The address of the client behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::base::networks::Networks;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The nearest address that is not a trusted proxy. Each proxy appends the address that called it, so what stands before
/// the first untrusted one from the right may be made up.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let forwarded_for: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut client = peer;
    for address in forwarded_for.iter().rev() {
        if !trusted.contains(client) {
            break;
        }
        let Some(next) = forwarded(address.trim()) else { break };
        client = next;
    }
    // Logs show an IPv4 address as such, also if it came over a socket for both protocols.
    client.to_canonical()
}

/// An address, which some proxies write with a port, and IPv6 in brackets.
fn forwarded(text: &str) -> Option<IpAddr> {
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::client_address;
    use crate::base::networks::Networks;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Networks = "10.0.0.0/8".parse().unwrap();
        let client = |peer: &str, forwarded_for: &'static str| {
            let headers = HeaderMap::from_iter([(super::FORWARDED_FOR, HeaderValue::from_static(forwarded_for))]);
            client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(client("192.0.2.1", "198.51.100.1"), "192.0.2.1");
        assert_eq!(client("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(client("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(client("10.0.0.1", "10.0.0.3"), "10.0.0.3");
        assert_eq!(client("10.0.0.1", "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(client("10.0.0.1", "[2001:db8::1]"), "2001:db8::1");
        assert_eq!(client("10.0.0.1", "[2001:db8::1]:4711"), "2001:db8::1");
        assert_eq!(client("::ffff:10.0.0.1", "::ffff:198.51.100.1"), "198.51.100.1");
        assert_eq!(client("::ffff:192.0.2.1", ""), "192.0.2.1");
        assert_eq!(client("10.0.0.1", "[198.51.100.1"), "10.0.0.1");
        assert_eq!(client("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(client("10.0.0.1", ""), "10.0.0.1");
    }
}
