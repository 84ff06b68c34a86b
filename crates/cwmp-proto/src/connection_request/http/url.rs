use std::fmt;

use super::super::Host;

/// A ConnectionRequestURL that was found to be one we would ask. `Debug` and `Display` leave out path and query: the path is
/// meant to be a secret of CPE and ACS.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConnectionRequestUrl {
    /// Whether it wants TLS. The standard has HTTP alone; some devices offer it.
    pub is_tls: bool,
    /// Who is asked.
    pub host: Host,
    /// Where, 80 or 443 where none was said.
    pub port: u16,
    /// What stands in the request line and in the digest: path and query, never empty.
    pub target: String,
    /// Whether the port was said: then it stands in the `Host` header.
    names_port: bool,
}

/// Why a URL is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlOffence {
    /// Longer than its parameter may be.
    #[error("the URL has more than 256 characters")]
    TooLong,
    /// Neither `http` nor `https`.
    #[error("the URL is neither of http nor of https")]
    Scheme,
    /// No host, or one in a spelling that is read in several ways.
    #[error("the URL has no host that we could ask")]
    Host,
    /// A name or password in it: credentials are ours, not the URL's.
    #[error("the URL holds user information")]
    UserInformation,
    /// A character that does not belong in a URL.
    #[error("the URL holds a character that must be escaped")]
    Character,
}

impl ConnectionRequestUrl {
    /// TR-181 `Device.ManagementServer.ConnectionRequestURL`: a string of at most 256 characters.
    pub const CHARS_MAX: usize = 256;

    /// Reads and checks what a CPE told. A fragment is cut off.
    ///
    /// # Errors
    ///
    /// The first offence.
    pub fn parse(text: &str) -> Result<Self, UrlOffence> {
        let text = text.trim();
        if text.chars().count() > Self::CHARS_MAX {
            return Err(UrlOffence::TooLong);
        }
        if !text.bytes().all(|it| it.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&it)) {
            return Err(UrlOffence::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlOffence::Scheme)?;
        let is_tls = match scheme {
            it if it.eq_ignore_ascii_case("http") => false,
            it if it.eq_ignore_ascii_case("https") => true,
            _ => return Err(UrlOffence::Scheme),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlOffence::UserInformation);
        }
        let (host, port) = Host::parse_with_port(authority).ok_or(UrlOffence::Host)?;
        let target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self {
            is_tls,
            host,
            port: port.unwrap_or(if is_tls { 443 } else { 80 }),
            target,
            names_port: port.is_some(),
        })
    }

    /// The value of the `Host` header.
    #[must_use]
    pub fn host_header(&self) -> String {
        if self.names_port { format!("{}:{}", self.host, self.port) } else { self.host.to_string() }
    }
}

impl fmt::Display for ConnectionRequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ConnectionRequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionRequestUrl({self}/..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cpe_told_becomes_host_port_and_target() {
        for (text, shown, header, target) in [
            ("http://192.0.2.7:7547/a1b2c3", "http://192.0.2.7:7547", "192.0.2.7:7547", "/a1b2c3"),
            (" HTTP://cpe.example ", "http://cpe.example:80", "cpe.example", "/"),
            ("https://[2001:db8::7]/x?y=z#f", "https://[2001:db8::7]:443", "[2001:db8::7]", "/x?y=z"),
            ("http://192.0.2.7:80?k", "http://192.0.2.7:80", "192.0.2.7:80", "/?k"),
        ] {
            let url = ConnectionRequestUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.host_header().as_str()), (shown, header));
            assert_eq!(url.target, target);
        }
    }

    #[test]
    fn what_we_would_not_ask_is_refused_with_its_reason() {
        let long = format!("http://h/{}", "x".repeat(248));
        for (text, expected) in [
            ("", UrlOffence::Scheme),
            ("192.0.2.7:7547/x", UrlOffence::Scheme),
            ("ftp://h/x", UrlOffence::Scheme),
            ("file:///etc/passwd", UrlOffence::Scheme),
            ("http:///x", UrlOffence::Host),
            ("http://:7547/", UrlOffence::Host),
            ("http://h:0/", UrlOffence::Host),
            ("http://127.1/", UrlOffence::Host),
            ("http://user:pw@h/", UrlOffence::UserInformation),
            ("http://h/a b", UrlOffence::Character),
            ("http://h/a\r\nX-Y: z", UrlOffence::Character),
            ("http://h/\u{e9}", UrlOffence::Character),
            (&long, UrlOffence::TooLong),
        ] {
            assert_eq!(ConnectionRequestUrl::parse(text), Err(expected), "{text:?}");
        }
        assert!(ConnectionRequestUrl::parse(&long[..256]).is_ok());
    }

    #[test]
    fn the_path_is_not_printed() {
        let url = ConnectionRequestUrl::parse("http://192.0.2.7:7547/a1b2c3").unwrap();
        assert!(!format!("{url:?} {url}").contains("a1b2c3"));
    }
}
