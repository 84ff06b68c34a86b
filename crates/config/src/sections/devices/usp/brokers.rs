//! `[devices.usp.brokers]`: what holds for all brokers at which agents are met.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration, Secret};

/// What holds for all brokers at which agents are met.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Brokers {
    /// Agents that may be met at one broker at once; more are not answered.
    #[schemars(extend("x-reload" = "restart"))]
    pub agents_max: usize,
    /// Records of agents that may be worked on at once; no more is read from the broker meanwhile.
    #[schemars(extend("x-reload" = "restart"))]
    pub working_max: usize,
    /// Records of one agent that may wait for its one before; more are dropped, and the agent says them again.
    #[schemars(extend("x-reload" = "restart"))]
    pub per_agent_max: usize,
    /// Records to agents that may wait to be sent to one broker.
    #[schemars(extend("x-reload" = "restart"))]
    pub waiting_max: usize,
    /// Bytes of these.
    #[schemars(extend("x-reload" = "restart"))]
    pub waiting_bytes_max: ByteSize,
    /// How long one may wait; what is older is dropped, as nobody waits for its answer any more.
    #[schemars(extend("x-reload" = "restart"))]
    pub send_within: HumanDuration,
    /// How long a connection may take to come about, and a broker to answer what needs an answer.
    #[schemars(extend("x-reload" = "restart"))]
    pub answer_within: HumanDuration,
    /// The wait before a lost connection is tried again; each next one is twice as long, and half of it is up to chance.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_min: HumanDuration,
    /// The longest such wait.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_max: HumanDuration,
    /// How long agents are held to be there while their broker is not. After that they are not connected until they are heard again.
    #[schemars(extend("x-reload" = "restart"))]
    pub outage_max: HumanDuration,
}

impl Default for Brokers {
    fn default() -> Self {
        Self {
            agents_max: 100_000,
            working_max: 1_024,
            per_agent_max: 64,
            waiting_max: 10_000,
            waiting_bytes_max: ByteSize::from_kib(16 << 10),
            send_within: HumanDuration::from_secs(10),
            answer_within: HumanDuration::from_secs(10),
            retry_min: HumanDuration::from_secs(1),
            retry_max: HumanDuration::from_secs(60),
            outage_max: HumanDuration::from_secs(30),
        }
    }
}

impl Brokers {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.within("agents_max", self.agents_max, 1, 10_000_000);
        check.within("working_max", self.working_max, 1, 100_000);
        check.within("per_agent_max", self.per_agent_max, 1, 10_000);
        check.within("waiting_max", self.waiting_max, 1, 1_000_000);
        check.within("waiting_bytes_max", self.waiting_bytes_max, ByteSize::from_kib(64), ByteSize::from_kib(4 << 20));
        check.within("send_within", self.send_within, second, hour);
        check.within("answer_within", self.answer_within, second, hour);
        check.within("retry_min", self.retry_min, second, self.retry_max);
        check.within("retry_max", self.retry_max, second, hour);
        check.within("outage_max", self.outage_max, HumanDuration::default(), hour);
    }
}

/// A login of a broker is one entry, a name and a password.
pub(super) fn check_login(check: &mut Check, credentials: &[Secret]) {
    let fine = match credentials {
        [] => true,
        [pair] => pair.expose().split_once(':').is_some_and(|(user, _)| !user.is_empty()),
        [..] => false,
    };
    check.require(fine, "credentials", "write one entry, as `user:password`");
}
