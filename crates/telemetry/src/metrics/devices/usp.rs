use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTransport {
    transport: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDirection {
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStep {
    step: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfChange {
    change: &'static str,
}

/// What is counted of USP agents. Labels are words of the program, never of an agent.
#[derive(Clone, Debug, Default)]
pub struct UspMetrics {
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    agents: Family<OfTransport, Gauge>,
    opened: Family<OfTransport, Counter>,
    closed: Family<OfReason, Counter>,
    records: Family<OfDirection, Counter>,
    record_bytes: Family<OfDirection, Counter>,
    refusals: Family<OfReason, Counter>,
    notifications: Family<OfKind, Counter>,
    onboarding_failures: Family<OfStep, Counter>,
    subscriptions: Family<OfChange, Counter>,
    sessions_restarted: Family<OfReason, Counter>,
}

impl UspMetrics {
    pub(super) fn register(&self, to: &mut Registry) {
        let to = to.sub_registry_with_prefix("usp");
        let it = &self.figures;
        to.register("agents", "Agents connected now, by transport", it.agents.clone());
        to.register("opened", "Ways to agents that were opened, by transport", it.opened.clone());
        to.register("closed", "Ways to agents that ended, by why", it.closed.clone());
        to.register("records", "Records, by direction", it.records.clone());
        to.register("record_bytes", "Bytes of records, by direction", it.record_bytes.clone());
        to.register("refusals", "Agents, records and messages that were refused, by reason", it.refusals.clone());
        to.register("notifications", "What agents told, by kind", it.notifications.clone());
        let help = "Questions that agents were asked when they came and did not answer, by step and reason";
        to.register("onboarding_failures", help, it.onboarding_failures.clone());
        let help = "Subscriptions at agents that were not as they should be, by what was done";
        to.register("subscriptions", help, it.subscriptions.clone());
        to.register("sessions_restarted", "Session contexts that began anew, by why", it.sessions_restarted.clone());
    }

    /// There is a way to an agent.
    pub fn connected(&self, transport: &'static str) {
        self.figures.agents.get_or_create(&OfTransport { transport }).inc();
        self.figures.opened.get_or_create(&OfTransport { transport }).inc();
    }

    /// There is none any more.
    pub fn disconnected(&self, transport: &'static str, reason: &'static str) {
        self.figures.agents.get_or_create(&OfTransport { transport }).dec();
        self.figures.closed.get_or_create(&OfReason { reason }).inc();
    }

    /// A record came.
    pub fn record_came(&self, bytes: usize) {
        self.record("in", bytes);
    }

    /// A record is about to leave.
    pub fn record_left(&self, bytes: usize) {
        self.record("out", bytes);
    }

    fn record(&self, direction: &'static str, bytes: usize) {
        self.figures.records.get_or_create(&OfDirection { direction }).inc();
        self.figures.record_bytes.get_or_create(&OfDirection { direction }).inc_by(bytes as u64);
    }

    /// Something was refused, and why, in one word.
    pub fn refused(&self, reason: &'static str) {
        self.figures.refusals.get_or_create(&OfReason { reason }).inc();
    }

    /// An agent told something.
    pub fn notified(&self, kind: &'static str) {
        self.figures.notifications.get_or_create(&OfKind { kind }).inc();
    }

    /// An agent did not answer what it was asked when it came.
    pub fn onboarding_failed(&self, step: &'static str, reason: &'static str) {
        self.figures.onboarding_failures.get_or_create(&OfStep { step, reason }).inc();
    }

    /// Subscriptions at an agent are made as they should be.
    pub fn subscribing(&self, added: usize, changed: usize, removed: usize) {
        for (change, count) in [("added", added), ("changed", changed), ("removed", removed)] {
            self.figures.subscriptions.get_or_create(&OfChange { change }).inc_by(count as u64);
        }
    }

    /// A session context began anew.
    pub fn session_restarted(&self, reason: &'static str) {
        self.figures.sessions_restarted.get_or_create(&OfReason { reason }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_name_and_its_labels() {
        let mut registry = Registry::default();
        let metrics = UspMetrics::default();
        metrics.register(registry.sub_registry_with_prefix("sangam_devices"));
        metrics.connected("websocket");
        metrics.connected("websocket");
        metrics.disconnected("websocket", "gone");
        metrics.record_came(7);
        metrics.record_left(8);
        metrics.refused("forged_from_id");
        metrics.notified("boot");
        metrics.onboarding_failed("identity", "timeout");
        metrics.subscribing(4, 1, 0);
        metrics.session_restarted("by_peer");
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "sangam_devices_usp_agents{transport=\"websocket\"} 1",
            "sangam_devices_usp_opened_total{transport=\"websocket\"} 2",
            "sangam_devices_usp_closed_total{reason=\"gone\"} 1",
            "sangam_devices_usp_records_total{direction=\"in\"} 1",
            "sangam_devices_usp_record_bytes_total{direction=\"out\"} 8",
            "sangam_devices_usp_refusals_total{reason=\"forged_from_id\"} 1",
            "sangam_devices_usp_notifications_total{kind=\"boot\"} 1",
            "sangam_devices_usp_onboarding_failures_total{step=\"identity\",reason=\"timeout\"} 1",
            "sangam_devices_usp_subscriptions_total{change=\"added\"} 4",
            "sangam_devices_usp_sessions_restarted_total{reason=\"by_peer\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
