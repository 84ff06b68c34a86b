use std::time::Duration;

/// Intervals and limits of a session. The defaults are those of Node's engine.io.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// From the opening, or from a pong, to the next ping: 25 s.
    pub ping_interval: Duration,
    /// For how long a pong may take: 20 s.
    pub ping_timeout: Duration,
    /// For how long a WebSocket that wants to take over may take: 10 s.
    pub upgrade_timeout: Duration,
    /// For how long a session over polling that was closed waits for a poll to say so on: 30 s.
    pub close_timeout: Duration,
    /// The largest WebSocket message or body of a request, bytes: 1,000,000. The driver refuses what is larger.
    pub payload_bytes_max: usize,
    /// Packets in one body of a request. What is behind them ends the session.
    pub payload_packets_max: usize,
    /// Bytes that wait for a client over polling to poll. Beyond: the session is closed.
    pub queue_bytes_max: usize,
    /// Whether a session over polling may change to a WebSocket.
    pub allows_upgrades: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(30),
            payload_bytes_max: 1_000_000,
            // A packet takes some fifty bytes of memory while it is handled: less than the body itself may be.
            payload_packets_max: 16_384,
            queue_bytes_max: 4 << 20,
            allows_upgrades: true,
        }
    }
}
