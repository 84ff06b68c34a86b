use std::fmt;

use super::text_value::text_value;

/// A STUN server by name or address, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StunServer {
    /// A name or an IP address, the latter without brackets.
    pub host: String,
    /// Its UDP port; 3478 if none is written (RFC 8489 §8.1).
    pub port: u16,
}

const DEFAULT_PORT: u16 = 3_478;

/// DNS names have at most so many characters (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;

impl StunServer {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        } else {
            text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
        };
        let port = port.map_or(Some(DEFAULT_PORT), |port| port.parse().ok().filter(|port| *port > 0))?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        let fits = (1..=HOST_BYTES_MAX).contains(&host.len()) && host.bytes().all(is_name);
        fits.then(|| Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for StunServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

text_value! {
    StunServer: { "type": "string", "examples": ["stun.example.net:3478", "[2001:db8::1]:3478"] }
    "is not a server; write \"HOST:PORT\", such as \"stun.example.net:3478\" or \"[2001:db8::1]:3478\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_name_or_an_address_with_a_port_or_the_usual_one() {
        for (text, shown) in [
            ("stun.example.net:19302", Some("stun.example.net:19302")),
            ("stun.example.net", Some("stun.example.net:3478")),
            ("192.0.2.1:80", Some("192.0.2.1:80")),
            ("[2001:db8::1]:80", Some("[2001:db8::1]:80")),
            ("[2001:db8::1]", Some("[2001:db8::1]:3478")),
            ("2001:db8::1", None),
            ("stun:stun.example.net", None),
            ("stun.example.net:0", None),
            ("[x]:1", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(StunServer::parse(text).map(|server| server.to_string()).as_deref(), shown, "{text}");
        }
    }
}
