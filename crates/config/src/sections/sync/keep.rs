//! `[sync.keep]`: what the sync server keeps, and for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::HumanDuration;

/// What the sync server keeps, and for how long. An entity's present state is kept until it is deleted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Operations that later ones have overtaken, for an entity's history.
    #[schemars(extend("x-reload" = "restart"))]
    pub history: HumanDuration,
    /// How long a device may stay away: deletions wait that long for it, then it begins anew.
    #[schemars(extend("x-reload" = "restart"))]
    pub retention: HumanDuration,
    /// Which operations were accepted or refused, so that one sent again is known.
    #[schemars(extend("x-reload" = "restart"))]
    pub remembered: HumanDuration,
    /// Conflicts of each database, for operators.
    #[schemars(extend("x-reload" = "restart"))]
    pub conflicts_max: u64,
    /// How often it is written where each device has got to. A crash makes devices pull again what they pulled since.
    #[schemars(extend("x-reload" = "restart"))]
    pub replicas_interval: HumanDuration,
    /// How often it is looked whether something need be kept no longer.
    #[schemars(extend("x-reload" = "restart"))]
    pub sweep_interval: HumanDuration,
}

impl Default for Keep {
    fn default() -> Self {
        let days = |days: u64| HumanDuration::from_secs(days * 86_400);
        Self {
            history: days(1),
            retention: days(30),
            remembered: days(7),
            conflicts_max: 1_000,
            replicas_interval: HumanDuration::from_secs(5),
            sweep_interval: HumanDuration::from_secs(60),
        }
    }
}

impl Keep {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (none, second) = (HumanDuration::default(), HumanDuration::from_secs(1));
        let (hour, decade) = (HumanDuration::from_secs(3_600), HumanDuration::from_secs(3_660 * 86_400));
        check.within("history", self.history, none, decade);
        check.within("retention", self.retention, hour, decade);
        check.within("remembered", self.remembered, hour, decade);
        check.within("conflicts_max", self.conflicts_max, 0, 1_000_000);
        check.within("replicas_interval", self.replicas_interval, second, hour);
        check.within("sweep_interval", self.sweep_interval, second, HumanDuration::from_secs(86_400));
    }
}
