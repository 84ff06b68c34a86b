use std::fmt;
use std::net::Ipv6Addr;

use sangam_mesh_proto::PathProtocol;

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// The address it sees us at (RFC 7064).
    Stun,
    /// A relayed address (RFC 7065).
    Turn,
}

/// A `stun:`, `stuns:`, `turn:` or `turns:` URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    /// What the server is asked for.
    pub service: Service,
    /// What it is asked over.
    pub protocol: PathProtocol,
    /// A name or an address, without brackets.
    pub host: String,
    /// The written one, or 3478, or 5349 over TLS.
    pub port: u16,
}

/// Why a text is no URL of an ICE server. The text is in it, cut if it is long.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("ICE server `{0}`: a URL begins with stun:, stuns:, turn: or turns:")]
    Scheme(String),
    /// No host, or one that cannot be a name or an address.
    #[error("ICE server `{0}`: no host is named: write turn:HOST or turn:HOST:PORT, an IPv6 address in brackets")]
    Host(String),
    /// Not 1 to 65535.
    #[error("ICE server `{0}`: the port must be a number from 1 to 65535")]
    Port(String),
    /// RFC 7065 §3.1 knows `?transport=udp` and `?transport=tcp`; RFC 7064 knows no query.
    #[error("ICE server `{0}`: only turn: and turns: take a query, ?transport=udp or ?transport=tcp")]
    Query(String),
    /// `turns:…?transport=udp`.
    #[error("ICE server `{0}`: TURN over DTLS is not spoken: use turns: with ?transport=tcp")]
    Dtls(String),
}

/// Characters of a bad URL that are shown.
const SHOWN_MAX: usize = 200;

impl ServerUrl {
    /// Reads a URL. The scheme may be in any case (RFC 3986 §3.1); `//` after it, which people write, is overlooked.
    ///
    /// # Errors
    /// It is none; the message says what would do.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let shown = || text.chars().take(SHOWN_MAX).collect::<String>();
        let (scheme, rest) = text.trim().split_once(':').ok_or_else(|| UrlError::Scheme(shown()))?;
        let (service, is_secure) = match scheme.to_ascii_lowercase().as_str() {
            "stun" => (Service::Stun, false),
            "stuns" => (Service::Stun, true),
            "turn" => (Service::Turn, false),
            "turns" => (Service::Turn, true),
            _ => return Err(UrlError::Scheme(shown())),
        };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (authority, query) = rest.split_once('?').map_or((rest, None), |(before, after)| (before, Some(after)));
        let protocol = match (service, query, is_secure) {
            (_, None, true) | (Service::Turn, Some("transport=tcp"), true) => PathProtocol::Tls,
            (_, None, false) | (Service::Turn, Some("transport=udp"), false) => PathProtocol::Udp,
            (Service::Turn, Some("transport=tcp"), false) => PathProtocol::Tcp,
            (Service::Turn, Some("transport=udp"), true) => return Err(UrlError::Dtls(shown())),
            (_, Some(_), _) => return Err(UrlError::Query(shown())),
        };
        let (host, port) = split_port(authority).ok_or_else(|| UrlError::Host(shown()))?;
        let port = match port.map(str::parse::<u16>) {
            None => default_port(protocol),
            Some(Ok(port)) if port != 0 => port,
            Some(_) => return Err(UrlError::Port(shown())),
        };
        Ok(Self { service, protocol, host: host.to_owned(), port })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.service, self.protocol) {
            (Service::Stun, PathProtocol::Tls) => "stuns",
            (Service::Stun, _) => "stun",
            (Service::Turn, PathProtocol::Tls) => "turns",
            (Service::Turn, _) => "turn",
        };
        let query = match (self.service, self.protocol) {
            (Service::Stun, _) => "",
            (Service::Turn, PathProtocol::Udp) => "?transport=udp",
            (Service::Turn, PathProtocol::Tcp | PathProtocol::Tls) => "?transport=tcp",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}:[{}]:{}{query}", self.host, self.port)
        } else {
            write!(f, "{scheme}:{}:{}{query}", self.host, self.port)
        }
    }
}

/// RFC 8489 §18.6, RFC 8656 §17.
fn default_port(protocol: PathProtocol) -> u16 {
    match protocol {
        PathProtocol::Udp | PathProtocol::Tcp => 3478,
        PathProtocol::Tls => 5349,
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let is_v6 = |host: &str| host.parse::<Ipv6Addr>().is_ok();
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        let port = match after {
            "" => None,
            after => Some(after.strip_prefix(':')?),
        };
        return is_v6(host).then_some((host, port));
    }
    if is_v6(authority) {
        return Some((authority, None));
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && host.len() <= 253 && host.chars().all(is_host)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, service: Service, protocol: PathProtocol, host: &str, port: u16) {
        let url = ServerUrl { service, protocol, host: host.to_owned(), port };
        assert_eq!(ServerUrl::parse(text), Ok(url.clone()), "{text}");
        assert_eq!(ServerUrl::parse(&url.to_string()), Ok(url), "{text}");
    }

    #[test]
    fn the_examples_of_rfc_7064_and_7065_are_read() {
        use PathProtocol::{Tcp, Tls, Udp};
        use Service::{Stun, Turn};
        check("stun:example.org", Stun, Udp, "example.org", 3478);
        check("stuns:example.org", Stun, Tls, "example.org", 5349);
        check("stun:example.org:8000", Stun, Udp, "example.org", 8000);
        check("turn:example.org", Turn, Udp, "example.org", 3478);
        check("turns:example.org", Turn, Tls, "example.org", 5349);
        check("turn:example.org:8000", Turn, Udp, "example.org", 8000);
        check("turn:example.org?transport=udp", Turn, Udp, "example.org", 3478);
        check("turn:example.org?transport=tcp", Turn, Tcp, "example.org", 3478);
        check("turns:example.org?transport=tcp", Turn, Tls, "example.org", 5349);
        check("TURN:[2001:db8::1]:443?transport=tcp", Turn, Tcp, "2001:db8::1", 443);
    }

    #[test]
    fn a_url_that_is_none_is_named_in_the_error() {
        let error = |text: &str| ServerUrl::parse(text).unwrap_err();
        assert!(matches!(error("http://a"), UrlError::Scheme(text) if text == "http://a"));
        assert!(matches!(error("example.org"), UrlError::Scheme(_)));
        for text in ["stun:", "turn::3478", "turn:[::1", "turn:[name]", "turn:a b", "turn:user@host"] {
            assert!(matches!(error(text), UrlError::Host(_)), "{text}");
        }
        for text in ["turn:a:0", "turn:a:65536", "turn:a:", "turn:a:1:2"] {
            assert!(matches!(error(text), UrlError::Port(_)), "{text}");
        }
        assert!(matches!(error("stun:a?transport=udp"), UrlError::Query(_)));
        assert!(matches!(error("turn:a?transport=sctp"), UrlError::Query(_)));
        assert!(matches!(error("turns:a?transport=udp"), UrlError::Dtls(_)));
        assert!(error(&format!("turn:{}", "!".repeat(5000))).to_string().len() < 400);
    }
}
