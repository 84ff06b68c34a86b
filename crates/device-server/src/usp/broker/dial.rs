use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::options::{BrokerOptions, BrokerTls};

/// A stream to a broker, plain or encrypted.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Why there is no stream to a broker.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The name or address does not answer.
    #[error("it cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// It did not in time.
    #[error("it did not answer in time")]
    Timeout,
    /// The encryption failed: its certificate, or the authorities that are to vouch for it.
    #[error("the connection cannot be encrypted: {0}")]
    Tls(#[source] io::Error),
}

impl DialError {
    /// A label for counting, one of a fixed set.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Timeout => "connect_timeout",
            Self::Tls(_) => "tls",
        }
    }
}

/// How long the kernel waits for a broker to acknowledge bytes before it gives the connection up.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);

/// Connects. The authorities are read each time, so that a new file counts from the next connection on.
pub(super) async fn dial(options: &BrokerOptions) -> Result<Box<dyn Wire>, DialError> {
    timeout(options.answer_within, connect(options)).await.map_err(|_elapsed| DialError::Timeout)?
}

async fn connect(options: &BrokerOptions) -> Result<Box<dyn Wire>, DialError> {
    let stream = TcpStream::connect((options.host.as_str(), options.port)).await.map_err(DialError::Unreachable)?;
    prepare(&stream).map_err(DialError::Unreachable)?;
    let Some(tls) = &options.tls else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(options.host.clone()).map_err(|error| DialError::Tls(io::Error::other(error)))?;
    let connector = connector(tls.clone()).await.map_err(DialError::Tls)?;
    Ok(Box::new(connector.connect(name, stream).await.map_err(DialError::Tls)?))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX))?;
    Ok(())
}

async fn connector(tls: BrokerTls) -> io::Result<TlsConnector> {
    let roots = tokio::task::spawn_blocking(move || roots(tls.ca_file.as_deref()));
    let roots = roots.await.map_err(io::Error::other)??;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

fn roots(ca_file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca_file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    for certificate in CertificateDer::pem_file_iter(path).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if roots.is_empty() { Err(io::Error::other("the file of authorities holds none")) } else { Ok(roots) }
}
