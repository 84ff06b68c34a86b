use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::text_value::text_value;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    /// As a prefix.
    #[must_use]
    pub const fn get(self) -> IpNet {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
        Some(Self(net.trunc()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

text_value! {
    Network: { "type": "string", "format": "ip-network", "examples": ["192.0.2.7", "10.0.0.0/8", "fd00::/8"] }
    "is not a range of addresses; write an address or a prefix, such as \"192.0.2.7\" or \"10.0.0.0/8\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_prefix_or_one_address() {
        for (text, expected) in [
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("fd00::1/8", Some("fd00::/8")),
            ("::1", Some("::1/128")),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("any", None),
        ] {
            assert_eq!(Network::parse(text).map(|net| net.to_string()).as_deref(), expected, "{text:?}");
        }
    }
}
