//! `[admin]`: who may see metrics and the administration API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ListenAddr, Network};

/// Who may see metrics and the administration API.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Addresses that may read `/metrics`, `/api/v1` and the detail of `/ready` without a token. Trusted loopback always
    /// may.
    #[schemars(extend("x-reload" = "live"))]
    pub allow: Vec<Network>,
    /// Where `/metrics` listens by itself, plain HTTP, besides `http.listen`. Readers beyond this machine need a token or
    /// an address in `admin.allow` there too.
    #[schemars(extend("x-reload" = "restart"))]
    pub metrics_listen: Vec<ListenAddr>,
}

impl Admin {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.require(
            self.allow.iter().all(|network| network.get().prefix_len() > 0),
            "allow",
            "a range of all addresses would show the administration API to everybody; name the networks that need it",
        );
    }
}
