use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::figures::CONNECT_SECONDS;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfType {
    connection_type: &'static str,
}

/// Upper bounds in milliseconds: the runbook's thresholds are among them.
const RTT_MILLIS: [f64; 12] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0, 500.0];

/// The names of IF.swarm's runbook that have a true source here. Those about media (SRTP, jitter, packets lost of RTP) have
/// none, as links carry data alone; memory and processor time are the process's own metrics.
#[derive(Debug)]
pub(super) struct Aliases {
    pub(super) attempted: Counter,
    established: Counter,
    pub(super) failed: Counter,
    pub(super) dropped: Counter,
    pub(super) open: Gauge,
    over_turn: Counter,
    establishment_seconds: Histogram,
    rtt_milliseconds: Family<OfType, Histogram, fn() -> Histogram>,
    messages_sent: Counter,
    messages_received: Counter,
    bytes_sent: Counter,
    bytes_received: Counter,
    pub(super) message_errors: Counter,
    pub(super) bad_signatures: Counter,
    pub(super) signaling_errors: Counter,
}

impl Default for Aliases {
    fn default() -> Self {
        Self {
            attempted: Counter::default(),
            established: Counter::default(),
            failed: Counter::default(),
            dropped: Counter::default(),
            open: Gauge::default(),
            over_turn: Counter::default(),
            establishment_seconds: Histogram::new(CONNECT_SECONDS),
            rtt_milliseconds: Family::new_with_constructor(|| Histogram::new(RTT_MILLIS)),
            messages_sent: Counter::default(),
            messages_received: Counter::default(),
            bytes_sent: Counter::default(),
            bytes_received: Counter::default(),
            message_errors: Counter::default(),
            bad_signatures: Counter::default(),
            signaling_errors: Counter::default(),
        }
    }
}

impl Aliases {
    pub(super) fn register(&self, to: &mut Registry) {
        for (name, help, counter) in [
            ("connections_attempted", "Attempts to link (the runbook's name)", &self.attempted),
            (
                "connections_established",
                "Attempts that ended with an open link (the runbook's name)",
                &self.established,
            ),
            ("connections_failed", "Attempts that failed (the runbook's name)", &self.failed),
            ("connections_dropped", "Open links that were lost (the runbook's name)", &self.dropped),
            ("turn_fallback", "Links that opened over a relay (the runbook's name)", &self.over_turn),
            ("messages_sent", "Messages sent over links (the runbook's name)", &self.messages_sent),
            ("messages_received", "Messages received over links (the runbook's name)", &self.messages_received),
            ("message_errors", "Messages that were not taken (the runbook's name)", &self.message_errors),
            (
                "signature_verification_failures",
                "Messages whose signature is wrong (the runbook's name)",
                &self.bad_signatures,
            ),
            ("signaling_errors", "Signals that were of no use or lost (the runbook's name)", &self.signaling_errors),
        ] {
            to.register(name, help, counter.clone());
        }
        to.register("total_connections", "Open links now (the runbook's name)", self.open.clone());
        let help = "From the first attempt to the open link (the runbook's name)";
        to.register("connection_establishment_seconds", help, self.establishment_seconds.clone());
        let help = "Measured round trips in milliseconds (the runbook's name)";
        to.register("rtt_milliseconds", help, self.rtt_milliseconds.clone());
        let help = "Bytes of messages sent over links (the runbook's name)";
        to.register("network_bytes_sent", help, self.bytes_sent.clone());
        let help = "Bytes of messages received over links (the runbook's name)";
        to.register("network_bytes_received", help, self.bytes_received.clone());
    }

    pub(super) fn established(&self, took: Duration, relayed: bool) {
        self.established.inc();
        self.establishment_seconds.observe(took.as_secs_f64());
        if relayed {
            self.over_turn.inc();
        }
    }

    pub(super) fn round_trip(&self, took: Duration, relayed: bool) {
        let connection_type = if relayed { "relay" } else { "p2p" };
        self.rtt_milliseconds.get_or_create(&OfType { connection_type }).observe(took.as_secs_f64() * 1e3);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.messages_sent.inc();
        self.bytes_sent.inc_by(bytes as u64);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.messages_received.inc();
        self.bytes_received.inc_by(bytes as u64);
    }
}
