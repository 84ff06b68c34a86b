//! `[telemetry]`: what `/metrics` shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `/metrics` shows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Whether the relay's figures are shown under coturn's names too, for dashboards made for it.
    #[schemars(extend("x-reload" = "restart"))]
    pub compat: bool,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { compat: true }
    }
}
