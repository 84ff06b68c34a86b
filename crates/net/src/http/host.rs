use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host a request is for, from Host or `:authority` (RFC 9110 §7.2): a name or address, and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Host<'a> {
    /// As sent; an IPv6 address in brackets.
    pub(super) name: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Host<'a> {
    /// `None` if it is not `uri-host [ ":" port ]`. Without user information: RFC 9110 §4.2.4 calls that an error.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, _) = rest.split_once(']')?;
                let _is_address: Ipv6Addr = address.parse().ok()?;
                let (name, port) = text.split_at(address.len() + 2);
                (name, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            },
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
        if name.is_empty() || !(name.starts_with('[') || name.bytes().all(is_name)) {
            return None;
        }
        let port = match port {
            None | Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { name, port })
    }

    /// Whether the name can only mean this host: `localhost` and names below it (RFC 6761 §6.3), 127.0.0.0/8 in
    /// dotted quads, `[::1]`. A name that merely resolves here today (DNS rebinding) is none of these.
    pub(super) fn is_loopback(&self) -> bool {
        if let Some(address) = self.name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            return address.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback());
        }
        if let Ok(ip) = self.name.parse::<Ipv4Addr>() {
            return IpAddr::from(ip).is_loopback();
        }
        let name = self.name.strip_suffix('.').unwrap_or(self.name);
        let (parent, last) = name.rsplit_once('.').map_or((None, name), |(parent, last)| (Some(parent), last));
        last.eq_ignore_ascii_case("localhost") && parent != Some("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_parsed_by_their_grammar() {
        for (text, expected) in [
            ("example.org", Some(("example.org", None))),
            ("example.org:8080", Some(("example.org", Some(8080)))),
            ("example.org:", Some(("example.org", None))),
            ("[::1]", Some(("[::1]", None))),
            ("[2001:db8::1]:443", Some(("[2001:db8::1]", Some(443)))),
            ("", None),
            (":80", None),
            ("[::1", None),
            ("[::1]80", None),
            ("[localhost]", None),
            ("::1", None),
            ("a:b", None),
            ("a:+80", None),
            ("a:65536", None),
            ("user@localhost", None),
            ("localhost/evil", None),
            ("localhost evil", None),
        ] {
            assert_eq!(Host::parse(text), expected.map(|(name, port)| Host { name, port }), "{text:?}");
        }
    }

    #[test]
    fn only_names_that_cannot_lead_elsewhere_are_loopback() {
        for (text, loopback) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("localhost.", true),
            ("sangam.localhost", true),
            ("127.0.0.1", true),
            ("127.9.8.7:80", true),
            ("[::1]:8080", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("evillocalhost", false),
            (".localhost", false),
            ("127.0.0.1.evil.example", false),
            ("127.1", false),
            ("0.0.0.0", false),
            ("2130706433", false),
            ("[::]", false),
            ("[::ffff:127.0.0.1]", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(Host::parse(text).unwrap().is_loopback(), loopback, "{text:?}");
        }
    }
}
