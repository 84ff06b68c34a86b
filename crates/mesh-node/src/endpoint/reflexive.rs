//! What STUN servers see our sockets as, sans-IO: requests out, answers in, time as an argument.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use stun_types::attribute::XorMappedAddress;
use stun_types::message::{
    BINDING, Message, MessageClass, MessageWrite as _, MessageWriteExt as _, MessageWriteVec, TransactionId,
};

use super::LocalCandidate;
use super::retransmission::{Due, Retransmission, Schedule};

/// The bindings of every socket at every server.
#[derive(Debug)]
pub(super) struct Reflexive {
    bindings: Vec<Binding>,
    interval: Duration,
}

/// One socket at one server.
#[derive(Debug)]
struct Binding {
    base: SocketAddr,
    server: SocketAddr,
    url: String,
    mapped: Option<SocketAddr>,
    /// The server has answered, or was given up.
    is_settled: bool,
    request: Option<Request>,
    next_at: Instant,
}

#[derive(Debug)]
struct Request {
    transaction: TransactionId,
    retransmission: Retransmission,
}

/// A request to be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) base: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// What became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Found(LocalCandidate),
    Gone(LocalCandidate),
    /// A NAT gave us another address than before.
    Rebound,
}

/// After a server was given up it is asked again so much later, in intervals.
const PAUSE_INTERVALS: u32 = 2;

/// Bindings kept at most: sockets and servers are bounded, this holds whatever their product.
const BINDINGS_MAX: usize = 256;

impl Reflexive {
    pub(super) fn new(interval: Duration) -> Self {
        Self { bindings: Vec::new(), interval }
    }

    /// Asks `server` about the socket `base` from now on.
    pub(super) fn add(&mut self, base: SocketAddr, server: SocketAddr, url: &str, now: Instant) {
        let is_known = self.bindings.iter().any(|binding| binding.base == base && binding.server == server);
        if is_known || base.is_ipv4() != server.is_ipv4() || self.bindings.len() == BINDINGS_MAX {
            return;
        }
        // A loopback address reaches only its host, and its packets go nowhere else.
        let is_settled = base.ip().is_loopback() != server.ip().is_loopback();
        if !is_settled {
            let url = url.to_owned();
            self.bindings.push(Binding { base, server, url, mapped: None, is_settled, request: None, next_at: now });
        }
    }

    /// Asks all again, at once: the network changed.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for binding in &mut self.bindings {
            binding.request = None;
            binding.next_at = now;
        }
    }

    /// Forgets what `is_over` says, socket and server given to it.
    pub(super) fn remove(&mut self, is_over: impl Fn(SocketAddr, SocketAddr) -> bool, changes: &mut Vec<Change>) {
        let before = self.candidates();
        self.bindings.retain(|binding| !is_over(binding.base, binding.server));
        self.tell_differences(&before, changes);
    }

    /// Every address that is not the socket's own, once.
    pub(super) fn candidates(&self) -> Vec<LocalCandidate> {
        let mut found: Vec<LocalCandidate> = Vec::new();
        for binding in &self.bindings {
            let Some(mapped) = binding.mapped.filter(|mapped| *mapped != binding.base) else { continue };
            if !found.iter().any(|known| known.address == mapped && known.base == binding.base) {
                found.push(LocalCandidate::reflexive(mapped, binding.base, binding.url.clone()));
            }
        }
        found
    }

    /// Whether every server has answered or been given up.
    pub(super) fn is_settled(&self) -> bool {
        self.bindings.iter().all(|binding| binding.is_settled)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let due = |binding: &Binding| {
            binding.request.as_ref().map_or(binding.next_at, |request| request.retransmission.due())
        };
        self.bindings.iter().map(due).min()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, outgoing: &mut Vec<Outgoing>, changes: &mut Vec<Change>) {
        if self.next_timeout().is_none_or(|due| due > now) {
            return;
        }
        let before = self.candidates();
        for binding in &mut self.bindings {
            binding.handle_timeout(now, self.interval, outgoing);
        }
        self.tell_differences(&before, changes);
    }

    /// Whether a datagram was the answer to a request.
    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        base: SocketAddr,
        from: SocketAddr,
        bytes: &[u8],
        changes: &mut Vec<Change>,
    ) -> bool {
        let at = |binding: &Binding| binding.base == base && binding.server == from && binding.request.is_some();
        if !is_binding_response(bytes) || !self.bindings.iter().any(at) {
            return false;
        }
        let Ok(message) = Message::from_bytes(bytes) else { return false };
        let asked = |binding: &Binding| {
            at(binding)
                && binding.request.as_ref().is_some_and(|request| request.transaction == message.transaction_id())
        };
        let Some(index) = self.bindings.iter().position(asked) else { return false };
        let before = self.candidates();
        if self.bindings[index].handle_response(now, self.interval, &message) {
            changes.push(Change::Rebound);
        }
        self.tell_differences(&before, changes);
        true
    }

    fn tell_differences(&self, before: &[LocalCandidate], changes: &mut Vec<Change>) {
        let after = self.candidates();
        let is_in = |list: &[LocalCandidate], it: &LocalCandidate| {
            list.iter().any(|one| one.address == it.address && one.base == it.base)
        };
        changes.extend(before.iter().filter(|old| !is_in(&after, old)).cloned().map(Change::Gone));
        changes.extend(after.iter().filter(|new| !is_in(before, new)).cloned().map(Change::Found));
    }
}

impl Binding {
    fn handle_timeout(&mut self, now: Instant, interval: Duration, outgoing: &mut Vec<Outgoing>) {
        let (transaction, is_new) = match &mut self.request {
            None if now < self.next_at => return,
            None => (TransactionId::generate(), true),
            Some(request) => match request.retransmission.poll(now) {
                Due::Wait => return,
                Due::Send => (request.transaction, false),
                Due::GiveUp => {
                    self.request = None;
                    self.mapped = None;
                    self.is_settled = true;
                    self.next_at = now + interval * PAUSE_INTERVALS;
                    return;
                }
            },
        };
        if is_new {
            let retransmission = Retransmission::start(Schedule::DATAGRAMS, now);
            self.request = Some(Request { transaction, retransmission });
        }
        outgoing.push(Outgoing { base: self.base, server: self.server, bytes: request(transaction) });
    }

    /// Whether the address is another one than before.
    fn handle_response(&mut self, now: Instant, interval: Duration, message: &Message<'_>) -> bool {
        self.request = None;
        self.is_settled = true;
        self.next_at = now + interval;
        if message.class() != MessageClass::Success {
            return false;
        }
        let Ok(mapped) = message.attribute::<XorMappedAddress>() else { return false };
        let mapped = mapped.addr(message.transaction_id());
        if mapped.port() == 0 || mapped.ip().is_unspecified() || mapped.is_ipv4() != self.base.is_ipv4() {
            return false;
        }
        let before = self.mapped.replace(mapped);
        before.is_some_and(|before| before != mapped)
    }
}

fn request(transaction: TransactionId) -> Vec<u8> {
    let kind = stun_types::message::MessageType::from_class_method(MessageClass::Request, BINDING);
    let mut message = Message::builder(kind, transaction, MessageWriteVec::new());
    // It always fits: a message this short has room for eight bytes more.
    message.add_fingerprint().ok();
    message.finish()
}

/// RFC 8489 §5: success (0x0101) and error (0x0111) of Binding, with the magic cookie.
fn is_binding_response(bytes: &[u8]) -> bool {
    matches!(bytes, [0x01, 0x01 | 0x11, _, _, 0x21, 0x12, 0xa4, 0x42, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// A socket, a server, and the server's answers.
    struct Lab {
        reflexive: Reflexive,
        now: Instant,
        base: SocketAddr,
        server: SocketAddr,
        changes: Vec<Change>,
    }

    impl Lab {
        fn new() -> Self {
            let (base, server) = (addr("10.0.0.2:5000"), addr("192.0.2.1:3478"));
            let (mut reflexive, now) = (Reflexive::new(INTERVAL), Instant::now());
            reflexive.add(base, server, "stun:a:3478", now);
            Self { reflexive, now, base, server, changes: vec![] }
        }

        fn requests(&mut self) -> Vec<Outgoing> {
            let mut outgoing = vec![];
            self.reflexive.handle_timeout(self.now, &mut outgoing, &mut self.changes);
            outgoing
        }

        fn answer(&mut self, request: &Outgoing, mapped: &str) -> bool {
            let request = Message::from_bytes(&request.bytes).unwrap();
            let mut answer = Message::builder_success(&request, MessageWriteVec::new());
            answer.add_attribute(&XorMappedAddress::new(addr(mapped), request.transaction_id())).unwrap();
            let bytes = answer.finish();
            self.reflexive.handle_datagram(self.now, self.base, self.server, &bytes, &mut self.changes)
        }

        fn next(&mut self) {
            self.now = self.reflexive.next_timeout().unwrap();
        }
    }

    #[test]
    fn a_mapped_address_is_found_once_however_many_servers_see_it() {
        let mut lab = Lab::new();
        let other = addr("192.0.2.2:3478");
        lab.reflexive.add(lab.base, other, "stun:b:3478", lab.now);
        lab.reflexive.add(lab.base, other, "stun:c:3478", lab.now);
        let requests = lab.requests();
        assert_eq!(requests.len(), 2);
        assert!(lab.answer(&requests[0], "198.51.100.7:9000"));
        assert!(!lab.reflexive.is_settled());
        lab.server = other;
        assert!(lab.answer(&requests[1], "198.51.100.7:9000"));
        assert!(lab.reflexive.is_settled());
        let expected = LocalCandidate::reflexive(addr("198.51.100.7:9000"), lab.base, "stun:a:3478".to_owned());
        assert_eq!(lab.changes, [Change::Found(expected)]);
    }

    #[test]
    fn a_socket_seen_at_its_own_address_has_no_reflexive_candidate() {
        let mut lab = Lab::new();
        let requests = lab.requests();
        assert!(lab.answer(&requests[0], "10.0.0.2:5000"));
        assert!(lab.changes.is_empty() && lab.reflexive.is_settled());
    }

    #[test]
    fn a_rebinding_of_the_nat_is_noticed_at_the_next_request() {
        let mut lab = Lab::new();
        let requests = lab.requests();
        lab.answer(&requests[0], "198.51.100.7:9000");
        lab.changes.clear();
        lab.next();
        assert!(lab.requests().len() == 1);
        lab.next();
        let requests = lab.requests();
        assert!(lab.answer(&requests[0], "198.51.100.7:9001"));
        let at = |address| LocalCandidate::reflexive(addr(address), lab.base, "stun:a:3478".to_owned());
        let expected = [Change::Rebound, Change::Gone(at("198.51.100.7:9000")), Change::Found(at("198.51.100.7:9001"))];
        assert_eq!(lab.changes, expected);
    }

    #[test]
    fn a_silent_server_is_asked_seven_times_then_given_up_and_asked_again_later() {
        let mut lab = Lab::new();
        let mut sent = 0;
        while !lab.reflexive.is_settled() {
            sent += lab.requests().len();
            lab.next();
        }
        assert_eq!(sent, 7);
        assert_eq!(lab.requests().len(), 1);
    }

    #[test]
    fn an_answer_that_was_not_asked_for_or_comes_from_elsewhere_is_not_taken() {
        let mut lab = Lab::new();
        let requests = lab.requests();
        let server = std::mem::replace(&mut lab.server, addr("192.0.2.9:3478"));
        assert!(!lab.answer(&requests[0], "198.51.100.7:9000"));
        lab.server = server;
        let other = Outgoing { bytes: request(TransactionId::generate()), ..Lab::new().requests().remove(0) };
        assert!(!lab.answer(&other, "198.51.100.7:9000"));
        assert!(lab.answer(&requests[0], "198.51.100.7:9000"));
        assert!(!lab.answer(&requests[0], "198.51.100.7:9001"), "answered twice");
    }

    #[test]
    fn a_socket_that_is_closed_takes_its_addresses_with_it() {
        let mut lab = Lab::new();
        let requests = lab.requests();
        lab.answer(&requests[0], "198.51.100.7:9000");
        lab.changes.clear();
        let base = lab.base;
        lab.reflexive.remove(|closed, _| closed == base, &mut lab.changes);
        assert!(matches!(&lab.changes[..], [Change::Gone(gone)] if gone.base == base));
    }
}
