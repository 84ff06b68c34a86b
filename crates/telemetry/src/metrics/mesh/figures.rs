use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{MeshLink, MeshPath};

/// What a node's parts count by themselves: totals since the start, except where something else is said.
#[derive(Clone, Debug, Default)]
pub struct MeshFigures {
    /// Peers known now, by what they are.
    pub peers: Vec<(&'static str, u64)>,
    /// Topics wanted now.
    pub topics: u64,
    /// Topic messages: `published`, `delivered`, `duplicate`, `forwarded`, `recovered`, `held_back`.
    pub gossip: Vec<(&'static str, u64)>,
    /// Bytes kept for those who missed them, now.
    pub gossip_cached_bytes: u64,
    /// Packets of links, by direction: `sent`, `received`.
    pub packets: Vec<(&'static str, u64)>,
    /// Packets that were dropped, by reason.
    pub packets_dropped: Vec<(&'static str, u64)>,
    /// Allocations on relays now, by what carries them: `udp`, `tcp`, `tls`.
    pub allocations: Vec<(&'static str, u64)>,
    /// Allocations that failed or were lost.
    pub allocation_failures: u64,
    /// What looks for peers: signals `sent` and `undeliverable`; finds `dropped`, `malformed`, `beyond_bounds`.
    pub discovery: Vec<(&'static str, u64)>,
    /// What peers or relays were refused: `candidate`, `channel`, `permission`.
    pub refused: Vec<(&'static str, u64)>,
    /// Times that the host's or the outer addresses changed.
    pub network_changes: u64,
}

/// Upper bounds of the time to an open data channel, in seconds. The guide's thresholds, 2 and 5, are among them.
pub(super) const CONNECT_SECONDS: [f64; 11] = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.5, 5.0, 10.0, 30.0];

/// Of round trips. The runbook's thresholds are among them.
const ROUND_TRIP_SECONDS: [f64; 12] = [0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0];

macro_rules! labels {
    ($($name:ident { $($label:ident: $kind:ty),+ })+) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $name { $($label: $kind),+ }
    )+};
}

labels! {
    OfLink { state: &'static str, profile: &'static str }
    OfPath { kind: &'static str, protocol: &'static str, relayed: &'static str }
    OfWay { path: &'static str }
    OfDirection { direction: &'static str }
    OfEnd { outcome: &'static str, reason: &'static str }
    OfReason { reason: &'static str }
    OfOutcome { outcome: &'static str }
    OfCandidate { direction: &'static str, kind: &'static str }
    OfSignal { direction: &'static str, kind: &'static str, via: &'static str }
    OfSource { source: &'static str, place: u64 }
    OfRequest { route: String, status: u16 }
}

type Histograms = Family<OfWay, Histogram, fn() -> Histogram>;

/// Every figure that is counted as it happens.
#[derive(Debug)]
pub(super) struct Figures {
    links: Family<OfLink, Gauge>,
    paths: Family<OfPath, Gauge>,
    attempts: Family<OfDirection, Counter>,
    attempts_ended: Family<OfEnd, Counter>,
    connect_seconds: Histograms,
    closes: Family<OfReason, Counter>,
    pub(super) interruptions: Counter,
    pub(super) return_seconds: Histogram,
    glares: Family<OfOutcome, Counter>,
    candidates: Family<OfCandidate, Counter>,
    round_trip_seconds: Histograms,
    messages: Family<OfDirection, Counter>,
    message_bytes: Family<OfDirection, Counter>,
    refusals: Family<OfReason, Counter>,
    signals: Family<OfSignal, Counter>,
    signals_dropped: Family<OfReason, Counter>,
    sources: Family<OfSource, Gauge>,
    http_requests: Family<OfRequest, Counter>,
    http_refusals: Family<OfReason, Counter>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            links: Family::default(),
            paths: Family::default(),
            attempts: Family::default(),
            attempts_ended: Family::default(),
            connect_seconds: Family::new_with_constructor(|| Histogram::new(CONNECT_SECONDS)),
            closes: Family::default(),
            interruptions: Counter::default(),
            return_seconds: Histogram::new(CONNECT_SECONDS),
            glares: Family::default(),
            candidates: Family::default(),
            round_trip_seconds: Family::new_with_constructor(|| Histogram::new(ROUND_TRIP_SECONDS)),
            messages: Family::default(),
            message_bytes: Family::default(),
            refusals: Family::default(),
            signals: Family::default(),
            signals_dropped: Family::default(),
            sources: Family::default(),
            http_requests: Family::default(),
            http_refusals: Family::default(),
        }
    }
}

impl Figures {
    pub(super) fn register(&self, to: &mut Registry) {
        to.register("links", "Links now, by state and by what the peer is", self.links.clone());
        to.register("open_links", "Open links now, by what carries them", self.paths.clone());
        to.register("attempts", "Attempts to link: out, we offer; in, we answer", self.attempts.clone());
        to.register("attempts_ended", "Attempts that ended, by outcome and reason", self.attempts_ended.clone());
        let help = "From the first attempt to the open data channel, by whether a relay is on the way";
        to.register("connect_seconds", help, self.connect_seconds.clone());
        to.register("links_closed", "Links that were open and are over, by reason", self.closes.clone());
        to.register("interruptions", "Times that an open link fell silent", self.interruptions.clone());
        to.register("return_seconds", "From a link's silence to its return", self.return_seconds.clone());
        to.register("glares", "Pairs of offers that crossed, by what became of ours", self.glares.clone());
        to.register("candidates", "Candidates sent and received, by kind", self.candidates.clone());
        let help = "Measured round trips of open links, by whether a relay is on the way";
        to.register("round_trip_seconds", help, self.round_trip_seconds.clone());
        to.register("messages", "Messages over links", self.messages.clone());
        to.register("message_bytes", "Bytes of messages over links", self.message_bytes.clone());
        to.register("messages_refused", "What peers sent and was not taken, by reason", self.refusals.clone());
        to.register("signals", "Signals, by kind and by the way they went", self.signals.clone());
        let help = "Signals that were of no use or could not be delivered, by reason";
        to.register("signals_dropped", help, self.signals_dropped.clone());
        let help = "Whether a way to find peers works: 1 or 0; place is its place in the configuration";
        to.register("source_up", help, self.sources.clone());
        to.register("http_requests", "Requests to the node's HTTP API", self.http_requests.clone());
        let help = "Requests refused before they reached the node, by reason";
        to.register("http_refusals", help, self.http_refusals.clone());
    }

    pub(super) fn link_changed(&self, before: Option<MeshLink>, after: Option<MeshLink>) {
        let gauge = |MeshLink { state, profile }| self.links.get_or_create(&OfLink { state, profile }).clone();
        moved(before.map(gauge), after.map(gauge));
    }

    pub(super) fn path_changed(&self, before: Option<MeshPath>, after: Option<MeshPath>) {
        let gauge = |MeshPath { kind, protocol, relayed }| {
            let relayed = if relayed { "true" } else { "false" };
            self.paths.get_or_create(&OfPath { kind, protocol, relayed }).clone()
        };
        moved(before.map(gauge), after.map(gauge));
    }

    pub(super) fn attempted(&self, direction: &'static str) {
        self.attempts.get_or_create(&OfDirection { direction }).inc();
    }

    pub(super) fn attempt_ended(&self, outcome: &'static str, reason: &'static str) {
        self.attempts_ended.get_or_create(&OfEnd { outcome, reason }).inc();
    }

    pub(super) fn connected(&self, path: &'static str, took: Duration) {
        self.connect_seconds.get_or_create(&OfWay { path }).observe(took.as_secs_f64());
    }

    pub(super) fn closed(&self, reason: &'static str) {
        self.closes.get_or_create(&OfReason { reason }).inc();
    }

    pub(super) fn glared(&self, outcome: &'static str) {
        self.glares.get_or_create(&OfOutcome { outcome }).inc();
    }

    pub(super) fn candidate(&self, direction: &'static str, kind: &'static str) {
        self.candidates.get_or_create(&OfCandidate { direction, kind }).inc();
    }

    pub(super) fn round_trip(&self, path: &'static str, took: Duration) {
        self.round_trip_seconds.get_or_create(&OfWay { path }).observe(took.as_secs_f64());
    }

    pub(super) fn message(&self, direction: &'static str, bytes: usize) {
        self.messages.get_or_create(&OfDirection { direction }).inc();
        self.message_bytes.get_or_create(&OfDirection { direction }).inc_by(bytes as u64);
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&OfReason { reason }).inc();
    }

    pub(super) fn signal(&self, direction: &'static str, kind: &'static str, via: &'static str) {
        self.signals.get_or_create(&OfSignal { direction, kind, via }).inc();
    }

    pub(super) fn signal_dropped(&self, reason: &'static str) {
        self.signals_dropped.get_or_create(&OfReason { reason }).inc();
    }

    pub(super) fn source(&self, source: &'static str, place: u8, up: bool) {
        self.sources.get_or_create(&OfSource { source, place: place.into() }).set(i64::from(up));
    }

    pub(super) fn http_answered(&self, route: &str, status: u16) {
        self.http_requests.get_or_create(&OfRequest { route: route.to_owned(), status }).inc();
    }

    pub(super) fn http_refused(&self, reason: &'static str) {
        self.http_refusals.get_or_create(&OfReason { reason }).inc();
    }
}

/// One less before, one more after.
fn moved(before: Option<Gauge>, after: Option<Gauge>) {
    if let Some(before) = before {
        before.dec();
    }
    if let Some(after) = after {
        after.inc();
    }
}

/// Shows what was noted last.
#[derive(Debug)]
pub(super) struct Noted(pub(super) Arc<Mutex<MeshFigures>>);

/// Name, help, label and values.
type Labelled = (&'static str, &'static str, &'static str, fn(&MeshFigures) -> &[(&'static str, u64)]);

const GAUGES: [Labelled; 2] = [
    ("sangam_mesh_peers", "Peers known now, by what they are", "profile", |it| &it.peers),
    ("sangam_mesh_allocations", "Allocations on relays now, by what carries them", "protocol", |it| &it.allocations),
];

const COUNTERS: [Labelled; 5] = [
    ("sangam_mesh_gossip_messages", "Messages of topics, by what became of them", "outcome", |it| &it.gossip),
    ("sangam_mesh_packets", "Packets of links and relays", "direction", |it| &it.packets),
    ("sangam_mesh_packets_dropped", "Packets that were dropped, by reason", "reason", |it| &it.packets_dropped),
    ("sangam_mesh_discovery", "Signals and finds of discovery, by what became of them", "outcome", |it| &it.discovery),
    ("sangam_mesh_link_refusals", "What others told and was refused, by what it was", "kind", |it| &it.refused),
];

impl Collector for Noted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, help, label, of) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (word, value) in of(&figures) {
                ConstGauge::new(*value).encode(family.encode_family(&[(label, *word)])?)?;
            }
        }
        for (name, help, label, of) in COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (word, value) in of(&figures) {
                ConstCounter::new(*value).encode(family.encode_family(&[(label, *word)])?)?;
            }
        }
        for (name, help, value) in [
            ("sangam_mesh_topics", "Topics that this node wants to hear of", figures.topics),
            (
                "sangam_mesh_gossip_cached_bytes",
                "Bytes of messages kept for those who missed them",
                figures.gossip_cached_bytes,
            ),
        ] {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (name, help, value) in [
            (
                "sangam_mesh_allocation_failures",
                "Allocations on relays that failed or were lost",
                figures.allocation_failures,
            ),
            ("sangam_mesh_network_changes", "Changes of the host's or the outer addresses", figures.network_changes),
        ] {
            ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        Ok(())
    }
}
