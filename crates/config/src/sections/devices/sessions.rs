//! `[devices.sessions]`: sessions of CWMP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// Sessions of CWMP: from a device's Inform to the empty answer at the end.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sessions {
    /// Sessions open at once. From half of them on, those that an operator or a transfer waits for go first, and periodic ones
    /// are told when to come back.
    #[schemars(extend("x-reload" = "restart"))]
    pub open_max: usize,
    /// How long a device may be silent in its session.
    #[schemars(extend("x-reload" = "restart"))]
    pub idle: HumanDuration,
    /// How long a session may take altogether.
    #[schemars(extend("x-reload" = "restart"))]
    pub total: HumanDuration,
    /// The longest time that a device is told to stay away for when there is too much to do; how long is up to chance.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_after_max: HumanDuration,
    /// Largest message of a device.
    #[schemars(extend("x-reload" = "restart"))]
    pub message_bytes_max: ByteSize,
    /// Parameters of one message of a device.
    #[schemars(extend("x-reload" = "restart"))]
    pub parameters_max: usize,
    /// How long the body of a message may take to come.
    #[schemars(extend("x-reload" = "restart"))]
    pub request_timeout: HumanDuration,
    /// How long a nonce of Digest is good for a new session.
    #[schemars(extend("x-reload" = "restart"))]
    pub nonce_lifetime: HumanDuration,
    /// Names asked for in one GetParameterValues.
    #[schemars(extend("x-reload" = "restart"))]
    pub names_at_once: usize,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            open_max: 20_000,
            idle: HumanDuration::from_secs(30),
            total: HumanDuration::from_secs(300),
            retry_after_max: HumanDuration::from_secs(120),
            message_bytes_max: ByteSize::from_kib(2 << 10),
            parameters_max: 5_000,
            request_timeout: HumanDuration::from_secs(30),
            nonce_lifetime: HumanDuration::from_secs(300),
            names_at_once: 32,
        }
    }
}

impl Sessions {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("open_max", self.open_max, 10, 1_000_000);
        check.within("idle", self.idle, second, hour);
        check.within("total", self.total, self.idle, HumanDuration::from_secs(86_400));
        check.within("retry_after_max", self.retry_after_max, second, hour);
        let kib = ByteSize::from_kib;
        check.within("message_bytes_max", self.message_bytes_max, kib(16), kib(64 << 10));
        check.within("parameters_max", self.parameters_max, 16, 1_000_000);
        check.within("request_timeout", self.request_timeout, second, hour);
        check.within("nonce_lifetime", self.nonce_lifetime, second, HumanDuration::from_secs(86_400));
        check.within("names_at_once", self.names_at_once, 1, 10_000);
    }
}
