use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sangam_auth::token::Keyring;
use sangam_auth::turn::RestSecrets;
use sangam_signal_proto::RoomId;
use sangam_socketio::engine::EngineOptions;
use serde::Serialize;

use crate::dialect::rendezvous::DirectoryOptions;
use crate::dialect::socketio::GuardOptions;

/// Everything the signaling server is told at start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rules of the rooms: ids, holding, arbitration, pings.
    pub rooms: sangam_signal_proto::Options,
    /// What a socket may cost.
    pub limits: Limits,
    /// The room of JSON agents that name none.
    pub json_room: RoomId,
    /// What nodes that poll may ask for.
    pub rendezvous: RendezvousOptions,
    /// Socket.IO.
    pub socketio: SocketioOptions,
    /// What may change while sockets are open.
    pub live: Live,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rooms: sangam_signal_proto::Options::default(),
            limits: Limits::default(),
            json_room: RoomId::main(),
            rendezvous: RendezvousOptions::default(),
            socketio: SocketioOptions::default(),
            live: Live::default(),
        }
    }
}

/// What Socket.IO clients find.
#[derive(Clone, Debug)]
pub struct SocketioOptions {
    /// Sessions: their heartbeat and limits.
    pub engine: EngineOptions,
    /// What stands on them: recovery and limits.
    pub library: sangam_socketio::Options,
    /// How clients are kept from talking in circles.
    pub guard: GuardOptions,
    /// What of one client may wait while the task that owns the rooms has no place; more is answered with `busy`: 256.
    pub backlog_len_max: usize,
    /// Do as the guide's own server does. On loopback alone.
    pub strict: bool,
}

impl Default for SocketioOptions {
    fn default() -> Self {
        Self {
            engine: EngineOptions::default(),
            library: sangam_socketio::Options::default(),
            guard: GuardOptions::default(),
            backlog_len_max: 256,
            strict: false,
        }
    }
}

/// What nodes that poll may ask for.
#[derive(Clone, Debug)]
pub struct RendezvousOptions {
    /// The room of nodes that name none.
    pub room: RoomId,
    /// How long a poll waits for something to come: less than the 5 s after which clients give up.
    pub hold: Duration,
    /// The URLs that are remembered.
    pub directory: DirectoryOptions,
}

impl Default for RendezvousOptions {
    fn default() -> Self {
        Self { room: RoomId::main(), hold: Duration::from_secs(3), directory: DirectoryOptions::default() }
    }
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
    /// JSON WebSockets that may open per second for long; the next upgrade is answered 503.
    pub openings_per_sec: u32,
    /// JSON WebSockets that may open at once.
    pub openings_burst: u32,
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
    /// What clients are told then, as the reason of their close: at most 123 bytes (RFC 6455 §5.5).
    pub drain_hint: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sockets_max: 65_536,
            sockets_per_address_max: 8_192,
            openings_per_sec: 4_000,
            openings_burst: 4_000,
            message_bytes_max: 256 * 1_024,
            outgoing_bytes_max: 1_024 * 1_024,
            queue_len_max: 1_024,
            write_timeout: Duration::from_secs(10),
            messages_per_sec: 100,
            messages_burst: 1_000,
            tickets_max: 65_536,
            drain_limit: Duration::from_secs(5),
            drain_hint: "going away".to_owned(),
        }
    }
}

/// A wire that clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JSON over WebSocket.
    Json,
    /// Socket.IO.
    Socketio,
    /// The rendezvous over HTTP.
    Rendezvous,
}

impl Dialect {
    /// The setting that opens it.
    #[must_use]
    pub const fn open_setting(self) -> &'static str {
        match self {
            Self::Json => "signal.open",
            Self::Socketio => "signal.socketio.open",
            Self::Rendezvous => "signal.rendezvous.open",
        }
    }
}

/// Whether clients without a token are served beyond trusted loopback too, by dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// JSON over WebSocket.
    pub json: bool,
    /// Socket.IO.
    pub socketio: bool,
    /// The rendezvous over HTTP.
    pub rendezvous: bool,
}

impl Open {
    /// All or none.
    #[must_use]
    pub const fn all(open: bool) -> Self {
        Self { json: open, socketio: open, rendezvous: open }
    }

    /// Whether it holds for a dialect.
    #[must_use]
    pub const fn to(self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Json => self.json,
            Dialect::Socketio => self.socketio,
            Dialect::Rendezvous => self.rendezvous,
        }
    }
}

/// Who may signal. Trusted loopback always may.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// For whom no token is needed.
    pub open: Open,
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
