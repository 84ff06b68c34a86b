use std::ops::Range;
use std::time::Duration;

use sangam_types::Mono;

use crate::address::{AddressFamily, FiveTuple, PeerAddr, RelayedAddr};
use crate::end_cause::EndCause;
use crate::kept_binding::KeptBinding;
use crate::key::{Keys, PasswordAlgorithm};
use crate::mobility::MoveRefusal;
use crate::reservation::ReservationToken;
use crate::stats::Traffic;

/// Names one allocation for as long as it lives; never used again for another. Fits the 64 bits a
/// readiness queue hands back, so that a datagram on a relay socket needs no look-up by address. Never below 2^32 and
/// never 2^63 or above: the driver may use those numbers for sockets of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AllocationKey(pub u64);

/// Names one question of the core to its driver until its answer comes back as [`Input`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What happens to the core: exactly one of these, then drain [`Output`] to [`Output::Wait`].
#[derive(Debug)]
pub enum Input<'a> {
    /// A message that the fast call answered with [`FromClient::Control`].
    Client {
        /// Who sent it to which address of ours.
        from: FiveTuple,
        /// The whole message.
        bytes: &'a [u8],
    },
    /// The answer to [`Output::OpenRelayed`] and [`Output::TakeReserved`].
    RelayedOpened {
        /// The question.
        request: RequestId,
        /// Where the sockets are bound.
        result: Result<Opened, OpenError>,
    },
    /// The answer to [`Output::FindKey`].
    KeyFound {
        /// The question.
        request: RequestId,
        /// The keys of which one may have signed the request, or why there is none.
        result: Result<Keys, KeyRefusal>,
    },
    /// The answer to [`Output::FindUser`].
    UserFound {
        /// The question.
        request: RequestId,
        /// Who it is, and the keys of which one may have signed the request; or why there is nobody.
        result: Result<FoundUser, KeyRefusal>,
    },
    /// The stream that carried the messages of this five-tuple is closed: its allocation ends (RFC 8656 §3.1), unless its
    /// client has a ticket to move it (RFC 8016). Never for UDP.
    ConnectionClosed(FiveTuple),
    /// The answer to [`Output::HandOver`].
    HandedOver {
        /// The question.
        request: RequestId,
        /// [`MoveRefusal::Busy`] or [`MoveRefusal::Gone`] if that server cannot be reached.
        result: Result<(), MoveRefusal>,
    },
    /// A deadline given by [`Output::Wait`] has passed. Harmless when early.
    Timeout,
}

/// What the core wants done.
#[derive(Debug)]
pub enum Output {
    /// Send these bytes to this client, from `to.server`.
    Transmit {
        /// The client.
        to: FiveTuple,
        /// One whole message.
        bytes: Vec<u8>,
    },
    /// Open a relay socket; answer with [`Input::RelayedOpened`]. For an allocation with an address of each family it is
    /// asked twice.
    OpenRelayed {
        /// Name this in the answer.
        request: RequestId,
        /// Register the socket under this key: the allocation's, or that of its companion of the other family.
        allocation: AllocationKey,
        /// Of which family.
        family: AddressFamily,
        /// On which port.
        port: PortWish,
        /// Who asks: whose quota it counts towards, [`user_of`](crate::user_of) this name.
        username: String,
    },
    /// Fetch the relay socket that another server of this process keeps under this token: ask it by
    /// [`TurnServer::release_reserved`](crate::TurnServer::release_reserved), move the socket here, answer with
    /// [`Input::RelayedOpened`].
    TakeReserved {
        /// Name this in the answer.
        request: RequestId,
        /// Register the socket under this key.
        allocation: AllocationKey,
        /// Names the server and the socket.
        token: ReservationToken,
        /// Who asks.
        username: String,
    },
    /// Close a relay socket.
    CloseRelayed {
        /// Under which key it was registered.
        allocation: AllocationKey,
        /// Where it was bound.
        relayed: RelayedAddr,
    },
    /// Find the long-term keys of this user; answer with [`Input::KeyFound`].
    FindKey {
        /// Name this in the answer.
        request: RequestId,
        /// The USERNAME attribute as sent: UTF-8, at most 509 bytes (RFC 8489 §14.3).
        username: String,
        /// Which kind of keys.
        algorithm: PasswordAlgorithm,
    },
    /// Find the long-term user of whom a client gives but this hash, and their keys; answer with [`Input::UserFound`].
    FindUser {
        /// Name this in the answer.
        request: RequestId,
        /// The USERHASH attribute: the SHA-256 of `user:realm` (RFC 8489 §14.4).
        userhash: [u8; 32],
        /// Which kind of keys.
        algorithm: PasswordAlgorithm,
    },
    /// A request to move an allocation that another server of this process keeps (RFC 8016): give it to that server as
    /// [`Input::Client`], and from now on whatever comes from this client, until its
    /// [`Output::PathEnded`]. Answer with [`Input::HandedOver`].
    HandOver {
        /// Name this in the answer.
        request: RequestId,
        /// The [`Options::server_index`](crate::Options::server_index) of that server.
        server_index: u16,
        /// Who sent it.
        from: FiveTuple,
        /// The whole message.
        bytes: Vec<u8>,
    },
    /// An allocation whose client has a ticket is no longer at this five-tuple.
    PathEnded(FiveTuple),
    /// A device keeps a binding open to be asked for sessions through it.
    BindingKept(KeptBinding),
    /// For audit, metrics and log.
    Event(Event),
    /// Drained; call with [`Input::Timeout`] at this deadline at the latest.
    Wait(Option<Deadline>),
}

/// The port that a relay socket is to have (RFC 8656 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortWish {
    /// Any.
    Any,
    /// An even one.
    Even,
    /// An even one, with a second socket on the same address and the port after it.
    EvenAndNext {
        /// Register the second socket under this key. It is an allocation's to come, or closed again.
        next: AllocationKey,
    },
}

/// Relay sockets that were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Where the allocation's socket is bound.
    pub relayed: RelayedAddr,
    /// The second socket of [`PortWish::EvenAndNext`]: its key and where it is bound.
    pub next: Option<(AllocationKey, RelayedAddr)>,
}

impl From<RelayedAddr> for Opened {
    fn from(relayed: RelayedAddr) -> Self {
        Self { relayed, next: None }
    }
}

/// A long-term user who was found by a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUser {
    /// As USERNAME would have said.
    pub username: String,
    /// The keys of which one may have signed the request.
    pub keys: Keys,
}

/// A time to wake up at, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Mono,
    /// For a trace or a debug line.
    pub reason: &'static str,
}

/// Why a user has no key. The client sees 401 for each; counters and log tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRefusal {
    /// Nobody of that name, or the name is not of the form `expiry:name`.
    UnknownUser,
    /// No long-term user has that hash. The names of time-limited credentials are made up by whoever mints them, so none
    /// can be found by its hash.
    UnknownHash,
    /// The expiry in the name has passed.
    Expired,
    /// The expiry in the name is further away than the server allows.
    TooFarAhead,
    /// An operator has taken it back.
    Revoked,
    /// Too many look-ups are under way.
    Busy,
}

/// Why no relay socket could be opened. The client sees 508, or 486 where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpenError {
    /// Every port of the range is taken.
    NoPortLeft,
    /// The process or the system has no descriptor left.
    NoDescriptorLeft,
    /// No relay address of that family, or the system refused another way.
    Refused,
    /// No socket is reserved under that token for that user, or no longer.
    NotReserved,
    /// The user has as many allocations as one may have, on all servers of the process together. The client sees 486.
    UserQuota,
    /// All servers of the process together have as many allocations as they may have.
    ServerQuota,
    /// The rates of the allocations there are use up the rate of all. The client sees 486.
    BandwidthQuota,
}

/// The fast call's verdict on a message from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum FromClient {
    /// Relayed data: send the named part of the message on.
    Forward(Forward),
    /// Not data: hand the message in as [`Input::Client`].
    Control,
    /// Counted and to be forgotten.
    Dropped(DropReason),
}

/// Relayed data on its way to a peer.
#[derive(Debug, PartialEq, Eq)]
pub struct Forward {
    /// Send from this allocation's relay socket.
    pub allocation: AllocationKey,
    /// That allocation's relayed address, as bound.
    pub relayed: RelayedAddr,
    /// To this address. For a relayed address of ours in the form as bound here.
    pub peer: PeerAddr,
    /// The payload inside the message given.
    pub payload: Range<usize>,
    /// How it gets there.
    pub route: Route,
    /// Whether it must reach the peer in one piece or not at all (RFC 8656 §11.2: DONT-FRAGMENT).
    pub dont_fragment: bool,
}

/// How relayed data gets to its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// Out of the relay socket.
    Wire,
    /// The peer has one of our relay addresses: deliver inside the server if that port is a live allocation
    /// (of whichever thread), else drop.
    OwnOnly,
    /// As [`Route::OwnOnly`], but if no allocation lives there, out of the relay socket (a server that listens on loopback
    /// alone).
    OwnOrWire,
}

/// The fast call's verdict on a datagram that reached a relay socket.
#[derive(Debug, PartialEq, Eq)]
pub enum FromPeer {
    /// Send `header`, the payload, and `padding` zero bytes to this client.
    Forward {
        /// The client.
        to: FiveTuple,
        /// What precedes the payload.
        header: PeerHeader,
        /// Zero bytes after the payload: 0 to 3.
        padding: usize,
    },
    /// Counted and to be forgotten.
    Dropped(DropReason),
}

/// The bytes before relayed data on its way to a client: a ChannelData header or a Data indication up to its
/// DATA attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerHeader {
    pub(crate) bytes: [u8; Self::MAX],
    pub(crate) len: u8,
}

impl PeerHeader {
    /// STUN header (20), XOR-PEER-ADDRESS of an IPv6 peer (24), DATA attribute header (4).
    pub const MAX: usize = 48;

    /// The header's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Why a datagram was dropped: each is a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Neither STUN nor ChannelData, or cut short.
    Malformed,
    /// From a client without an allocation.
    NoAllocation,
    /// On a channel that is not bound.
    NoChannel,
    /// To or from a peer without a permission.
    NoPermission,
    /// To a peer that the policy denies.
    PeerDenied,
    /// To one of our relay addresses where no allocation lives.
    PeerGone,
    /// Beyond [`Limits::allocation_bytes_per_second`](crate::Limits::allocation_bytes_per_second).
    AllocationRate,
    /// Beyond [`Limits::bytes_per_second`](crate::Limits::bytes_per_second).
    ServerRate,
}

/// What happened to an allocation, for audit, metrics and log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An allocation began.
    Allocated {
        /// Its name.
        allocation: AllocationKey,
        /// Whose it is.
        five_tuple: FiveTuple,
        /// The USERNAME it was made with.
        username: String,
        /// As bound here.
        relayed: RelayedAddr,
        /// The one of the other family, if both were asked for and there are both.
        additional: Option<RelayedAddr>,
        /// Until it ends unless refreshed.
        lifetime: Duration,
    },
    /// An allocation was refreshed with a lifetime above zero.
    Refreshed {
        /// Its name.
        allocation: AllocationKey,
        /// Whose it is.
        five_tuple: FiveTuple,
        /// The USERNAME it was made with.
        username: String,
        /// As bound here.
        relayed: RelayedAddr,
        /// From now.
        lifetime: Duration,
        /// Relayed from client to peers so far.
        sent: Traffic,
        /// Relayed from peers to client so far.
        received: Traffic,
    },
    /// One of two relayed addresses ended; the allocation lives on with the other.
    RelayedEnded {
        /// The allocation's name.
        allocation: AllocationKey,
        /// As it was bound here.
        relayed: RelayedAddr,
        /// Why.
        cause: EndCause,
    },
    /// An allocation follows its client to another five-tuple (RFC 8016).
    Moved {
        /// Its name.
        allocation: AllocationKey,
        /// Where its client was.
        from: FiveTuple,
        /// Where its client is.
        to: FiveTuple,
    },
    /// An allocation ended.
    Deleted {
        /// Its name.
        allocation: AllocationKey,
        /// Why.
        cause: EndCause,
        /// Whose it was.
        five_tuple: FiveTuple,
        /// The USERNAME it was made with.
        username: String,
        /// As bound here.
        relayed: RelayedAddr,
        /// Relayed from client to peers.
        sent: Traffic,
        /// Relayed from peers to client.
        received: Traffic,
    },
    /// A request was refused with an error response.
    Refused {
        /// Who asked.
        five_tuple: FiveTuple,
        /// The STUN error code: 300 to 699.
        code: u16,
        /// The cause in a few words.
        reason: &'static str,
    },
}
