//! Tasks that may wait: names, and connections to relays over TCP and TLS.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls_pki_types::ServerName;
use sangam_mesh_proto::PathProtocol;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::ServerUrl;

/// An attempt to make an allocation, and then the allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AllocationId(pub(super) u64);

/// What a task has to tell.
#[derive(Debug)]
pub(super) enum Notice {
    /// A STUN server's addresses; none if its name could not be resolved.
    Stun { url: ServerUrl, addresses: Vec<SocketAddr> },
    /// A relay's addresses, or a connection to it.
    Dialled { id: AllocationId, way: Result<Way, String> },
}

/// What came over a relay's connection. Its end waits behind what came before it.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Bytes.
    Bytes(Bytes),
    /// Its end, and why.
    Closed(String),
}

/// What leads to a relay.
#[derive(Debug)]
pub(super) enum Way {
    /// Datagrams to one of these addresses.
    Datagrams(Vec<SocketAddr>),
    /// What is sent here goes over the connection.
    Stream(mpsc::Sender<Bytes>),
}

/// Where tasks tell it, and how long they may take.
#[derive(Clone)]
pub(super) struct Dialler {
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) arrivals: mpsc::Sender<(AllocationId, Arrival)>,
    pub(super) connector: TlsConnector,
    pub(super) connect_timeout: Duration,
    pub(super) queue_messages_max: usize,
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialler").field("connect_timeout", &self.connect_timeout).finish_non_exhaustive()
    }
}

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 8;
/// Read from a connection at once.
const READ_BYTES: usize = 32 << 10;

impl Dialler {
    /// Finds a STUN server's addresses.
    pub(super) fn resolve(&self, url: ServerUrl) -> AbortOnDropHandle<()> {
        let this = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            let addresses = resolve(&url, this.connect_timeout).await.unwrap_or_default();
            this.notices.send(Notice::Stun { url, addresses }).await.ok();
        }))
    }

    /// Finds a relay; over TCP and TLS, connects to it and carries what is sent and what arrives until one side ends.
    pub(super) fn dial(&self, id: AllocationId, url: ServerUrl) -> AbortOnDropHandle<()> {
        let this = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            match this.run(id, &url).await {
                Ok(None) => {}
                Ok(Some(why)) => drop(this.arrivals.send((id, Arrival::Closed(why))).await),
                Err(why) => drop(this.notices.send(Notice::Dialled { id, way: Err(why) }).await),
            }
        }))
    }

    /// Why the connection ended, if there was one.
    async fn run(&self, id: AllocationId, url: &ServerUrl) -> Result<Option<String>, String> {
        let addresses = resolve(url, self.connect_timeout).await?;
        if url.protocol == PathProtocol::Udp {
            self.notices.send(Notice::Dialled { id, way: Ok(Way::Datagrams(addresses)) }).await.ok();
            return Ok(None);
        }
        let stream = connect(&addresses, self.connect_timeout).await?;
        stream.set_nodelay(true).ok();
        if url.protocol == PathProtocol::Tcp {
            return Ok(Some(self.carry(id, stream).await));
        }
        let name = ServerName::try_from(url.host.clone()).map_err(|_| format!("{} is no name for TLS", url.host))?;
        let handshake = timeout(self.connect_timeout, self.connector.connect(name, stream)).await;
        let stream = handshake.map_err(|_| "the TLS handshake took too long".to_owned())?;
        let stream = stream.map_err(|error| format!("the TLS handshake failed: {error}"))?;
        Ok(Some(self.carry(id, stream).await))
    }

    /// Why it ended.
    async fn carry(&self, id: AllocationId, stream: impl AsyncRead + AsyncWrite) -> String {
        let (sender, receiver) = mpsc::channel(self.queue_messages_max);
        if self.notices.send(Notice::Dialled { id, way: Ok(Way::Stream(sender)) }).await.is_err() {
            return String::new();
        }
        let (reader, writer) = tokio::io::split(stream);
        let ended = tokio::select! {
            ended = self.read(id, reader) => ended,
            ended = write(receiver, writer) => ended,
        };
        match ended {
            Ok(()) => "the server closed the connection".to_owned(),
            Err(error) => format!("the connection broke: {error}"),
        }
    }

    async fn read(&self, id: AllocationId, reader: impl AsyncRead) -> io::Result<()> {
        tokio::pin!(reader);
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(READ_BYTES);
            if reader.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            if self.arrivals.send((id, Arrival::Bytes(buffer.split().freeze()))).await.is_err() {
                return Ok(());
            }
        }
    }
}

async fn write(mut receiver: mpsc::Receiver<Bytes>, writer: impl AsyncWrite) -> io::Result<()> {
    tokio::pin!(writer);
    while let Some(bytes) = receiver.recv().await {
        writer.write_all(&bytes).await?;
        // What else waits goes with it: over TLS, a flush is a system call.
        while let Ok(bytes) = receiver.try_recv() {
            writer.write_all(&bytes).await?;
        }
        writer.flush().await?;
    }
    writer.shutdown().await
}

async fn resolve(url: &ServerUrl, limit: Duration) -> Result<Vec<SocketAddr>, String> {
    if let Ok(ip) = url.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, url.port)]);
    }
    let found = timeout(limit, tokio::net::lookup_host((url.host.as_str(), url.port))).await;
    let found = found.map_err(|_| format!("the name {} took too long to be resolved", url.host))?;
    let found = found.map_err(|error| format!("the name {} cannot be resolved: {error}", url.host))?;
    let mut addresses: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
    // IPv4 first: it is what most relays have, and a host without it says so at once.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    addresses.dedup();
    if addresses.is_empty() { Err(format!("the name {} has no address", url.host)) } else { Ok(addresses) }
}

async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, String> {
    let mut why = "it has no address".to_owned();
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = format!("{address} cannot be reached: {error}"),
            Err(_) => why = format!("{address} took too long to connect"),
        }
    }
    Err(why)
}
