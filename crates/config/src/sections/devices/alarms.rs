//! `[devices.alarms]`: when something is an alarm, and how many of them are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::HumanDuration;

/// When something is an alarm, and how many of them are written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Alarms {
    /// After so many of its intervals in which a device did not come. `0`: that is no alarm, for no device.
    #[schemars(extend("x-reload" = "restart"))]
    pub missed_informs: u32,
    /// The same of a device of which no interval is known.
    #[schemars(extend("x-reload" = "restart"))]
    pub offline_after: HumanDuration,
    /// After so many refused tasks of a device, or wrong logins. `0`: that is none.
    #[schemars(extend("x-reload" = "restart"))]
    pub faults: u32,
    /// Within this time.
    #[schemars(extend("x-reload" = "restart"))]
    pub faults_within: HumanDuration,
    /// Alarms that one device may have written at once; what is too much is only counted.
    #[schemars(extend("x-reload" = "restart"))]
    pub device_burst: u32,
    /// Once these are used up, one in each of these times.
    #[schemars(extend("x-reload" = "restart"))]
    pub device_interval: HumanDuration,
    /// The same for all devices together.
    #[schemars(extend("x-reload" = "restart"))]
    pub fleet_burst: u32,
    /// The same for all devices together.
    #[schemars(extend("x-reload" = "restart"))]
    pub fleet_interval: HumanDuration,
    /// Alarms that may be open at once; of more, only those that are there are raised again.
    #[schemars(extend("x-reload" = "restart"))]
    pub open_max: usize,
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            missed_informs: 3,
            offline_after: HumanDuration::from_secs(25 * 3_600),
            faults: 3,
            faults_within: HumanDuration::from_secs(3_600),
            device_burst: 20,
            device_interval: HumanDuration::from_secs(6),
            fleet_burst: 2_000,
            fleet_interval: HumanDuration::from_millis(20),
            open_max: 100_000,
        }
    }
}

impl Alarms {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (instant, second) = (HumanDuration::from_millis(1), HumanDuration::from_secs(1));
        let (hour, month) = (HumanDuration::from_secs(3_600), HumanDuration::from_secs(30 * 86_400));
        check.within("missed_informs", self.missed_informs, 0, 1_000);
        check.within("offline_after", self.offline_after, second, month);
        check.within("faults", self.faults, 0, 1_000);
        check.within("faults_within", self.faults_within, second, month);
        check.within("device_burst", self.device_burst, 1, 10_000);
        check.within("device_interval", self.device_interval, instant, hour);
        check.within("fleet_burst", self.fleet_burst, 1, 1_000_000);
        check.within("fleet_interval", self.fleet_interval, instant, hour);
        check.within("open_max", self.open_max, 0, 10_000_000);
    }
}
