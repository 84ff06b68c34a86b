use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sangam_mesh_proto::PathProtocol;
use sangam_net::udp::{AsyncSocket, BindError, SendFailure, SocketBuffers};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::dial::AllocationId;
use super::figures::{Drop, EndpointFigures};
use super::turn::{NotFramed, Splitter, TurnClient};
use super::{LocalCandidate, ServerUrl};

/// One allocation, from the attempt to make it to its end.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) id: AllocationId,
    pub(super) url: ServerUrl,
    pub(super) username: String,
    pub(super) expires: Option<SystemTime>,
    pub(super) client: TurnClient,
    pub(super) leg: Leg,
    pub(super) started: Instant,
    /// What peers are told: empty until it is made.
    pub(super) candidates: Vec<LocalCandidate>,
    /// A newer one took its place: it ends when nobody uses it any longer.
    pub(super) is_retired: bool,
    pub(super) used_at: Instant,
    #[expect(dead_code, reason = "held so that the task ends with the allocation")]
    pub(super) task: AbortOnDropHandle<()>,
}

/// What leads to the relay.
#[derive(Debug)]
pub(super) enum Leg {
    /// It is being dialled.
    None,
    /// A socket of its own: a server knows an allocation by the client's address and port.
    Datagrams { socket: AsyncSocket, server: SocketAddr },
    /// A connection that a task carries.
    Stream { sender: mpsc::Sender<Bytes>, splitter: Splitter },
}

impl Leg {
    pub(super) fn datagrams(server: SocketAddr, buffers: SocketBuffers) -> Result<Self, BindError> {
        let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = AsyncSocket::bind(SocketAddr::new(any, 0), buffers)?;
        Ok(Self::Datagrams { socket, server })
    }

    /// Sends one message to the server, now or not at all.
    fn send(&self, bytes: &[u8]) -> Result<(), Drop> {
        match self {
            Self::None => Err(Drop::NoSuchBase),
            Self::Datagrams { socket, server } => socket.try_send(*server, bytes).map_err(Drop::from),
            Self::Stream { sender, .. } => match sender.try_send(Bytes::copy_from_slice(bytes)) {
                Ok(()) => Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => Err(Drop::QueueFull),
                Err(mpsc::error::TrySendError::Closed(_)) => Err(Drop::NoSuchBase),
            },
        }
    }
}

impl From<SendFailure> for Drop {
    fn from(failure: SendFailure) -> Self {
        match failure {
            SendFailure::QueueFull => Self::QueueFull,
            SendFailure::TooLong => Self::TooLong,
            SendFailure::Unroutable => Self::Unroutable,
            SendFailure::System(_) => Self::System,
        }
    }
}

impl Allocation {
    pub(super) fn protocol(&self) -> PathProtocol {
        self.url.protocol
    }

    pub(super) fn is_made(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// Sends what the client has to tell its server. What is lost is sent again.
    pub(super) fn flush(&mut self) {
        while let Some(bytes) = self.client.poll_transmit() {
            self.leg.send(&bytes).ok();
        }
    }

    /// Sends a packet to a peer through the relay.
    pub(super) fn send(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        payload: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<(), Drop> {
        self.client.frame(now, peer, payload, scratch).map_err(|not_framed| match not_framed {
            NotFramed::NotPermitted => Drop::NotPermitted,
            NotFramed::TooLong => Drop::TooLong,
        })?;
        self.used_at = now;
        self.leg.send(scratch)
    }

    /// Whether it took another's place long enough ago that nobody uses it.
    pub(super) fn is_idle(&self, now: Instant, after: Duration) -> bool {
        self.is_retired && now >= self.used_at + after
    }
}

/// Counts what became of a packet.
pub(super) fn count(figures: &mut EndpointFigures, sent: Result<(), Drop>, bytes: usize) -> bool {
    match sent {
        Ok(()) => figures.left(bytes),
        Err(reason) => figures.drop_one(reason),
    }
    sent.is_ok()
}
