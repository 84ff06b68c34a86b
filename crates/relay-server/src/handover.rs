//! What one thread sends another: datagrams for its allocations, and relay sockets that it reserved.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use sangam_net::Waker;
use sangam_net::udp::Socket;
use sangam_turn_proto::{AllocationKey, RelayedAddr, RequestId, ReservationToken};

/// Something for another thread.
#[derive(Debug)]
pub(crate) enum Handover {
    /// A datagram from one allocation of ours to another.
    Datagram(OwnDatagram),
    /// Asks for a relay socket that the other thread keeps in reserve.
    TakeReserved(ReservedQuestion),
    /// Answers that.
    Reserved(ReservedAnswer),
}

/// A datagram from one allocation of ours to another.
#[derive(Debug)]
pub(crate) struct OwnDatagram {
    pub(crate) to: RelayedAddr,
    pub(crate) from: RelayedAddr,
    pub(crate) payload: Vec<u8>,
}

/// RFC 8656 §7.2: a RESERVATION-TOKEN may come from any address, so from a client of any thread.
#[derive(Debug)]
pub(crate) struct ReservedQuestion {
    pub(crate) token: ReservationToken,
    pub(crate) username: String,
    /// The thread that asks, and what its core calls the question and the socket.
    pub(crate) thread: usize,
    pub(crate) request: RequestId,
    pub(crate) allocation: AllocationKey,
}

/// The socket, registered nowhere, if there was one under that token for that user.
#[derive(Debug)]
pub(crate) struct ReservedAnswer {
    pub(crate) request: RequestId,
    pub(crate) allocation: AllocationKey,
    pub(crate) socket: Option<Socket>,
}

/// Why something was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotHandedOver {
    /// The other thread is behind.
    QueueFull,
    /// The other thread has ended.
    ThreadGone,
}

/// One thread's way to all others. Wakes each other thread once for all that a wake handed to it.
#[derive(Debug)]
pub(crate) struct Outbox {
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    queue: SyncSender<Handover>,
    waker: Arc<Waker>,
    has_mail: bool,
}

impl Outbox {
    /// An outbox and an inbox for each of the wakers' threads, with room for `bound` of them in each inbox.
    pub(crate) fn connect(wakers: &[Arc<Waker>], bound: usize) -> Vec<(Self, Receiver<Handover>)> {
        let (queues, inboxes): (Vec<_>, Vec<_>) = wakers.iter().map(|_| sync_channel(bound)).unzip();
        let other = |(queue, waker): (&SyncSender<Handover>, &Arc<Waker>)| Other {
            queue: queue.clone(),
            waker: Arc::clone(waker),
            has_mail: false,
        };
        let outbox = |inbox| (Self { others: queues.iter().zip(wakers).map(other).collect() }, inbox);
        inboxes.into_iter().map(outbox).collect()
    }

    /// Queues something for `thread`, which hears of it at the next [`wake`](Self::wake).
    pub(crate) fn push(&mut self, thread: usize, handover: Handover) -> Result<(), NotHandedOver> {
        let other = self.others.get_mut(thread).ok_or(NotHandedOver::ThreadGone)?;
        match other.queue.try_send(handover) {
            Ok(()) => {
                other.has_mail = true;
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(NotHandedOver::QueueFull),
            Err(TrySendError::Disconnected(_)) => Err(NotHandedOver::ThreadGone),
        }
    }

    pub(crate) fn wake(&mut self) {
        for other in self.others.iter_mut().filter(|other| other.has_mail) {
            other.waker.wake();
            other.has_mail = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handover(payload: u8) -> Handover {
        let addr = RelayedAddr("127.0.0.1:50000".parse().unwrap());
        Handover::Datagram(OwnDatagram { to: addr, from: addr, payload: vec![payload] })
    }

    #[test]
    fn a_full_queue_and_a_thread_that_is_gone_are_told_apart() {
        let wakers = [Arc::new(Waker::new().unwrap()), Arc::new(Waker::new().unwrap())];
        let mut ends = Outbox::connect(&wakers, 1);
        let (_, inbox) = ends.pop().unwrap();
        let (mut outbox, _own) = ends.pop().unwrap();
        assert_eq!(outbox.push(1, handover(1)), Ok(()));
        assert_eq!(outbox.push(1, handover(2)), Err(NotHandedOver::QueueFull));
        outbox.wake();
        assert!(matches!(inbox.recv(), Ok(Handover::Datagram(datagram)) if datagram.payload == [1]));
        drop(inbox);
        assert_eq!(outbox.push(1, handover(3)), Err(NotHandedOver::ThreadGone));
    }
}
