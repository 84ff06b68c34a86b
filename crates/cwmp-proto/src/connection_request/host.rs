use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who is to be asked, as a CPE wrote it. Whether one may ask there is the driver's decision, made on the addresses that
/// come of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A name, lower case.
    Name(String),
}

impl Host {
    /// RFC 1035 §2.3.4.
    const NAME_BYTES_MAX: usize = 253;

    /// Reads a host of RFC 3986 §3.2.2: an IPv4 address, an IPv6 address in brackets, or a name of letters, digits, `-`, `_` and
    /// dots. An address in any other spelling is refused, as every resolver would read it its own way.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(inside) = text.strip_prefix('[') {
            let address: Ipv6Addr = inside.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Ip(IpAddr::V6(address)));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(IpAddr::V4(address)));
        }
        let labels = text.strip_suffix('.').unwrap_or(text);
        let fits = text.len() <= Self::NAME_BYTES_MAX && labels.split('.').all(is_label);
        let last = labels.rsplit('.').next()?;
        (fits && !is_number(last)).then(|| Self::Name(text.to_ascii_lowercase()))
    }

    /// Reads `host:port` or `host` (RFC 3986 §3.2 without user information).
    pub(super) fn parse_with_port(text: &str) -> Option<(Self, Option<u16>)> {
        let host_end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (host, rest) = text.split_at_checked(host_end)?;
        let port = match rest.strip_prefix(':') {
            Some("") => None,
            Some(digits) if digits.bytes().all(|it| it.is_ascii_digit()) => {
                Some(digits.parse().ok().filter(|port| *port != 0)?)
            }
            Some(_) => return None,
            None if rest.is_empty() => None,
            None => return None,
        };
        Some((Self::parse(host)?, port))
    }
}

impl fmt::Display for Host {
    /// As it stands in a URL: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

fn is_label(label: &str) -> bool {
    let characters = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(characters)
}

/// What `inet_aton` takes for a number: such a last label makes the whole an address (`127.1`, `0x7f000001`).
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|it| it.is_ascii_hexdigit()),
        None => label.bytes().all(|it| it.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<u16>)>) {
        let parsed = Host::parse_with_port(text).map(|(host, port)| (host.to_string(), port));
        assert_eq!(parsed, expected.map(|(host, port)| (host.to_owned(), port)), "{text:?}");
    }

    #[test]
    fn hosts_are_addresses_or_names_with_a_port_or_without() {
        check("192.0.2.1:7547", Some(("192.0.2.1", Some(7547))));
        check("192.0.2.1", Some(("192.0.2.1", None)));
        check("[2001:db8::1]:80", Some(("[2001:db8::1]", Some(80))));
        check("[2001:db8::1]", Some(("[2001:db8::1]", None)));
        check("Cpe-1.Example.net:", Some(("cpe-1.example.net", None)));
    }

    #[test]
    fn other_spellings_of_addresses_and_what_is_no_host_are_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for text in [
            "",
            ":80",
            "2001:db8::1",
            "[::1",
            "[::1]x",
            "[::1%eth0]:1",
            "127.1",
            "0x7f000001",
            "0177.0.0.01",
            "2130706433",
            "a..b",
            "a b",
            "a:0",
            "a:65536",
            "a:+1",
            "a:1:2",
            "user@host",
            "a/b",
            "1.2.3.4.5",
            &long,
        ] {
            check(text, None);
        }
    }
}
