//! Where agents may be answered, and where they may speak: what an operator wrote, held against what they say.

use sangam_usp_proto::EndpointId;
use sangam_usp_proto::mtp::mqtt::{covers, is_topic, split_reply};
use sangam_usp_proto::record::MqttVersion;

use super::options::BrokerWire;

/// What stands for an agent's endpoint id.
pub(super) const ENDPOINT: &str = "{endpoint}";

/// Bytes of a destination that an agent may name.
const DESTINATION_BYTES_MAX: usize = 1_024;

/// Whether an agent may be answered there: where an operator allows it, and never where we listen ourselves.
pub(super) fn may_answer(wire: &BrokerWire, allowed: &[String], endpoint: &EndpointId, reply_to: &str) -> bool {
    let is_plain =
        !reply_to.is_empty() && reply_to.len() <= DESTINATION_BYTES_MAX && !reply_to.chars().any(char::is_control);
    let of_agent = |pattern: &String| pattern.replace(ENDPOINT, endpoint.as_str());
    is_plain
        && match wire {
            BrokerWire::Stomp { destination, .. } => {
                reply_to != destination && allowed.iter().any(|pattern| matches_name(&of_agent(pattern), reply_to))
            }
            BrokerWire::Mqtt { topic, .. } => {
                // An endpoint id that would be a wildcard, or a level of its own, cannot stand in a filter.
                let is_level = !endpoint.as_str().contains(['/', '+', '#']);
                let own = topic.replace(ENDPOINT, "+");
                is_topic(reply_to)
                    && !reply_to.starts_with('$')
                    && !covers(&own, reply_to)
                    && allowed.iter().any(|pattern| {
                        (is_level || !pattern.contains(ENDPOINT)) && covers(&of_agent(pattern), reply_to)
                    })
            }
        }
}

/// Whether a destination is the one of a pattern, whose `*` at the end is a name without a slash.
fn matches_name(pattern: &str, destination: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => {
            destination.strip_prefix(beginning).is_some_and(|name| !name.is_empty() && !name.contains('/'))
        }
        None => pattern == destination,
    }
}

/// Whether a record came where its sender may publish: at its own topic, where each has one.
pub(super) fn may_speak(wire: &BrokerWire, endpoint: &EndpointId, topic: Option<&str>) -> bool {
    let BrokerWire::Mqtt { version, topic: ours, .. } = wire else { return true };
    if !ours.contains(ENDPOINT) {
        return true;
    }
    let Some(topic) = topic else { return false };
    let topic = match version {
        MqttVersion::V5 => topic,
        MqttVersion::V311 => split_reply(topic).map_or(topic, |(topic, _)| topic),
    };
    topic == ours.replace(ENDPOINT, endpoint.as_str())
}

/// Where the answer of that agent is awaited, if not where all are.
pub(super) fn answer_at(wire: &BrokerWire, endpoint: &EndpointId) -> Option<String> {
    match wire {
        BrokerWire::Mqtt { topic, .. } if topic.contains(ENDPOINT) => Some(topic.replace(ENDPOINT, endpoint.as_str())),
        BrokerWire::Stomp { .. } | BrokerWire::Mqtt { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stomp() -> BrokerWire {
        let destination = "/queue/ctl".to_owned();
        BrokerWire::Stomp { vhost: None, destination, heart_beat: Duration::ZERO }
    }

    fn mqtt(version: MqttVersion, topic: &str) -> BrokerWire {
        let (client_id, topic) = (String::new(), topic.to_owned());
        BrokerWire::Mqtt { version, client_id, topic, keep_alive: Duration::ZERO }
    }

    fn endpoint() -> EndpointId {
        "os::012345-A1".parse().unwrap()
    }

    #[test]
    fn agents_at_stomp_are_answered_where_an_operator_allows_it() {
        let may = |allowed: &[&str], reply_to: &str| {
            let allowed: Vec<String> = allowed.iter().map(|it| (*it).to_owned()).collect();
            may_answer(&stomp(), &allowed, &endpoint(), reply_to)
        };
        let any = ["/queue/*", "/topic/*"];
        assert!(may(&any, "/queue/agent-1") && may(&any, "/topic/a.b"));
        // What RabbitMQ ends a whole connection for, and where we listen ourselves.
        for reply_to in
            ["", "/queue/", "/queue/a/b", "/exchange/none/x", "/amq/queue/none", "/queue/ctl", "/queue/a\nb"]
        {
            assert!(!may(&any, reply_to), "{reply_to}");
        }
        let own = ["/queue/agent-{endpoint}"];
        assert!(may(&own, "/queue/agent-os::012345-A1"));
        assert!(!may(&own, "/queue/agent-os::012345-A2"));
    }

    #[test]
    fn agents_at_mqtt_are_answered_where_an_operator_allows_it() {
        let may = |topic: &str, allowed: &str, reply_to: &str| {
            may_answer(&mqtt(MqttVersion::V5, topic), &[allowed.to_owned()], &endpoint(), reply_to)
        };
        assert!(may("usp/ctl", "#", "usp/agent/1"));
        for reply_to in ["$SYS/x", "usp/ctl", "a/#", ""] {
            assert!(!may("usp/ctl", "#", reply_to), "{reply_to}");
        }
        assert!(may("usp/ctl", "usp/agent/{endpoint}", "usp/agent/os::012345-A1"));
        assert!(!may("usp/ctl", "usp/agent/{endpoint}", "usp/agent/os::012345-A2"));
        assert!(!may("usp/ctl/{endpoint}", "#", "usp/ctl/os::012345-A2"), "another agent's way to us");
    }

    #[test]
    fn a_record_comes_at_the_topic_of_its_sender_where_each_has_one() {
        let own = mqtt(MqttVersion::V5, "usp/ctl/{endpoint}");
        assert!(may_speak(&own, &endpoint(), Some("usp/ctl/os::012345-A1")));
        assert!(!may_speak(&own, &endpoint(), Some("usp/ctl/os::012345-A2")));
        let own = mqtt(MqttVersion::V311, "usp/ctl/{endpoint}");
        assert!(may_speak(&own, &endpoint(), Some("usp/ctl/os::012345-A1/reply-to=a%2Fb")));
        assert!(!may_speak(&own, &endpoint(), Some("usp/ctl/os::012345-A2/reply-to=a%2Fb")));
        assert_eq!(answer_at(&own, &endpoint()).as_deref(), Some("usp/ctl/os::012345-A1"));
        let one = mqtt(MqttVersion::V5, "usp/ctl");
        assert!(may_speak(&one, &endpoint(), Some("usp/ctl")) && answer_at(&one, &endpoint()).is_none());
    }
}
