//! A client of one allocation (RFC 8656), sans-IO: bytes in, bytes out, time as an argument.
//!
//! ```text
//! handle_timeout, handle ─► poll_transmit*, poll_event*
//! frame(peer, payload) ─► one message for the server
//! ```

mod credential;
mod framing;
mod peers;
mod request;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, Instant};

use stun_types::attribute::ErrorCode;
use stun_types::message::{Message, MessageClass};
use turn_types::attribute::{Lifetime, XorRelayedAddress};

use super::retransmission::{Due, Retransmission, Schedule};
use peers::Peers;
use request::{Families, Request, Transaction};

pub(super) use credential::Credential;
pub(super) use framing::Splitter;

/// How a client behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnOptions {
    /// Whether the server is reached by TCP or TLS.
    pub(super) is_stream: bool,
    /// Time between Refresh requests.
    pub(super) check_interval: Duration,
    /// Channels at most.
    pub(super) channels_max: usize,
}

/// A client of one allocation.
pub(super) struct TurnClient {
    options: TurnOptions,
    credential: Credential,
    state: State,
    relayed: Vec<SocketAddr>,
    peers: Peers,
    transactions: Vec<Transaction>,
    transmits: VecDeque<Vec<u8>>,
    events: VecDeque<TurnEvent>,
    indications: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Allocating(Families),
    /// When the next Refresh is due, and when the allocation ends without one.
    Allocated {
        refresh_at: Option<Instant>,
        ends_at: Instant,
    },
    Over,
}

/// What became of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TurnEvent {
    /// There is an allocation with these addresses, one or two.
    Allocated(Vec<SocketAddr>),
    /// The server refuses a permission for this address.
    PermissionRefused(IpAddr, u16),
    /// It is over, for this reason.
    Over(TurnFailure),
}

/// Why there is no allocation, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TurnFailure {
    /// The server does not answer.
    Silent,
    /// The server lost the allocation (437): it was started anew, or our address changed on the way.
    Lost,
    /// The server refuses.
    Refused { code: u16, reason: String },
    /// The server answers what nobody can use.
    Malformed(&'static str),
}

impl fmt::Display for TurnFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the server does not answer"),
            Self::Lost => f.write_str("the server lost the allocation"),
            Self::Refused { code: 401, .. } => f.write_str("401: the username or credential is wrong, or has expired"),
            Self::Refused { code: 486, .. } => {
                f.write_str("486: this user has as many allocations as the server allows")
            }
            Self::Refused { code: 508, .. } => f.write_str("508: the server has no port or memory left"),
            Self::Refused { code, reason } => write!(f, "the server refuses: {code} {reason}"),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

/// What a message from the server was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A packet of a peer, which lies in this part of the message.
    Data(SocketAddr, Range<usize>),
    /// The server's own business, done.
    Control,
    /// Nothing that a server would say.
    Malformed,
}

/// Why a packet was not framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFramed {
    /// No permission is wanted for the peer, the server refused it, or no relayed address of its family is there.
    NotPermitted,
    /// Longer than a message can carry.
    TooLong,
}

/// Requests under way at most; more wait.
const TRANSACTIONS_MAX: usize = 32;
/// Addresses in one CreatePermission request.
const PERMISSIONS_PER_REQUEST: usize = 8;
/// RFC 8489 §9.2.5: a nonce goes stale once; a server that calls fresh ones stale is not asked for ever.
const NONCES_MAX: u32 = 4;
/// Asked for; the server may grant less or more. RFC 8656 §7.2: ten minutes is the default.
const LIFETIME_SECONDS: u32 = 600;
/// Longer reasons of a server are cut.
const REASON_MAX: usize = 100;

impl TurnClient {
    /// A client that asks for an allocation at the next [`handle_timeout`](Self::handle_timeout).
    pub(super) fn new(options: TurnOptions, credential: Credential) -> Self {
        Self {
            options,
            credential,
            state: State::Allocating(Families::Both),
            relayed: Vec::new(),
            peers: Peers::new(options.channels_max),
            transactions: Vec::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            indications: 0,
        }
    }

    pub(super) fn relayed(&self) -> &[SocketAddr] {
        &self.relayed
    }

    /// The relayed address that packets of this peer come to.
    pub(super) fn relayed_for(&self, peer: SocketAddr) -> Option<SocketAddr> {
        self.relayed.iter().copied().find(|relayed| relayed.is_ipv4() == peer.is_ipv4())
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    pub(super) fn poll_event(&mut self) -> Option<TurnEvent> {
        self.events.pop_front()
    }

    /// Lets `ip` send to the relayed address, and be sent to.
    pub(super) fn permit(&mut self, ip: IpAddr, now: Instant) {
        self.peers.permit(ip, now);
    }

    pub(super) fn forget(&mut self, ip: IpAddr) {
        self.peers.forget(ip);
    }

    /// Gives the allocation back (RFC 8656 §7: lifetime 0). Nobody waits for the answer.
    pub(super) fn release(&mut self, now: Instant) {
        if matches!(self.state, State::Allocated { .. }) {
            self.request(Request::Refresh { seconds: 0 }, 0, now);
        }
        self.state = State::Over;
    }

    /// Writes the message that takes `payload` to `peer` through the relay.
    pub(super) fn frame(
        &mut self,
        now: Instant,
        peer: SocketAddr,
        payload: &[u8],
        into: &mut Vec<u8>,
    ) -> Result<(), NotFramed> {
        if self.relayed_for(peer).is_none() || !self.peers.may_send(peer.ip()) {
            return Err(NotFramed::NotPermitted);
        }
        if payload.len() > framing::PAYLOAD_MAX {
            return Err(NotFramed::TooLong);
        }
        match self.peers.channel_for(peer, now) {
            Some(channel) => framing::write_channel_data(into, channel, payload, self.options.is_stream),
            None => {
                self.indications += 1;
                let mut transaction = [0; 12];
                transaction[4..].copy_from_slice(&self.indications.to_be_bytes());
                framing::write_send_indication(into, transaction, peer, payload);
            }
        }
        Ok(())
    }

    /// Takes one message of the server.
    pub(super) fn handle(&mut self, now: Instant, bytes: &[u8]) -> Received {
        if let Some((channel, payload)) = framing::read_channel_data(bytes) {
            let peer = self.peers.peer_of(channel);
            return peer.map_or(Received::Malformed, |peer| Received::Data(peer, payload));
        }
        if framing::is_data_indication(bytes) {
            let data = framing::read_data_indication(bytes);
            // What a server relays without our permission is not what it should; RFC 8656 §11.4: the peer is checked.
            let data = data.filter(|(peer, _)| self.peers.may_send(peer.ip()));
            return data.map_or(Received::Malformed, |(peer, payload)| Received::Data(peer, payload));
        }
        let Ok(message) = Message::from_bytes(bytes) else { return Received::Malformed };
        let answered = |transaction: &Transaction| transaction.id == message.transaction_id();
        let Some(index) = self.transactions.iter().position(answered) else {
            // A late answer to what was given up, or the second one to what was sent twice.
            return if message.is_response() { Received::Control } else { Received::Malformed };
        };
        self.handle_answer(index, &message, now);
        Received::Control
    }

    fn handle_answer(&mut self, index: usize, message: &Message<'_>, now: Instant) {
        // RFC 8489 §9.2.5: a success that is not signed was not sent by the server.
        if message.class() == MessageClass::Success {
            if self.credential.is_challenged() && !self.credential.is_signed(message) {
                return;
            }
            let transaction = self.transactions.swap_remove(index);
            self.handle_success(transaction.request, message, now);
            return;
        }
        let error = message.attribute::<ErrorCode>();
        let code = error.as_ref().map_or(0, ErrorCode::code);
        let reason = error.as_ref().map_or("", ErrorCode::reason).chars().take(REASON_MAX).collect();
        let transaction = self.transactions.swap_remove(index);
        self.handle_error(transaction, code, reason, message, now);
    }

    fn handle_success(&mut self, request: Request, message: &Message<'_>, now: Instant) {
        match request {
            Request::Allocate(_) => self.allocated(message, now),
            Request::Refresh { .. } => self.refreshed(message, now),
            Request::Permit(ips) => ips.into_iter().for_each(|ip| self.peers.permitted(ip, now)),
            Request::Bind(peer, _) => {
                self.peers.bound(peer, now);
                // §12: binding a channel renews the permission as well.
                self.peers.permitted(peer.ip(), now);
            }
        }
    }

    fn allocated(&mut self, message: &Message<'_>, now: Instant) {
        let addresses = (0..2).filter_map(|n| message.nth_attribute::<XorRelayedAddress>(n).ok());
        let addresses = addresses.map(|address| address.addr(message.transaction_id()));
        let mut relayed: Vec<SocketAddr> = addresses.filter(|a| a.port() != 0 && !a.ip().is_unspecified()).collect();
        relayed.sort_unstable();
        relayed.dedup_by_key(|address| address.is_ipv4());
        if relayed.is_empty() {
            self.end(TurnFailure::Malformed("the server granted an allocation without an address"));
            return;
        }
        self.relayed.clone_from(&relayed);
        self.refreshed(message, now);
        self.events.push_back(TurnEvent::Allocated(relayed));
    }

    fn refreshed(&mut self, message: &Message<'_>, now: Instant) {
        if self.state == State::Over {
            return;
        }
        let seconds = message.attribute::<Lifetime>().map_or(LIFETIME_SECONDS, |lifetime| lifetime.seconds());
        let lifetime = Duration::from_secs(u64::from(seconds));
        let pause = self.options.check_interval.min(lifetime / 2);
        self.state = State::Allocated { refresh_at: Some(now + pause), ends_at: now + lifetime };
    }

    fn handle_error(
        &mut self,
        transaction: Transaction,
        code: u16,
        reason: String,
        message: &Message<'_>,
        now: Instant,
    ) {
        let Transaction { request, nonces, is_signed, .. } = transaction;
        // 401 to what was not signed, and 438, ask for it again with a new nonce.
        if (code == 438 || (code == 401 && !is_signed)) && nonces < NONCES_MAX {
            if self.credential.challenge(message) {
                self.request(request, nonces + 1, now);
            } else {
                self.end(TurnFailure::Malformed("the server asks for a signature without realm and nonce"));
            }
            return;
        }
        match (request, code) {
            // The server knows no allocation of this address and port.
            (Request::Refresh { .. } | Request::Permit(_) | Request::Bind(..), 437) => self.end(TurnFailure::Lost),
            (Request::Allocate(families), 440 | 420 | 400) if families.next().is_some() => {
                let families = families.next().unwrap_or(families);
                self.state = State::Allocating(families);
                self.request(Request::Allocate(families), 0, now);
            }
            (Request::Allocate(_) | Request::Refresh { .. }, _) => self.end(TurnFailure::Refused { code, reason }),
            // Which of several it was is found out one by one.
            (Request::Permit(ips), _) if ips.len() > 1 => {
                for ip in ips {
                    self.request(Request::Permit(vec![ip]), 0, now);
                }
            }
            (Request::Permit(ips), _) => {
                for ip in ips {
                    self.peers.refused(ip, now);
                    self.events.push_back(TurnEvent::PermissionRefused(ip, code));
                }
            }
            (Request::Bind(peer, _), _) => self.peers.unbound(peer),
        }
    }

    fn end(&mut self, failure: TurnFailure) {
        if self.state != State::Over {
            self.state = State::Over;
            self.transactions.clear();
            self.events.push_back(TurnEvent::Over(failure));
        }
    }

    /// Asks the server at the next [`handle_timeout`](Self::handle_timeout) whether it still has the allocation.
    pub(super) fn check(&mut self, now: Instant) {
        if let State::Allocated { refresh_at: Some(at), .. } = &mut self.state {
            *at = now;
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(super) fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let requests = self.transactions.iter().map(|transaction| transaction.retransmission.due()).min();
        let own = match self.state {
            State::Allocating(_) if self.transactions.is_empty() => Some(now),
            State::Allocating(_) => None,
            State::Allocated { refresh_at, ends_at } => {
                let peers = self.peers.next_timeout().filter(|_| self.transactions.len() < TRANSACTIONS_MAX);
                [refresh_at, Some(ends_at), peers].into_iter().flatten().min()
            }
            State::Over => return None,
        };
        [requests, own].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.retransmit(now);
        match self.state {
            State::Allocating(families) if self.transactions.is_empty() => {
                self.request(Request::Allocate(families), 0, now);
            }
            State::Allocated { ends_at, .. } if now >= ends_at => self.end(TurnFailure::Silent),
            State::Allocated { refresh_at, ends_at } => {
                if refresh_at.is_some_and(|at| now >= at) {
                    self.state = State::Allocated { refresh_at: None, ends_at };
                    self.request(Request::Refresh { seconds: LIFETIME_SECONDS }, 0, now);
                }
                if self.peers.next_timeout().is_some_and(|at| now >= at) {
                    self.ask_for_peers(now);
                }
            }
            State::Allocating(_) | State::Over => {}
        }
    }

    fn ask_for_peers(&mut self, now: Instant) {
        while self.transactions.len() < TRANSACTIONS_MAX {
            let due = self.peers.take_due_permissions(PERMISSIONS_PER_REQUEST, now);
            // RFC 8656 §9.2: an address of a family without a relayed address is refused with the whole request.
            let is_ours = |ip: &IpAddr| self.relayed_for(SocketAddr::new(*ip, 0)).is_some();
            let (ips, others): (Vec<_>, Vec<_>) = due.into_iter().partition(is_ours);
            others.iter().for_each(|ip| self.peers.refused(*ip, now));
            if !ips.is_empty() {
                self.request(Request::Permit(ips), 0, now);
            } else if others.is_empty() {
                break;
            }
        }
        while self.transactions.len() < TRANSACTIONS_MAX {
            let Some((peer, channel)) = self.peers.take_due_channel(now) else { break };
            self.request(Request::Bind(peer, channel), 0, now);
        }
        if self.transactions.len() < TRANSACTIONS_MAX {
            self.peers.all_taken();
        }
    }

    fn retransmit(&mut self, now: Instant) {
        let mut index = 0;
        while let Some(transaction) = self.transactions.get_mut(index) {
            match transaction.retransmission.poll(now) {
                Due::Wait => index += 1,
                Due::Send => {
                    self.transmits.push_back(transaction.bytes.clone());
                    index += 1;
                }
                Due::GiveUp => {
                    let request = self.transactions.swap_remove(index).request;
                    self.gave_up(request, now);
                }
            }
        }
    }

    fn gave_up(&mut self, request: Request, now: Instant) {
        match request {
            Request::Allocate(_) | Request::Refresh { .. } => self.end(TurnFailure::Silent),
            Request::Permit(ips) => ips.into_iter().for_each(|ip| self.peers.ask_again(ip, now)),
            Request::Bind(peer, _) => self.peers.unbound(peer),
        }
    }

    fn request(&mut self, request: Request, nonces: u32, now: Instant) {
        let Ok((id, bytes)) = request.encode(&self.credential) else {
            self.end(TurnFailure::Malformed("the username is too long for a STUN message"));
            return;
        };
        let schedule = match request {
            _ if self.options.is_stream => Schedule::STREAM,
            Request::Refresh { .. } => Schedule::CHECK,
            Request::Allocate(_) | Request::Permit(_) | Request::Bind(..) => Schedule::DATAGRAMS,
        };
        let retransmission = Retransmission::start(schedule, now);
        let is_signed = self.credential.is_challenged();
        self.transmits.push_back(bytes.clone());
        self.transactions.push(Transaction { id, request, bytes, retransmission, nonces, is_signed });
    }
}

impl fmt::Debug for TurnClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnClient").field("state", &self.state).field("relayed", &self.relayed).finish_non_exhaustive()
    }
}
