use super::Scheme;
use super::host::Host;

/// A web origin (RFC 6454): scheme, host, port. Compared in lower case and without default ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin {
    scheme: String,
    host: String,
    /// `None`: the scheme's default.
    port: Option<u16>,
}

/// A text that is no web origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a web origin: write scheme, host and, if it is unusual, port, like https://app.example.org")]
pub struct InvalidOrigin {
    /// The text.
    pub text: String,
}

impl WebOrigin {
    /// Parses `https://app.example.org` or `http://localhost:3000`. A trailing slash is allowed, a path is not.
    ///
    /// # Errors
    ///
    /// The text, if it is something else. `null` is something else: every sandboxed page of every site sends it.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin { text: text.to_owned() };
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(invalid)?;
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
            return Err(invalid());
        }
        let host = Host::parse(rest.strip_suffix('/').unwrap_or(rest)).ok_or_else(invalid)?;
        let scheme = scheme.to_ascii_lowercase();
        let port = host.port.filter(|port| default_port(&scheme) != Some(*port));
        Ok(Self { host: host.name.to_ascii_lowercase(), port, scheme })
    }

    /// Whether a page of this origin came from `host` by `scheme`, which is to say from us.
    pub(super) fn is_same(&self, scheme: Scheme, host: Host<'_>) -> bool {
        let scheme = match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let port = host.port.filter(|port| default_port(scheme) != Some(*port));
        self.scheme == scheme && self.host.eq_ignore_ascii_case(host.name) && self.port == port
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Which origins besides our own may open WebSockets and read answers. By default none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    any: bool,
    listed: Vec<WebOrigin>,
}

impl AllowedOrigins {
    /// Parses a list of origins; `*` allows every one, `null` included. `*` never makes a loopback request trusted.
    ///
    /// # Errors
    ///
    /// The first text that is neither.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, InvalidOrigin> {
        let mut origins = Self::default();
        for text in texts {
            match text.as_ref().trim() {
                "*" => origins.any = true,
                text => origins.listed.push(WebOrigin::parse(text)?),
            }
        }
        Ok(origins)
    }

    /// Whether every origin is allowed.
    #[must_use]
    pub fn any(&self) -> bool {
        self.any
    }

    /// Whether this origin is listed by name.
    #[must_use]
    pub fn lists(&self, origin: &WebOrigin) -> bool {
        self.listed.contains(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_equal_whatever_their_case_and_default_port() {
        for (a, b, equal) in [
            ("https://App.Example.org", "HTTPS://app.example.ORG:443/", true),
            ("http://localhost", "http://localhost:80", true),
            ("http://localhost", "http://localhost:8080", false),
            ("http://localhost", "https://localhost", false),
            ("capacitor://localhost", "capacitor://localhost", true),
            ("https://example.org", "https://example.org.", false),
        ] {
            assert_eq!(WebOrigin::parse(a).unwrap() == WebOrigin::parse(b).unwrap(), equal, "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_origin_is_named() {
        for text in ["null", "", "example.org", "https://", "https://a/path", "https://u@a", "://a", "1s://a"] {
            assert_eq!(WebOrigin::parse(text), Err(InvalidOrigin { text: text.to_owned() }));
            assert!(AllowedOrigins::parse(["https://a.example", text]).is_err());
        }
    }

    #[test]
    fn a_star_allows_any_and_lists_none() {
        let origins = AllowedOrigins::parse(["*", "https://a.example"]).unwrap();
        assert!(origins.any());
        assert!(origins.lists(&WebOrigin::parse("https://a.example").unwrap()));
        assert!(!origins.lists(&WebOrigin::parse("https://b.example").unwrap()));
        assert!(!AllowedOrigins::default().any());
    }
}
