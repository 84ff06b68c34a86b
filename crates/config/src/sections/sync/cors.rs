//! `[sync.cors]`: pages of which web origins may call the sync server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::sections::http::is_origin;

/// Pages of which web origins may call the sync server. No cookie is ever looked at: a page can show only a token that it has.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Whether pages of other origins may call at all.
    #[schemars(extend("x-reload" = "live"))]
    pub enabled: bool,
    /// Of which: `https://app.example.org`; `*` for any.
    #[schemars(extend("x-reload" = "live"))]
    pub origins: Vec<String>,
}

impl Default for Cors {
    fn default() -> Self {
        Self { enabled: true, origins: vec!["*".to_owned()] }
    }
}

impl Cors {
    pub(crate) fn validate(&self, check: &mut Check) {
        let fine = !self.enabled || !self.origins.is_empty();
        check.require(fine, "origins", "the list is empty; name origins, or set `sync.cors.enabled = false`");
        for origin in self.origins.iter().filter(|origin| !is_origin(origin)) {
            check.require(
                false,
                "origins",
                format!("`{origin}` is not a web origin; write scheme and host without a path, such as \"https://app.example.org\""),
            );
        }
        check.require(self.origins.len() <= 1_000, "origins", "there are more than 1000; name fewer, or `*`");
    }
}
