//! Sessions over UDP: one with each thread on each listen address, all at once.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use sangam_net::Poller;
use sangam_net::udp::ListenGroup;

use super::session::{Next, Session, Trouble};
use super::{Identity, Probed, loopback, reachable};

struct Conversation {
    socket: UdpSocket,
    session: Session,
    place: String,
    outcome: Option<Result<(), Trouble>>,
}

/// Sockets are opened until each thread's is met. With 64 threads and a fair spread, one of 10^12 probes would need
/// more of them for each thread than this.
const TRIES_PER_MEMBER: usize = 32;

/// Has a session with each thread on each of `groups`, until `deadline` at the latest.
pub(super) fn probe(groups: &[ListenGroup], identity: &Identity<'_>, deadline: Instant) -> io::Result<Vec<Probed>> {
    let mut conversations = Vec::new();
    for group in groups {
        for (thread, socket) in sockets_for_each_member(group)? {
            let (session, request) = identity.session();
            let place = thread.map_or_else(
                || format!("UDP {}", group.local()),
                |thread| format!("thread {thread} on UDP {}", group.local()),
            );
            let outcome = socket.send(&request).err().map(|error| Err(Trouble::Broken(error.to_string())));
            conversations.push(Conversation { socket, session, place, outcome });
        }
    }
    converse(&mut conversations, deadline)?;
    Ok(conversations.into_iter().map(Conversation::end).collect())
}

fn converse(conversations: &mut [Conversation], deadline: Instant) -> io::Result<()> {
    let mut poller = Poller::new(conversations.len())?;
    for (token, conversation) in (0..).zip(conversations.iter()) {
        poller.add(&conversation.socket, token)?;
    }
    let mut ready = Vec::new();
    while conversations.iter().any(|conversation| conversation.outcome.is_none()) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            break;
        }
        poller.wait(&mut ready, Some(left))?;
        for token in &ready {
            if let Some(conversation) = usize::try_from(*token).ok().and_then(|index| conversations.get_mut(index)) {
                conversation.hear();
            }
        }
    }
    Ok(())
}

impl Conversation {
    fn hear(&mut self) {
        let mut message = [0; 1_500];
        let heard = self.socket.recv(&mut message).map(|len| match self.session.handle_message(&message[..len]) {
            Next::Wait => Ok(()),
            Next::Send(request) => self.socket.send(&request).map(drop),
            Next::Done(outcome) => {
                self.outcome.get_or_insert(outcome);
                Ok(())
            }
        });
        match heard {
            Ok(Ok(())) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(Err(error)) | Err(error) => {
                self.outcome.get_or_insert(Err(Trouble::Broken(error.to_string())));
            }
        }
    }

    fn end(mut self) -> Probed {
        let step = self.session.step();
        if let Some(request) = self.session.give_up() {
            // If it does not arrive, the allocation ends by its lifetime.
            self.socket.send(&request).ok();
        }
        let outcome = self.outcome.unwrap_or(Err(Trouble::Silent)).map_err(|trouble| (step, trouble));
        Probed { place: self.place, outcome }
    }
}

/// A socket that meets each thread; a single one, and no word of the thread, if the kernel decides whom we meet.
fn sockets_for_each_member(group: &ListenGroup) -> io::Result<Vec<(Option<usize>, UdpSocket)>> {
    let target = reachable(group.local());
    let members = group.sockets().len();
    let mut sockets: Vec<(Option<usize>, UdpSocket)> = Vec::with_capacity(members);
    // Kept open, so that each try gets another port.
    let mut spare = Vec::new();
    for _ in 0..members * TRIES_PER_MEMBER {
        let socket = UdpSocket::bind(SocketAddr::new(loopback(target), 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(target)?;
        let member = group.member_for(socket.local_addr()?);
        if sockets.iter().any(|(other, _)| *other == member) {
            spare.push(socket);
            continue;
        }
        sockets.push((member, socket));
        if sockets.len() == members || member.is_none() {
            break;
        }
    }
    Ok(sockets)
}
