//! `[devices.calls]`: how devices are called when something waits for them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::HumanDuration;

/// Calls of devices (the connection requests of TR-069): each has the device begin a session at once. A device that cannot be
/// called is served when it comes by itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// Calls under way at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub at_once: usize,
    /// Devices whose call waits, is under way, or was made within `devices.calls.interval`; of more, none is called.
    #[schemars(extend("x-reload" = "restart"))]
    pub waiting_max: usize,
    /// How long a connection with a device may take to come about.
    #[schemars(extend("x-reload" = "restart"))]
    pub connect_timeout: HumanDuration,
    /// How long one answer of a device may take.
    #[schemars(extend("x-reload" = "restart"))]
    pub answer_timeout: HumanDuration,
    /// From one call of a device to the next: devices refuse what comes sooner.
    #[schemars(extend("x-reload" = "restart"))]
    pub interval: HumanDuration,
    /// Whether a device is called at whatever address it tells. If not, it is called only at the address that its last session
    /// came from, and after a restart not before it came once. Needed where a NAT has devices come from another address than the
    /// one that they are called at. This host, its link and addresses of cloud metadata are never called unless the device's own
    /// session came from there.
    #[schemars(extend("x-reload" = "restart"))]
    pub any_address: bool,
    /// Devices of which it is remembered where their last session came from.
    #[schemars(extend("x-reload" = "restart"))]
    pub addresses_max: usize,
    /// Requests of operators (`?wait=`) that may wait for a task to end; more are answered at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub waits_max: usize,
    /// How long one of them may wait.
    #[schemars(extend("x-reload" = "restart"))]
    pub wait_max: HumanDuration,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            at_once: 64,
            waiting_max: 10_000,
            connect_timeout: HumanDuration::from_secs(3),
            answer_timeout: HumanDuration::from_secs(5),
            interval: HumanDuration::from_secs(5),
            any_address: false,
            addresses_max: 1_000_000,
            waits_max: 10_000,
            wait_max: HumanDuration::from_secs(60),
        }
    }
}

impl Calls {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (none, second, minute) =
            (HumanDuration::default(), HumanDuration::from_secs(1), HumanDuration::from_secs(60));
        check.within("at_once", self.at_once, 1, 10_000);
        check.within("waiting_max", self.waiting_max, 1, 1_000_000);
        check.within("connect_timeout", self.connect_timeout, second, minute);
        check.within("answer_timeout", self.answer_timeout, second, minute);
        check.within("interval", self.interval, none, minute);
        check.within("addresses_max", self.addresses_max, 10, 100_000_000);
        check.within("waits_max", self.waits_max, 0, 1_000_000);
        check.within("wait_max", self.wait_max, none, HumanDuration::from_secs(600));
    }
}
