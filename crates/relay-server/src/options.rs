use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use sangam_auth::turn::{LongTermUsers, RestSecrets};
use sangam_control::{KeptBindings, RelayEvents};
use sangam_net::udp::SocketBuffers;
use sangam_turn_proto::{Alternates, IpRange, Lifetimes, Limits, NonceSecret, RelayAddress};

use crate::revocations::Revocations;

/// Everything a [`RelayServer`](crate::RelayServer) is told at its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// UDP addresses clients speak to; none where all come over TCP or TLS. Port 0 takes a free one; IPv6 addresses carry IPv6 only; equal ones count once.
    pub listen: Vec<SocketAddr>,
    /// Relay threads.
    pub threads: usize,
    /// Addresses that relayed addresses are opened on, and how the world sees them. Empty: each listen address that is
    /// no wildcard, as it is.
    pub relay_addresses: Vec<RelayAddress>,
    /// Ports of relayed addresses, on each relay address.
    pub ports: RangeInclusive<u16>,
    /// The REALM of challenges, which credentials are tied to.
    pub realm: String,
    /// The secrets that time-limited credentials are checked with. Storing others puts them in force with the next
    /// request.
    pub secrets: Arc<ArcSwap<RestSecrets>>,
    /// The long-term users, who go before time-limited credentials of the same name. Storing others puts them in force
    /// with the next request.
    pub users: Arc<ArcSwap<LongTermUsers>>,
    /// Whether challenges offer SHA-256 besides MD5 for keys, which makes them 28 bytes longer. They do not if the key of
    /// some long-term user is known by MD5 alone when the server starts.
    pub offers_password_algorithms: bool,
    /// Whether nonces say that USERHASH is understood (RFC 8489 §9.2). Clients that honour it cannot log in with
    /// time-limited credentials.
    pub offers_username_anonymity: bool,
    /// The names whose credentials are good no longer.
    pub revocations: Arc<Revocations>,
    /// Where what happens to sessions is told.
    pub events: Arc<RelayEvents>,
    /// Where bindings are told that devices keep open to be called through them; `None`: nobody calls any.
    pub kept_bindings: Option<KeptBindings>,
    /// Over which time the rates of sessions are taken.
    pub rate_interval: Duration,
    /// Orders of operators that wait for one thread. Beyond: the thread is named as one that did not answer.
    pub orders_queue: usize,
    /// Signs nonces: the same on all servers behind one address.
    pub nonce_secret: NonceSecret,
    /// What [`reload`](crate::RelayServer::reload) can replace.
    pub live: Live,
    /// For how long things last.
    pub lifetimes: Lifetimes,
    /// Whether clients may keep their allocation when their address changes (RFC 8016).
    pub mobility: bool,
    /// For how long a nonce is good.
    pub nonce_lifetime: Duration,
    /// Whether a proxy is trusted to name the addresses of clients. Then loopback is not the operator alone, and no
    /// peer on loopback is reachable.
    pub has_trusted_proxy: bool,
    /// TCP addresses that [streams](crate::RelayServer::serve_streams) will come from: they decide with `listen` which
    /// peers are reachable.
    pub stream_listen: Vec<SocketAddr>,
    /// For how long a connection over TCP or TLS may be silent without an allocation.
    pub connection_idle: Duration,
    /// Bytes that wait for one connection's client. Beyond: the oldest relayed datagrams are dropped and counted.
    pub connection_queue_bytes: usize,
    /// New connections that wait for one thread. Beyond: closed and counted.
    pub arrivals_queue: usize,
    /// Kernel buffers of each listening socket.
    pub listen_buffers: SocketBuffers,
    /// Kernel buffers of each relay socket.
    pub relay_buffers: SocketBuffers,
    /// The longest datagram relayed, bytes. Longer ones are dropped and counted.
    pub datagram_bytes_max: usize,
    /// Datagrams that wait for one thread from all others. Beyond: dropped and counted.
    pub handover_queue: usize,
    /// A thread that was woken and has not turned for this long hangs: another takes its place.
    pub thread_hang_limit: Duration,
    /// The longest that a thread which fails again and again waits for its next start.
    pub thread_restart_delay_max: Duration,
    /// Threads that hang and were replaced, at once. One that hangs beyond that is not replaced.
    pub hung_threads_max: usize,
    /// Lines about allocations and refusals that each thread writes to the log in a second. Beyond: counted.
    pub log_lines_per_second: u32,
}

/// What can be replaced while the server runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Networks whose clients may use the relay, besides this machine itself; others get no answer, and their
    /// connections are closed. Empty: everybody may. Allocations of a network that is taken out live until their time runs
    /// out, as they can no longer be refreshed.
    pub allowed_clients: Vec<IpRange>,
    /// Peers that are reachable although denied otherwise.
    pub allowed_peers: Vec<IpRange>,
    /// Peers that are unreachable, besides everything that is not the public Internet.
    pub denied_peers: Vec<IpRange>,
    /// Addresses of this host and its other listeners, unreachable as peers. Those of the relay itself are known.
    pub own_addresses: Vec<IpAddr>,
    /// Other servers for clients that find no room here.
    pub alternates: Alternates,
    /// How many there may be. Those of allocations, challenges and bytes hold for the whole server; those of openings,
    /// reservations and pending requests are for each thread.
    pub limits: Limits,
}

impl Options {
    /// Options with every default: a thread for each core, ports 49152 to 65535, no long-term user, no limit that a
    /// small server would meet.
    #[must_use]
    pub fn new(
        listen: Vec<SocketAddr>,
        realm: impl Into<String>,
        secrets: Arc<ArcSwap<RestSecrets>>,
        nonce_secret: NonceSecret,
    ) -> Self {
        Self {
            listen,
            threads: thread::available_parallelism().map_or(1, usize::from),
            relay_addresses: Vec::new(),
            ports: 49_152..=65_535,
            realm: realm.into(),
            secrets,
            users: Arc::default(),
            offers_password_algorithms: true,
            offers_username_anonymity: false,
            revocations: Arc::default(),
            // Two seconds of a server where 500 sessions begin or end in each; 16 pages or programs that watch.
            events: Arc::new(RelayEvents::new(1_024, 16)),
            kept_bindings: None,
            rate_interval: Duration::from_secs(5),
            orders_queue: 16,
            nonce_secret,
            live: Live::default(),
            lifetimes: Lifetimes::default(),
            mobility: false,
            nonce_lifetime: Duration::from_secs(3_600),
            has_trusted_proxy: false,
            stream_listen: Vec::new(),
            connection_idle: Duration::from_secs(30),
            connection_queue_bytes: 64 << 10,
            arrivals_queue: 256,
            // All clients of a thread meet in one queue: room for 0.1 s at 30,000 packets/s of 1,200 bytes. The kernel
            // caps it at net.core.rmem_max.
            listen_buffers: SocketBuffers { receive_bytes: Some(4 << 20), send_bytes: Some(4 << 20) },
            // Room for a key frame of video (some 50 packets). What 16,384 sockets can hold at worst is 2 GiB.
            relay_buffers: SocketBuffers { receive_bytes: Some(64 << 10), send_bytes: None },
            // A jumbo frame with headers to spare.
            datagram_bytes_max: 9_216,
            // At most 9 MiB for each thread; 10 ms at 100,000 packets/s.
            handover_queue: 1_024,
            thread_hang_limit: Duration::from_secs(2),
            thread_restart_delay_max: Duration::from_secs(5),
            hung_threads_max: 8,
            log_lines_per_second: 20,
        }
    }

    /// The relay addresses in force: those given, else the listen addresses that are no wildcard.
    pub(crate) fn effective_relay_addresses(&self) -> Vec<RelayAddress> {
        if !self.relay_addresses.is_empty() {
            return self.relay_addresses.clone();
        }
        let mut addresses: Vec<RelayAddress> = Vec::new();
        for ip in self.listen.iter().chain(&self.stream_listen).map(SocketAddr::ip).filter(|ip| !ip.is_unspecified()) {
            if !addresses.iter().any(|address| address.bound == ip) {
                addresses.push(RelayAddress::plain(ip));
            }
        }
        addresses
    }
}
