//! USP over MQTT (TR-369 §4, MQTT Binding): an endpoint at somebody's broker ([`MqttClient`]), and properties of MQTT 5 and
//! topics of both versions as plain functions.

mod client;
mod packet;
mod properties;

use crate::endpoint_id::EndpointId;
use crate::record::MqttVersion;

pub use client::{MqttClient, MqttEvent, MqttFailure, MqttOptions, MqttOutput};
pub use packet::{MqttFault, MqttLimits};

/// The user property of CONNECT that says who connects (R-MQTT.13).
pub const ENDPOINT_PROPERTY: &str = "usp-endpoint-id";

/// The user property of CONNACK that names topics to subscribe to (R-MQTT.15).
pub const SUBSCRIBE_PROPERTY: &str = "subscribe-topic";

/// The content type of a PUBLISH with a record (R-MQTT.27).
pub const CONTENT_TYPE: &str = "usp.msg";

/// The registered type of the same, also understood (R-MQTT.27a).
pub const CONTENT_TYPE_REGISTERED: &str = "application/vnd.bbf.usp.msg";

/// What precedes the topic for answers within a topic of 3.1.1 (R-MQTT.24).
const REPLY_TO: &str = "/reply-to=";

/// Bytes of a topic (MQTT 5 §1.5.4: a length of two bytes).
pub const TOPIC_BYTES_MAX: usize = 65_535;

/// The user property that an endpoint connects with, name and value.
#[must_use]
pub fn connect_property(endpoint: &EndpointId) -> (&'static str, &str) {
    (ENDPOINT_PROPERTY, endpoint.as_str())
}

/// The id of a client of 3.1.1 that none is configured for: its endpoint id (R-MQTT.8).
#[must_use]
pub fn client_id(version: MqttVersion, configured: &str, endpoint: &EndpointId) -> String {
    match (configured, version) {
        ("", MqttVersion::V5) => String::new(),
        ("", MqttVersion::V311) => endpoint.to_string(),
        (configured, _) => configured.to_owned(),
    }
}

/// Whether a PUBLISH carries a record. Of 3.1.1 there is no telling.
#[must_use]
pub fn is_record(version: MqttVersion, content_type: Option<&str>) -> bool {
    match version {
        MqttVersion::V311 => true,
        MqttVersion::V5 => matches!(content_type, Some(CONTENT_TYPE | CONTENT_TYPE_REGISTERED)),
    }
}

/// Whether a text may be the name of a topic: not empty, without wildcards or NUL.
#[must_use]
pub fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= TOPIC_BYTES_MAX && !topic.contains(['+', '#', '\0'])
}

/// The topic to publish to with 3.1.1: with the topic for answers at its end (R-MQTT.24).
#[must_use]
pub fn topic_with_reply(topic: &str, reply_to: &str) -> String {
    format!("{topic}{REPLY_TO}{}", reply_to.replace('/', "%2F"))
}

/// A topic of 3.1.1 taken apart: where it was sent, and where answers go (R-MQTT.25). `None`: it names no topic for
/// answers, or none that is one.
#[must_use]
pub fn split_reply(topic: &str) -> Option<(&str, String)> {
    let at = topic.rfind(REPLY_TO)?;
    let reply = topic[at + REPLY_TO.len()..].trim_start().replace("%2F", "/").replace("%2f", "/");
    is_topic(&reply).then(|| (&topic[..at], reply))
}

/// Where the answer to a PUBLISH goes: the Response Topic of 5.0 (R-MQTT.26), the end of the topic of 3.1.1. `None`: it is
/// not known, so nothing is answered; of 3.1.1 that says that versions are mixed on the way (R-MQTT.26a).
#[must_use]
pub fn reply_topic(version: MqttVersion, topic: &str, response_topic: Option<&str>) -> Option<String> {
    match version {
        MqttVersion::V5 => response_topic.filter(|topic| is_topic(topic)).map(str::to_owned),
        MqttVersion::V311 => split_reply(topic).map(|(_, reply)| reply),
    }
}

/// What to subscribe to once connected, without repetition (R-MQTT.15).
#[derive(Clone, Debug, Default)]
pub struct Offered<'a> {
    /// Filters that are configured.
    pub configured: Vec<&'a str>,
    /// Values of `subscribe-topic` in CONNACK; of 5.0.
    pub subscribe_topics: Vec<&'a str>,
    /// Response Information of CONNACK; of 5.0.
    pub response_information: Option<&'a str>,
    /// The topic for answers that is configured.
    pub response_topic: Option<&'a str>,
}

impl Offered<'_> {
    /// The filters to subscribe to. Empty: the session is to be ended, and nothing published (R-MQTT.16, R-MQTT.17).
    #[must_use]
    pub fn filters(&self, version: MqttVersion) -> Vec<String> {
        let mut filters: Vec<String> = Vec::new();
        let mut add = |filter: &str| {
            if !filter.is_empty() && !filters.iter().any(|it| it == filter) {
                filters.push(filter.to_owned());
            }
        };
        self.configured.iter().for_each(|filter| add(filter));
        if version == MqttVersion::V5 {
            self.subscribe_topics.iter().for_each(|filter| add(filter));
        }
        let reply = self.reply_to(version);
        if let Some(reply) = reply.filter(|reply| !filters.iter().any(|filter| covers(filter, reply))) {
            filters.push(match version {
                MqttVersion::V5 => reply.to_owned(),
                // What is sent there ends in a topic for answers, a level further down.
                MqttVersion::V311 => format!("{reply}/#"),
            });
        }
        filters
    }

    /// The topic at which answers are awaited (R-MQTT.21).
    #[must_use]
    pub fn reply_to(&self, version: MqttVersion) -> Option<&str> {
        let told = self.response_information.filter(|_| version == MqttVersion::V5);
        told.or(self.response_topic).filter(|topic| is_topic(topic))
    }
}

/// Whether a topic filter covers a topic (MQTT 5 §4.7): `+` is one level, `#` at the end all that follow and the one above.
#[must_use]
pub fn covers(filter: &str, topic: &str) -> bool {
    // Filters that begin with a wildcard do not cover topics that begin with `$`.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        if wanted == "#" {
            return true;
        }
        match levels.next() {
            Some(level) if wanted == "+" || wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use MqttVersion::{V5, V311};

    #[test]
    fn the_topic_for_answers_lies_within_a_topic_of_3_1_1() {
        let reply = "usp/controllers/oui:00256D:my-unique-bbf-id-42";
        let topic = topic_with_reply("usp/agents/cid:3AA3F8:my-unique-usp-id-42", reply);
        assert_eq!(
            topic,
            "usp/agents/cid:3AA3F8:my-unique-usp-id-42/reply-to=usp%2Fcontrollers%2Foui:00256D:my-unique-bbf-id-42"
        );
        assert_eq!(split_reply(&topic), Some(("usp/agents/cid:3AA3F8:my-unique-usp-id-42", reply.to_owned())));
        // The last counts; lower-case escapes are understood; an endpoint id's own escapes are left alone.
        assert_eq!(split_reply("a/reply-to=b/reply-to=c%2fd"), Some(("a/reply-to=b", "c/d".to_owned())));
        assert_eq!(split_reply("a/reply-to=b%2Fself::x%20y"), Some(("a", "b/self::x%20y".to_owned())));
        for topic in ["a", "a/reply-to=", "a/reply-to=b%2F+", "a/reply-to=#"] {
            assert_eq!(split_reply(topic), None, "{topic}");
        }
    }

    #[test]
    fn answers_go_where_each_version_says() {
        assert_eq!(reply_topic(V5, "a/reply-to=b", Some("c")).as_deref(), Some("c"));
        assert_eq!(reply_topic(V5, "a/reply-to=b", None), None);
        assert_eq!(reply_topic(V5, "a", Some("c/#")), None, "a wildcard is no place to answer to");
        assert_eq!(reply_topic(V311, "a/reply-to=b", Some("c")).as_deref(), Some("b"));
        assert_eq!(reply_topic(V311, "a", Some("c")), None);
    }

    #[test]
    fn records_are_told_by_their_content_type() {
        assert!(is_record(V5, Some("usp.msg")) && is_record(V5, Some("application/vnd.bbf.usp.msg")));
        assert!(!is_record(V5, None) && !is_record(V5, Some("usp.error")));
        assert!(is_record(V311, None));
    }

    #[test]
    fn what_is_subscribed_to_is_everything_named_once() {
        let offered = Offered {
            configured: vec!["usp/a/#"],
            subscribe_topics: vec!["usp/b", "usp/a/#", ""],
            response_information: Some("usp/c"),
            response_topic: Some("usp/d"),
        };
        assert_eq!(offered.filters(V5), ["usp/a/#", "usp/b", "usp/c"]);
        assert_eq!(offered.reply_to(V5), Some("usp/c"), "R-MQTT.21");
        assert_eq!(offered.filters(V311), ["usp/a/#", "usp/d/#"], "properties are of 5.0");
        let covered = Offered { configured: vec!["usp/#"], response_topic: Some("usp/d"), ..Offered::default() };
        assert_eq!(covered.filters(V5), ["usp/#"]);
        assert!(Offered::default().filters(V5).is_empty(), "R-MQTT.16");
        let wild = Offered { response_topic: Some("usp/+"), ..Offered::default() };
        assert!(wild.filters(V5).is_empty());
    }

    #[test]
    fn filters_cover_topics_by_levels() {
        let table = [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a/b/c", false),
            ("a/#", "a/b/c", true),
            ("a/#", "a", true),
            ("a/#", "ab", false),
            ("#", "a/b", true),
            ("#", "$SYS/x", false),
            ("+/+", "/a", true),
            ("$SYS/#", "$SYS/x", true),
        ];
        for (filter, topic, is_covered) in table {
            assert_eq!(covers(filter, topic), is_covered, "{filter} {topic}");
        }
    }

    #[test]
    fn clients_say_who_they_are() {
        let endpoint: EndpointId = "os::012345-A1".parse().unwrap();
        assert_eq!(connect_property(&endpoint), ("usp-endpoint-id", "os::012345-A1"));
        assert_eq!(client_id(V311, "", &endpoint), "os::012345-A1");
        assert_eq!(client_id(V5, "", &endpoint), "", "the broker gives one (R-MQTT.8)");
        assert_eq!(client_id(V5, "x", &endpoint), "x");
    }
}
