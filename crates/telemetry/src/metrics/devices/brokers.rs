//! What is counted of message brokers.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBroker {
    broker: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    broker: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRecord {
    broker: &'static str,
    what: &'static str,
}

/// From when a record is to be sent until it is handed to the kernel, and from then until it is confirmed, in seconds.
const SECONDS: [f64; 10] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0];

/// What is counted of message brokers at which devices are met. Labels are words of the program: `stomp`, `mqtt`,
/// `stomp_endpoint`, and reasons.
#[derive(Clone, Debug)]
pub struct BrokerMetrics {
    connections: Family<OfBroker, Gauge>,
    attempts: Family<OfBroker, Counter>,
    errors: Family<OfReason, Counter>,
    records: Family<OfRecord, Counter>,
    agents: Family<OfBroker, Gauge>,
    publish_seconds: Family<OfBroker, Histogram, fn() -> Histogram>,
    ack_seconds: Family<OfBroker, Histogram, fn() -> Histogram>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for BrokerMetrics {
    fn default() -> Self {
        Self {
            connections: Family::default(),
            attempts: Family::default(),
            errors: Family::default(),
            records: Family::default(),
            agents: Family::default(),
            publish_seconds: Family::new_with_constructor(seconds),
            ack_seconds: Family::new_with_constructor(seconds),
        }
    }
}

impl BrokerMetrics {
    /// Registers them as `sangam_devices_usp_broker_…`.
    pub(super) fn register(&self, registry: &mut Registry) {
        let to = registry.sub_registry_with_prefix("usp_broker");
        to.register("connections", "Connections with brokers, or of agents with our own", self.connections.clone());
        to.register("attempts", "Connections that were tried, or accepted", self.attempts.clone());
        to.register("errors", "What went wrong with brokers, by reason", self.errors.clone());
        let help = "Records: published, received, acked and nacked by the broker";
        to.register("records", help, self.records.clone());
        to.register("agents", "Agents met at brokers", self.agents.clone());
        let help = "From when a record is to be sent until the kernel has it";
        to.register("publish_seconds", help, self.publish_seconds.clone());
        let help = "From when the kernel has a record until the broker confirms it";
        to.register("ack_seconds", help, self.ack_seconds.clone());
    }

    /// A connection is tried.
    pub fn tried(&self, broker: &'static str) {
        self.attempts.get_or_create(&OfBroker { broker }).inc();
    }

    /// So many connections are there.
    pub fn connected(&self, broker: &'static str, connections: u64) {
        self.connections.get_or_create(&OfBroker { broker }).set(i64::try_from(connections).unwrap_or(i64::MAX));
    }

    /// So many agents are met.
    pub fn met(&self, broker: &'static str, agents: usize) {
        self.agents.get_or_create(&OfBroker { broker }).set(i64::try_from(agents).unwrap_or(i64::MAX));
    }

    /// Something went wrong, and what, in one word.
    pub fn failed(&self, broker: &'static str, reason: &'static str) {
        self.errors.get_or_create(&OfReason { broker, reason }).inc();
    }

    /// A record came.
    pub fn received(&self, broker: &'static str) {
        self.record(broker, "received");
    }

    /// A record was sent.
    pub fn published(&self, broker: &'static str, took: Duration) {
        self.record(broker, "published");
        self.publish_seconds.get_or_create(&OfBroker { broker }).observe(took.as_secs_f64());
    }

    /// The broker confirmed one.
    pub fn acked(&self, broker: &'static str, took: Duration) {
        self.record(broker, "acked");
        self.ack_seconds.get_or_create(&OfBroker { broker }).observe(took.as_secs_f64());
    }

    /// The broker refused one.
    pub fn nacked(&self, broker: &'static str) {
        self.record(broker, "nacked");
    }

    fn record(&self, broker: &'static str, what: &'static str) {
        self.records.get_or_create(&OfRecord { broker, what }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_name_and_its_labels() {
        let mut registry = Registry::default();
        let metrics = BrokerMetrics::default();
        metrics.register(registry.sub_registry_with_prefix("sangam_devices"));
        metrics.tried("stomp");
        metrics.connected("stomp", 1);
        metrics.met("stomp", 3);
        metrics.failed("mqtt", "silent");
        metrics.received("mqtt");
        metrics.published("mqtt", Duration::from_millis(1));
        metrics.acked("mqtt", Duration::from_millis(1));
        metrics.nacked("mqtt");
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "sangam_devices_usp_broker_attempts_total{broker=\"stomp\"} 1",
            "sangam_devices_usp_broker_connections{broker=\"stomp\"} 1",
            "sangam_devices_usp_broker_agents{broker=\"stomp\"} 3",
            "sangam_devices_usp_broker_errors_total{broker=\"mqtt\",reason=\"silent\"} 1",
            "sangam_devices_usp_broker_records_total{broker=\"mqtt\",what=\"received\"} 1",
            "sangam_devices_usp_broker_records_total{broker=\"mqtt\",what=\"published\"} 1",
            "sangam_devices_usp_broker_records_total{broker=\"mqtt\",what=\"acked\"} 1",
            "sangam_devices_usp_broker_records_total{broker=\"mqtt\",what=\"nacked\"} 1",
            "sangam_devices_usp_broker_publish_seconds_count{broker=\"mqtt\"} 1",
            "sangam_devices_usp_broker_ack_seconds_count{broker=\"mqtt\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
