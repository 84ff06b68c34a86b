//! `[signal]`: signaling, and JSON over WebSocket; the other wires have sections of their own in it.

pub mod json;
pub mod rendezvous;
pub mod rooms;
pub mod socketio;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{json::Json, rendezvous::Rendezvous, rooms::Rooms, socketio::Socketio};
use crate::sections::{Check, tls::TlsMode};
use crate::values::{ByteSize, HumanDuration, ListenAddr};

/// Signaling, and JSON over WebSocket.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Signal {
    /// Where signaling listens, at any path. The main HTTP has it at `/ws` too.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen: Vec<ListenAddr>,
    /// Whether signaling speaks TLS: `off`, `on`, or `auto` (the first byte decides). Not set: `auto` if there is a
    /// certificate, else `off`.
    #[schemars(extend("x-reload" = "restart"))]
    pub tls: Option<TlsMode>,
    /// Whether every connection begins with a PROXY v2 header.
    #[schemars(extend("x-reload" = "restart"))]
    pub proxy_protocol: bool,
    /// Whether clients without a token are served beyond loopback, on every wire that has no setting of its own. Not set:
    /// only with `server.lan`, and a listener that strangers reach is refused until this is `true` or `false`.
    #[schemars(extend("x-reload" = "live"))]
    pub open: Option<bool>,
    /// Open sockets; the next upgrade is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub sockets_max: usize,
    /// Open sockets from one client address (IPv6: one /64); the next upgrade is answered 429.
    #[schemars(extend("x-reload" = "restart"))]
    pub sockets_per_address_max: usize,
    /// Sockets that may open per second for long; the next upgrade is answered 503 and told when to come back, each client
    /// another time.
    #[schemars(extend("x-reload" = "restart"))]
    pub openings_per_sec: u32,
    /// Sockets that may open at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub openings_burst: u32,
    /// The largest message; a larger one closes its socket with 1009.
    #[schemars(extend("x-reload" = "restart"))]
    pub message_bytes_max: ByteSize,
    /// Bytes waiting to be sent to one socket; more closes it with 1013.
    #[schemars(extend("x-reload" = "restart"))]
    pub outgoing_bytes_max: ByteSize,
    /// Messages waiting to be handled; senders wait when it is full.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_len_max: usize,
    /// How long one frame may take to leave; longer closes its socket.
    #[schemars(extend("x-reload" = "restart"))]
    pub write_timeout: HumanDuration,
    /// Messages per second that one socket may send for long; a faster sender is read more slowly, nothing is lost.
    #[schemars(extend("x-reload" = "restart"))]
    pub messages_per_sec: u32,
    /// Messages that one socket may send at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub messages_burst: u32,
    /// Silence after which a socket is pinged.
    #[schemars(extend("x-reload" = "restart"))]
    pub ping_interval: HumanDuration,
    /// How long a pinged socket may stay silent before it is closed.
    #[schemars(extend("x-reload" = "restart"))]
    pub ping_timeout: HumanDuration,
    /// How long the holder of an id has to answer the ping that a claim from elsewhere causes.
    #[schemars(extend("x-reload" = "restart"))]
    pub claim_timeout: HumanDuration,
    /// How long an id stays its owner's after its socket left.
    #[schemars(extend("x-reload" = "restart"))]
    pub grace: HumanDuration,
    /// Ids remembered for their grace period; past it an id that leaves is free at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub graces_max: usize,
    /// Ids of one socket.
    #[schemars(extend("x-reload" = "restart"))]
    pub ids_per_socket_max: usize,
    /// Participants that one participant may have signaled to while both are there.
    #[schemars(extend("x-reload" = "restart"))]
    pub peers_max: usize,
    /// How long candidates wait for the description they belong to.
    #[schemars(extend("x-reload" = "restart"))]
    pub hold_time: HumanDuration,
    /// Messages held back for one ordered pair of participants.
    #[schemars(extend("x-reload" = "restart"))]
    pub held_len_max: usize,
    /// Bytes held back for one ordered pair of participants.
    #[schemars(extend("x-reload" = "restart"))]
    pub held_bytes_max: ByteSize,
    /// Bytes held back in all.
    #[schemars(extend("x-reload" = "restart"))]
    pub held_total_bytes_max: ByteSize,
    /// How long an offer waits for one that may be on its way in the other direction; `0s`: not at all.
    #[schemars(extend("x-reload" = "restart"))]
    pub glare_window: HumanDuration,
    /// How long an unanswered offer keeps one in the other direction out.
    #[schemars(extend("x-reload" = "restart"))]
    pub glare_timeout: HumanDuration,
    /// Tickets for `/ice-servers` that are remembered at once; past it the oldest is forgotten.
    #[schemars(extend("x-reload" = "restart"))]
    pub tickets_max: usize,
    /// How long a stop waits for sockets to close.
    #[schemars(extend("x-reload" = "restart"))]
    pub drain_limit: HumanDuration,
    /// What clients are told when the server stops, as the reason of their close: where to go. At most 123 bytes.
    #[schemars(extend("x-reload" = "restart"))]
    pub drain_hint: String,
    /// Agents on JSON WebSockets.
    pub json: Json,
    /// Socket.IO.
    pub socketio: Socketio,
    /// Nodes that register and poll over HTTP.
    pub rendezvous: Rendezvous,
    /// Rooms, whatever wire brings a participant there.
    pub rooms: Rooms,
}

impl Default for Signal {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddr::loopback(8_443)],
            tls: None,
            proxy_protocol: false,
            open: None,
            sockets_max: 65_536,
            sockets_per_address_max: 8_192,
            openings_per_sec: 4_000,
            openings_burst: 4_000,
            message_bytes_max: ByteSize::from_kib(256),
            outgoing_bytes_max: ByteSize::from_kib(1_024),
            queue_len_max: 1_024,
            write_timeout: HumanDuration::from_secs(10),
            messages_per_sec: 100,
            messages_burst: 1_000,
            ping_interval: HumanDuration::from_secs(25),
            ping_timeout: HumanDuration::from_secs(20),
            claim_timeout: HumanDuration::from_secs(2),
            grace: HumanDuration::from_secs(10),
            graces_max: 65_536,
            ids_per_socket_max: 8,
            peers_max: 1_024,
            hold_time: HumanDuration::from_secs(10),
            held_len_max: 64,
            held_bytes_max: ByteSize::from_kib(128),
            held_total_bytes_max: ByteSize::from_kib(64 * 1_024),
            glare_window: HumanDuration::from_millis(100),
            glare_timeout: HumanDuration::from_secs(10),
            tickets_max: 65_536,
            drain_limit: HumanDuration::from_secs(5),
            drain_hint: "going away".to_owned(),
            json: Json::default(),
            socketio: Socketio::default(),
            rendezvous: Rendezvous::default(),
            rooms: Rooms::default(),
        }
    }
}

impl Signal {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.require(!self.listen.is_empty(), "listen", "the list is empty; write at least one address");
        check.within("sockets_max", self.sockets_max, 1, 1_000_000);
        check.within("sockets_per_address_max", self.sockets_per_address_max, 1, 1_000_000);
        check.within("openings_per_sec", self.openings_per_sec, 1, 1_000_000);
        check.within("openings_burst", self.openings_burst, 1, 1_000_000);
        let size = ByteSize::from_kib;
        check.within("message_bytes_max", self.message_bytes_max, size(4), size(16 * 1_024));
        check.within("outgoing_bytes_max", self.outgoing_bytes_max, size(16), size(64 * 1_024));
        check.within("queue_len_max", self.queue_len_max, 1, 1_000_000);
        check.within("messages_per_sec", self.messages_per_sec, 1, 1_000_000);
        check.within("messages_burst", self.messages_burst, 1, 1_000_000);
        // RFC 6455 §5.5: a close frame has 125 bytes, two of which are its code.
        check.require(self.drain_hint.len() <= 123, "drain_hint", "the reason of a close has at most 123 bytes");
        self.validate_rooms(check);
    }

    fn validate_rooms(&self, check: &mut Check) {
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("ping_interval", self.ping_interval, second, hour);
        check.within("ping_timeout", self.ping_timeout, second, hour);
        check.within(
            "claim_timeout",
            self.claim_timeout,
            HumanDuration::from_millis(100),
            HumanDuration::from_secs(30),
        );
        check.within("grace", self.grace, HumanDuration::default(), hour);
        check.within("graces_max", self.graces_max, 0, 10_000_000);
        check.within("ids_per_socket_max", self.ids_per_socket_max, 1, 1_024);
        check.within("peers_max", self.peers_max, 1, 1_000_000);
        check.within("hold_time", self.hold_time, HumanDuration::default(), HumanDuration::from_secs(300));
        check.within("held_len_max", self.held_len_max, 1, 65_536);
        check.within("glare_window", self.glare_window, HumanDuration::default(), HumanDuration::from_secs(5));
        check.within("glare_timeout", self.glare_timeout, second, HumanDuration::from_secs(300));
        check.within("tickets_max", self.tickets_max, 1, 10_000_000);
    }
}

/// A room's name is checked where it is used; here so that a wrong one is found before anything starts.
fn check_room(check: &mut Check, room: &str) {
    let fine = (1..=128).contains(&room.len()) && !room.chars().any(char::is_control);
    check.require(fine, "room", "a room has a name of 1 to 128 bytes without control characters");
}
