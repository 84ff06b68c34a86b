use std::time::Duration;

use super::cors::CorsPolicy;

/// What an Engine.IO server is told at start. Each limit has a counter in [`super::EngineSnapshot`].
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Intervals and limits of one session. Its `queue_bytes_max` bounds what waits for a poll.
    pub session: sangam_engineio_proto::Options,
    /// Sessions open at once; the next is answered 503.
    pub sessions_max: usize,
    /// Sessions open at once from one client address (IPv6: one /64); the next is answered 429.
    pub sessions_per_address_max: usize,
    /// Sessions that may begin per second for long; the next is answered 503 with a time to come back that differs
    /// from client to client, so that a storm spreads.
    pub openings_per_sec: u32,
    /// Sessions that may begin at once.
    pub openings_burst: u32,
    /// The longest such time to come back: at least 1 s.
    pub retry_after_max: Duration,
    /// Messages per second that one client may send for long; a message costs one for each started 4 KiB. A sender
    /// above it is read more slowly, nothing is lost.
    pub messages_per_sec: u32,
    /// Messages that one client may send at once.
    pub messages_burst: u32,
    /// Bytes waiting to be written to one WebSocket; more ends the session with close code 1013.
    pub outgoing_bytes_max: usize,
    /// How long a WebSocket may take nothing of what waits; longer ends the session with close code 1013.
    pub write_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
    /// How long a drain waits for sessions to end.
    pub drain_limit: Duration,
    /// Whose pages may read the answers.
    pub cors: CorsPolicy,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            session: sangam_engineio_proto::Options::default(),
            sessions_max: 65_536,
            sessions_per_address_max: 8_192,
            openings_per_sec: 4_000,
            openings_burst: 4_000,
            retry_after_max: Duration::from_secs(5),
            messages_per_sec: 500,
            messages_burst: 2_000,
            outgoing_bytes_max: 4 << 20,
            write_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            drain_limit: Duration::from_secs(5),
            cors: CorsPolicy::ByFront,
        }
    }
}
