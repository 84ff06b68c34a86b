use std::fmt;

use super::super::Host;

/// Where a CPE takes datagrams: its UDPConnectionRequestAddress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UdpAddress {
    /// Who.
    pub host: Host,
    /// Which port; 80 where none was said (TR-181 `Device.ManagementServer.UDPConnectionRequestAddress`).
    pub port: u16,
}

/// Why an address is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressOffence {
    /// The CPE takes no datagrams.
    #[error("the address is empty")]
    Empty,
    /// Longer than its parameter may be.
    #[error("the address has more than 256 characters")]
    TooLong,
    /// Neither `host:port` nor `host`.
    #[error("the address is neither host:port nor host")]
    Malformed,
}

impl UdpAddress {
    /// Reads what a CPE told: `host:port`, or `host`.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, AddressOffence> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressOffence::Empty);
        }
        if text.len() > 256 {
            return Err(AddressOffence::TooLong);
        }
        let (host, port) = Host::parse_with_port(text).ok_or(AddressOffence::Malformed)?;
        Ok(Self { host, port: port.unwrap_or(80) })
    }
}

impl fmt::Display for UdpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_or_without() {
        for (text, expected) in [
            ("198.51.100.7:31000", Ok("198.51.100.7:31000")),
            ("198.51.100.7", Ok("198.51.100.7:80")),
            (" [2001:db8::7]:5 ", Ok("[2001:db8::7]:5")),
            ("", Err(AddressOffence::Empty)),
            ("198.51.100.7:0", Err(AddressOffence::Malformed)),
            ("http://198.51.100.7", Err(AddressOffence::Malformed)),
        ] {
            assert_eq!(UdpAddress::parse(text).map(|it| it.to_string()), expected.map(str::to_owned), "{text:?}");
        }
        assert_eq!(UdpAddress::parse(&"a".repeat(257)), Err(AddressOffence::TooLong));
    }
}
