//! What one thread sends another: datagrams for its allocations, relay sockets that it reserved, and what clients say and
//! hear that have moved (RFC 8016).

use std::sync::Arc;

use sangam_control::StunDatagram;
use sangam_net::Waker;
use sangam_net::udp::Socket;
use sangam_turn_proto::{AllocationKey, FiveTuple, RelayedAddr, RequestId, ReservationToken};

use crate::incarnation::{Incarnation, Owner};
use crate::mailbox::Mailbox;
use crate::quotas::Hold;
use crate::thread_face::ThreadFace;

/// Something for another thread.
#[derive(Debug)]
pub(crate) enum Handover {
    /// A datagram from one allocation of ours to another.
    Datagram(OwnDatagram),
    /// Asks for a relay socket that the other thread keeps in reserve.
    TakeReserved(ReservedQuestion),
    /// Answers that.
    Reserved(ReservedAnswer),
    /// The request that moves an allocation, which the other thread keeps, to a client that we hear.
    Move(ClientMessage),
    /// What that client says from then on.
    FromClient(ClientMessage),
    /// A message that the other thread handed over, for the sender keeps no allocation of that client any more.
    Returned(ClientMessage),
    /// A message for a client whose connection the other thread has.
    ToClient(MessageForClient),
    /// The sender keeps no allocation of this client any more.
    PathEnded { client: FiveTuple, keeper: usize },
    /// The connection of a client whose allocation the other thread keeps is closed.
    ConnectionClosed(FiveTuple),
    /// A datagram of another part of this process, to leave from a listening socket.
    Outward(StunDatagram),
}

/// A message as it came from a client, and the thread that heard it.
#[derive(Debug)]
pub(crate) struct ClientMessage {
    pub(crate) from: FiveTuple,
    pub(crate) bytes: Vec<u8>,
    pub(crate) host: usize,
}

/// A message as a client is to hear it.
#[derive(Debug)]
pub(crate) struct MessageForClient {
    pub(crate) to: FiveTuple,
    pub(crate) bytes: Vec<u8>,
    /// Whether it answers a request, rather than being relayed data.
    pub(crate) is_answer: bool,
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
    pub(crate) asker: Owner,
    pub(crate) request: RequestId,
    pub(crate) allocation: AllocationKey,
}

/// The socket, registered nowhere, and its quota, if there was one under that token for that user.
#[derive(Debug)]
pub(crate) struct ReservedAnswer {
    /// To this life the names below mean something; another life of the same thread may use them for something else.
    pub(crate) asker: Owner,
    pub(crate) request: RequestId,
    pub(crate) allocation: AllocationKey,
    pub(crate) reserved: Option<(Socket, Hold)>,
}

/// Why something was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotHandedOver {
    /// The other thread is behind.
    QueueFull,
    /// There is no such thread, or the one that wants to hand over has been superseded.
    ThreadGone,
}

/// One thread's way to all others. Wakes each other thread once for all that a wake handed to it.
#[derive(Debug)]
pub(crate) struct Outbox {
    sender: Arc<Incarnation>,
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    inbox: Arc<Mailbox<Handover>>,
    waker: Arc<Waker>,
    has_mail: bool,
}

impl Outbox {
    /// The way of one life of a thread to `threads`.
    pub(crate) fn new(sender: Arc<Incarnation>, threads: &[ThreadFace]) -> Self {
        let other = |thread: &ThreadFace| Other {
            inbox: Arc::clone(&thread.inbox),
            waker: Arc::clone(&thread.waker),
            has_mail: false,
        };
        Self { sender, others: threads.iter().map(other).collect() }
    }

    /// Queues something for `thread`, which hears of it at the next [`wake`](Self::wake). A thread that is being
    /// replaced finds it once it runs again.
    pub(crate) fn push(&mut self, thread: usize, handover: Handover) -> Result<(), NotHandedOver> {
        let other = self.others.get_mut(thread).filter(|_| !self.sender.is_superseded());
        let other = other.ok_or(NotHandedOver::ThreadGone)?;
        other.inbox.post(handover).map_err(|_| NotHandedOver::QueueFull)?;
        other.has_mail = true;
        Ok(())
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
    fn a_full_queue_and_a_thread_that_there_is_not_are_told_apart() {
        let faces = [0, 1].map(|_| ThreadFace::new(Arc::new(Waker::new().unwrap()), 1, 1, 1));
        let [sender, other] = [0, 1].map(|thread| Incarnation::new(Owner { thread, life: 0 }));
        faces[1].begin_life(&other);
        let mut outbox = Outbox::new(Arc::clone(&sender), &faces);
        assert_eq!(outbox.push(1, handover(1)), Ok(()));
        assert_eq!(outbox.push(1, handover(2)), Err(NotHandedOver::QueueFull));
        outbox.wake();
        let mut mail = Vec::new();
        assert!(faces[1].inbox.collect(other.owner, 9, &mut mail));
        assert!(matches!(&mail[..], [Handover::Datagram(datagram)] if datagram.payload == [1]));
        assert_eq!(outbox.push(2, handover(3)), Err(NotHandedOver::ThreadGone));
        sender.supersede();
        assert_eq!(outbox.push(1, handover(4)), Err(NotHandedOver::ThreadGone));
    }
}
