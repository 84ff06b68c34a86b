//! `[devices.usp.mqtt]`: an MQTT broker at which agents are met.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::brokers::check_login;
use crate::sections::Check;
use crate::values::{BrokerUrl, HumanDuration, Secret};

/// An MQTT broker of yours (Mosquitto, EMQX, HiveMQ) at which agents are met. What proves who they are is the broker: see
/// `docs/operate/devices.md`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// Where it is: `mqtt://host:1883` in the clear, `mqtts://host:8883` with TLS. Not set: there is none.
    #[schemars(extend("x-reload" = "restart"))]
    pub url: Option<BrokerUrl>,
    /// The version that is spoken: `5.0` or `3.1.1`. Agents speak the same.
    #[schemars(extend("x-reload" = "restart"))]
    pub version: MqttVersion,
    /// The authorities that vouch for its certificate, in PEM. Not set: those that the system trusts.
    #[schemars(extend("x-reload" = "restart"))]
    pub ca_file: Option<PathBuf>,
    /// What we log in with, as `user:password`; one entry at most.
    #[schemars(extend("x-reload" = "restart"))]
    pub credentials: Vec<Secret>,
    /// A file with the same.
    #[schemars(extend("x-reload" = "restart"))]
    pub credentials_file: Option<PathBuf>,
    /// What we are called among the broker's clients. Empty: what the broker gives (5.0), our endpoint id (3.1.1).
    #[schemars(extend("x-reload" = "restart"))]
    pub client_id: String,
    /// The topic that agents publish to. With `{endpoint}` in it each agent has its own, and what comes there is taken from it alone: with
    /// an access rule of the broker that proves who it is. Nobody but this server may read it.
    #[schemars(extend("x-reload" = "restart"))]
    pub topic: String,
    /// Where agents are answered, and nowhere else: topic filters in which `{endpoint}` stands for the agent's endpoint id.
    #[schemars(extend("x-reload" = "restart"))]
    pub agents_at: Vec<String>,
    /// Whether the broker is believed to let each agent publish under its own endpoint id alone. If so a device that is known is served
    /// without a login, and a new one counts as if it had shown a shared credential.
    #[schemars(extend("x-reload" = "restart"))]
    pub believed: bool,
    /// After how long without a packet a sign of life is sent. `0s`: never.
    #[schemars(extend("x-reload" = "restart"))]
    pub keep_alive: HumanDuration,
}

/// A version of MQTT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum MqttVersion {
    /// 5.0
    #[default]
    #[serde(rename = "5.0")]
    V5,
    /// 3.1.1
    #[serde(rename = "3.1.1")]
    V311,
}

impl fmt::Display for MqttVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V5 => "5.0",
            Self::V311 => "3.1.1",
        })
    }
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            url: None,
            version: MqttVersion::V5,
            ca_file: None,
            credentials: Vec::new(),
            credentials_file: None,
            client_id: String::new(),
            topic: "usp/controller".to_owned(),
            agents_at: vec!["#".to_owned()],
            believed: false,
            keep_alive: HumanDuration::from_secs(60),
        }
    }
}

impl Mqtt {
    pub(crate) fn validate(&self, check: &mut Check) {
        let is_mqtt = self.url.as_ref().is_none_or(|url| !url.is_stomp());
        check.require(is_mqtt, "url", "write `mqtt://host:port` or `mqtts://host:port`");
        check_login(check, &self.credentials);
        let fine = !self.topic.is_empty() && !self.topic.contains(['+', '#', '\0']) && !self.topic.starts_with('$');
        check.require(fine, "topic", "write a topic without wildcards, as `usp/controller`");
        let level = self.topic.split('/').all(|level| level == "{endpoint}" || !level.contains("{endpoint}"));
        check.require(level, "topic", "`{endpoint}` has to be a level of its own, as in `usp/controller/{endpoint}`");
        check.require(!self.agents_at.is_empty(), "agents_at", "the list is empty; write at least one filter");
        check.within("keep_alive", self.keep_alive, HumanDuration::default(), HumanDuration::from_secs(65_535));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_one_and_an_endpoint_a_level_of_it() {
        let wrong = |topic: &str| {
            let mut check = Check::default();
            Mqtt { topic: topic.to_owned(), ..Mqtt::default() }.validate(&mut check);
            check.wrong.len()
        };
        assert_eq!((wrong("usp/controller"), wrong("usp/{endpoint}/in")), (0, 0));
        for topic in ["", "usp/#", "usp/+", "$SYS/x", "usp/a-{endpoint}"] {
            assert_eq!(wrong(topic), 1, "{topic}");
        }
    }
}
