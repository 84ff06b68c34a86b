//! `[signal.socketio]`: Socket.IO.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::{Check, tls::TlsMode};
use crate::values::{ByteSize, HumanDuration, ListenAddr};

/// Socket.IO. The main HTTP has it at `/socket.io/` too.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Socketio {
    /// Where Socket.IO listens beside the main HTTP: the ports that the guide and its code name.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen: Vec<ListenAddr>,
    /// Whether these listeners speak TLS: `off`, `on`, or `auto` (the first byte decides). Not set: `auto` if there is a
    /// certificate, else `off`.
    #[schemars(extend("x-reload" = "restart"))]
    pub tls: Option<TlsMode>,
    /// Whether every connection begins with a PROXY v2 header.
    #[schemars(extend("x-reload" = "restart"))]
    pub proxy_protocol: bool,
    /// Whether clients without a token are served beyond loopback. Not set: as `signal.open` says.
    #[schemars(extend("x-reload" = "live"))]
    pub open: Option<bool>,
    /// Do as the guide's own server does, its faults included, for comparing the two. On loopback alone.
    #[schemars(extend("x-reload" = "restart"))]
    pub strict: bool,
    /// From one heartbeat to the next.
    #[schemars(extend("x-reload" = "restart"))]
    pub ping_interval: HumanDuration,
    /// For how long the answer to a heartbeat may take.
    #[schemars(extend("x-reload" = "restart"))]
    pub ping_timeout: HumanDuration,
    /// The largest message; a larger one ends its session.
    #[schemars(extend("x-reload" = "restart"))]
    pub message_bytes_max: ByteSize,
    /// How long a client that lost its connection may come back as if nothing had been; `0s`: not at all.
    #[schemars(extend("x-reload" = "restart"))]
    pub recovery: HumanDuration,
    /// Events that are kept for those who are away.
    #[schemars(extend("x-reload" = "restart"))]
    pub recovery_events_max: usize,
    /// Bytes of events that are kept for those who are away.
    #[schemars(extend("x-reload" = "restart"))]
    pub recovery_bytes_max: ByteSize,
    /// Sessions open at once; the next is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub sessions_max: usize,
    /// Sessions open at once from one client address (IPv6: one /64); the next is answered 429.
    #[schemars(extend("x-reload" = "restart"))]
    pub sessions_per_address_max: usize,
    /// Sessions that may begin per second for long; the next is told when to come back, each client another time.
    #[schemars(extend("x-reload" = "restart"))]
    pub openings_per_sec: u32,
    /// Sessions that may begin at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub openings_burst: u32,
    /// Messages per second that one client may send for long; a faster sender is read more slowly, nothing is lost.
    #[schemars(extend("x-reload" = "restart"))]
    pub messages_per_sec: u32,
    /// Messages that one client may send at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub messages_burst: u32,
    /// Bytes waiting for one client; more closes its session, which it may recover.
    #[schemars(extend("x-reload" = "restart"))]
    pub outgoing_bytes_max: ByteSize,
}

impl Default for Socketio {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddr::loopback(3_001), ListenAddr::loopback(3_002)],
            tls: None,
            proxy_protocol: false,
            open: None,
            strict: false,
            ping_interval: HumanDuration::from_secs(25),
            ping_timeout: HumanDuration::from_secs(20),
            message_bytes_max: ByteSize::from_bytes(1_000_000),
            recovery: HumanDuration::from_secs(120),
            recovery_events_max: 100_000,
            recovery_bytes_max: ByteSize::from_kib(32 * 1_024),
            sessions_max: 65_536,
            sessions_per_address_max: 8_192,
            openings_per_sec: 4_000,
            openings_burst: 4_000,
            messages_per_sec: 500,
            messages_burst: 2_000,
            outgoing_bytes_max: ByteSize::from_kib(1_024),
        }
    }
}

impl Socketio {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        let size = ByteSize::from_kib;
        check.within("ping_interval", self.ping_interval, HumanDuration::from_millis(100), hour);
        check.within("ping_timeout", self.ping_timeout, HumanDuration::from_millis(100), hour);
        check.within("message_bytes_max", self.message_bytes_max, size(4), size(16 * 1_024));
        check.within("recovery", self.recovery, HumanDuration::default(), hour);
        check.require(
            self.recovery == HumanDuration::default() || self.recovery >= second,
            "recovery",
            format!("{} is too short; write 0s (off) or at least 1s", self.recovery),
        );
        check.within("recovery_events_max", self.recovery_events_max, 1, 10_000_000);
        check.within("recovery_bytes_max", self.recovery_bytes_max, size(64), size(4 * 1_024 * 1_024));
        check.within("sessions_max", self.sessions_max, 1, 1_000_000);
        check.within("sessions_per_address_max", self.sessions_per_address_max, 1, 1_000_000);
        check.within("openings_per_sec", self.openings_per_sec, 1, 1_000_000);
        check.within("openings_burst", self.openings_burst, 1, 1_000_000);
        check.within("messages_per_sec", self.messages_per_sec, 1, 1_000_000);
        check.within("messages_burst", self.messages_burst, 1, 1_000_000);
        check.within("outgoing_bytes_max", self.outgoing_bytes_max, size(16), size(64 * 1_024));
    }
}
