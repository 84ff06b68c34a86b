use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sangam_auth::token::Keyring;
use sangam_auth::turn::RestSecrets;
use serde::Serialize;

/// Everything the signaling server is told at start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Rules of the rooms: ids, holding, arbitration, pings.
    pub rooms: sangam_signal_proto::Options,
    /// What a socket may cost.
    pub limits: Limits,
    /// What may change while sockets are open.
    pub live: Live,
}

/// The settings that [`crate::SignalServer::reload`] replaces without closing a socket.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Who may open a signaling socket.
    pub access: Access,
    /// What `/ice-servers` answers.
    pub ice: IceOptions,
}

/// What a socket may cost. Each refusal is a counter.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sockets open at once; the next upgrade is answered 503.
    pub sockets_max: usize,
    /// Sockets open at once from one client address (IPv6: one /64); the next upgrade is answered 429.
    pub sockets_per_address_max: usize,
    /// Bytes of one message, over all its frames; more closes the socket with 1009.
    pub message_bytes_max: usize,
    /// Bytes waiting to be sent to one socket; more closes it with 1013.
    pub outgoing_bytes_max: usize,
    /// Messages waiting for the task that owns the rooms; senders wait when it is full.
    pub queue_len_max: usize,
    /// How long one frame may take to leave; longer closes the socket.
    pub write_timeout: Duration,
    /// Messages per second that one socket may send for long; a message costs one for each started 4 KiB. A sender
    /// above it is read more slowly, nothing is lost.
    pub messages_per_sec: u32,
    /// Messages that one socket may send at once.
    pub messages_burst: u32,
    /// Tickets for `/ice-servers` that are remembered at once; past it the oldest is forgotten.
    pub tickets_max: usize,
    /// How long a stop waits for sockets to close.
    pub drain_limit: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets_max: 65_536,
            sockets_per_address_max: 8_192,
            message_bytes_max: 256 * 1_024,
            outgoing_bytes_max: 1_024 * 1_024,
            queue_len_max: 1_024,
            write_timeout: Duration::from_secs(10),
            messages_per_sec: 100,
            messages_burst: 1_000,
            tickets_max: 65_536,
            drain_limit: Duration::from_secs(5),
        }
    }
}

/// Who may open a signaling socket. Trusted loopback always may.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Whether sockets without a token are served beyond trusted loopback too.
    pub open: bool,
    /// What tokens are checked against. Without one every token is refused.
    pub keyring: Option<Arc<Keyring>>,
}

/// What `/ice-servers` answers, and to whom.
#[derive(Clone, Debug)]
pub struct IceOptions {
    /// Our relay, if it runs in this process.
    pub relay: Option<RelayEndpoint>,
    /// The host in our URLs: a name or an address. Without it the external address, a public Host header or the listener's
    /// own address stands in.
    pub host: Option<String>,
    /// The relay's address as seen from outside.
    pub external_address: Option<IpAddr>,
    /// How long a minted credential is good for.
    pub ttl: Duration,
    /// Other people's servers, appended in order.
    pub foreign: Vec<IceServer>,
    /// Whether anybody may have credentials without token or ticket.
    pub anonymous: bool,
    /// Credentials per minute for one client address (IPv6: one /64) that shows no token.
    pub anonymous_per_minute: u32,
    /// Client addresses counted for that at once; past it anonymous requests are refused.
    pub anonymous_addresses_max: usize,
    /// How long a ticket of a registered socket is good for.
    pub ticket_ttl: Duration,
    /// How often a ticket may be used: a page that reloads asks twice.
    pub ticket_uses: u8,
}

impl Default for IceOptions {
    fn default() -> Self {
        Self {
            relay: None,
            host: None,
            external_address: None,
            ttl: Duration::from_secs(3_600),
            foreign: Vec::new(),
            anonymous: false,
            anonymous_per_minute: 10,
            anonymous_addresses_max: 16_384,
            ticket_ttl: Duration::from_secs(60),
            ticket_uses: 3,
        }
    }
}

/// Where our relay listens and how credentials for it are made.
#[derive(Clone, Debug)]
pub struct RelayEndpoint {
    /// The port for `stun:` and `turn:` over UDP.
    pub udp_port: Option<u16>,
    /// The port for `turn:` over TCP.
    pub tcp_port: Option<u16>,
    /// The port for `turns:` over TCP.
    pub tls_port: Option<u16>,
    /// What time-limited credentials are minted with; without it only `stun:` URLs are handed out.
    pub secrets: Option<RestSecrets>,
}

/// One entry of `RTCConfiguration.iceServers`
/// ([WebRTC §4.2.4](https://www.w3.org/TR/webrtc/#rtciceserver-dictionary)).
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// Given together with the credential, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Given together with the user name, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).field("username", &self.username).finish_non_exhaustive()
    }
}
