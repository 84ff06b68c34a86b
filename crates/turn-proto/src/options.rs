use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::alternate::Alternates;
use crate::peer_policy::PeerPolicy;
use crate::shared_counts::SharedCounts;

/// Everything a [`TurnServer`](crate::TurnServer) is told at its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The REALM of challenges: at most 763 bytes (RFC 8489 §14.9). Short names make small challenges.
    pub realm: String,
    /// Signs nonces. The same for all servers behind one address, so that each accepts what another gave.
    pub nonce_secret: NonceSecret,
    /// Whether challenges offer SHA-256 besides MD5 for keys (RFC 8489 §9.2). Clients that do not know of it do not
    /// notice; a challenge is 28 bytes longer.
    pub offers_password_algorithms: bool,
    /// Whether nonces say that USERHASH is understood (RFC 8489 §9.2: username anonymity). It is taken in any case; a client
    /// that honours the bit sends nothing else, and a time-limited credential is not found that way.
    pub offers_username_anonymity: bool,
    /// For how long a nonce is good; RFC 8656 §5 asks for an hour at most.
    pub nonce_lifetime: Duration,
    /// The SOFTWARE attribute of responses; none by default, so that answers tell a stranger nothing.
    pub software: Option<String>,
    /// The addresses relayed addresses are opened on. A family that has none is answered 440.
    pub relay_addresses: Vec<RelayAddress>,
    /// The highest channel number accepted: 0x4FFF as RFC 8656 §12 has it, or up to 0x7FFF as RFC 5766 §11 had it. The
    /// default is the latter, because clients of that age (coturn's among them) choose from its whole range.
    pub channel_number_max: u16,
    /// Which of the servers of one process this is: its reservation tokens carry it.
    pub server_index: u16,
    /// Other servers for clients that find no room here.
    pub alternates: Alternates,
    /// What all servers of one process count together: a clone of these options shares it.
    pub shared: Arc<SharedCounts>,
    /// Whether a client that asks gets a ticket to keep its allocation with when its address changes (RFC 8016). If not,
    /// it is answered 405.
    pub mobility: bool,
    /// Which peers may be reached.
    pub policy: PeerPolicy,
    /// For how long things last.
    pub lifetimes: Lifetimes,
    /// How many there may be.
    pub limits: Limits,
}

impl Options {
    /// Options with every default, no relay address yet, and counts shared with nobody, whose seed anybody knows.
    #[must_use]
    pub fn new(realm: impl Into<String>, nonce_secret: NonceSecret) -> Self {
        Self {
            realm: realm.into(),
            nonce_secret,
            offers_password_algorithms: true,
            offers_username_anonymity: false,
            nonce_lifetime: Duration::from_secs(3_600),
            software: None,
            relay_addresses: Vec::new(),
            channel_number_max: 0x7FFF,
            server_index: 0,
            alternates: Alternates::default(),
            shared: Arc::new(SharedCounts::new(0)),
            mobility: false,
            policy: PeerPolicy::default(),
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
        }
    }
}

/// The secret that nonces are signed with, and mobility tickets sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonceSecret(pub [u8; 32]);

impl fmt::Debug for NonceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceSecret(..)")
    }
}

/// An address that relayed addresses are opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayAddress {
    /// As bound on this machine.
    pub bound: IpAddr,
    /// As clients and peers see it: different from `bound` behind 1:1 NAT. Ports are the same on both.
    pub external: IpAddr,
}

impl RelayAddress {
    /// An address that the world sees as it is.
    #[must_use]
    pub fn plain(address: IpAddr) -> Self {
        Self { bound: address, external: address }
    }
}

/// For how long things last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An allocation whose client asks for nothing or for less. RFC 8656 §6: 10 minutes.
    pub allocation_default: Duration,
    /// The longest an allocation lasts without a refresh. RFC 8656 §7.2 recommends an hour.
    pub allocation_max: Duration,
    /// A permission. RFC 8656 §9: 5 minutes.
    pub permission: Duration,
    /// A channel binding. RFC 8656 §12: 10 minutes.
    pub channel: Duration,
    /// After a channel binding has ended, neither its number nor its peer is bound otherwise for this long, lest
    /// data under way reach the wrong peer. RFC 8656 §12: 5 minutes.
    pub channel_rest: Duration,
    /// A port kept for a later allocation. RFC 8656 §7.2: 30 seconds at least.
    pub reservation: Duration,
    /// For how long a request waits for its key or its relay socket.
    pub request: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            allocation_default: Duration::from_secs(600),
            allocation_max: Duration::from_secs(3_600),
            permission: Duration::from_secs(300),
            channel: Duration::from_secs(600),
            channel_rest: Duration::from_secs(300),
            reservation: Duration::from_secs(30),
            request: Duration::from_secs(5),
        }
    }
}

/// How many there may be, for each server (shard) unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Allocations in total, those being opened and ports reserved included, of all servers of the process: this one
    /// refuses what exceeds it here, and its driver, which knows of the others, answers [`Output::OpenRelayed`] with
    /// [`OpenError::ServerQuota`]. Beyond: 508. The default is the size of the port range 49152-65535.
    ///
    /// [`Output::OpenRelayed`]: crate::Output::OpenRelayed
    /// [`OpenError::ServerQuota`]: crate::OpenError::ServerQuota
    pub allocations: usize,
    /// Allocations of one user, ports reserved included: the USERNAME without an `expiry:` before it. As above, of all
    /// servers of the process. Beyond: 486.
    pub allocations_per_user: usize,
    /// Peer addresses permitted at once on one allocation. Beyond: 508.
    pub permissions: usize,
    /// Channels bound or at rest on one allocation. Beyond: 508.
    pub channels: usize,
    /// Allocations waiting for their relay socket. Beyond: 508.
    pub opening: usize,
    /// Ports reserved for later allocations. Beyond: 508.
    pub reservations: usize,
    /// Requests waiting for a key. Beyond: dropped; the client sends again.
    pub pending_requests: usize,
    /// The largest request kept while its key is looked up, bytes. Beyond: dropped. A Mebibyte in all is kept with the
    /// defaults (512 x 2,048).
    pub pending_request_bytes: usize,
    /// Challenges (401 and 438) per second to one IPv4 /24 or IPv6 /56, of all servers that share
    /// [`Options::shared`]. Beyond: silence. Loopback is never counted. `None` for no limit.
    pub challenges_per_second: Option<u32>,
    /// Payload bytes per second of one allocation, each direction apart; a second of them may pass at once. Beyond:
    /// dropped. `None` for no limit.
    pub allocation_bytes_per_second: Option<NonZeroU64>,
    /// Payload bytes per second of all servers that share [`Options::shared`], each direction apart; a second of them may
    /// pass at once, and a fiftieth more for each server. Beyond: dropped. `None` for no limit.
    pub bytes_per_second: Option<NonZeroU64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations: 16_384,
            allocations_per_user: 4_096,
            permissions: 128,
            channels: 128,
            opening: 1_024,
            reservations: 1_024,
            pending_requests: 512,
            pending_request_bytes: 2_048,
            challenges_per_second: Some(1_000),
            allocation_bytes_per_second: None,
            bytes_per_second: None,
        }
    }
}
