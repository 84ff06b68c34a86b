use std::time::Duration;

use sangam_socketio_proto::{ConnectionOptions, Parser};

/// What a server allows, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which parser its clients use.
    pub parser: Parser,
    /// Time and bounds of one client's connection.
    pub connection: ConnectionOptions,
    /// Connection state recovery; `None`: off, as in Node.
    pub recovery: Option<RecoveryOptions>,
    /// Rooms of one socket, its own not counted: 128.
    pub rooms_max: usize,
    /// Bytes that may wait for one client: 1 MiB. A client that reads too slowly for it is closed.
    pub outbox_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parser: Parser::Json,
            connection: ConnectionOptions::default(),
            recovery: None,
            rooms_max: 128,
            outbox_bytes_max: 1 << 20,
        }
    }
}

/// For how long a client may be away, and how much is kept for those who are.
#[derive(Clone, Copy, Debug)]
pub struct RecoveryOptions {
    /// How long a session without a connection waits for its client: 2 minutes, as in Node.
    pub window: Duration,
    /// Events that one namespace keeps: 100,000.
    pub log_entries_max: usize,
    /// Bytes of events that one namespace keeps: 32 MiB.
    pub log_bytes_max: usize,
}

impl Default for RecoveryOptions {
    fn default() -> Self {
        Self { window: Duration::from_secs(120), log_entries_max: 100_000, log_bytes_max: 32 << 20 }
    }
}

impl RecoveryOptions {
    /// How often the record of a connected session is written again, so that it never expires under it.
    pub(crate) fn refresh(&self) -> Duration {
        self.window / 2
    }

    /// How long a session's record is good for: a window from whenever the process may have died.
    pub(crate) fn record_life(&self) -> Duration {
        self.window + self.refresh()
    }

    /// How long an event is kept: longer than any session's record lasts that was written before it, and than a client
    /// waits for what was on its way when its transport was lost unnoticed (Node's heartbeat: 45 s).
    pub(crate) fn event_life(&self) -> Duration {
        self.window * 2 + Duration::from_secs(60)
    }
}
