//! What passes between the STUN listener and whoever asks devices behind NAT for sessions (TR-069 Amendment 6 Annex G): datagrams
//! that must leave from the listener's own socket, as only they pass the NAT, and word of the bindings that devices keep open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

/// A datagram to leave from a STUN listening socket.
#[derive(Clone, PartialEq, Eq)]
pub struct StunDatagram {
    /// From which address of ours, as [`KeptBinding::server`] has it; `None`: from each of that family that we listen on.
    pub from: Option<SocketAddr>,
    /// Whom to.
    pub to: SocketAddr,
    /// What; at most [`Self::BYTES_MAX`].
    pub bytes: Vec<u8>,
}

impl StunDatagram {
    /// More would not pass every path whole.
    pub const BYTES_MAX: usize = 1_472;
}

impl std::fmt::Debug for StunDatagram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, to, bytes } = self;
        // The bytes name a user and carry a signature.
        write!(f, "StunDatagram {{ from: {from:?}, to: {to}, bytes: {} }}", bytes.len())
    }
}

/// Why a datagram was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StunNotSent {
    /// As many wait as may.
    #[error("too many datagrams wait for the STUN socket")]
    Busy,
    /// No STUN socket listens there, or none of that family over UDP.
    #[error("no STUN socket of that address")]
    NoSocket,
    /// Too long, or to no port.
    #[error("a datagram that cannot be sent")]
    Unsendable,
    /// The listener has ended.
    #[error("the STUN listener has ended")]
    Stopped,
}

/// The STUN listener, as who sends through it sees it.
pub trait StunSocket: Send + Sync {
    /// Queues a datagram and does not wait. Nobody says whether it came through.
    ///
    /// # Errors
    ///
    /// It was not taken.
    fn send(&self, datagram: StunDatagram) -> Result<(), StunNotSent>;
}

/// A binding that a device keeps open, as its Binding request said. Nothing of it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBinding {
    /// Where datagrams for the device go.
    pub client: SocketAddr,
    /// The address of ours that they have to come from.
    pub server: SocketAddr,
    /// The USERNAME of the request, at most 256 bytes.
    pub username: Option<Box<str>>,
    /// Whether the device says that it is another than before.
    pub is_changed: bool,
}

/// Where the listener tells of bindings. It never waits: beyond the bound they are lost and counted, and a device says the same again
/// within its keepalive.
#[derive(Clone, Debug)]
pub struct KeptBindings {
    queue: mpsc::Sender<KeptBinding>,
    missed: Arc<AtomicU64>,
}

impl KeptBindings {
    /// A queue with room for `bound` bindings (at least one), and its other end.
    #[must_use]
    pub fn channel(bound: usize) -> (Self, mpsc::Receiver<KeptBinding>) {
        let (queue, heard) = mpsc::channel(bound.max(1));
        (Self { queue, missed: Arc::default() }, heard)
    }

    /// Tells of one; `false`: it is lost.
    pub fn tell(&self, kept: KeptBinding) -> bool {
        let is_told = self.queue.try_send(kept).is_ok();
        self.missed.fetch_add(u64::from(!is_told), Ordering::Relaxed);
        is_told
    }

    /// How many were lost so far.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_beyond_the_bound_are_lost_and_counted() {
        let (told, mut heard) = KeptBindings::channel(1);
        let kept = |port| KeptBinding {
            client: ([192, 0, 2, 7], port).into(),
            server: ([192, 0, 2, 1], 3_478).into(),
            username: None,
            is_changed: false,
        };
        assert!(told.tell(kept(1)) && !told.tell(kept(2)));
        assert_eq!(heard.try_recv(), Ok(kept(1)));
        assert!(told.tell(kept(3)));
        assert_eq!(told.missed(), 1);
    }
}
