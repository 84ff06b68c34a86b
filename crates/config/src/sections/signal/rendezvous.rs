//! `[signal.rendezvous]`: what nodes that register and poll over HTTP find.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check_room;
use crate::sections::Check;
use crate::values::HumanDuration;

/// Nodes that register and poll over HTTP, at `/register`, `/get_peers` and `/signal/…` of the main listener.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rendezvous {
    /// Whether nodes without a token are served beyond loopback. Not set: as `signal.open` says.
    #[schemars(extend("x-reload" = "live"))]
    pub open: Option<bool>,
    /// The room of nodes that name none, neither in their path (`/r/<room>/register`) nor in their token.
    #[schemars(extend("x-reload" = "restart"))]
    pub room: String,
    /// How long a poll waits for something to come. The guide's nodes give up after 5 s.
    #[schemars(extend("x-reload" = "restart"))]
    pub hold: HumanDuration,
    /// How long a URL is handed out after it was registered last.
    #[schemars(extend("x-reload" = "restart"))]
    pub url_lasts: HumanDuration,
    /// URLs that are remembered at once; the next is answered 429.
    #[schemars(extend("x-reload" = "restart"))]
    pub urls_max: usize,
    /// URLs that are remembered at once from one client address or token's subject.
    #[schemars(extend("x-reload" = "restart"))]
    pub urls_per_owner_max: usize,
    /// How long a node is there without polling or sending.
    #[schemars(extend("x-reload" = "restart"))]
    pub presence: HumanDuration,
    /// How long a signal waits to be polled.
    #[schemars(extend("x-reload" = "restart"))]
    pub mail_time: HumanDuration,
}

impl Default for Rendezvous {
    fn default() -> Self {
        Self {
            open: None,
            room: "main".to_owned(),
            hold: HumanDuration::from_secs(3),
            url_lasts: HumanDuration::from_secs(60),
            urls_max: 16_384,
            urls_per_owner_max: 256,
            presence: HumanDuration::from_secs(30),
            mail_time: HumanDuration::from_secs(30),
        }
    }
}

impl Rendezvous {
    pub(crate) fn validate(&self, check: &mut Check) {
        check_room(check, &self.room);
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("hold", self.hold, HumanDuration::default(), HumanDuration::from_secs(60));
        check.within("url_lasts", self.url_lasts, second, hour);
        check.within("urls_max", self.urls_max, 1, 1_000_000);
        check.within("urls_per_owner_max", self.urls_per_owner_max, 1, 1_000_000);
        check.within("presence", self.presence, second, hour);
        check.within("mail_time", self.mail_time, second, hour);
    }
}
