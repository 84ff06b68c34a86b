//! TLS on accepted connections: handshakes bounded in time, in number and per client address.

mod handshake_rate;
mod unverified;

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use self::handshake_rate::HandshakeRate;
pub use self::unverified::connect_tls_dangerous_unverified;
use crate::certificate::{CertificateError, CertificateStore, ClientAuthorities, ClientCertificate, provider};
use crate::rules::FrontRules;

/// RFC 8446 §5.1: the content type of the record that carries a ClientHello. No text protocol begins with it.
pub(crate) const TLS_HANDSHAKE_RECORD: u8 = 0x16;

/// What a listener speaks.
#[derive(Clone, Debug, Default)]
pub enum Tls {
    /// Plain text only.
    #[default]
    Off,
    /// TLS only.
    On(TlsFront),
    /// Whichever the client begins with. Plain text from beyond loopback only if
    /// [`FrontRules::allow_plain`](crate::FrontRules::allow_plain) says so.
    Auto(TlsFront),
}

impl Tls {
    /// Whether the listener takes plain text from `peer`, the other end of the TCP connection.
    pub(crate) fn takes_plain(&self, peer: IpAddr, rules: &FrontRules) -> bool {
        match self {
            Self::Off => true,
            Self::On(_) => false,
            Self::Auto(_) => peer.is_loopback() || rules.allow_plain,
        }
    }
}

/// Limits and protocol of TLS handshakes.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// ALPN protocols offered, preferred first (RFC 7301): `h2`, `http/1.1`; for TURN `stun.turn` (RFC 7443).
    /// Empty: whatever the client names is ignored.
    pub alpn: Vec<Vec<u8>>,
    /// How long a handshake may take, waiting for its turn included.
    pub handshake_timeout: Duration,
    /// Handshakes under way at once, from a whole ClientHello to the client's Finished. More wait for their turn.
    pub handshakes_max: usize,
    /// Handshakes that one client address (IPv6: one /64) may begin per second in the long run. Trusted proxies
    /// are exempt.
    pub handshakes_per_second: u32,
    /// Handshakes that one client address may begin at once after a rest.
    pub handshakes_burst: u32,
    /// Client addresses remembered for the rate, at 40 bytes each. When more are active, those nearest to their
    /// full allowance are forgotten.
    pub rate_sources_max: usize,
}

impl TlsOptions {
    /// The defaults for STUN and TURN (RFC 7443 §3).
    #[must_use]
    pub fn turn() -> Self {
        Self { alpn: vec![b"stun.turn".to_vec(), b"stun.nat-discovery".to_vec()], ..Self::default() }
    }

    /// The defaults for HTTP: HTTP/2 and HTTP/1.1.
    #[must_use]
    pub fn http() -> Self {
        Self { alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()], ..Self::default() }
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            alpn: Vec::new(),
            handshake_timeout: Duration::from_secs(10),
            handshakes_max: 512,
            handshakes_per_second: 50,
            handshakes_burst: 200,
            rate_sources_max: 4_096,
        }
    }
}

/// What a handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSession {
    /// The ALPN protocol, if the client offered one that we speak.
    pub alpn: Option<Vec<u8>>,
    /// The server name the client asked for (RFC 6066 §3).
    pub server_name: Option<String>,
    /// What the client has shown and proven, if it was asked for a certificate and has one.
    pub client: Option<Arc<ClientCertificate>>,
}

/// Does the TLS handshakes of the listeners that hold a clone of it; they share its limits.
#[derive(Clone, Debug)]
pub struct TlsFront {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Arc<ServerConfig>,
    certificates: Arc<CertificateStore>,
    limits: Arc<Limits>,
}

#[derive(Debug)]
struct Limits {
    handshakes: Semaphore,
    rate: Mutex<HandshakeRate>,
    timeout: Duration,
}

/// Why a handshake did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// It took longer than [`TlsOptions::handshake_timeout`].
    #[error("the handshake took too long")]
    Timeout,
    /// The bytes were wrong, nothing was in common, or the client left.
    #[error("the handshake broke off")]
    Handshake(#[source] io::Error),
}

/// The crypto provider cannot do TLS as we offer it.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: the crypto library offers none of TLS 1.2 and 1.3; this build is broken, use another")]
pub struct TlsSetupError(#[from] rustls::Error);

/// Clients cannot be asked for certificates.
#[derive(Debug, thiserror::Error)]
pub enum ClientTlsError {
    /// The authorities cannot be used.
    #[error(transparent)]
    Authorities(#[from] CertificateError),
    /// As for any TLS.
    #[error(transparent)]
    Setup(#[from] TlsSetupError),
}

impl TlsFront {
    /// Serves the certificate that `certificates` holds at the time of each handshake: TLS 1.2 and 1.3, no client
    /// certificates, session tickets whose keys rotate by themselves and never leave the process.
    ///
    /// # Errors
    ///
    /// Only if the crypto library is not what it is built to be.
    pub fn new(certificates: Arc<CertificateStore>, options: TlsOptions) -> Result<Self, TlsSetupError> {
        let rate =
            HandshakeRate::new(options.handshakes_per_second, options.handshakes_burst, options.rate_sources_max);
        let limits = Limits {
            handshakes: Semaphore::new(options.handshakes_max.min(Semaphore::MAX_PERMITS)),
            rate: Mutex::new(rate),
            timeout: options.handshake_timeout,
        };
        let config = config(Arc::clone(&certificates), options.alpn, WebPkiClientVerifier::no_client_auth())?;
        Ok(Self { inner: Arc::new(Inner { config: Arc::new(config), certificates, limits: Arc::new(limits) }) })
    }

    /// The same, with the same limits, which also asks clients for a certificate of these authorities. Who shows none is let in;
    /// who shows another is not.
    ///
    /// # Errors
    ///
    /// The authorities cannot be used, or the crypto library is not what it is built to be.
    pub fn asking_clients(&self, authorities: &ClientAuthorities) -> Result<Self, ClientTlsError> {
        let Inner { certificates, limits, config: known } = &*self.inner;
        let verifier = authorities.verifier()?;
        let config = config(Arc::clone(certificates), known.alpn_protocols.clone(), verifier)?;
        let (certificates, limits) = (Arc::clone(certificates), Arc::clone(limits));
        Ok(Self { inner: Arc::new(Inner { config: Arc::new(config), certificates, limits }) })
    }

    /// Whether `client` may begin a handshake now; if so it is counted.
    pub(crate) fn may_begin(&self, client: IpAddr) -> bool {
        // A bucket is whole at every point where a holder could panic.
        self.inner.limits.rate.lock().unwrap_or_else(PoisonError::into_inner).take(client, Instant::now())
    }

    pub(crate) async fn handshake(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, TlsSession), TlsFailure> {
        match timeout(self.inner.limits.timeout, self.inner.handshake(stream)).await {
            Err(_elapsed) => Err(TlsFailure::Timeout),
            Ok(Err(error)) => Err(TlsFailure::Handshake(error)),
            Ok(Ok(done)) => Ok(done),
        }
    }
}

/// What clients are shown, and asked for.
fn config(
    certificates: Arc<CertificateStore>,
    alpn: Vec<Vec<u8>>,
    verifier: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, TlsSetupError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificates);
    config.alpn_protocols = alpn;
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// The certificate that a client has shown. One that cannot be read names nobody.
fn client_of(connection: &ServerConnection) -> Option<Arc<ClientCertificate>> {
    let shown = connection.peer_certificates()?.first()?;
    Some(Arc::new(ClientCertificate::of(shown).unwrap_or_default()))
}

impl Inner {
    async fn handshake(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, TlsSession)> {
        // A client that has not sent its whole ClientHello has cost nothing yet and takes nobody's turn.
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let turn = self.limits.handshakes.acquire().await.map_err(io::Error::other)?;
        let stream = start.into_stream(Arc::clone(&self.config)).await?;
        drop(turn);
        let (_, connection) = stream.get_ref();
        let session = TlsSession {
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            server_name: connection.server_name().map(str::to_owned),
            client: client_of(connection),
        };
        Ok((stream, session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::lab::Pair;

    #[test]
    fn plain_text_is_taken_by_mode_and_from_beyond_loopback_by_rule() {
        let directory = tempfile::tempdir().unwrap();
        let store = CertificateStore::load(Pair::generate().write(directory.path())).unwrap();
        let front = TlsFront::new(store, TlsOptions::http()).unwrap();
        let (here, beyond) = ("127.0.0.1".parse().unwrap(), "192.0.2.7".parse().unwrap());
        for (tls, allow_plain, expected) in [
            (Tls::Off, false, [true, true]),
            (Tls::On(front.clone()), true, [false, false]),
            (Tls::Auto(front.clone()), false, [true, false]),
            (Tls::Auto(front), true, [true, true]),
        ] {
            let rules = FrontRules { allow_plain, ..FrontRules::default() };
            assert_eq!([tls.takes_plain(here, &rules), tls.takes_plain(beyond, &rules)], expected, "{tls:?}");
        }
    }
}
