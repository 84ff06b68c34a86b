use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use sangam_net::udp::BindError;

use super::IceServer;

/// How an endpoint gathers its addresses.
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    /// Only these addresses of this host are used; empty means every usable one.
    pub addresses: Vec<IpAddr>,
    /// Interfaces whose name begins so are not used.
    pub ignored_interfaces: Vec<String>,
    /// Whether loopback addresses are used too.
    pub with_loopback: bool,
    /// Whether IPv6 addresses are used.
    pub with_ipv6: bool,
    /// The ports that host sockets are bound to: the first that is free on each address. `None` lets the system choose.
    pub ports: Option<RangeInclusive<u16>>,
    /// Addresses used at most, 1 to 64.
    pub addresses_max: usize,
    /// IPv6 addresses used at most of one interface: temporary ones (RFC 8981) pile up.
    pub ipv6_per_interface_max: usize,
    /// Kernel buffer for what arrives, of each socket, bytes; `None` leaves the system's default.
    pub receive_buffer_bytes: Option<usize>,
    /// The same for what is sent.
    pub send_buffer_bytes: Option<usize>,
    /// STUN and TURN servers at the start.
    pub servers: Vec<IceServer>,
    /// Servers asked at most, each URL counting as one.
    pub servers_max: usize,
    /// Only relayed addresses are told, and nothing is sent to peers but through a relay.
    pub relay_only: bool,
    /// How long [`Gathered`](super::Woken::Gathered) waits for servers.
    pub gather_timeout: Duration,
    /// How long a server's name may take to be resolved, and its TCP connection or TLS handshake to be made.
    pub connect_timeout: Duration,
    /// Time between STUN requests that keep a NAT's mapping and notice when it changes.
    pub stun_interval: Duration,
    /// Time between Refresh requests to a relay, by which it is noticed that it lost the allocation.
    pub relay_check_interval: Duration,
    /// The first pause before an allocation that failed is tried again; it doubles up to
    /// [`retry_pause_max`](Self::retry_pause_max), with a jitter of up to a half.
    pub retry_pause: Duration,
    /// See [`retry_pause`](Self::retry_pause).
    pub retry_pause_max: Duration,
    /// Peers (IP addresses) permitted on the relays at most.
    pub permits_max: usize,
    /// Channels bound at most on one allocation.
    pub channels_max: usize,
    /// Messages that wait at most for a relay's TCP or TLS connection; what comes more is lost and counted.
    pub stream_queue_messages_max: usize,
    /// Time between looks at the host's addresses; `None` looks once.
    pub interfaces_interval: Option<Duration>,
    /// Certificates (PEM) of authorities trusted beside the system's, for relays over TLS.
    pub ca_file: Option<PathBuf>,
    /// The share of packets to peers that are lost on purpose instead of being sent, 0 to 1: for simulations and tests of bad
    /// networks. What servers are asked is not lost.
    pub loss_share: f64,
    /// What decides which packets are lost: with the same number the n-th that is sent has the same fate. By chance if there
    /// is none.
    pub loss_seed: Option<u64>,
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            ignored_interfaces: ["docker", "br-", "veth", "virbr", "cni", "flannel"].map(str::to_owned).to_vec(),
            with_loopback: false,
            with_ipv6: true,
            ports: None,
            addresses_max: 8,
            ipv6_per_interface_max: 2,
            receive_buffer_bytes: Some(2 << 20),
            send_buffer_bytes: Some(2 << 20),
            servers: Vec::new(),
            servers_max: 16,
            relay_only: false,
            gather_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(5),
            stun_interval: Duration::from_secs(15),
            relay_check_interval: Duration::from_secs(15),
            retry_pause: Duration::from_secs(1),
            retry_pause_max: Duration::from_secs(60),
            permits_max: 1024,
            channels_max: 64,
            stream_queue_messages_max: 256,
            interfaces_interval: Some(Duration::from_secs(2)),
            ca_file: None,
            loss_share: 0.0,
            loss_seed: None,
        }
    }
}

/// Why an endpoint cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No address can be used, and there is no relay to use instead.
    #[error("no address of this host can be used: {reason}")]
    NoAddress {
        /// Why.
        reason: String,
    },
    /// An address could not be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The file of authorities could not be read, or has none.
    #[error("{path}: no certificate of an authority could be read from it (PEM)")]
    Authorities {
        /// It.
        path: PathBuf,
    },
}
