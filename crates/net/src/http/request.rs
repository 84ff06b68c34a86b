use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, Version, header};

use super::host::Host;
use super::trust::{RequestFacts, judge};
use super::{Client, Scheme, forwarded};
use crate::accepted::Accepted;
use crate::certificate::ClientCertificate;
use crate::rules::FrontRules;

/// What is known of a connection before its first request.
#[derive(Clone, Debug)]
pub(super) struct ConnectionFacts {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) listener: SocketAddr,
    /// Whether it began with a PROXY v2 header.
    pub(super) proxy_header: bool,
    pub(super) scheme: Scheme,
    /// What the client has shown and proven of itself.
    pub(super) certificate: Option<Arc<ClientCertificate>>,
}

/// A request whose Host is missing, repeated, contradicted or no host (RFC 9112 §3.2, RFC 9113 §8.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadHost;

impl ConnectionFacts {
    pub(super) fn of(accepted: &Accepted) -> Self {
        Self {
            peer: accepted.peer,
            local: accepted.local,
            listener: accepted.listener,
            proxy_header: accepted.proxied.is_some(),
            scheme: if accepted.tls.is_some() { Scheme::Https } else { Scheme::Http },
            certificate: accepted.tls.as_ref().and_then(|tls| tls.client.clone()),
        }
    }

    /// Says who sent a request of this connection, by the rules in force.
    pub(super) fn client_of<B>(&self, request: &Request<B>, rules: &FrontRules) -> Result<Client, BadHost> {
        let host = host_of(request)?;
        let headers = request.headers();
        let (addr, scheme) = forwarded::client_of(self.peer, self.scheme, headers, rules);
        let facts = RequestFacts {
            listener: self.listener,
            peer: self.peer,
            proxied: self.proxy_header || rules.trusted_proxies.contains(self.peer.ip()),
            scheme,
            version: request.version(),
            host,
            headers,
        };
        let trust = judge(&facts, &rules.allowed_origins);
        Ok(Client {
            addr,
            local: self.local,
            scheme,
            trusted_loopback: trust.trusted_loopback,
            origin_allowed: trust.origin_allowed,
        })
    }
}

/// The host the request is for; `None` if it names none and need not.
fn host_of<B>(request: &Request<B>) -> Result<Option<Host<'_>>, BadHost> {
    let header = host_header(request.headers())?;
    // The target of CONNECT in HTTP/1 is another host than the one asked.
    let is_tunnel = request.method() == Method::CONNECT && request.version() < Version::HTTP_2;
    let authority = request.uri().authority().filter(|_| !is_tunnel).map(http::uri::Authority::as_str);
    let host = match (authority, header) {
        (Some(authority), Some(header)) if request.version() >= Version::HTTP_2 => {
            if !authority.eq_ignore_ascii_case(header) {
                return Err(BadHost);
            }
            authority
        }
        // RFC 9112 §3.2.2: an absolute target overrides Host, which must be there all the same.
        (Some(authority), Some(_)) => authority,
        (Some(authority), None) if request.version() != Version::HTTP_11 => authority,
        (None, Some(header)) => header,
        (_, None) if request.version() == Version::HTTP_11 => return Err(BadHost),
        (_, None) => return Ok(None),
    };
    if host.is_empty() { Ok(None) } else { Host::parse(host).map(Some).ok_or(BadHost) }
}

fn host_header(headers: &HeaderMap) -> Result<Option<&str>, BadHost> {
    let mut lines = headers.get_all(header::HOST).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(BadHost);
    }
    line.to_str().map(Some).map_err(|_| BadHost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trusted_proxies::TrustedProxies;

    fn request(version: Version, target: &str, hosts: &[&str]) -> Request<()> {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn the_host_is_taken_from_where_the_version_puts_it() {
        for (version, target, hosts, expected) in [
            (Version::HTTP_11, "/", &["localhost"] as &[_], Ok(Some("localhost"))),
            (Version::HTTP_11, "/", &[""], Ok(None)),
            (Version::HTTP_11, "/", &[], Err(BadHost)),
            (Version::HTTP_11, "/", &["localhost", "localhost"], Err(BadHost)),
            (Version::HTTP_11, "/", &["a b"], Err(BadHost)),
            (Version::HTTP_11, "http://evil.example/", &["localhost"], Ok(Some("evil.example"))),
            (Version::HTTP_11, "http://evil.example/", &[], Err(BadHost)),
            (Version::HTTP_10, "/", &[], Ok(None)),
            (Version::HTTP_10, "/", &["localhost"], Ok(Some("localhost"))),
            (Version::HTTP_2, "https://evil.example/", &[], Ok(Some("evil.example"))),
            (Version::HTTP_2, "https://localhost/", &["LOCALHOST"], Ok(Some("localhost"))),
            (Version::HTTP_2, "https://evil.example/", &["localhost"], Err(BadHost)),
            (Version::HTTP_2, "https://user@localhost/", &[], Err(BadHost)),
            (Version::HTTP_2, "/", &["localhost"], Ok(Some("localhost"))),
            (Version::HTTP_2, "/", &[], Ok(None)),
        ] {
            let request = request(version, target, hosts);
            let host = host_of(&request).map(|host| host.map(|host| host.name));
            assert_eq!(host, expected, "{version:?} {target} {hosts:?}");
        }
    }

    #[test]
    fn the_target_of_connect_is_not_our_host() {
        let mut request = request(Version::HTTP_11, "localhost:80", &["evil.example"]);
        *request.method_mut() = Method::CONNECT;
        assert_eq!(host_of(&request).unwrap().unwrap().name, "evil.example");
    }

    fn client(proxy_header: bool, trusted: &[&str], headers: &[(&str, &str)]) -> Client {
        let facts = ConnectionFacts {
            peer: "127.0.0.1:50000".parse().unwrap(),
            local: "127.0.0.1:8080".parse().unwrap(),
            listener: "127.0.0.1:8080".parse().unwrap(),
            proxy_header,
            scheme: Scheme::Http,
            certificate: None,
        };
        let mut request = request(Version::HTTP_11, "/", &["localhost:8080"]);
        for (name, value) in headers {
            request.headers_mut().append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let rules = FrontRules { trusted_proxies: TrustedProxies::parse(trusted).unwrap(), ..FrontRules::default() };
        facts.client_of(&request, &rules).unwrap()
    }

    #[test]
    fn a_request_through_a_proxy_is_never_the_operators_own() {
        assert!(client(false, &[], &[]).trusted_loopback);
        assert!(!client(true, &[], &[]).trusted_loopback);
        assert!(!client(false, &["127.0.0.1"], &[]).trusted_loopback);
        assert!(!client(false, &[], &[("x-forwarded-for", "127.0.0.1")]).trusted_loopback);
    }

    #[test]
    fn a_trusted_proxy_names_client_and_scheme_and_with_it_our_origin() {
        let forwarded =
            [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https"), ("origin", "https://localhost:8080")];
        let heard = client(false, &["127.0.0.0/8"], &forwarded);
        assert_eq!((heard.addr, heard.scheme), ("203.0.113.7:0".parse().unwrap(), Scheme::Https));
        assert!(heard.origin_allowed);
        let unheard = client(false, &[], &forwarded);
        assert_eq!((unheard.addr, unheard.scheme), ("127.0.0.1:50000".parse().unwrap(), Scheme::Http));
        assert!(!unheard.origin_allowed);
    }
}
