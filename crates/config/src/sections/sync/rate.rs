//! `[sync.rate]`: how many requests a caller may make.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;

/// How many requests a caller of the sync server may make: a token's subject with its device, or an address that shows no token
/// (IPv6: one /64).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// In a second, for long; the next is answered 429 and told when to come back.
    #[schemars(extend("x-reload" = "live"))]
    pub requests_per_sec: u32,
    /// At once.
    #[schemars(extend("x-reload" = "live"))]
    pub burst: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { requests_per_sec: 100, burst: 200 }
    }
}

impl Rate {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("requests_per_sec", self.requests_per_sec, 1, 1_000_000);
        check.within("burst", self.burst, 1, 1_000_000);
    }
}
