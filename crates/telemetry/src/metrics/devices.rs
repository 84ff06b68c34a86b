//! What device management counts.

mod brokers;
mod usp;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use brokers::BrokerMetrics;
pub use usp::UspMetrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfClass {
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfMethod {
    method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTask {
    kind: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAlarm {
    severity: &'static str,
    change: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAttempt {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBinding {
    named: &'static str,
    changed: &'static str,
}

/// From an Inform to its answer, in seconds.
const INFORM_SECONDS: [f64; 10] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Of a whole session.
const SESSION_SECONDS: [f64; 9] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 300.0];

/// Of a sync of the disk.
const COMMIT_SECONDS: [f64; 10] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// Of changes that became durable together.
const GROUP_LEN: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2_048.0];

/// What device management counts. Labels are words of the program, never of a device.
#[derive(Clone, Debug, Default)]
pub struct DeviceMetrics {
    figures: Arc<Figures>,
    /// Of USP agents.
    pub usp: UspMetrics,
    /// What is counted of message brokers.
    pub brokers: BrokerMetrics,
}

#[derive(Debug)]
struct Figures {
    informs: Family<OfClass, Counter>,
    inform_seconds: Histogram,
    sessions: Gauge,
    sessions_ended: Family<OfReason, Counter>,
    session_seconds: Histogram,
    shed: Family<OfClass, Counter>,
    refusals: Family<OfReason, Counter>,
    departures: Family<OfKind, Counter>,
    requests: Family<OfMethod, Counter>,
    tasks: Family<OfTask, Counter>,
    calls: Family<OfOutcome, Counter>,
    call_attempts: Family<OfAttempt, Counter>,
    bindings: Family<OfBinding, Counter>,
    xmpp_connected: Gauge,
    xmpp_ended: Family<OfReason, Counter>,
    certificates: Family<OfOutcome, Counter>,
    enrolled: Counter,
    drifts: Counter,
    drifted_values: Counter,
    alarms: Family<OfAlarm, Counter>,
    alarms_suppressed: Family<OfReason, Counter>,
    values_changed: Counter,
    values_left_out: Counter,
    commit_seconds: Histogram,
    commit_changes: Histogram,
    commit_rows: Counter,
    store_failures: Family<OfKind, Counter>,
    swept: Counter,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            informs: Family::default(),
            inform_seconds: Histogram::new(INFORM_SECONDS),
            sessions: Gauge::default(),
            sessions_ended: Family::default(),
            session_seconds: Histogram::new(SESSION_SECONDS),
            shed: Family::default(),
            refusals: Family::default(),
            departures: Family::default(),
            requests: Family::default(),
            tasks: Family::default(),
            calls: Family::default(),
            call_attempts: Family::default(),
            bindings: Family::default(),
            xmpp_connected: Gauge::default(),
            xmpp_ended: Family::default(),
            certificates: Family::default(),
            enrolled: Counter::default(),
            drifts: Counter::default(),
            drifted_values: Counter::default(),
            alarms: Family::default(),
            alarms_suppressed: Family::default(),
            values_changed: Counter::default(),
            values_left_out: Counter::default(),
            commit_seconds: Histogram::new(COMMIT_SECONDS),
            commit_changes: Histogram::new(GROUP_LEN),
            commit_rows: Counter::default(),
            store_failures: Family::default(),
            swept: Counter::default(),
        }
    }
}

impl Figures {
    fn register(&self, to: &mut Registry) {
        to.register("informs", "Informs taken, by what they are about", self.informs.clone());
        to.register("inform_seconds", "From an Inform to its answer", self.inform_seconds.clone());
        to.register("sessions", "Sessions open now", self.sessions.clone());
        to.register("sessions_ended", "Sessions that ended, by how", self.sessions_ended.clone());
        to.register("session_seconds", "How long sessions took", self.session_seconds.clone());
        let help = "Informs told to come back later, by what they are about";
        to.register("shed", help, self.shed.clone());
        to.register("refusals", "What was refused, by reason", self.refusals.clone());
        to.register(
            "departures",
            "What devices wrote otherwise than the standard has it, by kind",
            self.departures.clone(),
        );
        to.register("requests", "Requests sent to devices, by method", self.requests.clone());
        to.register("tasks", "What became of tasks, by kind and state", self.tasks.clone());
        to.register("calls", "Devices called, by what came of it", self.calls.clone());
        self.register_calls(to);
        to.register("enrolled", "Devices that became ours", self.enrolled.clone());
        to.register("drifts", "Tasks made as a device was not as its profiles want it", self.drifts.clone());
        to.register("drifted_values", "Values that were otherwise then", self.drifted_values.clone());
        to.register("alarms", "Alarms written, by severity and what happened to them", self.alarms.clone());
        let help = "Alarms that were not written, as there were too many of a device, of all, or open ones";
        to.register("alarms_suppressed", help, self.alarms_suppressed.clone());
        to.register("values_changed", "Values of parameters that were new or changed", self.values_changed.clone());
        let help = "Values that were not kept, as they or their names passed a bound";
        to.register("values_left_out", help, self.values_left_out.clone());
        self.register_store(to);
    }

    fn register_calls(&self, to: &mut Registry) {
        let help = "Ways by which devices were called, by kind and by what came of it";
        to.register("call_attempts", help, self.call_attempts.clone());
        let help = "Bindings behind NAT that devices said they keep open, by whether they named themselves and whether it changed";
        to.register("bindings", help, self.bindings.clone());
        let help = "Whether an XMPP server lets us call devices through it";
        to.register("xmpp_connected", help, self.xmpp_connected.clone());
        to.register("xmpp_ended", "Connections with the XMPP server that ended, by reason", self.xmpp_ended.clone());
        let help = "Certificates that devices showed, by what came of it";
        to.register("certificates", help, self.certificates.clone());
    }

    fn register_store(&self, to: &mut Registry) {
        to.register("commit_seconds", "How long a group took to become durable", self.commit_seconds.clone());
        to.register("commit_changes", "Changes of a group", self.commit_changes.clone());
        to.register("commit_rows", "Rows made durable", self.commit_rows.clone());
        to.register("store_failures", "Failures of the store, by kind", self.store_failures.clone());
        to.register("swept", "Rows dropped that nobody needs any more", self.swept.clone());
    }
}

impl DeviceMetrics {
    /// Makes them and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("sangam_devices");
        metrics.figures.register(registry);
        metrics.usp.register(registry);
        metrics.brokers.register(registry);
        metrics
    }

    /// An Inform was made durable and answered; `class` is what it is about.
    pub fn informed(&self, class: &'static str, took: Duration) {
        self.figures.informs.get_or_create(&OfClass { class }).inc();
        self.figures.inform_seconds.observe(took.as_secs_f64());
    }

    /// A session began.
    pub fn session_began(&self) {
        self.figures.sessions.inc();
    }

    /// One ended, and how.
    pub fn session_ended(&self, reason: &'static str, took: Duration) {
        self.figures.sessions.dec();
        self.figures.sessions_ended.get_or_create(&OfReason { reason }).inc();
        self.figures.session_seconds.observe(took.as_secs_f64());
    }

    /// An Inform was told to come back later.
    pub fn shed(&self, class: &'static str) {
        self.figures.shed.get_or_create(&OfClass { class }).inc();
    }

    /// Something was refused, and why, in one word.
    pub fn refused(&self, reason: &'static str) {
        self.figures.refusals.get_or_create(&OfReason { reason }).inc();
    }

    /// A device wrote something otherwise than the standard has it.
    pub fn departed(&self, kind: &'static str, count: u64) {
        if count > 0 {
            self.figures.departures.get_or_create(&OfKind { kind }).inc_by(count);
        }
    }

    /// A request is about to leave for a device; `method` is its name.
    pub fn requested(&self, method: &'static str) {
        self.figures.requests.get_or_create(&OfMethod { method }).inc();
    }

    /// A task came to a state.
    pub fn task(&self, kind: &'static str, state: &'static str) {
        self.figures.tasks.get_or_create(&OfTask { kind, state }).inc();
    }

    /// A device was called; `outcome` is what came of it.
    pub fn called(&self, outcome: &'static str) {
        self.figures.calls.get_or_create(&OfOutcome { outcome }).inc();
    }

    /// A device was called by one of the ways that there are: `http`, `udp`, `xmpp`.
    pub fn call_attempted(&self, kind: &'static str, outcome: &'static str) {
        self.figures.call_attempts.get_or_create(&OfAttempt { kind, outcome }).inc();
    }

    /// A device said that it keeps a binding open.
    pub fn binding_heard(&self, is_named: bool, is_changed: bool) {
        let word = |is: bool| if is { "yes" } else { "no" };
        let labels = OfBinding { named: word(is_named), changed: word(is_changed) };
        self.figures.bindings.get_or_create(&labels).inc();
    }

    /// An XMPP server has let us in, or no longer has.
    pub fn xmpp_connected(&self, is_connected: bool) {
        self.figures.xmpp_connected.set(i64::from(is_connected));
    }

    /// A connection with it, or the try of one, ended.
    pub fn xmpp_ended(&self, reason: &'static str) {
        self.figures.xmpp_ended.get_or_create(&OfReason { reason }).inc();
    }

    /// A device showed a certificate: `proven`, `another_device`, `names_nobody`.
    pub fn certificate(&self, outcome: &'static str) {
        self.figures.certificates.get_or_create(&OfOutcome { outcome }).inc();
    }

    /// A device became ours.
    pub fn enrolled(&self) {
        self.figures.enrolled.inc();
    }

    /// A device is told what its profiles want in so many values.
    pub fn drifted(&self, values: usize) {
        self.figures.drifts.inc();
        self.figures.drifted_values.inc_by(values as u64);
    }

    /// An alarm was written: `raised`, `acknowledged` or `cleared`.
    pub fn alarm(&self, severity: &'static str, change: &'static str) {
        self.figures.alarms.get_or_create(&OfAlarm { severity, change }).inc();
    }

    /// An alarm was not written, and why: `device`, `fleet` or `full`.
    pub fn alarm_suppressed(&self, reason: &'static str) {
        self.figures.alarms_suppressed.get_or_create(&OfReason { reason }).inc();
    }

    /// What a device reported was new or different in so many values, and so many were not kept.
    pub fn reported(&self, changed: usize, left_out: usize) {
        self.figures.values_changed.inc_by(changed as u64);
        self.figures.values_left_out.inc_by(left_out as u64);
    }

    /// A group of changes was made durable.
    pub fn committed(&self, changes: usize, rows: usize, took: Duration) {
        self.figures.commit_seconds.observe(took.as_secs_f64());
        self.figures.commit_changes.observe(changes as f64);
        self.figures.commit_rows.inc_by(rows as u64);
    }

    /// The store failed: `full`, `uncertain`, `overtaken`, `unusable`, `damaged`.
    pub fn store_failed(&self, kind: &'static str) {
        self.figures.store_failures.get_or_create(&OfKind { kind }).inc();
    }

    /// Rows that nobody needs any more were dropped.
    pub fn swept(&self, dropped: u64) {
        self.figures.swept.inc_by(dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_name_and_its_labels() {
        let mut registry = Registry::default();
        let metrics = DeviceMetrics::register(&mut registry);
        metrics.informed("boot", Duration::from_millis(3));
        metrics.session_began();
        metrics.session_ended("complete", Duration::from_secs(1));
        metrics.shed("routine");
        metrics.refused("missing");
        metrics.departed("no_id", 2);
        metrics.departed("none", 0);
        metrics.requested("Reboot");
        metrics.task("reboot", "sent");
        metrics.called("accepted");
        metrics.call_attempted("udp", "timeout");
        metrics.binding_heard(true, false);
        metrics.xmpp_connected(true);
        metrics.xmpp_ended("conflict");
        metrics.certificate("proven");
        metrics.enrolled();
        metrics.drifted(2);
        metrics.alarm("major", "raised");
        metrics.alarm_suppressed("fleet");
        metrics.reported(3, 1);
        metrics.committed(4, 9, Duration::from_millis(1));
        metrics.store_failed("full");
        metrics.swept(5);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "sangam_devices_informs_total{class=\"boot\"} 1",
            "sangam_devices_inform_seconds_bucket{le=\"0.005\"} 1",
            "sangam_devices_sessions 0",
            "sangam_devices_sessions_ended_total{reason=\"complete\"} 1",
            "sangam_devices_shed_total{class=\"routine\"} 1",
            "sangam_devices_refusals_total{reason=\"missing\"} 1",
            "sangam_devices_departures_total{kind=\"no_id\"} 2",
            "sangam_devices_requests_total{method=\"Reboot\"} 1",
            "sangam_devices_tasks_total{kind=\"reboot\",state=\"sent\"} 1",
            "sangam_devices_calls_total{outcome=\"accepted\"} 1",
            "sangam_devices_call_attempts_total{kind=\"udp\",outcome=\"timeout\"} 1",
            "sangam_devices_bindings_total{named=\"yes\",changed=\"no\"} 1",
            "sangam_devices_xmpp_connected 1",
            "sangam_devices_xmpp_ended_total{reason=\"conflict\"} 1",
            "sangam_devices_certificates_total{outcome=\"proven\"} 1",
            "sangam_devices_enrolled_total 1",
            "sangam_devices_drifts_total 1",
            "sangam_devices_drifted_values_total 2",
            "sangam_devices_alarms_total{severity=\"major\",change=\"raised\"} 1",
            "sangam_devices_alarms_suppressed_total{reason=\"fleet\"} 1",
            "sangam_devices_values_changed_total 3",
            "sangam_devices_values_left_out_total 1",
            "sangam_devices_commit_rows_total 9",
            "sangam_devices_store_failures_total{kind=\"full\"} 1",
            "sangam_devices_swept_total 5",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("kind=\"none\""), "nothing is counted where nothing was met");
    }
}
