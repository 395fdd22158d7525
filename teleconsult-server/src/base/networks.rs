//! A set of networks, as `TRUSTED_PROXIES` lists them.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

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

    /// Parses addresses, networks, and the names that the predecessor's launcher has for groups of them.
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
                let network = one.parse().or_else(|_| one.parse::<IpAddr>().map(IpNet::from));
                networks.push(network.map_err(|_| NotNetworks)?);
            }
        }
        Ok(Self(networks))
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
        for bad in ["", "10.0.0.0/33", "proxy", "10.0.0.1,", "1"] {
            assert!(bad.parse::<Networks>().is_err(), "{bad}");
        }
    }
}
