use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::reach::Reach;

/// How long one address has to take a connection: behind a NAT nobody ever answers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A URL that somebody told leads to a place that is ours alone.
#[derive(Clone, Copy, Debug, Error)]
#[error("{0} is no address at which others may have us look for a node")]
pub(super) struct OutOfReach(IpAddr);

/// A connected stream, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where a URL's server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) is_secure: bool,
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    /// Of a URL with one of these schemes: `http`, `https`, `ws`, `wss`. `None`: it is no such URL, or names a user.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let is_secure = match uri.scheme_str()? {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        // `port_u16` is `None` for a port that is too large as well.
        let says_port = authority.as_str().trim_start_matches(authority.host()).len() > 1;
        if host.is_empty() || port == 0 || (says_port && uri.port_u16().is_none()) {
            return None;
        }
        Some(Self { is_secure, host: host.to_owned(), port })
    }

    /// Its addresses, as the system's resolver orders them.
    pub(super) async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((self.host.as_str(), self.port)).await?.collect())
    }

    /// Connects to the first address that answers, of those within reach.
    pub(super) async fn connect(&self, tls: &TlsConnector, reach: Reach) -> io::Result<Box<dyn Stream>> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in self.addresses().await? {
            if !reach.admits(address.ip()) {
                last = io::Error::other(OutOfReach(address.ip()));
                continue;
            }
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return self.secured(stream, tls).await,
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }

    async fn secured(&self, stream: TcpStream, tls: &TlsConnector) -> io::Result<Box<dyn Stream>> {
        stream.set_nodelay(true)?;
        if !self.is_secure {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        match tls.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(self.distrusted(error)),
        }
    }

    /// In words of an operator who may have an authority of his own.
    fn distrusted(&self, error: io::Error) -> io::Error {
        let Self { host, port, .. } = self;
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
                io::Error::other(format!(
                    "no authority trusted here made the certificate of {host}:{port}; `node.ca_file` names further ones"
                ))
            }
            Some(other) => io::Error::other(format!("TLS with {host}:{port}: {other}")),
            None => error,
        }
    }
}

/// The longest URL of a node, in bytes.
const URL_BYTES_MAX: usize = 512;

/// A node's URL as we keep it: `http` or `https`, with a host, no query, no fragment, no slash at the end. `None`: it is none.
///
/// Our path is put behind it, and nothing of it may swallow that: a fragment would (RFC 3986 §3.5), and leave whoever told the URL to
/// choose what is asked for.
pub(crate) fn node_url(text: &str) -> Option<String> {
    if text.len() > URL_BYTES_MAX || text.contains(['#', '?', '\\']) {
        return None;
    }
    let uri: Uri = text.parse().ok()?;
    Place::of(&uri)?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    is_http.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_node_can_be_reached_at_is_its_url() {
        for good in ["http://n:8000", "https://node.example", "http://[fd00::1]:8000", "http://10.0.0.1:8000/r/x"] {
            assert_eq!(node_url(good).as_deref(), Some(good));
        }
        assert_eq!(node_url("http://n:8000/").as_deref(), Some("http://n:8000"));
        let long = format!("http://{}", "n".repeat(600));
        for bad in [
            "",
            "n:8000",
            "ftp://n",
            "ws://n",
            "http://",
            "http://n:99999",
            "http://n:0",
            "http://u@n",
            "http://n?x",
            "http://n/api#",
            "http://n#",
            "http://n\\x",
            "http://n\nx",
            &long,
        ] {
            assert_eq!(node_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_server_stands_at_its_schemes_port_unless_it_says_another() {
        let place = |url: &str| Place::of(&url.parse().unwrap()).unwrap();
        assert_eq!((place("ws://h/x").port, place("wss://h").port, place("https://h:8443").port), (80, 443, 8443));
        assert_eq!(place("http://[::1]:5").host, "::1");
    }
}
