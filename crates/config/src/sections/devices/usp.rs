//! `[devices.usp]`: agents of USP; what else than WebSocket carries their records has sections of its own in it.

pub mod brokers;
pub mod mqtt;
pub mod stomp;
pub mod stomp_endpoint;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{brokers::Brokers, mqtt::Mqtt, stomp::Stomp, stomp_endpoint::StompEndpoint};
use crate::sections::Check;
use crate::values::{ByteSize, HumanDuration};

/// Agents of USP (TR-369). Over WebSocket they come to `/usp`, where devices are answered and at the main HTTP; who becomes a device of ours
/// is settled as for CWMP.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Usp {
    /// Whether agents are served.
    #[schemars(extend("x-reload" = "restart"))]
    pub enabled: bool,
    /// Our own endpoint id, which agents are told as that of their controller: `self::acs`, `oui:012345:acs`, `fqdn::acs.example`. Not set:
    /// `self::sangam-` and a number that is made at the first start and kept in the data directory.
    #[schemars(extend("x-reload" = "restart"))]
    pub endpoint_id: Option<String>,
    /// Agents that may be connected at once.
    #[schemars(extend("x-reload" = "restart"))]
    pub agents_max: usize,
    /// Agents that may be connected at once before anybody knows who they are.
    #[schemars(extend("x-reload" = "restart"))]
    pub strangers_max: usize,
    /// How long an agent may take to say who it is.
    #[schemars(extend("x-reload" = "restart"))]
    pub stranger_timeout: HumanDuration,
    /// Agents that are let in at the same time; others wait for their turn. All come at once after a restart.
    #[schemars(extend("x-reload" = "restart"))]
    pub opening_max: usize,
    /// How long an agent may wait for its turn to be let in; then it is told to come back.
    #[schemars(extend("x-reload" = "restart"))]
    pub opening_timeout: HumanDuration,
    /// How long an agent may take to answer a request.
    #[schemars(extend("x-reload" = "restart"))]
    pub request_timeout: HumanDuration,
    /// Largest record of an agent: a supported data model that comes in one record has some hundred kilobytes.
    #[schemars(extend("x-reload" = "restart"))]
    pub record_bytes_max: ByteSize,
    /// Largest message of an agent, also if it comes in several records.
    #[schemars(extend("x-reload" = "restart"))]
    pub message_bytes_max: ByteSize,
    /// Fields of one message at all depths together.
    #[schemars(extend("x-reload" = "restart"))]
    pub elements_max: usize,
    /// Bytes that may wait to be sent to one agent; one that takes no more is cut off.
    #[schemars(extend("x-reload" = "restart"))]
    pub waiting_bytes_max: ByteSize,
    /// Whether agents may use session contexts (records in order and once, messages in segments).
    #[schemars(extend("x-reload" = "restart"))]
    pub session_contexts: bool,
    /// Whether an agent has to say that it is here before anything else. Agents before USP 1.2 do not.
    #[schemars(extend("x-reload" = "restart"))]
    pub connect_required: bool,
    /// How long a WebSocket may be silent before it is pinged, up to a quarter less by chance; one that is silent for as long again is gone. Most agents
    /// ping more often by themselves.
    #[schemars(extend("x-reload" = "restart"))]
    pub ping_interval: HumanDuration,
    /// The URL at which agents reach `/files/` where they do not say it themselves (over STOMP and MQTT): `https://acs.example:7547`. Not set: such
    /// agents cannot be told to fetch files from here.
    #[schemars(extend("x-reload" = "restart"))]
    pub files_url: Option<String>,
    /// A STOMP broker of yours at which agents are met.
    pub stomp: Stomp,
    /// An MQTT broker of yours at which agents are met.
    pub mqtt: Mqtt,
    /// What holds for both.
    pub brokers: Brokers,
    /// A STOMP endpoint of our own, to which agents come without a broker.
    pub stomp_endpoint: StompEndpoint,
}

impl Default for Usp {
    fn default() -> Self {
        Self {
            enabled: true,
            endpoint_id: None,
            agents_max: 200_000,
            strangers_max: 1_000,
            stranger_timeout: HumanDuration::from_secs(60),
            opening_max: 256,
            opening_timeout: HumanDuration::from_secs(20),
            request_timeout: HumanDuration::from_secs(30),
            record_bytes_max: ByteSize::from_kib(1 << 10),
            message_bytes_max: ByteSize::from_kib(4 << 10),
            elements_max: 100_000,
            waiting_bytes_max: ByteSize::from_kib(4 << 10),
            session_contexts: true,
            connect_required: false,
            ping_interval: HumanDuration::from_secs(240),
            files_url: None,
            stomp: Stomp::default(),
            mqtt: Mqtt::default(),
            brokers: Brokers::default(),
            stomp_endpoint: StompEndpoint::default(),
        }
    }
}

impl Usp {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (second, hour, kib) = (HumanDuration::from_secs(1), HumanDuration::from_secs(3_600), ByteSize::from_kib);
        let is_id = |id: &String| {
            let mut parts = id.splitn(3, ':');
            let (scheme, _, instance) = (parts.next(), parts.next(), parts.next());
            let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            scheme.is_some_and(plain) && instance.is_some_and(|it| plain(it) && it.len() <= 50)
        };
        check.require(
            self.endpoint_id.as_ref().is_none_or(is_id),
            "endpoint_id",
            "it is no endpoint id; write scheme:authority:instance, as in self::acs",
        );
        let is_url = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        check.require(
            self.files_url.as_ref().is_none_or(is_url),
            "files_url",
            "it is no URL; write it as https://acs.example:7547",
        );
        check.within("agents_max", self.agents_max, 1, 10_000_000);
        check.within("strangers_max", self.strangers_max, 1, self.agents_max);
        check.within("stranger_timeout", self.stranger_timeout, second, hour);
        check.within("opening_max", self.opening_max, 1, 100_000);
        check.within("opening_timeout", self.opening_timeout, second, hour);
        check.within("request_timeout", self.request_timeout, second, hour);
        check.within("record_bytes_max", self.record_bytes_max, kib(16), kib(64 << 10));
        check.within("message_bytes_max", self.message_bytes_max, self.record_bytes_max, kib(256 << 10));
        check.within("elements_max", self.elements_max, 1_000, 10_000_000);
        check.within("waiting_bytes_max", self.waiting_bytes_max, kib(64), kib(1 << 20));
        check.within("ping_interval", self.ping_interval, second, HumanDuration::from_secs(86_400));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(usp: &Usp) -> Vec<&'static str> {
        let mut check = Check::default();
        usp.validate(&mut check);
        check.wrong.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn an_endpoint_id_has_three_parts_and_an_address_a_scheme() {
        assert_eq!(wrong(&Usp::default()), [""; 0]);
        let with = |id: &str| Usp { endpoint_id: Some(id.to_owned()), ..Usp::default() };
        assert_eq!(wrong(&with("self::acs")), [""; 0]);
        for id in ["", "acs", "self:acs", "self::", "self::a b", "::x"] {
            assert_eq!(wrong(&with(id)), ["endpoint_id"], "{id}");
        }
        let url = Usp { files_url: Some("acs.example".to_owned()), ..Usp::default() };
        assert_eq!(wrong(&url), ["files_url"]);
    }
}
