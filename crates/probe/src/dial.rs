//! Names to addresses, addresses to streams.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::bounds::Bounds;
use crate::error::ProbeError;
use crate::fault::Fault;

/// A connected stream, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The stream, and this end's address.
pub(crate) type Dialled = (Box<dyn Stream>, SocketAddr);

/// The first address of a host, as the system orders them.
pub(crate) async fn resolve(host: &str, port: u16, bounds: Bounds<'_>) -> Result<SocketAddr, ProbeError> {
    first_of(host, port, |_| true, bounds).await
}

/// The first address of a host that is of the same family as `local`.
pub(crate) async fn resolve_beside(
    host: &str,
    port: u16,
    local: IpAddr,
    bounds: Bounds<'_>,
) -> Result<SocketAddr, ProbeError> {
    first_of(host, port, |addr| addr.is_ipv4() == local.is_ipv4(), bounds).await
}

async fn first_of(
    host: &str,
    port: u16,
    fits: impl Fn(&SocketAddr) -> bool,
    bounds: Bounds<'_>,
) -> Result<SocketAddr, ProbeError> {
    let failed = |source| ProbeError::Resolve { host: host.to_owned(), source };
    let looked_up = timeout(bounds.timeout, lookup_host((host, port))).await;
    let mut addrs = looked_up.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)?;
    addrs.find(fits).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// Connects to `addr`; with a name to check the certificate against, over TLS with the ALPN `protocol`.
pub(crate) async fn dial(
    addr: SocketAddr,
    tls: Option<&str>,
    protocol: &str,
    bounds: Bounds<'_>,
) -> Result<Dialled, Fault> {
    let connected = timeout(bounds.timeout, TcpStream::connect(addr)).await.map_err(|_| Fault::Silent)?;
    let stream = connected.map_err(|error| Fault::of_io(&error))?;
    let local = stream.local_addr().map_err(|error| Fault::of_io(&error))?;
    // Round trips are measured: nothing may wait to be sent together with something else.
    stream.set_nodelay(true).map_err(|error| Fault::of_io(&error))?;
    let Some(host) = tls else { return Ok((Box::new(stream), local)) };
    let tls_fault = |said: String| Fault::Tls { said };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| tls_fault(error.to_string()))?;
    let shaken = timeout(bounds.timeout, bounds.trust.connector(protocol).connect(name, stream)).await;
    let stream = shaken.map_err(|_| Fault::Silent)?.map_err(|error| tls_fault(error.to_string()))?;
    Ok((Box::new(stream), local))
}
