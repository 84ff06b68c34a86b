//! `[devices.usp.stomp]`: a STOMP broker at which agents are met.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::brokers::check_login;
use crate::sections::Check;
use crate::values::{BrokerUrl, HumanDuration, Secret};

/// A STOMP 1.2 broker of yours (RabbitMQ with its STOMP plugin, ActiveMQ) at which agents are met. What proves who they are is the broker:
/// see `docs/operate/devices.md`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stomp {
    /// Where it is: `stomp://host:61613` in the clear, `stomps://host:61614` with TLS. Not set: there is none.
    #[schemars(extend("x-reload" = "restart"))]
    pub url: Option<BrokerUrl>,
    /// The authorities that vouch for its certificate, in PEM. Not set: those that the system trusts.
    #[schemars(extend("x-reload" = "restart"))]
    pub ca_file: Option<PathBuf>,
    /// What we log in with, as `login:passcode`; one entry at most.
    #[schemars(extend("x-reload" = "restart"))]
    pub credentials: Vec<Secret>,
    /// A file with the same.
    #[schemars(extend("x-reload" = "restart"))]
    pub credentials_file: Option<PathBuf>,
    /// The virtual host (`host` of STOMP).
    #[schemars(extend("x-reload" = "restart"))]
    pub vhost: String,
    /// The destination that agents send to. Nobody but this server may read it.
    #[schemars(extend("x-reload" = "restart"))]
    pub destination: String,
    /// Where agents are answered, and nowhere else: `{endpoint}` stands for the agent's endpoint id, a `*` at the end for a name
    /// without a slash.
    #[schemars(extend("x-reload" = "restart"))]
    pub agents_at: Vec<String>,
    /// Whether the broker is believed to let each agent send under its own endpoint id alone. If so a device that is known is served without
    /// a login, and a new one counts as if it had shown a shared credential.
    #[schemars(extend("x-reload" = "restart"))]
    pub believed: bool,
    /// How often either side shows a sign of life. `0s`: never.
    #[schemars(extend("x-reload" = "restart"))]
    pub heart_beat: HumanDuration,
}

impl Default for Stomp {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            credentials: Vec::new(),
            credentials_file: None,
            vhost: "/".to_owned(),
            destination: "/queue/usp.controller".to_owned(),
            agents_at: vec!["/queue/*".to_owned(), "/topic/*".to_owned()],
            believed: false,
            heart_beat: HumanDuration::from_secs(30),
        }
    }
}

impl Stomp {
    pub(crate) fn validate(&self, check: &mut Check) {
        let is_stomp = self.url.as_ref().is_none_or(BrokerUrl::is_stomp);
        check.require(is_stomp, "url", "write `stomp://host:port` or `stomps://host:port`");
        check_login(check, &self.credentials);
        check.require(!self.vhost.is_empty(), "vhost", "it is empty; write `/` for the default one");
        let fine = !self.destination.is_empty() && !self.destination.chars().any(char::is_control);
        check.require(fine, "destination", "write a destination, as `/queue/usp.controller`");
        check.require(!self.agents_at.is_empty(), "agents_at", "the list is empty; write at least one pattern");
        check.within("heart_beat", self.heart_beat, HumanDuration::default(), HumanDuration::from_secs(3_600));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(stomp: &Stomp) -> Vec<&'static str> {
        let mut check = Check::default();
        stomp.validate(&mut check);
        check.wrong.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn the_broker_is_one_of_stomp_and_has_one_login() {
        assert_eq!(wrong(&Stomp::default()), [""; 0]);
        let at = |url: &str| Stomp { url: BrokerUrl::parse(url), ..Stomp::default() };
        assert_eq!(wrong(&at("stomps://broker:61614")), [""; 0]);
        assert_eq!(wrong(&at("mqtt://broker:1883")), ["url"]);
        let with = |entries: &[&str]| {
            let credentials = entries.iter().map(|it| Secret::new(*it)).collect();
            Stomp { credentials, ..Stomp::default() }
        };
        assert_eq!(wrong(&with(&["acs:secret"])), [""; 0]);
        assert_eq!(wrong(&with(&["acs"])), ["credentials"]);
        assert_eq!(wrong(&with(&["a:b", "c:d"])), ["credentials"]);
    }
}
