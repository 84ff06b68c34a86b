//! `[node.discovery]`: bounds of what others may have a node ask and keep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::ByteSize;

/// How much of what others tell is asked for and kept while peers are looked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NodeDiscovery {
    /// URLs of nodes known at once; one more is left out and counted. Those of `bootstrap` always have room.
    #[schemars(extend("x-reload" = "restart"))]
    pub urls_max: usize,
    /// Nodes visited at once. Each visit holds one state document until the node has read it.
    #[schemars(extend("x-reload" = "restart"))]
    pub visits_max: usize,
    /// The largest state document of a node, and the most that a rendezvous may tell at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub state_bytes_max: ByteSize,
    /// The largest of all other answers, and the largest message of a signaling server.
    #[schemars(extend("x-reload" = "restart"))]
    pub answer_bytes_max: ByteSize,
    /// Signals that wait for one peer while others are on their way to it.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_max: usize,
}

impl Default for NodeDiscovery {
    fn default() -> Self {
        Self {
            urls_max: 256,
            visits_max: 4,
            state_bytes_max: ByteSize::from_kib(4 << 10),
            answer_bytes_max: ByteSize::from_kib(1 << 10),
            queue_max: 64,
        }
    }
}

impl NodeDiscovery {
    pub(crate) fn validate(&self, check: &mut Check) {
        let kib = ByteSize::from_kib;
        check.within("urls_max", self.urls_max, 1, 1_000_000);
        check.within("visits_max", self.visits_max, 1, 1_000);
        check.within("state_bytes_max", self.state_bytes_max, kib(64), kib(256 << 10));
        check.within("answer_bytes_max", self.answer_bytes_max, kib(64), kib(64 << 10));
        check.within("queue_max", self.queue_max, 8, 100_000);
    }
}
