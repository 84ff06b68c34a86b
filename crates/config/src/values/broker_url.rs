use std::fmt;

use super::StunServer;
use super::text_value::text_value;

/// A message broker: what is spoken there, by a name or an address, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    scheme: Scheme,
    server: StunServer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Stomp,
    Stomps,
    Mqtt,
    Mqtts,
}

/// Each with its name and its usual port: RabbitMQ's for STOMP, which has none; IANA's for MQTT.
const SCHEMES: [(Scheme, &str, u16); 4] = [
    (Scheme::Stomp, "stomp", 61_613),
    (Scheme::Stomps, "stomps", 61_614),
    (Scheme::Mqtt, "mqtt", 1_883),
    (Scheme::Mqtts, "mqtts", 8_883),
];

impl BrokerUrl {
    /// A name or an IP address, the latter without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.server.host
    }

    /// Its port; the usual one of the scheme if none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.scheme, Scheme::Stomps | Scheme::Mqtts)
    }

    /// Whether it speaks STOMP; else it is MQTT.
    #[must_use]
    pub fn is_stomp(&self) -> bool {
        matches!(self.scheme, Scheme::Stomp | Scheme::Stomps)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.trim().split_once("://")?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (scheme, _, port) = SCHEMES.into_iter().find(|(_, known, _)| *known == name)?;
        // A port follows the host, or the bracket behind it.
        let has_port = rest.rsplit_once(':').is_some_and(|(host, _)| !host.contains('[') || host.ends_with(']'));
        let server = if has_port { StunServer::parse(rest)? } else { StunServer::parse(&format!("{rest}:{port}"))? };
        Some(Self { scheme, server })
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = SCHEMES.into_iter().find(|(scheme, ..)| *scheme == self.scheme).map_or("", |(_, name, _)| name);
        write!(f, "{name}://{}", self.server)
    }
}

text_value! {
    BrokerUrl: { "type": "string", "examples": ["stomps://broker.example.net:61614", "mqtt://127.0.0.1:1883"] }
    "is no message broker; write \"stomp://host:61613\", \"stomps://host:61614\", \"mqtt://host:1883\" or \"mqtts://host:8883\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_a_scheme_and_a_host_with_a_port_or_the_usual_one() {
        for (text, shown) in [
            ("stomp://broker", Some("stomp://broker:61613")),
            ("stomps://broker:5", Some("stomps://broker:5")),
            ("mqtt://192.0.2.1/", Some("mqtt://192.0.2.1:1883")),
            ("mqtts://[2001:db8::1]", Some("mqtts://[2001:db8::1]:8883")),
            ("mqtts://[2001:db8::1]:1", Some("mqtts://[2001:db8::1]:1")),
            ("mqtt://", None),
            ("mqtt://user:password@broker", None),
            ("http://broker", None),
            ("broker:1883", None),
            ("mqtt://broker:0", None),
            ("mqtt://broker/path", None),
        ] {
            assert_eq!(BrokerUrl::parse(text).map(|url| url.to_string()).as_deref(), shown, "{text}");
        }
        let url = BrokerUrl::parse("stomps://broker").unwrap();
        assert!(url.is_tls() && url.is_stomp() && url.host() == "broker" && url.port() == 61_614);
    }
}
