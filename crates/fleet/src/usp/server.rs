//! Where agents connect to: a controller or a broker whose name is looked up once.

use std::io;
use std::net::SocketAddr;

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::net::lookup_host;
use tokio_rustls::TlsConnector;

use super::options::UspMtp;
use crate::connection::{FleetError, Stream, Trust};
use crate::source_address::{open, own_address};

/// A controller or a broker that was looked up.
pub(super) struct Server {
    pub(super) host: String,
    /// Host and port as they were given.
    pub(super) authority: String,
    pub(super) target: String,
    pub(super) addr: SocketAddr,
    pub(super) is_secure: bool,
    connector: TlsConnector,
}

impl Server {
    pub(super) async fn find(url: &str, mtp: UspMtp, trust: &Trust) -> Result<Self, FleetError> {
        let (plain, secure, ports, example) = match mtp {
            UspMtp::WebSocket => ("ws", "wss", [80, 443], "ws://acs.example.org:7547/usp"),
            UspMtp::Stomp => ("stomp", "stomps", [61_613, 61_614], "stomp://broker.example.org:61613"),
            UspMtp::Mqtt5 | UspMtp::Mqtt311 => ("mqtt", "mqtts", [1_883, 8_883], "mqtt://broker.example.org:1883"),
        };
        let refused = || FleetError::Url { url: url.to_owned(), example };
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let is_secure = match uri.scheme_str() {
            Some(scheme) if scheme == plain => false,
            Some(scheme) if scheme == secure => true,
            Some(_) | None => return Err(refused()),
        };
        let authority = uri.authority().filter(|it| !it.as_str().contains('@')).ok_or_else(refused)?.to_string();
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(refused)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(ports[usize::from(is_secure)]);
        let unresolved = |source| FleetError::Resolve { host: host.clone(), source };
        let addr = lookup_host((host.as_str(), port)).await.map_err(unresolved)?.next();
        let addr = addr.ok_or_else(|| unresolved(io::ErrorKind::NotFound.into()))?;
        if is_secure {
            ServerName::try_from(host.clone()).map_err(|_| refused())?;
        }
        let target = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        Ok(Self { host, authority, target, addr, is_secure, connector: trust.connector() })
    }

    /// A connection of a device, with TLS if the URL says so.
    pub(super) async fn connect(&self, number: u32) -> io::Result<Box<dyn Stream>> {
        self.connect_to(self.addr, self.is_secure, number).await
    }

    /// A connection to another port of its host.
    pub(super) async fn connect_to(
        &self,
        addr: SocketAddr,
        is_secure: bool,
        number: u32,
    ) -> io::Result<Box<dyn Stream>> {
        let stream = open(addr, own_address(number)).await?;
        stream.set_nodelay(true)?;
        if !is_secure {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(Box::pin(self.connector.connect(name, stream)).await?))
    }
}
