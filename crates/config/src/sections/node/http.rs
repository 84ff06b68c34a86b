//! `[node.http]`: bounds of the node's HTTP API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::Check;
use crate::sections::http::is_origin;
use crate::values::{ByteSize, HumanDuration};

/// Bounds of the node's HTTP API. Those of connections are `[http]`'s.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NodeHttp {
    /// Origins of pages that may read the answers, and from this machine all that its own programs may. By default those of
    /// Synapse-NG's dashboard.
    #[schemars(extend("x-reload" = "restart"))]
    pub origins: Vec<String>,
    /// The longest body of a request, but for a gossip packet's.
    #[schemars(extend("x-reload" = "restart"))]
    pub body_bytes_max: ByteSize,
    /// The longest gossip packet: it holds the state of a channel.
    #[schemars(extend("x-reload" = "restart"))]
    pub gossip_bytes_max: ByteSize,
    /// How long a body may take to arrive.
    #[schemars(extend("x-reload" = "restart"))]
    pub body_timeout: HumanDuration,
    /// Bodies worked on at once; more are answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub bodies_max: usize,
    /// Bytes of all of them together; a body for which there is no room is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub bodies_bytes_max: ByteSize,
    /// POST requests of one address (IPv6: one /64) per second for long; more are answered 429. Trusted loopback is not counted.
    #[schemars(extend("x-reload" = "restart"))]
    pub posts_per_sec: u32,
    /// POST requests of one address at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub posts_burst: u32,
    /// Other requests of one address per second for long.
    #[schemars(extend("x-reload" = "restart"))]
    pub gets_per_sec: u32,
    /// Other requests of one address at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub gets_burst: u32,
    /// `/ws` and event streams at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub streams_max: usize,
    /// The same, of one address.
    #[schemars(extend("x-reload" = "restart"))]
    pub streams_per_address_max: usize,
    /// How often `/ws` tells everything anew.
    #[schemars(extend("x-reload" = "restart"))]
    pub update_interval: HumanDuration,
}

impl Default for NodeHttp {
    fn default() -> Self {
        let origins =
            ["http://localhost:15000", "http://127.0.0.1:15000", "http://localhost:8080", "http://127.0.0.1:8080"];
        Self {
            origins: origins.map(str::to_owned).to_vec(),
            body_bytes_max: ByteSize::from_kib(256),
            gossip_bytes_max: ByteSize::from_kib(8 << 10),
            body_timeout: HumanDuration::from_secs(10),
            bodies_max: 64,
            bodies_bytes_max: ByteSize::from_kib(64 << 10),
            posts_per_sec: 50,
            posts_burst: 200,
            gets_per_sec: 50,
            gets_burst: 200,
            streams_max: 64,
            streams_per_address_max: 16,
            update_interval: HumanDuration::from_secs(1),
        }
    }
}

impl NodeHttp {
    pub(crate) fn validate(&self, check: &mut Check) {
        let is_listed = |origin: &String| is_origin(origin) && origin != "*";
        let cause =
            "an entry is no web origin; write scheme and host without a path, such as \"http://localhost:15000\"";
        check.require(self.origins.iter().all(is_listed), "origins", cause);
        let kib = ByteSize::from_kib;
        check.within("body_bytes_max", self.body_bytes_max, kib(16), kib(16 << 10));
        check.within("gossip_bytes_max", self.gossip_bytes_max, kib(64), kib(256 << 10));
        let (tenth, minute) = (HumanDuration::from_millis(100), HumanDuration::from_secs(60));
        check.within("body_timeout", self.body_timeout, tenth, minute);
        check.within("update_interval", self.update_interval, tenth, minute);
        check.within("bodies_max", self.bodies_max, 1, 100_000);
        // Less than one of the longest would never let it through.
        let longest = self.body_bytes_max.max(self.gossip_bytes_max);
        check.within("bodies_bytes_max", self.bodies_bytes_max, longest, kib(64 << 20));
        for (key, value) in [
            ("posts_per_sec", self.posts_per_sec),
            ("posts_burst", self.posts_burst),
            ("gets_per_sec", self.gets_per_sec),
            ("gets_burst", self.gets_burst),
        ] {
            check.within(key, value, 1, 1_000_000);
        }
        check.within("streams_max", self.streams_max, 1, 100_000);
        check.within("streams_per_address_max", self.streams_per_address_max, 1, self.streams_max);
    }
}
