//! `[devices.keep]`: what is kept of devices, and for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::HumanDuration;

/// What is kept of devices, and for how long. The present values of a device are kept as long as it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Values that a device had before.
    #[schemars(extend("x-reload" = "restart"))]
    pub history: HumanDuration,
    /// Events of a device, as its Informs told them.
    #[schemars(extend("x-reload" = "restart"))]
    pub events: HumanDuration,
    /// Events of one device: of more, the newest are kept.
    #[schemars(extend("x-reload" = "restart"))]
    pub events_per_device: usize,
    /// Events of all devices: of more, the newest are kept.
    #[schemars(extend("x-reload" = "restart"))]
    pub events_total: u64,
    /// Tasks that have ended, with what came of them.
    #[schemars(extend("x-reload" = "restart"))]
    pub tasks: HumanDuration,
    /// Alarms that were cleared. Open ones are kept.
    #[schemars(extend("x-reload" = "restart"))]
    pub alarms: HumanDuration,
    /// Devices that are pending and were not heard of since.
    #[schemars(extend("x-reload" = "restart"))]
    pub pending: HumanDuration,
    /// How often it is written when each device was seen last. A crash forgets what came since.
    #[schemars(extend("x-reload" = "restart"))]
    pub seen_interval: HumanDuration,
    /// How often it is looked whether something need be kept no longer.
    #[schemars(extend("x-reload" = "restart"))]
    pub sweep_interval: HumanDuration,
}

impl Default for Keep {
    fn default() -> Self {
        let days = |days: u64| HumanDuration::from_secs(days * 86_400);
        Self {
            history: days(30),
            events: days(30),
            events_per_device: 1_000,
            events_total: 20_000_000,
            tasks: days(30),
            alarms: days(90),
            pending: days(7),
            seen_interval: HumanDuration::from_secs(1),
            sweep_interval: HumanDuration::from_secs(60),
        }
    }
}

impl Keep {
    pub(crate) fn validate(&self, check: &mut Check) {
        let second = HumanDuration::from_secs(1);
        let (hour, decade) = (HumanDuration::from_secs(3_600), HumanDuration::from_secs(3_660 * 86_400));
        check.within("history", self.history, HumanDuration::default(), decade);
        check.within("events", self.events, hour, decade);
        check.within("events_per_device", self.events_per_device, 10, 1_000_000);
        check.within("events_total", self.events_total, 1_000, 10_000_000_000);
        check.within("tasks", self.tasks, hour, decade);
        check.within("alarms", self.alarms, hour, decade);
        check.within("pending", self.pending, hour, decade);
        check.within("seen_interval", self.seen_interval, second, hour);
        check.within("sweep_interval", self.sweep_interval, second, HumanDuration::from_secs(86_400));
    }
}
