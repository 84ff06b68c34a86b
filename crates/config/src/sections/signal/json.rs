//! `[signal.json]`: what agents on JSON WebSockets find.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check_room;
use crate::sections::Check;

/// Agents on JSON WebSockets.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Json {
    /// The room of agents that name none, neither in their path (`/r/<room>/ws`) nor in their token.
    #[schemars(extend("x-reload" = "restart"))]
    pub room: String,
}

impl Default for Json {
    fn default() -> Self {
        Self { room: "main".to_owned() }
    }
}

impl Json {
    pub(crate) fn validate(&self, check: &mut Check) {
        check_room(check, &self.room);
    }
}
