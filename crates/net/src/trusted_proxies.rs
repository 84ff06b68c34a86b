//! Whose word counts when a connection or a request comes through a proxy.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks whose hosts may say who the client is. Empty by default: nobody may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// The header in which trusted proxies name the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For` with `X-Forwarded-Proto`: what nginx, HAProxy, Caddy, Traefik and clouds write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// A text that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address or network: write for example 192.0.2.7, 10.0.0.0/8 or fd00::/8")]
pub struct InvalidNetwork {
    /// The text.
    pub text: String,
}

impl TrustedProxies {
    /// Parses addresses (`192.0.2.7`) and networks in CIDR notation (`10.0.0.0/8`).
    ///
    /// # Errors
    ///
    /// The first text that is neither.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, InvalidNetwork> {
        texts.into_iter().map(|text| parse_network(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `ip` is a trusted proxy's.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<IpNet> for TrustedProxies {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

fn parse_network(text: &str) -> Result<IpNet, InvalidNetwork> {
    let text = text.trim();
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| InvalidNetwork { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_contain_what_they_say() {
        let proxies = TrustedProxies::parse(["192.0.2.7", " 10.0.0.0/8 ", "fd00::/8", "::1"]).unwrap();
        for (ip, trusted) in [
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("fd12::1", true),
            ("fe80::1", false),
            ("::1", true),
            ("::ffff:10.1.2.3", true),
            ("127.0.0.1", false),
        ] {
            assert_eq!(proxies.contains(ip.parse().unwrap()), trusted, "{ip}");
        }
    }

    #[test]
    fn the_wrong_text_is_named() {
        for text in ["10.0.0.0/33", "proxy.example", "", "10.0.0/8"] {
            assert_eq!(TrustedProxies::parse(["127.0.0.1", text]), Err(InvalidNetwork { text: text.to_owned() }));
        }
    }

    #[test]
    fn by_default_nobody_is_trusted() {
        assert!(TrustedProxies::default().is_empty());
        assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
    }
}
