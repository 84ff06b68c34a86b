use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sangam_control::{StunDatagram, StunNotSent, StunSocket};
use sangam_net::udp::ListenGroup;

use crate::handover::Handover;
use crate::shared::Shared;
use crate::thread_face::Condition;

/// The way for others to the listening sockets: whatever thread has the turn, they are bound to the same addresses.
#[derive(Debug)]
pub(crate) struct StunSender {
    shared: Arc<Shared>,
    locals: Vec<SocketAddr>,
    turn: AtomicUsize,
}

impl StunSender {
    pub(crate) fn new(shared: &Arc<Shared>, groups: &[ListenGroup]) -> Self {
        let locals = groups.iter().map(ListenGroup::local).collect();
        Self { shared: Arc::clone(shared), locals, turn: AtomicUsize::new(0) }
    }

    /// Whether a listening socket can send that.
    fn is_ours(&self, datagram: &StunDatagram) -> bool {
        self.locals.iter().any(|&local| leaves_from(local, datagram))
    }
}

/// Whether a socket bound to `local` is one that a datagram is to leave from.
pub(crate) fn leaves_from(local: SocketAddr, datagram: &StunDatagram) -> bool {
    let is_of_family = local.is_ipv4() == datagram.to.is_ipv4();
    let is_named =
        |from: SocketAddr| from.port() == local.port() && (from.ip() == local.ip() || local.ip().is_unspecified());
    is_of_family && datagram.from.is_none_or(is_named)
}

impl StunSocket for StunSender {
    fn send(&self, datagram: StunDatagram) -> Result<(), StunNotSent> {
        if datagram.bytes.len() > StunDatagram::BYTES_MAX || datagram.to.port() == 0 {
            return Err(StunNotSent::Unsendable);
        }
        if self.shared.is_stopping() {
            return Err(StunNotSent::Stopped);
        }
        if !self.is_ours(&datagram) {
            return Err(StunNotSent::NoSocket);
        }
        let threads = &self.shared.threads;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..threads.len()).filter_map(|step| threads.get((turn + step) % threads.len()));
        let mut waiting = Handover::Outward(datagram);
        for thread in in_turn.filter(|thread| thread.condition() == Condition::Runs) {
            match thread.inbox.post(waiting) {
                Ok(()) => {
                    thread.waker.wake();
                    return Ok(());
                }
                Err(refused) => waiting = refused,
            }
        }
        Err(StunNotSent::Busy)
    }
}
