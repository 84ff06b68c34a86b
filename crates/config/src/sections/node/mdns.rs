//! `[node.mdns]`: finding each other on the local network.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;

/// Finding each other on the local network by multicast DNS, and resolving the `.local` names of browsers' candidates.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mdns {
    /// Whether it is done at all.
    #[schemars(extend("x-reload" = "restart"))]
    pub enabled: bool,
    /// The UDP port; everybody else uses 5353.
    #[schemars(extend("x-reload" = "restart"))]
    pub port: u16,
    /// Whether loopback takes part: for nodes of a machine without a network.
    #[schemars(extend("x-reload" = "restart"))]
    pub loopback: bool,
    /// Services remembered at once; one more is left out.
    #[schemars(extend("x-reload" = "restart"))]
    pub services_max: usize,
    /// Names of candidates remembered at once; one more stands for nothing.
    #[schemars(extend("x-reload" = "restart"))]
    pub names_max: usize,
    /// Names asked for at the same time; others wait.
    #[schemars(extend("x-reload" = "restart"))]
    pub name_queries_max: usize,
}

impl Default for Mdns {
    fn default() -> Self {
        Self { enabled: true, port: 5353, loopback: false, services_max: 1_024, names_max: 1_024, name_queries_max: 16 }
    }
}

impl Mdns {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("port", self.port, 1, u16::MAX);
        check.within("services_max", self.services_max, 1, 1_000_000);
        check.within("names_max", self.names_max, 1, 1_000_000);
        check.within("name_queries_max", self.name_queries_max, 1, 1_000);
    }
}
