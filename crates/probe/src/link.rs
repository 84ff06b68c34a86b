//! One way to a STUN server, whatever its transport: whole messages go out and come in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::bounds::Bounds;
use crate::dial::{Stream, dial};
use crate::error::ProbeError;
use crate::fault::Fault;
use crate::framing::next_message;
use crate::uri::Transport;

/// A connected socket or stream.
pub(crate) struct Link {
    wire: Wire,
    pub(crate) server: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) transport: Transport,
}

enum Wire {
    Datagrams { socket: UdpSocket, buffer: Vec<u8> },
    Stream { stream: Box<dyn Stream>, buffer: BytesMut },
}

/// RFC 8489 §4: ALPN of STUN over TLS is `stun.turn` for TURN and `stun.nat-discovery` for STUN (RFC 7443).
pub(crate) const ALPN_TURN: &str = "stun.turn";
pub(crate) const ALPN_STUN: &str = "stun.nat-discovery";

/// No UDP payload is longer.
const DATAGRAM_BYTES_MAX: usize = 65_535;

impl Link {
    /// Opens it. The outer error: this machine cannot; the inner: the server does not.
    pub(crate) async fn open(
        server: SocketAddr,
        transport: Transport,
        host: &str,
        alpn: &str,
        bounds: Bounds<'_>,
    ) -> Result<Result<Self, Fault>, ProbeError> {
        if transport == Transport::Udp {
            return Self::datagrams_from(unspecified(server), server).await.map(Ok);
        }
        let tls = (transport == Transport::Tls).then_some(host);
        Ok(dial(server, tls, alpn, bounds).await.map(|(stream, local)| {
            let wire = Wire::Stream { stream, buffer: BytesMut::new() };
            Self { wire, server, local, transport }
        }))
    }

    /// Opens a socket for datagrams that leave from `local`.
    pub(crate) async fn datagrams_from(local: IpAddr, server: SocketAddr) -> Result<Self, ProbeError> {
        let opened = connected_socket(local, server).await;
        let (socket, local) = opened.map_err(|source| ProbeError::Network { to: server, source })?;
        let wire = Wire::Datagrams { socket, buffer: vec![0; DATAGRAM_BYTES_MAX] };
        Ok(Self { wire, server, local, transport: Transport::Udp })
    }

    /// Sends one message; on a stream, padded to a multiple of four as RFC 8656 §12.5 asks of ChannelData.
    pub(crate) async fn send(&mut self, message: &[u8], bounds: Bounds<'_>) -> Result<(), Fault> {
        let sent = match &mut self.wire {
            Wire::Datagrams { socket, .. } => {
                timeout(bounds.timeout, socket.send(message)).await.map(|sent| sent.map(drop))
            }
            Wire::Stream { stream, .. } => {
                let mut padded = message.to_vec();
                padded.resize(message.len().next_multiple_of(4), 0);
                let written = async {
                    stream.write_all(&padded).await?;
                    stream.flush().await
                };
                timeout(bounds.timeout, written).await
            }
        };
        sent.map_err(|_| Fault::Silent)?.map_err(|error| Fault::of_io(&error))
    }

    /// Waits for the next message, for as long as it takes. Nothing is lost if it is dropped while it waits.
    pub(crate) async fn receive(&mut self) -> Result<Bytes, Fault> {
        match &mut self.wire {
            Wire::Datagrams { socket, buffer } => {
                let length = socket.recv(buffer).await.map_err(|error| Fault::of_io(&error))?;
                Ok(Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default()))
            }
            Wire::Stream { stream, buffer } => loop {
                if let Some(message) = next_message(buffer).map_err(|_| Fault::OtherProtocol)? {
                    return Ok(message);
                }
                let read = stream.read_buf(buffer).await.map_err(|error| Fault::of_io(&error))?;
                if read == 0 {
                    return Err(Fault::Closed);
                }
            },
        }
    }
}

fn unspecified(server: SocketAddr) -> IpAddr {
    if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) }
}

/// A connected socket hears of closed ports, hears nobody but the server, and knows its own address.
async fn connected_socket(local: IpAddr, server: SocketAddr) -> std::io::Result<(UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((local, 0)).await?;
    socket.connect(server).await?;
    let local = socket.local_addr()?;
    Ok((socket, local))
}
