use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::detached::DetachedStream;
use crate::proxy_protocol::{self, ProxyHeader};
use crate::stats::Refused;
use crate::tcp::{ConnectionPermit, FrontShared};
use crate::tls::{TLS_HANDSHAKE_RECORD, Tls, TlsFailure, TlsFront, TlsSession};

/// A connection taken from the kernel, for which there is room; nothing has been read from it.
#[derive(Debug)]
pub struct Arrived {
    stream: TcpStream,
    peer: SocketAddr,
    permit: ConnectionPermit,
    shared: Arc<FrontShared>,
}

/// A connection ready for its protocol: PROXY header read, TLS established.
#[derive(Debug)]
pub struct Accepted {
    /// The plain or decrypted byte stream. It holds the connection's place in the listener's limits until dropped.
    pub stream: FrontStream,
    /// The client: the TCP peer, or whom a trusted proxy's PROXY v2 header names.
    pub peer: SocketAddr,
    /// The local end of the TCP connection.
    pub local: SocketAddr,
    /// The address the listener is bound to; may be a wildcard.
    pub listener: SocketAddr,
    /// The proxy's own address if the connection began with a PROXY v2 header.
    pub proxied: Option<SocketAddr>,
    /// What TLS agreed on; `None` on plain text.
    pub tls: Option<TlsSession>,
}

/// Why an arrived connection did not become an accepted one. It is already counted and logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstablishError {
    /// The listener's rules forbid it.
    #[error("connection refused: {}", .0.as_str())]
    Refused(Refused),
    /// The TLS handshake did not succeed.
    #[error("TLS handshake failed")]
    Tls(#[source] TlsFailure),
    /// The connection broke or the client left.
    #[error("connection lost")]
    Lost(#[from] io::Error),
}

impl Arrived {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr, permit: ConnectionPermit, shared: Arc<FrontShared>) -> Self {
        Self { stream, peer, permit, shared }
    }

    /// The TCP peer: the client or a proxy.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Reads the PROXY v2 header where the listener wants one and does the TLS handshake where it applies. Takes
    /// no longer than the listener's time limits; dropping the future closes the connection.
    ///
    /// # Errors
    ///
    /// The connection is closed, counted by reason and needs no further care.
    pub async fn establish(mut self) -> Result<Accepted, EstablishError> {
        let shared = Arc::clone(&self.shared);
        let local = self.stream.local_addr()?;
        let mut client = self.peer;
        let mut proxied = None;
        if shared.options.proxy_protocol {
            client = self.read_proxy_header().await?.unwrap_or(self.peer);
            proxied = Some(self.peer);
        }
        let (stream, tls) = match self.wants_tls(&shared.tls).await? {
            None => (StreamKind::Plain(self.stream), None),
            Some(front) => {
                let (stream, session) = handshake(front, self.stream, client, &shared).await?;
                (StreamKind::Tls(Box::new(stream)), Some(session))
            }
        };
        let stream = FrontStream { kind: stream, permit: self.permit };
        Ok(Accepted { stream, peer: client, local, listener: shared.listener, proxied, tls })
    }

    /// Whom the proxy names; `None` if it speaks for itself.
    async fn read_proxy_header(&mut self) -> Result<Option<SocketAddr>, EstablishError> {
        let trusted = self.shared.rules.current().trusted_proxies.contains(self.peer.ip());
        if !trusted {
            return Err(self.refused(Refused::NotAProxy));
        }
        let reading = proxy_protocol::read_header(&mut self.stream);
        let header = match timeout(self.shared.options.first_byte_timeout, reading).await {
            Err(_elapsed) => return Err(self.refused(Refused::Silent)),
            Ok(Err(proxy_protocol::ReadError::Io(error))) => return Err(error.into()),
            Ok(Err(proxy_protocol::ReadError::Malformed(error))) => {
                tracing::debug!(proxy = %self.peer, %error, "malformed PROXY v2 header");
                return Err(self.refused(Refused::ProxyHeaderMalformed));
            }
            Ok(Ok(header)) => header,
        };
        let ProxyHeader::Client(client) = header else { return Ok(None) };
        self.permit.charge(client.ip()).map_err(|reason| self.refused(reason))?;
        Ok(Some(client))
    }

    /// Who does the TLS handshake, by the listener's mode or by the client's first byte; `None`: it is plain text.
    async fn wants_tls<'a>(&self, tls: &'a Tls) -> Result<Option<&'a TlsFront>, EstablishError> {
        let (Tls::On(front) | Tls::Auto(front)) = tls else { return Ok(None) };
        let mut first = [0];
        match timeout(self.shared.options.first_byte_timeout, self.stream.peek(&mut first)).await {
            Err(_elapsed) => return Err(self.refused(Refused::Silent)),
            Ok(Ok(0)) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(Err(error)) => return Err(error.into()),
            Ok(Ok(_)) => {}
        }
        if first == [TLS_HANDSHAKE_RECORD] {
            Ok(Some(front))
        } else if tls.takes_plain(self.peer.ip(), &self.shared.rules.current()) {
            Ok(None)
        } else {
            Err(self.refused(Refused::PlainText))
        }
    }

    fn refused(&self, reason: Refused) -> EstablishError {
        self.shared.refuse(reason, self.peer);
        EstablishError::Refused(reason)
    }
}

async fn handshake(
    front: &TlsFront,
    stream: TcpStream,
    client: SocketAddr,
    shared: &FrontShared,
) -> Result<(TlsStream<TcpStream>, TlsSession), EstablishError> {
    // A trusted proxy stands for many clients, as it does in the connection limits.
    let exempt = shared.rules.current().trusted_proxies.contains(client.ip());
    if !exempt && !front.may_begin(client.ip()) {
        shared.refuse(Refused::HandshakeRate, client);
        return Err(EstablishError::Refused(Refused::HandshakeRate));
    }
    match front.handshake(stream).await {
        Ok(done) => {
            shared.stats.tls_ok.add();
            Ok(done)
        }
        Err(failure) => {
            match &failure {
                TlsFailure::Timeout => shared.stats.tls_timeout.add(),
                TlsFailure::Handshake(_) => shared.stats.tls_failed.add(),
            }
            tracing::debug!(%client, listener = %shared.listener, error = %failure, "TLS handshake failed");
            Err(EstablishError::Tls(failure))
        }
    }
}

impl FrontShared {
    /// A peer's fault: a counter and a debug line.
    pub(crate) fn refuse(&self, reason: Refused, peer: SocketAddr) {
        self.stats.refuse(reason);
        tracing::debug!(%peer, listener = %self.listener, reason = reason.as_str(), "connection refused");
    }
}

/// The byte stream of an accepted connection, decrypted if it is TLS.
#[derive(Debug)]
pub struct FrontStream {
    // Declared before the permit: the descriptor is closed before its place is given away.
    kind: StreamKind,
    permit: ConnectionPermit,
}

#[derive(Debug)]
enum StreamKind {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl FrontStream {
    /// Takes the stream away from the runtime, for a thread that drives it by itself. What TLS has read ahead stays
    /// readable; what it has still to send goes before anything that is written.
    ///
    /// # Errors
    ///
    /// The connection has broken.
    pub fn detach(self) -> io::Result<DetachedStream> {
        let (socket, tls) = match self.kind {
            StreamKind::Plain(socket) => (socket, None),
            StreamKind::Tls(stream) => {
                let (socket, connection) = stream.into_inner();
                (socket, Some(Box::new(connection)))
            }
        };
        DetachedStream::new(socket.into_std()?, tls, self.permit)
    }
}

impl AsyncRead for FrontStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            StreamKind::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            StreamKind::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for FrontStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            StreamKind::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            StreamKind::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().kind {
            StreamKind::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            StreamKind::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            StreamKind::Plain(stream) => stream.is_write_vectored(),
            StreamKind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            StreamKind::Plain(stream) => Pin::new(stream).poll_flush(cx),
            StreamKind::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().kind {
            StreamKind::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            StreamKind::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
