//! WebSockets to one server: its name is looked up once, each connection is its own.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Uri};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use sangam_sync_client::ClientError;

use crate::cpe::CpeOptionsError;
use crate::options::OptionsError;
use crate::sync::SyncOptionsError;
use crate::usp::UspOptionsError;

/// Why a fleet could not start: nothing is known of the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The options make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The URL is none that this fleet can use.
    #[error("`{url}` is no URL for this: write for example {example}")]
    Url {
        /// As given.
        url: String,
        /// One that would do.
        example: &'static str,
    },
    /// The name stands for no address.
    #[error("the name `{host}` could not be resolved: check its spelling and this machine's DNS")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Certificates to trust could not be read.
    #[error("no certificate to trust could be read from {from}: give a PEM file with `--ca-file`")]
    Roots {
        /// The file.
        from: String,
    },
    /// A token that cannot stand in a header.
    #[error("the token has characters that no HTTP header can hold: check its file")]
    Token,
    /// The options of a fleet of devices make no sense.
    #[error(transparent)]
    SyncOptions(#[from] SyncOptionsError),
    /// The options of a fleet of CPEs make no sense.
    #[error(transparent)]
    CpeOptions(#[from] CpeOptionsError),
    /// The options of a fleet of USP agents make no sense.
    #[error(transparent)]
    UspOptions(#[from] UspOptionsError),
    /// Nobody says who the controller is.
    #[error(
        "the endpoint id of the controller is not known, and the server does not say it: give it with `--controller`"
    )]
    Controller,
    /// Devices cannot listen for connection requests.
    #[error("devices cannot listen for connection requests on {address}: give an address of this machine")]
    Listen {
        /// Where.
        address: std::net::IpAddr,
        /// Why not.
        source: io::Error,
    },
    /// A client of sync could not be made.
    #[error(transparent)]
    Sync(ClientError),
    /// A token for a device could not be made.
    #[error("no token could be made for a device: {0}")]
    Mint(String),
}

/// Whose certificates are believed: those the system trusts, or those of a file alone.
#[derive(Clone)]
pub struct Trust {
    connector: TlsConnector,
    roots: Arc<RootCertStore>,
}

impl Trust {
    /// Reads the authorities of `ca_file` (PEM), or the system's.
    ///
    /// # Errors
    /// [`FleetError::Roots`]: the file has none. A system without any is no error.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, FleetError> {
        let mut roots = RootCertStore::empty();
        let certificates: Vec<CertificateDer<'static>> = match ca_file {
            Some(path) => CertificateDer::pem_file_iter(path)
                .map(|read| read.filter_map(Result::ok).collect())
                .unwrap_or_default(),
            None => rustls_native_certs::load_native_certs().certs,
        };
        let (added, _) = roots.add_parsable_certificates(certificates);
        if let (Some(path), 0) = (ca_file, added) {
            return Err(FleetError::Roots { from: path.display().to_string() });
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_root_certificates(Arc::clone(&roots))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), roots })
    }

    /// What makes a TLS connection of a plain one.
    pub(crate) fn connector(&self) -> TlsConnector {
        self.connector.clone()
    }

    /// The same for clients of sync.
    pub(crate) fn of_sync(&self) -> sangam_sync_client::Trust {
        sangam_sync_client::Trust::Roots(Arc::clone(&self.roots))
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

/// A connected stream, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// A server that was looked up.
pub(crate) struct Server {
    /// `ws` or `wss`, with `{room}` where it was written.
    url: String,
    addr: SocketAddr,
    tls: Option<(ServerName<'static>, TlsConnector)>,
    authorization: Option<HeaderValue>,
}

/// Why there is no connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The server answered, and not with an upgrade.
    Refused(String),
    /// Nobody answered, or something else than HTTP.
    Unreached(String),
}

/// The limit of one message: more than any that a fleet hears.
const MESSAGE_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// socket.io-client's `timeout`.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

impl Server {
    /// Looks up a server of `ws`, `wss`, `http` or `https`; `example` is told to whoever gives something else.
    pub(crate) async fn find(
        url: &str,
        example: &'static str,
        token: Option<&SecretString>,
        trust: &Trust,
    ) -> Result<Self, FleetError> {
        let refused = || FleetError::Url { url: url.to_owned(), example };
        let rest = url.strip_prefix("http").map(|rest| format!("ws{rest}"));
        let url = rest.unwrap_or_else(|| url.to_owned());
        let uri: Uri = url.replace("{room}", "room").parse().map_err(|_| refused())?;
        let is_secure = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            Some(_) | None => return Err(refused()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(refused)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let unresolved = |source| FleetError::Resolve { host: host.clone(), source };
        let mut addrs = lookup_host((host.as_str(), port)).await.map_err(unresolved)?;
        let addr = addrs.next().ok_or_else(|| unresolved(io::ErrorKind::NotFound.into()))?;
        let name = is_secure.then(|| ServerName::try_from(host.clone()).map_err(|_| refused())).transpose()?;
        let tls = name.map(|name| (name, trust.connector.clone()));
        let authorization = token.map(bearer).transpose()?;
        Ok(Self { url, addr, tls, authorization })
    }

    /// Opens a WebSocket at a URL of this server.
    pub(crate) async fn open(&self, uri: &str) -> Result<Socket, OpenError> {
        match timeout(OPEN_TIMEOUT, self.opened(uri)).await {
            Ok(opened) => opened,
            Err(_) => Err(OpenError::Unreached(format!("no WebSocket in {} s", OPEN_TIMEOUT.as_secs()))),
        }
    }

    /// The URL with the room's name in it.
    pub(crate) fn url(&self, room: &str) -> String {
        self.url.replace("{room}", room)
    }

    async fn opened(&self, uri: &str) -> Result<Socket, OpenError> {
        let unreached = |error: io::Error| OpenError::Unreached(error.kind().to_string());
        let mut request = uri.into_client_request().map_err(|error| OpenError::Unreached(error.to_string()))?;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let stream = TcpStream::connect(self.addr).await.map_err(unreached)?;
        stream.set_nodelay(true).map_err(unreached)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some((name, connector)) => {
                let shaken = connector.connect(name.clone(), stream).await;
                Box::new(shaken.map_err(|error| OpenError::Unreached(format!("no TLS: {error}")))?)
            }
        };
        // Thousands of sockets: small buffers.
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .read_buffer_size(4 * 1_024)
            .write_buffer_size(0);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => Err(OpenError::Refused(format!("HTTP {}", response.status().as_u16()))),
            Err(error) => Err(OpenError::Unreached(error.to_string())),
        }
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, FleetError> {
    let text = format!("Bearer {}", token.expose_secret());
    let mut value = HeaderValue::from_str(&text).map_err(|_| FleetError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}
