//! `[node.links]`: how many links a node has, and how long anything takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// How many links a node has, and how long anything takes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// Links that the node seeks for itself while it knows enough peers.
    #[schemars(extend("x-reload" = "restart"))]
    pub wanted: usize,
    /// Links at most; one more is taken only if another goes.
    #[schemars(extend("x-reload" = "restart"))]
    pub max: usize,
    /// Peers remembered at most.
    #[schemars(extend("x-reload" = "restart"))]
    pub peers_max: usize,
    /// How long an offer waits for its answer. A node of Synapse-NG polls each two seconds.
    #[schemars(extend("x-reload" = "restart"))]
    pub answer_timeout: HumanDuration,
    /// How long descriptions, once exchanged, have to become an open link.
    #[schemars(extend("x-reload" = "restart"))]
    pub connect_timeout: HumanDuration,
    /// How long the renewal of a silent link is given before a new one is offered.
    #[schemars(extend("x-reload" = "restart"))]
    pub restart_timeout: HumanDuration,
    /// The first pause before trying again; doubled each time, with jitter.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_first: HumanDuration,
    /// The longest pause.
    #[schemars(extend("x-reload" = "restart"))]
    pub retry_max: HumanDuration,
    /// How long a peer that should begin is waited for before we do.
    #[schemars(extend("x-reload" = "restart"))]
    pub patience: HumanDuration,
    /// The same for an IF.swarm agent, which may not survive being dialled.
    #[schemars(extend("x-reload" = "restart"))]
    pub agent_patience: HumanDuration,
    /// Whether an agent that does not dial is dialled at all.
    #[schemars(extend("x-reload" = "restart"))]
    pub dial_agents: bool,
    /// A peer without a link that nothing was heard of for this long is forgotten.
    #[schemars(extend("x-reload" = "restart"))]
    pub forget_after: HumanDuration,
    /// The longest message that a peer may send.
    #[schemars(extend("x-reload" = "restart"))]
    pub message_bytes_max: ByteSize,
    /// Bytes on the way at once on one link, however short it is.
    #[schemars(extend("x-reload" = "restart"))]
    pub window_bytes_min: ByteSize,
    /// The same, however long it is.
    #[schemars(extend("x-reload" = "restart"))]
    pub window_bytes_max: ByteSize,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            wanted: 8,
            max: 20,
            peers_max: 4_096,
            answer_timeout: HumanDuration::from_secs(9),
            connect_timeout: HumanDuration::from_secs(10),
            restart_timeout: HumanDuration::from_secs(3),
            retry_first: HumanDuration::from_millis(500),
            retry_max: HumanDuration::from_secs(5),
            patience: HumanDuration::from_secs(2),
            agent_patience: HumanDuration::from_secs(3),
            dial_agents: true,
            forget_after: HumanDuration::from_secs(600),
            message_bytes_max: ByteSize::from_kib(256),
            window_bytes_min: ByteSize::from_kib(64),
            window_bytes_max: ByteSize::from_kib(1_024),
        }
    }
}

impl Links {
    pub(crate) fn validate(&self, check: &mut Check) {
        check.within("max", self.max, 1, 10_000);
        check.within("wanted", self.wanted, 0, self.max);
        check.within("peers_max", self.peers_max, self.max, 1_000_000);
        let (short, minute) = (HumanDuration::from_millis(50), HumanDuration::from_secs(60));
        for (key, value) in [
            ("answer_timeout", self.answer_timeout),
            ("connect_timeout", self.connect_timeout),
            ("restart_timeout", self.restart_timeout),
            ("retry_first", self.retry_first),
            ("patience", self.patience),
            ("agent_patience", self.agent_patience),
        ] {
            check.within(key, value, short, minute);
        }
        check.within("retry_max", self.retry_max, self.retry_first, HumanDuration::from_secs(3_600));
        check.within("forget_after", self.forget_after, HumanDuration::from_secs(10), HumanDuration::from_secs(86_400));
        let kib = ByteSize::from_kib;
        check.within("message_bytes_max", self.message_bytes_max, kib(16), kib(1_024));
        check.within("window_bytes_min", self.window_bytes_min, kib(16), kib(16 << 10));
        check.within("window_bytes_max", self.window_bytes_max, self.window_bytes_min, kib(64 << 10));
    }
}
