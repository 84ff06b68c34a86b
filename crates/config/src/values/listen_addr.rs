use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use super::text_value::text_value;

/// An address to listen on: `127.0.0.1:8080`, `[::]:3478`, `localhost:8443`. Port 0 lets the system choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenAddr(SocketAddr);

impl ListenAddr {
    /// On 127.0.0.1.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// On all IPv4 addresses.
    #[must_use]
    pub const fn everywhere(port: u16) -> Self {
        Self(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
    }

    /// As sockets want it.
    #[must_use]
    pub const fn get(self) -> SocketAddr {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.strip_prefix("localhost:") {
            Some(port) => port.parse().ok().map(Self::loopback),
            None => text.parse().ok().map(Self),
        }
    }
}

impl From<SocketAddr> for ListenAddr {
    fn from(addr: SocketAddr) -> Self {
        Self(addr)
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

text_value! {
    ListenAddr: { "type": "string", "format": "ip-port", "examples": ["127.0.0.1:8080", "[::]:8080"] }
    "is not an address to listen on; write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_an_ip_and_a_port_and_localhost_is_one() {
        for (text, expected) in [
            ("127.0.0.1:80", Some("127.0.0.1:80")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("[::1]:443", Some("[::1]:443")),
            (" 0.0.0.0:1 ", Some("0.0.0.0:1")),
            ("8080", None),
            (":8080", None),
            ("example.org:80", None),
            ("127.0.0.1:65536", None),
            ("", None),
        ] {
            assert_eq!(ListenAddr::parse(text).map(|addr| addr.to_string()).as_deref(), expected, "{text:?}");
        }
    }
}
