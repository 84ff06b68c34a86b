//! `[sync.streams]`: what holds for server-sent events and WebSocket alike.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// What holds for server-sent events and WebSocket alike, each kind counted by itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Streams {
    /// Open streams of one device; the oldest is closed for a new one.
    #[schemars(extend("x-reload" = "restart"))]
    pub per_replica_max: usize,
    /// Open streams of one database.
    #[schemars(extend("x-reload" = "restart"))]
    pub per_database_max: usize,
    /// How often a stream is told that the server is there.
    #[schemars(extend("x-reload" = "restart"))]
    pub ping_interval: HumanDuration,
    /// Bytes that may wait for one stream; then they are dropped and it is told to pull.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_bytes_max: ByteSize,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            per_replica_max: 3,
            per_database_max: 1_000,
            ping_interval: HumanDuration::from_secs(30),
            queue_bytes_max: ByteSize::from_kib(64),
        }
    }
}

impl Streams {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("per_replica_max", self.per_replica_max, 1, 1_000);
        check.within("per_database_max", self.per_database_max, 1, 1_000_000);
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("ping_interval", self.ping_interval, second, hour);
        check.within("queue_bytes_max", self.queue_bytes_max, ByteSize::from_kib(4), ByteSize::from_kib(16 << 10));
    }
}
