//! `[sync.sse]`: server-sent events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;

/// Server-sent events, at `/v1/events` and `/v1/stream`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sse {
    /// Whether they are served.
    #[schemars(extend("x-reload" = "restart"))]
    pub enabled: bool,
    /// Open event streams; the next is answered 429.
    #[schemars(extend("x-reload" = "restart"))]
    pub connections_max: usize,
}

impl Default for Sse {
    fn default() -> Self {
        Self { enabled: true, connections_max: 1_000 }
    }
}

impl Sse {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("connections_max", self.connections_max, 1, 1_000_000);
    }
}
