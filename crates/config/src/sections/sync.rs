//! `[sync]`: the sync server; its streams, its store and what it keeps have sections of their own in it.

pub mod cors;
pub mod keep;
pub mod rate;
pub mod sse;
pub mod store;
pub mod streams;
pub mod websocket;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{cors::Cors, keep::Keep, rate::Rate, sse::Sse, store::Store, streams::Streams, websocket::WebSocket};
use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// The sync server, at `/v1` of the main HTTP listener.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sync {
    /// The directory of everything that was synced, on a local disk; made if it is not there. Not set: `sync` in
    /// `data.dir`.
    #[schemars(extend("x-reload" = "restart"))]
    pub path: Option<PathBuf>,
    /// Whether clients without a token are served, each with whatever database it names: for networks in which everybody
    /// may read and write everything. `server.lan` does not set it.
    #[schemars(extend("x-reload" = "live"))]
    pub open: bool,
    /// The database of a token that names none. Not set: such a token is refused.
    #[schemars(extend("x-reload" = "live"))]
    pub default_db: Option<String>,
    /// Whether a token must say when it expires. `false` takes tokens that never do, as the original server did.
    #[schemars(extend("x-reload" = "live"))]
    pub require_exp: bool,
    /// Whether each request is a line in the log, at level `info`.
    #[schemars(extend("x-reload" = "live"))]
    pub log_requests: bool,
    /// Operations of one page, however many are asked for.
    #[schemars(extend("x-reload" = "restart"))]
    pub pull_limit_max: usize,
    /// Operations of one push that are looked at; what follows them stays in the client's queue for its next push.
    #[schemars(extend("x-reload" = "restart"))]
    pub push_ops_max: usize,
    /// How far a version that is a time may be ahead of the server's clock. A version further ahead is refused, for it would
    /// keep everybody else from that entity.
    #[schemars(extend("x-reload" = "restart"))]
    pub clock_ahead_max: HumanDuration,
    /// Longest name of a database, device, collection or entity.
    #[schemars(extend("x-reload" = "restart"))]
    pub name_bytes_max: ByteSize,
    /// Largest entity.
    #[schemars(extend("x-reload" = "restart"))]
    pub entity_bytes_max: ByteSize,
    /// Entities, deleted ones included, that one database may hold.
    #[schemars(extend("x-reload" = "restart"))]
    pub entities_max: u64,
    /// Bytes of names and entities that one database may hold.
    #[schemars(extend("x-reload" = "restart"))]
    pub database_bytes_max: ByteSize,
    /// Databases that there may be; the first push to another is answered 404.
    #[schemars(extend("x-reload" = "restart"))]
    pub databases_max: usize,
    /// Devices of one database that are known at once; the one not seen for longest begins anew.
    #[schemars(extend("x-reload" = "restart"))]
    pub replicas_max: usize,
    /// Bytes of a request's body, as it comes and once it is unpacked.
    #[schemars(extend("x-reload" = "restart"))]
    pub request_bytes_max: ByteSize,
    /// How long a request's body may take to come.
    #[schemars(extend("x-reload" = "restart"))]
    pub request_timeout: HumanDuration,
    /// Bytes of one page, about; at least one operation is given.
    #[schemars(extend("x-reload" = "restart"))]
    pub page_bytes_max: ByteSize,
    /// Operations that one page filtered by collections may look at.
    #[schemars(extend("x-reload" = "restart"))]
    pub scan_rows_max: usize,
    /// Bytes of encoded pages that are kept for other devices; `0B` keeps none.
    #[schemars(extend("x-reload" = "restart"))]
    pub page_cache_bytes: ByteSize,
    /// Operations that may wait to be written; the next push is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_ops_max: usize,
    /// Bytes of pushes that may wait to be written; the next one is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_bytes_max: ByteSize,
    /// Operations after which no more pushes are taken into one write.
    #[schemars(extend("x-reload" = "restart"))]
    pub group_ops_max: usize,
    /// Whether answers are compressed for clients that ask for it.
    #[schemars(extend("x-reload" = "restart"))]
    pub compression: bool,
    /// How long pushes that were taken may take to be written once a stop begins.
    #[schemars(extend("x-reload" = "restart"))]
    pub drain_limit: HumanDuration,
    /// Pages of which web origins may call.
    pub cors: Cors,
    /// How many requests a caller may make.
    pub rate: Rate,
    /// Server-sent events.
    pub sse: Sse,
    /// WebSocket.
    pub websocket: WebSocket,
    /// What holds for server-sent events and WebSocket alike.
    pub streams: Streams,
    /// What is kept, and for how long.
    pub keep: Keep,
    /// The store.
    pub store: Store,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            path: None,
            open: false,
            default_db: None,
            require_exp: true,
            log_requests: true,
            pull_limit_max: 1_000,
            push_ops_max: 500,
            clock_ahead_max: HumanDuration::from_secs(86_400),
            name_bytes_max: ByteSize::from_bytes(512),
            entity_bytes_max: ByteSize::from_kib(4 << 10),
            entities_max: 100_000_000,
            database_bytes_max: ByteSize::from_kib(16 << 20),
            databases_max: 10_000,
            replicas_max: 100_000,
            request_bytes_max: ByteSize::from_kib(16 << 10),
            request_timeout: HumanDuration::from_secs(30),
            page_bytes_max: ByteSize::from_kib(4 << 10),
            scan_rows_max: 50_000,
            page_cache_bytes: ByteSize::from_kib(32 << 10),
            queue_ops_max: 100_000,
            queue_bytes_max: ByteSize::from_kib(64 << 10),
            group_ops_max: 5_000,
            compression: true,
            drain_limit: HumanDuration::from_secs(5),
            cors: Cors::default(),
            rate: Rate::default(),
            sse: Sse::default(),
            websocket: WebSocket::default(),
            streams: Streams::default(),
            keep: Keep::default(),
            store: Store::default(),
        }
    }
}

impl Sync {
    /// Longer no name on the wire may be, whatever is set.
    const NAME_BYTES_MAX: u64 = 4_096;

    pub(crate) fn validate(&self, check: &mut Check) {
        let (kib, byte) = (ByteSize::from_kib, ByteSize::from_bytes);
        let (gib, second) = (ByteSize::from_kib(1 << 20), HumanDuration::from_secs(1));
        let empty = self.path.as_ref().is_some_and(|path| path.as_os_str().is_empty());
        check.require(!empty, "path", "the path is empty; write a directory");
        self.check_default_db(check);
        check.within("pull_limit_max", self.pull_limit_max, 1, 100_000);
        check.within("push_ops_max", self.push_ops_max, 1, 100_000);
        check.within("clock_ahead_max", self.clock_ahead_max, second, HumanDuration::from_secs(3_660 * 86_400));
        check.within("name_bytes_max", self.name_bytes_max, byte(64), byte(Self::NAME_BYTES_MAX));
        check.within("entity_bytes_max", self.entity_bytes_max, kib(1), kib(64 << 10));
        check.within("entities_max", self.entities_max, 1, 1_000_000_000);
        check.within("database_bytes_max", self.database_bytes_max, kib(1_024), kib(4 << 30));
        check.within("databases_max", self.databases_max, 1, 1_000_000);
        check.within("replicas_max", self.replicas_max, 1, 10_000_000);
        check.within("request_bytes_max", self.request_bytes_max, kib(64), gib);
        check.require(
            self.entity_bytes_max < self.request_bytes_max,
            "entity_bytes_max",
            "an entity of that size fits into no request; write less than `sync.request_bytes_max`",
        );
        check.within("request_timeout", self.request_timeout, second, HumanDuration::from_secs(3_600));
        check.within("page_bytes_max", self.page_bytes_max, kib(4), kib(256 << 10));
        check.within("scan_rows_max", self.scan_rows_max, 100, 10_000_000);
        check.within("page_cache_bytes", self.page_cache_bytes, byte(0), kib(16 << 20));
        check.within("queue_ops_max", self.queue_ops_max, self.push_ops_max, 10_000_000);
        check.within("group_ops_max", self.group_ops_max, 1, 1_000_000);
        check.within("queue_bytes_max", self.queue_bytes_max, self.request_bytes_max, kib(16 << 20));
    }

    fn check_default_db(&self, check: &mut Check) {
        let Some(db) = &self.default_db else { return };
        let fine = !db.is_empty() && u64::try_from(db.len()).is_ok_and(|bytes| bytes <= self.name_bytes_max.get());
        check.require(fine, "default_db", "a database has a name of 1 to `sync.name_bytes_max` bytes; write one");
    }
}
