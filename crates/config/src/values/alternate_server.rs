use std::fmt;
use std::net::SocketAddr;

use super::text_value::text_value;

/// Another TURN server: `ADDRESS:PORT`, or `ADDRESS:PORT/NAME` with the name on its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlternateServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The name on its certificate, at most 255 bytes (RFC 8489 §14.16).
    pub name: Option<String>,
}

impl AlternateServer {
    const NAME_BYTES_MAX: usize = 255;

    fn parse(text: &str) -> Option<Self> {
        let (address, name) = match text.trim().split_once('/') {
            Some((address, name)) => (address, Some(name)),
            None => (text.trim(), None),
        };
        let address: SocketAddr = address.parse().ok()?;
        let is_reachable = address.port() > 0 && !address.ip().is_unspecified();
        let is_name = |name: &str| {
            (1..=Self::NAME_BYTES_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        };
        (is_reachable && name.is_none_or(is_name)).then(|| Self { address, name: name.map(str::to_owned) })
    }
}

impl fmt::Display for AlternateServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}/{name}", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

text_value! {
    AlternateServer: { "type": "string", "examples": ["198.51.100.7:3478", "198.51.100.7:5349/turn2.example.org"] }
    "is not another server; write its address and port, for TLS with the name on its certificate if it has another, such as \"198.51.100.7:3478\" or \"198.51.100.7:5349/turn2.example.org\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_has_an_address_a_port_and_perhaps_a_name() {
        for (text, fine) in [
            ("198.51.100.7:3478", true),
            ("[2001:db8::7]:5349/turn2.example.org", true),
            ("198.51.100.7", false),
            ("198.51.100.7:0", false),
            ("0.0.0.0:3478", false),
            ("turn2.example.org:3478", false),
            ("198.51.100.7:5349/", false),
            ("198.51.100.7:5349/turn2 example", false),
        ] {
            assert_eq!(AlternateServer::parse(text).map(|s| s.to_string()).as_deref(), fine.then_some(text), "{text}");
        }
    }
}
