//! Networks, and which addresses are those of the world at large.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The addresses that have their first bits in common. An IPv4 address within an IPv6 one is the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    pub(super) fn has(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same_prefix(u128::from(u32::from(own)) << 96, u128::from(u32::from(other)) << 96, self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => same_prefix(own.into(), other.into(), self.prefix),
            _ => false,
        }
    }
}

fn same_prefix(one: u128, other: u128, prefix: u8) -> bool {
    prefix == 0 || (one ^ other) >> (128 - u32::from(prefix)) == 0
}

impl FromStr for Network {
    type Err = ();

    /// `10.0.0.5`, `10.0.0.0/8`, `fd00::/8`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().map_err(|_| ())?)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| ())?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        if prefix > most { Err(()) } else { Ok(Self { address, prefix }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Networks that are this machine's, a private one's, or nobody's (IANA's registries of special-purpose addresses).
const SPECIAL: [&str; 26] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Whether an address is one of the world at large. One that has an IPv4 address in it for a gateway to use is what that
/// one is.
pub(super) fn is_public(address: IpAddr) -> bool {
    let address = match address.to_canonical() {
        IpAddr::V6(six) => embedded(six).map_or(IpAddr::V6(six), IpAddr::V4),
        four => four,
    };
    !SPECIAL.iter().any(|network| network.parse::<Network>().is_ok_and(|network| network.has(address)))
}

/// The IPv4 address within one of NAT64 or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let joined = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_network_is_one() {
        assert!(SPECIAL.iter().all(|network| network.parse::<Network>().is_ok()));
    }

    #[test]
    fn addresses_of_the_world_are_told_from_others() {
        for address in
            ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1", "64:ff9b::808:808", "2002:808:808::1"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "127.255.0.1",
            "10.0.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn networks_have_what_begins_as_they_do() {
        let has =
            |network: &str, address: &str| network.parse::<Network>().unwrap().has(address.parse().unwrap());
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("0.0.0.0/0", "1.2.3.4") && !has("0.0.0.0/0", "::1"));
        assert!(has("fd00::/8", "fd12::1") && !has("fd00::/8", "fe00::1"));
        assert!(has("10.0.0.5", "10.0.0.5") && !has("10.0.0.5", "10.0.0.6"));
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "x"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
