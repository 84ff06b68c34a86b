//! `[relay]`: the STUN and TURN relay.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use sangam_auth::turn::LongTermUser;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{AlternateServer, ByteSize, ExternalIp, HumanDuration, ListenAddr, Network, Secret, StunServer};

/// The STUN and TURN relay.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Relay {
    /// A `turnserver.conf`, coturn's own configuration file, read as it is. What it says stands below every other
    /// source; what is not honoured in it is reported.
    #[schemars(extend("x-reload" = "live"))]
    pub turnserver_conf: Option<PathBuf>,
    /// Where STUN and TURN listen, UDP.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen: Vec<ListenAddr>,
    /// Where STUN and TURN listen, TCP. Not set: the addresses of `relay.listen`. `[]`: nowhere.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen_tcp: Option<Vec<ListenAddr>>,
    /// Where STUN and TURN listen, TLS over TCP. Not set: port 5349 on the addresses of `relay.listen` if there is a
    /// certificate, else nowhere. `[]`: nowhere.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen_tls: Option<Vec<ListenAddr>>,
    /// Where STUN and TURN listen, TCP, behind a load balancer: each connection begins with a PROXY v2 header, believed
    /// only from `http.trusted_proxies`.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen_proxy: Vec<ListenAddr>,
    /// Networks whose clients may use the relay; others get no answer. Empty: everybody. This machine's own addresses
    /// always may.
    #[schemars(extend("x-reload" = "live"))]
    pub allow_from: Vec<Network>,
    /// Whether every connection over TCP and TLS begins with a PROXY v2 header. It is believed only from
    /// `http.trusted_proxies`.
    #[schemars(extend("x-reload" = "restart"))]
    pub proxy_protocol: bool,
    /// Open connections of one TCP or TLS listener; the next is closed at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub connections_max: usize,
    /// Open connections of one TCP or TLS listener from one client address (IPv6: one /64).
    #[schemars(extend("x-reload" = "restart"))]
    pub connections_per_address_max: usize,
    /// How long a connection without an allocation may be silent.
    #[schemars(extend("x-reload" = "restart"))]
    pub connection_idle_timeout: HumanDuration,
    /// Bytes that wait for the client of one connection; beyond it the oldest relayed datagrams are dropped.
    #[schemars(extend("x-reload" = "restart"))]
    pub connection_queue_bytes: ByteSize,
    /// New connections that wait for one thread; beyond it they are closed.
    #[schemars(extend("x-reload" = "restart"))]
    pub arrivals_max: usize,
    /// Users and labels that may be revoked at once through the administration API.
    #[schemars(extend("x-reload" = "restart"))]
    pub revocations_max: usize,
    /// Events of sessions that wait for one program that follows them; beyond it the oldest are lost to it.
    #[schemars(extend("x-reload" = "restart"))]
    pub event_queue_max: usize,
    /// Programs that follow the events of sessions at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub event_subscribers_max: usize,
    /// Over which time the administration API takes the rates of sessions.
    #[schemars(extend("x-reload" = "restart"))]
    pub rate_interval: HumanDuration,
    /// The address of this machine as the world sees it, behind 1:1 NAT: `PUBLIC`, or `PUBLIC/PRIVATE` for one of several
    /// local addresses. `auto-detect` in place of `PUBLIC` asks `relay.stun_servers`.
    #[schemars(extend("x-reload" = "restart"))]
    pub external_ip: Vec<ExternalIp>,
    /// STUN servers, `HOST:PORT`, that say how the world sees this machine; asked over UDP, from each relay address,
    /// only if `relay.external_ip` says `auto-detect`.
    #[schemars(extend("x-reload" = "restart"))]
    pub stun_servers: Vec<StunServer>,
    /// How often they are asked again. `0s`: only at the start.
    #[schemars(extend("x-reload" = "restart"))]
    pub external_ip_interval: HumanDuration,
    /// Local addresses that relayed addresses are opened on. Empty: the addresses of `relay.listen`.
    #[schemars(extend("x-reload" = "restart"))]
    pub relay_ip: Vec<IpAddr>,
    /// The lowest port of relayed addresses.
    #[schemars(extend("x-reload" = "restart"))]
    pub min_port: u16,
    /// The highest port of relayed addresses.
    #[schemars(extend("x-reload" = "restart"))]
    pub max_port: u16,
    /// The realm that clients are challenged with.
    #[schemars(extend("x-reload" = "restart"))]
    pub realm: String,
    /// Shared secrets of time-limited credentials (`expiry:name`, HMAC-SHA1). The first one mints, all are accepted, at
    /// most four. Empty: one is generated in the data directory.
    #[schemars(extend("x-reload" = "live"))]
    pub secrets: Vec<Secret>,
    /// A file with the shared secrets, one a line.
    #[schemars(extend("x-reload" = "live"))]
    pub secrets_file: Option<PathBuf>,
    /// Long-term users, each `NAME:PASSWORD`, or `NAME:0xKEY` with the key that `turnadmin -k` prints for this realm.
    /// Whoever is none of them needs a time-limited credential.
    #[schemars(extend("x-reload" = "live"))]
    pub users: Vec<Secret>,
    /// A file with the long-term users, one a line.
    #[schemars(extend("x-reload" = "live"))]
    pub users_file: Option<PathBuf>,
    /// Whether challenges offer SHA-256 besides MD5 for the keys of credentials (RFC 8489 section 9.2). Without the offer a
    /// challenge has 84 bytes instead of 112 with a realm of six letters. They never offer it if a long-term user is
    /// given by a key when the relay starts: that key is by MD5.
    #[schemars(extend("x-reload" = "restart"))]
    pub password_algorithms: bool,
    /// Whether challenges say that a client may hide its user's name behind a hash (USERHASH, RFC 8489 section 14.4). Off,
    /// because a client that does so cannot log in with a time-limited credential: its name is known to nobody before it
    /// comes. Long-term users are found by their hash either way.
    #[schemars(extend("x-reload" = "restart"))]
    pub userhash: bool,
    /// Takes secrets that anybody could guess on listeners that strangers reach: for a migration's first day.
    #[schemars(extend("x-reload" = "restart"))]
    pub allow_weak_credentials: bool,
    /// Peers that may be reached although the built-in list denies them (private networks, loopback, our own addresses).
    #[schemars(extend("x-reload" = "live"))]
    pub allow_peers: Vec<Network>,
    /// Further peers that may not be reached.
    #[schemars(extend("x-reload" = "live"))]
    pub deny_peers: Vec<Network>,
    /// Other servers for clients over UDP and TCP that are answered 300 Try Alternate instead of being served here, in
    /// turn: `ADDRESS:PORT`. A client is sent to one of its own address family.
    #[schemars(extend("x-reload" = "live"))]
    pub alternate_servers: Vec<AlternateServer>,
    /// The same for clients over TLS: `ADDRESS:PORT`, or `ADDRESS:PORT/NAME` if the certificate there has another name.
    #[schemars(extend("x-reload" = "live"))]
    pub alternate_servers_tls: Vec<AlternateServer>,
    /// Which clients are sent to the other servers: those that find no room here (at `relay.allocations_max`, and while
    /// the server drains), or all of them.
    #[schemars(extend("x-reload" = "live"))]
    pub redirect: Redirect,
    /// Threads, each with its own sockets. 0: one for each processor.
    #[schemars(extend("x-reload" = "restart"))]
    pub threads: usize,
    /// The longest an allocation lasts without a refresh (RFC 8656 section 7.2 recommends an hour).
    #[schemars(extend("x-reload" = "restart"))]
    pub allocation_lifetime_max: HumanDuration,
    /// How long a peer stays permitted without being named again (RFC 8656 section 9: 5 minutes).
    #[schemars(extend("x-reload" = "restart"))]
    pub permission_lifetime: HumanDuration,
    /// How long a channel lasts without being bound again (RFC 8656 section 12: 10 minutes).
    #[schemars(extend("x-reload" = "restart"))]
    pub channel_lifetime: HumanDuration,
    /// How long a nonce is good; clients fetch the next one unseen (RFC 8656 section 5: an hour at most).
    #[schemars(extend("x-reload" = "restart"))]
    pub nonce_lifetime: HumanDuration,
    /// Allocations in total; beyond it clients are answered 508.
    #[schemars(extend("x-reload" = "live"))]
    pub allocations_max: usize,
    /// Whether clients may keep their allocation when their address changes (RFC 8016). If not, those that ask are answered
    /// 405 and allocate anew.
    #[schemars(extend("x-reload" = "restart"))]
    pub mobility: bool,
    /// Allocations of one user; beyond it clients are answered 486. Time-limited credentials of one name are one user.
    #[schemars(extend("x-reload" = "live"))]
    pub allocations_per_user_max: usize,
    /// Peer addresses permitted at once on one allocation; beyond it clients are answered 508.
    #[schemars(extend("x-reload" = "live"))]
    pub permissions_max: usize,
    /// Channels on one allocation; beyond it clients are answered 508.
    #[schemars(extend("x-reload" = "live"))]
    pub channels_max: usize,
    /// Ports of one thread that clients have reserved for a second allocation; beyond it they are answered 508.
    #[schemars(extend("x-reload" = "live"))]
    pub reservations_max: usize,
    /// Allocations of one thread that wait for their relay socket; beyond it clients are answered 508.
    #[schemars(extend("x-reload" = "live"))]
    pub opening_max: usize,
    /// Requests of one thread that wait for their credential; beyond it they are dropped and clients send again.
    #[schemars(extend("x-reload" = "live"))]
    pub pending_requests_max: usize,
    /// The largest request kept while its credential is looked up; a larger one is dropped.
    #[schemars(extend("x-reload" = "live"))]
    pub pending_request_bytes_max: ByteSize,
    /// Challenges per second to one IPv4 /24 or IPv6 /56; beyond it silence. 0: no limit.
    #[schemars(extend("x-reload" = "live"))]
    pub challenges_per_sec: u32,
    /// Bytes per second that one allocation relays, each direction apart; beyond it datagrams are dropped. What a second
    /// allows may pass at once. 0: no limit.
    #[schemars(extend("x-reload" = "live"))]
    pub allocation_bytes_per_sec: ByteSize,
    /// Bytes per second that all allocations together relay, each direction apart; beyond it datagrams are dropped. If
    /// `relay.allocation_bytes_per_sec` is set too, clients are answered 486 once the rates of the allocations there are
    /// reach it. 0: no limit.
    #[schemars(extend("x-reload" = "live"))]
    pub bytes_per_sec: ByteSize,
    /// The longest datagram relayed; longer ones are dropped.
    #[schemars(extend("x-reload" = "restart"))]
    pub datagram_bytes_max: ByteSize,
    /// Datagrams that wait for one thread from all others; beyond it they are dropped.
    #[schemars(extend("x-reload" = "restart"))]
    pub handover_queue_max: usize,
    /// Kernel buffers of each listening socket, capped by `net.core.rmem_max` and `net.core.wmem_max`.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen_buffer_bytes: ByteSize,
    /// Kernel receive buffer of each relay socket, capped by `net.core.rmem_max`.
    #[schemars(extend("x-reload" = "restart"))]
    pub relay_buffer_bytes: ByteSize,
    /// A thread that was woken and has not turned for this long hangs: another takes its place on the same sockets.
    #[schemars(extend("x-reload" = "restart"))]
    pub thread_hang_limit: HumanDuration,
    /// The longest that a thread which fails again and again waits for its next start; the first time it does not wait.
    #[schemars(extend("x-reload" = "restart"))]
    pub thread_restart_delay_max: HumanDuration,
    /// Threads that hang and were replaced, at once; one that hangs beyond it is not replaced, and `/ready` says so.
    #[schemars(extend("x-reload" = "restart"))]
    pub hung_threads_max: usize,
    /// Lines about allocations and refusals that each thread writes to the log in a second; what is beyond is
    /// counted.
    #[schemars(extend("x-reload" = "restart"))]
    pub log_lines_per_sec: u32,
    /// How long a stop waits for allocations to end. `0s`: not at all.
    #[schemars(extend("x-reload" = "live"))]
    pub drain_limit: HumanDuration,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            turnserver_conf: None,
            listen: vec![ListenAddr::loopback(3_478)],
            listen_tcp: None,
            listen_tls: None,
            listen_proxy: Vec::new(),
            allow_from: Vec::new(),
            proxy_protocol: false,
            connections_max: 16_384,
            connections_per_address_max: 1_024,
            connection_idle_timeout: HumanDuration::from_secs(30),
            connection_queue_bytes: ByteSize::from_kib(64),
            arrivals_max: 256,
            revocations_max: 4_096,
            event_queue_max: 1_024,
            event_subscribers_max: 16,
            rate_interval: HumanDuration::from_secs(5),
            external_ip: Vec::new(),
            stun_servers: Vec::new(),
            external_ip_interval: HumanDuration::from_secs(600),
            relay_ip: Vec::new(),
            min_port: 49_152,
            max_port: 65_535,
            realm: "sangam".to_owned(),
            secrets: Vec::new(),
            secrets_file: None,
            users: Vec::new(),
            users_file: None,
            password_algorithms: true,
            userhash: false,
            allow_weak_credentials: false,
            allow_peers: Vec::new(),
            deny_peers: Vec::new(),
            alternate_servers: Vec::new(),
            alternate_servers_tls: Vec::new(),
            redirect: Redirect::WhenFull,
            threads: 0,
            allocation_lifetime_max: HumanDuration::from_secs(3_600),
            permission_lifetime: HumanDuration::from_secs(300),
            channel_lifetime: HumanDuration::from_secs(600),
            nonce_lifetime: HumanDuration::from_secs(3_600),
            allocations_max: 16_384,
            mobility: false,
            allocations_per_user_max: 4_096,
            permissions_max: 128,
            channels_max: 128,
            reservations_max: 1_024,
            opening_max: 1_024,
            pending_requests_max: 512,
            pending_request_bytes_max: ByteSize::from_kib(2),
            challenges_per_sec: 1_000,
            allocation_bytes_per_sec: ByteSize::from_bytes(0),
            bytes_per_sec: ByteSize::from_bytes(0),
            datagram_bytes_max: ByteSize::from_kib(9),
            handover_queue_max: 1_024,
            listen_buffer_bytes: ByteSize::from_kib(4_096),
            relay_buffer_bytes: ByteSize::from_kib(64),
            thread_hang_limit: HumanDuration::from_secs(2),
            thread_restart_delay_max: HumanDuration::from_secs(5),
            hung_threads_max: 8,
            log_lines_per_sec: 20,
            drain_limit: HumanDuration::from_secs(0),
        }
    }
}

impl Relay {
    /// How many shared secrets may be in force at once.
    const SECRETS_MAX: usize = 4;
    /// All are asked at once.
    const STUN_SERVERS_MAX: usize = 8;
    /// RFC 8489 §14.9: the realm has at most 763 bytes.
    const REALM_BYTES_MAX: usize = 763;

    /// The port of STUN and TURN over TLS (RFC 8489 §8.1, RFC 8656 §18).
    const TLS_PORT: u16 = 5_349;

    /// Where it listens, TCP.
    #[must_use]
    pub fn tcp_addrs(&self) -> Vec<SocketAddr> {
        self.listen_tcp.as_ref().unwrap_or(&self.listen).iter().map(|addr| addr.get()).collect()
    }

    /// Where it listens, TCP with a PROXY v2 header.
    #[must_use]
    pub fn proxy_addrs(&self) -> Vec<SocketAddr> {
        self.listen_proxy.iter().map(|addr| addr.get()).collect()
    }

    /// Where it listens, TLS. A listener whose port the system chooses leaves that of TLS to it too.
    #[must_use]
    pub fn tls_addrs(&self, has_certificate: bool) -> Vec<SocketAddr> {
        let given = |addrs: &Vec<ListenAddr>| addrs.iter().map(|addr| addr.get()).collect();
        let beside = |addr: SocketAddr| SocketAddr::new(addr.ip(), if addr.port() == 0 { 0 } else { Self::TLS_PORT });
        let default = || {
            let mut addrs: Vec<SocketAddr> = Vec::new();
            for addr in self.listen.iter().map(|addr| beside(addr.get())).filter(|_| has_certificate) {
                if addr.port() == 0 || !addrs.contains(&addr) {
                    addrs.push(addr);
                }
            }
            addrs
        };
        self.listen_tls.as_ref().map_or_else(default, given)
    }

    pub(crate) fn validate(&self, check: &mut Check) {
        let listens_somewhere =
            [Some(&self.listen), self.listen_tcp.as_ref(), self.listen_tls.as_ref(), Some(&self.listen_proxy)];
        check.require(
            listens_somewhere.into_iter().flatten().any(|listen| !listen.is_empty()),
            "listen",
            "the list is empty; write at least one address here, in `relay.listen_tcp` or in `relay.listen_tls`",
        );
        check.require(
            self.min_port <= self.max_port,
            "min_port",
            format!("{} is above `relay.max_port` ({}); write the lower one first", self.min_port, self.max_port),
        );
        check.require(
            (1..=Self::REALM_BYTES_MAX).contains(&self.realm.len()) && !self.realm.contains(['"', '\\']),
            "realm",
            "a realm has 1 to 763 bytes and no quotes or backslashes; write a name such as your domain",
        );
        check.require(
            self.secrets.len() <= Self::SECRETS_MAX,
            "secrets",
            "there are more than four; keep the ones that clients still use",
        );
        check.require(
            self.secrets.iter().all(|secret| !secret.expose().is_empty()),
            "secrets",
            "an entry is empty; write a random one (`openssl rand -base64 32`) or remove it",
        );
        self.validate_users(check);
        let has_alternate = !self.alternate_servers.is_empty() || !self.alternate_servers_tls.is_empty();
        check.require(
            self.redirect == Redirect::WhenFull || has_alternate,
            "redirect",
            "`always` sends every client to another server and none is named; write `relay.alternate_servers` too",
        );
        check.within("threads", self.threads, 0, 256);
        check.within(
            "allocation_lifetime_max",
            self.allocation_lifetime_max,
            HumanDuration::from_secs(600),
            HumanDuration::from_secs(86_400),
        );
        self.validate_lifetimes(check);
        self.validate_external_address(check);
        check.within("allocations_max", self.allocations_max, 1, 1_000_000);
        check.within("allocations_per_user_max", self.allocations_per_user_max, 1, 1_000_000);
        check.within("permissions_max", self.permissions_max, 1, 65_536);
        check.within("channels_max", self.channels_max, 1, 16_384);
        check.within("reservations_max", self.reservations_max, 1, 16_384);
        let (none, terabit) = (ByteSize::from_bytes(0), ByteSize::from_kib(128 << 20));
        check.within("allocation_bytes_per_sec", self.allocation_bytes_per_sec, none, terabit);
        check.within("bytes_per_sec", self.bytes_per_sec, none, terabit);
        self.validate_connections(check);
        self.validate_queues(check);
        self.validate_sessions(check);
        self.validate_supervision(check);
    }

    fn validate_supervision(&self, check: &mut Check) {
        let secs = HumanDuration::from_secs;
        check.within("thread_hang_limit", self.thread_hang_limit, secs(1), secs(60));
        check.within("thread_restart_delay_max", self.thread_restart_delay_max, secs(1), secs(600));
        check.within("hung_threads_max", self.hung_threads_max, 0, 256);
    }

    fn validate_users(&self, check: &mut Check) {
        let mut names = BTreeSet::new();
        for (entry, user) in self.users.iter().enumerate().map(|(at, user)| (at + 1, user.expose())) {
            match LongTermUser::parse(user) {
                Ok(user) => {
                    let name = user.name();
                    let cause = format!("entry {entry} is a second user `{name}`; keep one of them");
                    check.require(names.insert(name.to_owned()), "users", cause);
                }
                Err(error) => check.require(
                    false,
                    "users",
                    format!("entry {entry} is no user: {error}; write NAME:PASSWORD, or NAME:0xKEY with the key that `turnadmin -k` prints"),
                ),
            }
        }
    }

    fn validate_lifetimes(&self, check: &mut Check) {
        let secs = HumanDuration::from_secs;
        check.within("permission_lifetime", self.permission_lifetime, secs(60), secs(3_600));
        check.within("channel_lifetime", self.channel_lifetime, secs(60), secs(3_600));
        check.within("nonce_lifetime", self.nonce_lifetime, secs(60), secs(3_600));
    }

    fn validate_external_address(&self, check: &mut Check) {
        check.require(
            !self.stun_servers.is_empty() || self.external_ip.iter().all(|ip| ip.external.is_some()),
            "external_ip",
            "`auto-detect` needs a STUN server to ask; name some in `relay.stun_servers`, or write the public address",
        );
        check.require(
            self.stun_servers.len() <= Self::STUN_SERVERS_MAX,
            "stun_servers",
            "there are more than eight; keep two or three",
        );
        if !self.external_ip_interval.get().is_zero() {
            let (second, day) = (HumanDuration::from_secs(1), HumanDuration::from_secs(86_400));
            check.within("external_ip_interval", self.external_ip_interval, second, day);
        }
    }

    fn validate_connections(&self, check: &mut Check) {
        check.within("connections_max", self.connections_max, 1, 1_000_000);
        check.within("connections_per_address_max", self.connections_per_address_max, 1, 1_000_000);
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("connection_idle_timeout", self.connection_idle_timeout, second, hour);
        let (least, most) = (ByteSize::from_kib(16), ByteSize::from_kib(16 * 1_024));
        check.within("connection_queue_bytes", self.connection_queue_bytes, least, most);
        check.within("arrivals_max", self.arrivals_max, 1, 65_536);
    }

    fn validate_sessions(&self, check: &mut Check) {
        check.within("revocations_max", self.revocations_max, 1, 100_000);
        check.within("event_queue_max", self.event_queue_max, 1, 65_536);
        check.within("event_subscribers_max", self.event_subscribers_max, 1, 1_024);
        let (second, minutes) = (HumanDuration::from_secs(1), HumanDuration::from_secs(300));
        check.within("rate_interval", self.rate_interval, second, minutes);
    }

    fn validate_queues(&self, check: &mut Check) {
        check.within("opening_max", self.opening_max, 1, 65_536);
        check.within("pending_requests_max", self.pending_requests_max, 1, 65_536);
        let (bytes, kib) = (ByteSize::from_bytes, ByteSize::from_kib);
        check.within("pending_request_bytes_max", self.pending_request_bytes_max, bytes(576), kib(64));
        check.within("datagram_bytes_max", self.datagram_bytes_max, bytes(1_500), bytes(65_507));
        check.within("handover_queue_max", self.handover_queue_max, 16, 1_000_000);
        check.within("listen_buffer_bytes", self.listen_buffer_bytes, kib(4), kib(1_024 * 1_024));
        check.within("relay_buffer_bytes", self.relay_buffer_bytes, kib(4), kib(64 * 1_024));
    }
}

/// Which clients are sent to other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Redirect {
    /// Those that find no room here.
    WhenFull,
    /// All: this server only spreads them.
    Always,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_listens_beside_udp_and_tls_on_its_own_port_if_there_is_a_certificate() {
        let addr = |text: &&str| ListenAddr::from(text.parse::<SocketAddr>().unwrap());
        let listen = |texts: &[&str]| texts.iter().map(addr).collect::<Vec<_>>();
        let shown = |addrs: Vec<SocketAddr>| addrs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut relay = Relay { listen: listen(&["127.0.0.1:3478", "127.0.0.1:80", "[::1]:0"]), ..Relay::default() };
        assert_eq!(shown(relay.tcp_addrs()), ["127.0.0.1:3478", "127.0.0.1:80", "[::1]:0"]);
        assert_eq!(shown(relay.tls_addrs(true)), ["127.0.0.1:5349", "[::1]:0"]);
        assert!(relay.tls_addrs(false).is_empty());
        (relay.listen_tcp, relay.listen_tls) = (Some(Vec::new()), Some(listen(&["127.0.0.1:443"])));
        assert!(relay.tcp_addrs().is_empty());
        assert_eq!(shown(relay.tls_addrs(true)), ["127.0.0.1:443"]);
    }
}
