use std::fmt;
use std::net::IpAddr;

use crate::ice::Via;
use crate::options::IceOptions;

/// The host in our URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IceHost {
    Name(String),
    Address(IpAddr),
}

impl IceHost {
    /// A setting decides, else the relay's outside address, else the host by which the client found us if others could
    /// find us by it too, else the address it is connected to.
    pub(crate) fn choose(options: &IceOptions, via: &Via) -> Self {
        if let Some(host) = &options.host {
            return Self::parse(host).unwrap_or_else(|| Self::Name(host.clone()));
        }
        if let Some(addr) = options.external_address {
            return Self::Address(addr);
        }
        let asked = via.host.as_deref().and_then(|host| Self::parse(without_port(host)));
        asked.filter(Self::is_public).unwrap_or(Self::Address(via.local.to_canonical()))
    }

    /// A name of letters, digits, dots and hyphens (RFC 1123 §2.1), or an address with or without brackets.
    fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
        if let Ok(addr) = bare.parse() {
            return Some(Self::Address(addr));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let name = text.strip_suffix('.').unwrap_or(text);
        // A last label of digits makes an IPv4 address or nothing (RFC 3696 §2).
        let last_is_digits = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
        (name.len() <= 253 && !last_is_digits && name.split('.').all(is_label)).then(|| Self::Name(name.to_owned()))
    }

    fn is_public(&self) -> bool {
        match self {
            Self::Name(name) => {
                let name = name.to_ascii_lowercase();
                name != "localhost" && !name.ends_with(".localhost")
            }
            Self::Address(addr) => {
                let addr = addr.to_canonical();
                !addr.is_loopback() && !addr.is_unspecified()
            }
        }
    }
}

impl fmt::Display for IceHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(addr)) => addr.fmt(f),
            Self::Address(IpAddr::V6(addr)) => write!(f, "[{addr}]"),
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !before.ends_with(':') => {
            if before.contains(':') && !before.ends_with(']') { host } else { before }
        }
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &str, expected: &str) {
        let via = Via { host: Some(asked.into()), local: [192, 0, 2, 9].into() };
        assert_eq!(IceHost::choose(&IceOptions::default(), &via).to_string(), expected, "{asked}");
    }

    #[test]
    fn the_host_that_a_client_asked_for_stands_if_others_could_use_it() {
        check("turn.example.org", "turn.example.org");
        check("turn.example.org:8080", "turn.example.org");
        check("turn.example.org.", "turn.example.org");
        check("198.51.100.7:8080", "198.51.100.7");
        check("[2001:db8::1]:8080", "[2001:db8::1]");
        check("[2001:db8::1]", "[2001:db8::1]");
        check("box", "box");
    }

    #[test]
    fn a_host_that_is_ours_alone_or_no_host_gives_way_to_the_connections_address() {
        for asked in [
            "localhost",
            "localhost:8080",
            "LocalHost.",
            "a.localhost",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
            "",
            "a b",
            "a/b",
            "a@b",
            "-a",
            "1.2.3",
            "999.0.0.1",
            "a..b",
            "é.example",
        ] {
            check(asked, "192.0.2.9");
        }
    }

    #[test]
    fn settings_come_first() {
        let via = Via { host: Some("asked.example".into()), local: [192, 0, 2, 9].into() };
        let outside = IceOptions { external_address: Some([203, 0, 113, 5].into()), ..IceOptions::default() };
        assert_eq!(IceHost::choose(&outside, &via).to_string(), "203.0.113.5");
        let named = IceOptions { host: Some("set.example".into()), ..outside };
        assert_eq!(IceHost::choose(&named, &via).to_string(), "set.example");
        let v6 = IceOptions { host: Some("2001:db8::5".into()), ..IceOptions::default() };
        assert_eq!(IceHost::choose(&v6, &via).to_string(), "[2001:db8::5]");
    }
}
