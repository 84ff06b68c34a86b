use std::time::Duration;

use sangam_auth::token::Keyring;
use sangam_sync_proto::{Name, Rules};

/// What is settled at the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is accepted.
    pub rules: Rules,
    /// Operations of one page; more are not given, however many are asked for.
    pub pull_limit_max: usize,
    /// Bytes of one page, about; at least one operation is given.
    pub page_bytes_max: usize,
    /// Rows that one filtered page may look at.
    pub scan_rows_max: usize,
    /// Bytes of encoded pages that are kept for other replicas.
    pub page_cache_bytes: usize,
    /// Bytes of a request's body, as it comes and once it is unpacked.
    pub body_bytes_max: usize,
    /// How long a body may take to come.
    pub body_timeout: Duration,
    /// Operations that may wait for the writer.
    pub queue_ops_max: usize,
    /// Bytes of requests that may wait for the writer.
    pub queue_bytes_max: usize,
    /// Operations after which no more pushes are taken into one commit.
    pub group_ops_max: usize,
    /// Databases that may be made.
    pub databases_max: usize,
    /// Replicas of one database that are known at once.
    pub replicas_max: usize,
    /// How long overtaken operations stay in the log, for the history of an entity.
    pub history: Duration,
    /// How long a replica may stay away: tombstones wait that long for it, then it begins anew.
    pub retention: Duration,
    /// How long settled and refused operations are remembered.
    pub remembered: Duration,
    /// Conflicts that are kept for operators, of each database.
    pub conflicts_kept: u64,
    /// How often the resume points of replicas are written.
    pub replicas_interval: Duration,
    /// How often it is looked whether something may be dropped from the store.
    pub sweep_interval: Duration,
    /// Streams.
    pub streams: Streams,
    /// Whether answers may be compressed.
    pub compression: bool,
}

/// Limits of server-sent events and WebSocket.
#[derive(Clone, Debug)]
pub struct Streams {
    /// Whether server-sent events are served.
    pub sse: bool,
    /// Open event streams.
    pub sse_max: usize,
    /// Open WebSockets.
    pub websocket_max: usize,
    /// Of each kind, of one replica: the oldest is closed for a new one.
    pub per_replica_max: usize,
    /// Of each kind, of one database.
    pub per_database_max: usize,
    /// How often a stream is told that the server is there.
    pub ping_interval: Duration,
    /// Bytes that may wait for one stream; then they are dropped for a hint to pull.
    pub queue_bytes_max: usize,
    /// Bytes of one WebSocket message from a client.
    pub message_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            pull_limit_max: 1_000,
            page_bytes_max: 4 << 20,
            scan_rows_max: 50_000,
            page_cache_bytes: 32 << 20,
            body_bytes_max: 16 << 20,
            body_timeout: Duration::from_secs(30),
            queue_ops_max: 100_000,
            queue_bytes_max: 64 << 20,
            group_ops_max: 5_000,
            databases_max: 10_000,
            replicas_max: 100_000,
            history: Duration::from_secs(86_400),
            retention: Duration::from_secs(30 * 86_400),
            remembered: Duration::from_secs(7 * 86_400),
            conflicts_kept: 1_000,
            replicas_interval: Duration::from_secs(5),
            sweep_interval: Duration::from_secs(60),
            streams: Streams::default(),
            compression: true,
        }
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            sse: true,
            sse_max: 1_000,
            websocket_max: 1_000,
            per_replica_max: 3,
            per_database_max: 1_000,
            ping_interval: Duration::from_secs(30),
            queue_bytes_max: 64 << 10,
            message_bytes_max: 1 << 20,
        }
    }
}

/// What a reload replaces.
#[derive(Clone, Debug)]
pub struct Live {
    /// Who may do what.
    pub access: Access,
    /// Pages of which origins may call; `None`: CORS is off.
    pub cors: Option<CorsOrigins>,
    /// Requests a second that one principal may make in the long run.
    pub rate_per_sec: u32,
    /// Requests that it may make at once.
    pub rate_burst: u32,
    /// One line in the log for each request.
    pub log_requests: bool,
}

/// Who may do what.
#[derive(Clone, Debug)]
pub struct Access {
    /// Checks tokens of sync.
    pub keyring: Keyring,
    /// The database of a token that names none. Without it such a token is refused.
    pub default_db: Option<Name>,
    /// Whether whoever shows no token is served all the same: for networks in which everybody may read everything.
    pub open: bool,
}

/// Origins whose pages may read answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Of any.
    Any,
    /// Of these.
    Listed(Vec<String>),
}
