//! `[devices.usp.stomp_endpoint]`: a STOMP endpoint of our own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sections::{Check, tls::TlsMode};
use crate::values::{ByteSize, HumanDuration, ListenAddr};

/// A STOMP 1.2 endpoint of our own, to which agents come without a broker. It knows no topics: each connection is one agent's, and what it sends
/// goes to this server alone. Agents log in with the credentials of their device.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StompEndpoint {
    /// Where it listens, as `0.0.0.0:61613`. Empty: there is none.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen: Vec<ListenAddr>,
    /// Whether it speaks TLS: `off`, `on`, or `auto` (the first byte decides). Not set: `auto` if there is a certificate, else `off`.
    #[schemars(extend("x-reload" = "restart"))]
    pub tls: Option<TlsMode>,
    /// Whether every connection begins with a PROXY v2 header.
    #[schemars(extend("x-reload" = "restart"))]
    pub proxy_protocol: bool,
    /// The destination that agents send to.
    #[schemars(extend("x-reload" = "restart"))]
    pub destination: String,
    /// How long an agent may take to say who it is.
    #[schemars(extend("x-reload" = "restart"))]
    pub connect_timeout: HumanDuration,
    /// How often either side shows a sign of life; agents may ask for less. `0s`: never.
    #[schemars(extend("x-reload" = "restart"))]
    pub heart_beat: HumanDuration,
    /// Bytes of records that may wait for one agent; with more its connection is closed.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_bytes_max: ByteSize,
}

impl Default for StompEndpoint {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            tls: None,
            proxy_protocol: false,
            destination: "/usp/controller".to_owned(),
            connect_timeout: HumanDuration::from_secs(10),
            heart_beat: HumanDuration::from_secs(60),
            queue_bytes_max: ByteSize::from_kib(2 << 10),
        }
    }
}

impl StompEndpoint {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, hour) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        check.require(self.listen.len() <= 16, "listen", "it may listen at 16 addresses at most");
        let fine = !self.destination.is_empty() && !self.destination.chars().any(char::is_control);
        check.require(fine, "destination", "write a destination, as `/usp/controller`");
        check.within("connect_timeout", self.connect_timeout, second, hour);
        check.within("heart_beat", self.heart_beat, HumanDuration::default(), hour);
        check.within("queue_bytes_max", self.queue_bytes_max, ByteSize::from_kib(64), ByteSize::from_kib(64 << 10));
    }
}
