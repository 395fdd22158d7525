//! A set of networks, as `TRUSTED_PROXIES` lists them.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// A set of networks; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// The text is not a list of networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a list of networks")]
pub struct NotNetworks;

impl Networks {
    /// Whether an address is in one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = NotNetworks;

    /// Parses addresses, networks with a prefix length or a mask, and the names that the predecessor's launcher has for groups
    /// of them.
    fn from_str(text: &str) -> Result<Self, NotNetworks> {
        let mut networks = Vec::new();
        for entry in text.split(',').map(str::trim) {
            let group: &[&str] = match entry {
                "loopback" => &["127.0.0.1/8", "::1/128"],
                "linklocal" => &["169.254.0.0/16", "fe80::/10"],
                "uniquelocal" => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
                other => &[other],
            };
            for one in group {
                networks.push(plain(network(one).ok_or(NotNetworks)?));
            }
        }
        Ok(Self(networks))
    }
}

fn network(text: &str) -> Option<IpNet> {
    let with_mask = || {
        let (address, mask) = text.split_once('/')?;
        let (address, mask): (IpAddr, IpAddr) = (address.parse().ok()?, mask.parse().ok()?);
        IpNet::with_netmask(address, mask).ok().filter(|_| address.is_ipv4() == mask.is_ipv4())
    };
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).or_else(with_mask)
}

/// A network of IPv4 addresses that is written in IPv6, as the IPv4 network: peers are compared by their IPv4 address.
fn plain(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(prefix_len)) if matches!(network, IpNet::V6(_)) => {
            Ipv4Net::new(address, prefix_len).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::Networks;

    #[test]
    fn addresses_networks_and_names_are_parsed() {
        let networks: Networks = "10.1.0.0/16, 192.0.2.7,loopback,2001:db8::/32".parse().unwrap();
        for (address, inside) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("127.5.5.5", true),
            ("::1", true),
            ("::ffff:10.1.2.3", true),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), inside, "{address}");
        }
        for mapped in
            ["::ffff:10.0.0.0/104", "10.0.0.0/255.0.0.0", "::ffff:10.0.0.0/ffff:ffff:ffff:ffff:ffff:ffff:ff00:0"]
        {
            let networks: Networks = mapped.parse().unwrap();
            for (address, inside) in
                [("10.9.9.9", true), ("::ffff:10.9.9.9", true), ("11.0.0.1", false), ("::1", false)]
            {
                assert_eq!(networks.contains(address.parse().unwrap()), inside, "{mapped} {address}");
            }
        }
        let all_ipv4: Networks = "::ffff:0:0/96".parse().unwrap();
        assert!(all_ipv4.contains("192.0.2.1".parse().unwrap()) && !all_ipv4.contains("::1".parse().unwrap()));
        for bad in ["10.0.0.0/255.0.255.0", "10.0.0.0/::", "", "10.0.0.0/33", "proxy", "10.0.0.1,", "1"] {
            assert!(bad.parse::<Networks>().is_err(), "{bad}");
        }
    }
}
