//! `[devices.profiles]`: what devices are to be set to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::HumanDuration;

/// Profiles: what devices are to be set to, by who they are.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Profiles {
    /// Profiles that there may be.
    #[schemars(extend("x-reload" = "restart"))]
    pub profiles_max: usize,
    /// When a device that has not taken what it is to be, or not kept it, is told again; twice as long after each time that follows.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_first: HumanDuration,
    /// The longest of these times.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_max: HumanDuration,
}

impl Default for Profiles {
    fn default() -> Self {
        let (retry_first, retry_max) = (HumanDuration::from_secs(600), HumanDuration::from_secs(6 * 3_600));
        Self { profiles_max: 1_000, retry_first, retry_max }
    }
}

impl Profiles {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, month) = (HumanDuration::from_secs(1), HumanDuration::from_secs(30 * 86_400));
        check.within("profiles_max", self.profiles_max, 0, 10_000);
        check.within("retry_first", self.retry_first, second, month);
        check.within("retry_max", self.retry_max, self.retry_first, month);
    }
}
