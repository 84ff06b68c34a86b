use std::fmt;

use serde::Serialize;

/// How a client reaches a STUN or TURN server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl Transport {
    /// RFC 8489 §18.6, RFC 8656 §17: 3478, and 5349 over TLS.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 3478,
            Self::Tls => 5349,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        })
    }
}

/// What the server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `stun:` and `stuns:`, RFC 7064.
    Stun,
    /// `turn:` and `turns:`, RFC 7065.
    Turn,
}

/// Where a server is: a `stun:` or `turn:` URI, or a bare `HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUri {
    /// A name or an address, without brackets.
    pub host: String,
    /// If it was written.
    pub port: Option<u16>,
    /// If scheme or query say one.
    pub transport: Option<Transport>,
}

/// Why a text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Nothing before the port.
    #[error("`{uri}` names no host: write HOST, HOST:PORT, [IPv6]:PORT or a stun: or turn: URI")]
    Host {
        /// As given.
        uri: String,
    },
    /// Not 1 to 65535.
    #[error("`{uri}` has a port that is none: it must be a number from 1 to 65535")]
    Port {
        /// As given.
        uri: String,
    },
    /// The other service's scheme, or no scheme of either.
    #[error("`{uri}` has the wrong scheme: this probe takes {expected}")]
    Scheme {
        /// As given.
        uri: String,
        /// What would do.
        expected: &'static str,
    },
    /// RFC 7065 §3.1 knows `?transport=udp` and `?transport=tcp`; RFC 7064 knows no query.
    #[error("`{uri}` has a query that its scheme does not know: only turn: and turns: take ?transport=udp or =tcp")]
    Query {
        /// As given.
        uri: String,
    },
    /// `turns:…?transport=udp`.
    #[error("`{uri}` asks for DTLS, which this probe does not speak: use turns: over tcp")]
    Dtls {
        /// As given.
        uri: String,
    },
}

impl ServerUri {
    /// Reads a URI of `service`, or a bare host.
    ///
    /// # Errors
    /// It is neither; the message says what would do.
    pub fn parse(text: &str, service: Service) -> Result<Self, UriError> {
        let uri = || text.to_owned();
        let (scheme, rest) = split_scheme(text);
        let secure = match (service, scheme) {
            (_, None) | (Service::Stun, Some("stun")) | (Service::Turn, Some("turn")) => false,
            (Service::Stun, Some("stuns")) | (Service::Turn, Some("turns")) => true,
            (Service::Stun, Some(_)) => return Err(UriError::Scheme { uri: uri(), expected: "stun: and stuns:" }),
            (Service::Turn, Some(_)) => return Err(UriError::Scheme { uri: uri(), expected: "turn: and turns:" }),
        };
        let (authority, query) = rest.split_once('?').map_or((rest, None), |(before, after)| (before, Some(after)));
        let transport = match (service, scheme, query, secure) {
            (_, _, None, true) | (Service::Turn, Some(_), Some("transport=tcp"), true) => Some(Transport::Tls),
            (_, _, None, false) => None,
            (Service::Turn, Some(_), Some("transport=udp"), false) => Some(Transport::Udp),
            (Service::Turn, Some(_), Some("transport=tcp"), false) => Some(Transport::Tcp),
            (Service::Turn, Some(_), Some("transport=udp"), true) => return Err(UriError::Dtls { uri: uri() }),
            (_, _, Some(_), _) => return Err(UriError::Query { uri: uri() }),
        };
        let (host, port) = split_port(authority).ok_or_else(|| UriError::Host { uri: uri() })?;
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port != 0 => Some(port),
            Some(_) => return Err(UriError::Port { uri: uri() }),
        };
        Ok(Self { host: host.to_owned(), port, transport })
    }

    /// The port for a transport. A written port belongs to the transport that the URI names (without one: to UDP and
    /// TCP); another kind of transport of the same host is looked for at its own default port, unless it is the only one
    /// `asked` for.
    #[must_use]
    pub fn port_for(&self, transport: Transport, asked: usize) -> u16 {
        let is_tls = |transport: Transport| transport == Transport::Tls;
        let same_kind = is_tls(transport) == self.transport.is_some_and(is_tls);
        self.port.filter(|_| same_kind || asked == 1).unwrap_or(transport.default_port())
    }
}

/// The scheme of a URI, in lower case as RFC 7065 writes it. `localhost:3478` has none.
fn split_scheme(text: &str) -> (Option<&str>, &str) {
    match text.split_once(':') {
        Some((scheme, rest)) if ["stun", "stuns", "turn", "turns"].contains(&scheme) => (Some(scheme), rest),
        Some((scheme, rest)) if rest.starts_with("//") => (Some(scheme), rest),
        Some(_) | None => (None, text),
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let is_v6 = |host: &str| host.parse::<std::net::Ipv6Addr>().is_ok();
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
    (!host.is_empty() && host.chars().all(is_host)).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, service: Service, expected: (&str, Option<u16>, Option<Transport>)) {
        let (host, port, transport) = expected;
        let uri = ServerUri { host: host.to_owned(), port, transport };
        assert_eq!(ServerUri::parse(text, service), Ok(uri), "{text}");
    }

    #[test]
    fn the_examples_of_rfc_7064_and_7065_are_read() {
        // RFC 7064 appendix B, RFC 7065 appendix B.
        check("stun:example.org", Service::Stun, ("example.org", None, None));
        check("stuns:example.org", Service::Stun, ("example.org", None, Some(Transport::Tls)));
        check("stun:example.org:8000", Service::Stun, ("example.org", Some(8000), None));
        check("turn:example.org", Service::Turn, ("example.org", None, None));
        check("turns:example.org", Service::Turn, ("example.org", None, Some(Transport::Tls)));
        check("turn:example.org:8000", Service::Turn, ("example.org", Some(8000), None));
        check("turn:example.org?transport=udp", Service::Turn, ("example.org", None, Some(Transport::Udp)));
        check("turn:example.org?transport=tcp", Service::Turn, ("example.org", None, Some(Transport::Tcp)));
        check("turns:example.org?transport=tcp", Service::Turn, ("example.org", None, Some(Transport::Tls)));
    }

    #[test]
    fn bare_hosts_and_addresses_are_read() {
        check("localhost:3478", Service::Stun, ("localhost", Some(3478), None));
        check("192.0.2.1", Service::Turn, ("192.0.2.1", None, None));
        check("[2001:db8::1]:5349", Service::Turn, ("2001:db8::1", Some(5349), None));
        check("2001:db8::1", Service::Stun, ("2001:db8::1", None, None));
        check(
            "turn:[2001:db8::1]:3478?transport=tcp",
            Service::Turn,
            ("2001:db8::1", Some(3478), Some(Transport::Tcp)),
        );
    }

    #[test]
    fn what_is_no_address_of_such_a_server_is_refused_with_its_reason() {
        let refused = |text: &str, service| ServerUri::parse(text, service).unwrap_err();
        for text in ["", "stun:", ":3478", "stun:[::1", "stun:[example]", "stun:a b", "stun:user@host", "stun:a:1:2x"] {
            let error = refused(text, Service::Stun);
            assert!(matches!(error, UriError::Host { .. } | UriError::Port { .. }), "{text}: {error}");
        }
        for text in ["stun:a:0", "stun:a:65536", "stun:a:", "stun:a:+1x"] {
            assert!(matches!(refused(text, Service::Stun), UriError::Port { .. }), "{text}");
        }
        assert!(matches!(refused("turn:a", Service::Stun), UriError::Scheme { .. }));
        assert!(matches!(refused("http://a", Service::Turn), UriError::Scheme { .. }));
        assert!(matches!(refused("stun:a?transport=udp", Service::Stun), UriError::Query { .. }));
        assert!(matches!(refused("turn:a?transport=sctp", Service::Turn), UriError::Query { .. }));
        assert!(matches!(refused("a?transport=tcp", Service::Turn), UriError::Query { .. }));
        assert!(matches!(refused("turns:a?transport=udp", Service::Turn), UriError::Dtls { .. }));
    }

    #[test]
    fn a_written_port_goes_with_its_own_kind_of_transport() {
        let port =
            |text: &str, transport, asked| ServerUri::parse(text, Service::Turn).unwrap().port_for(transport, asked);
        assert_eq!(port("a", Transport::Udp, 3), 3478);
        assert_eq!(port("a", Transport::Tls, 3), 5349);
        assert_eq!(port("a:1000", Transport::Tcp, 3), 1000);
        assert_eq!(port("a:1000", Transport::Tls, 3), 5349);
        assert_eq!(port("a:1000", Transport::Tls, 1), 1000);
        assert_eq!(port("turns:a:443", Transport::Tls, 3), 443);
        assert_eq!(port("turns:a:443", Transport::Udp, 3), 3478);
    }
}
