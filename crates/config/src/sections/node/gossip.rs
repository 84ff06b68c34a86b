//! `[node.gossip]`: how far messages of topics go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// How far messages of topics go, and what is kept of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gossip {
    /// Links that a message is sent on at once; the others are told its id.
    #[schemars(extend("x-reload" = "restart"))]
    pub fan_out: usize,
    /// Links that a message may come over, one after the other.
    #[schemars(extend("x-reload" = "restart"))]
    pub hops_max: u8,
    /// How long a message is remembered, so that it is delivered once.
    #[schemars(extend("x-reload" = "restart"))]
    pub seen_time: HumanDuration,
    /// Messages remembered for that at most.
    #[schemars(extend("x-reload" = "restart"))]
    pub seen_max: usize,
    /// How long a message is kept for those who missed it.
    #[schemars(extend("x-reload" = "restart"))]
    pub cache_time: HumanDuration,
    /// Bytes of messages kept for that at most.
    #[schemars(extend("x-reload" = "restart"))]
    pub cache_bytes_max: ByteSize,
    /// The largest message.
    #[schemars(extend("x-reload" = "restart"))]
    pub message_bytes_max: ByteSize,
    /// Bytes that wait for one link; beyond it a message is told by its id, and fetched when there is room.
    #[schemars(extend("x-reload" = "restart"))]
    pub waiting_bytes_max: ByteSize,
    /// Topics of this node, and of one peer, at most.
    #[schemars(extend("x-reload" = "restart"))]
    pub topics_max: usize,
}

impl Default for Gossip {
    fn default() -> Self {
        Self {
            fan_out: 12,
            hops_max: 32,
            seen_time: HumanDuration::from_secs(300),
            seen_max: 100_000,
            cache_time: HumanDuration::from_secs(120),
            cache_bytes_max: ByteSize::from_kib(16 << 10),
            message_bytes_max: ByteSize::from_kib(4 << 10),
            waiting_bytes_max: ByteSize::from_kib(1 << 10),
            topics_max: 1_024,
        }
    }
}

impl Gossip {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, day, kib) = (HumanDuration::from_secs(1), HumanDuration::from_secs(86_400), ByteSize::from_kib);
        check.within("fan_out", self.fan_out, 1, 1_000);
        check.within("hops_max", self.hops_max, 1, u8::MAX);
        check.within("seen_time", self.seen_time, second, day);
        check.within("seen_max", self.seen_max, 100, 100_000_000);
        check.within("cache_time", self.cache_time, second, self.seen_time);
        check.within("cache_bytes_max", self.cache_bytes_max, kib(64), kib(16 << 20));
        check.within("message_bytes_max", self.message_bytes_max, kib(1), self.cache_bytes_max);
        check.within("waiting_bytes_max", self.waiting_bytes_max, kib(64), kib(1 << 20));
        check.within("topics_max", self.topics_max, 1, 100_000);
    }
}
