//! What a mesh node counts.

mod aliases;
mod figures;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::registry::Registry;

use aliases::Aliases;
use figures::{Figures, Noted};

pub use figures::MeshFigures;

/// What a mesh node counts. Labels are words of the program, never of a peer.
#[derive(Clone, Debug, Default)]
pub struct MeshMetrics {
    figures: Arc<Figures>,
    aliases: Arc<Aliases>,
    noted: Arc<Mutex<MeshFigures>>,
}

/// What a link is counted under while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshLink {
    /// `connecting`, `open`, `interrupted`.
    pub state: &'static str,
    /// What the peer is: `sangam`, `synapse`, `agent`, `unknown`.
    pub profile: &'static str,
}

/// What carries an open link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshPath {
    /// Our candidate's kind: `host`, `srflx`, `prflx`, `relay`.
    pub kind: &'static str,
    /// Our side's leg: `udp`, `tcp`, `tls`.
    pub protocol: &'static str,
    /// Whether a relay is on the way, at either end.
    pub relayed: bool,
}

impl MeshPath {
    const fn way(self) -> &'static str {
        if self.relayed { "relay" } else { "direct" }
    }
}

impl MeshMetrics {
    /// Makes them and registers them in the root registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.figures.register(registry.sub_registry_with_prefix("sangam_mesh"));
        registry.register_collector(Box::new(Noted(Arc::clone(&metrics.noted))));
        metrics
    }

    /// Shows those that have a true source under the names of the IF.swarm runbook too, for dashboards made for it.
    pub fn register_aliases(&self, registry: &mut Registry) {
        self.aliases.register(registry.sub_registry_with_prefix("webrtc"));
    }

    /// A link came (`before` is none), changed, or went (`after` is none).
    pub fn link_changed(&self, before: Option<MeshLink>, after: Option<MeshLink>) {
        self.figures.link_changed(before, after);
        let open = |link: Option<MeshLink>| i64::from(link.is_some_and(|link| link.state == "open"));
        self.aliases.open.inc_by(open(after) - open(before));
    }

    /// What carries an open link came, changed, or went with it.
    pub fn path_changed(&self, before: Option<MeshPath>, after: Option<MeshPath>) {
        self.figures.path_changed(before, after);
    }

    /// An attempt began; `ours`: we offer.
    pub fn attempted(&self, ours: bool) {
        self.figures.attempted(if ours { "out" } else { "in" });
        self.aliases.attempted.inc();
    }

    /// An attempt ended with an open data channel, `took` after the first one began.
    pub fn established(&self, path: MeshPath, took: Duration) {
        self.figures.attempt_ended("established", "none");
        self.figures.connected(path.way(), took);
        self.aliases.established(took, path.relayed);
    }

    /// An attempt ended without; `reason` is a `Failure`'s word.
    pub fn failed(&self, reason: &'static str) {
        self.figures.attempt_ended("failed", reason);
        self.aliases.failed.inc();
    }

    /// An attempt ended by something ordinary: given up for another, not wanted any longer. No failure.
    pub fn abandoned(&self, reason: &'static str) {
        self.figures.attempt_ended("abandoned", reason);
    }

    /// A link that was open is over.
    pub fn closed(&self, reason: &'static str, is_fault: bool) {
        self.figures.closed(reason);
        if is_fault {
            self.aliases.dropped.inc();
        }
    }

    /// An open link fell silent.
    pub fn interrupted(&self) {
        self.figures.interruptions.inc();
    }

    /// A silent link is open again, so long after the silence began.
    pub fn returned(&self, after: Duration) {
        self.figures.return_seconds.observe(after.as_secs_f64());
    }

    /// Two offers crossed; `outcome`: `kept`, `given_up`.
    pub fn glared(&self, outcome: &'static str) {
        self.figures.glared(outcome);
    }

    /// A candidate of ours was sent or one of a peer received. `direction`: `sent`, `received`; `kind` as SDP names it.
    pub fn candidate(&self, direction: &'static str, kind: &'static str) {
        self.figures.candidate(direction, kind);
    }

    /// A round trip was measured on a path.
    pub fn round_trip(&self, path: MeshPath, took: Duration) {
        self.figures.round_trip(path.way(), took);
        self.aliases.round_trip(took, path.relayed);
    }

    /// A message of `bytes` was sent over a link.
    pub fn sent(&self, bytes: usize) {
        self.figures.message("sent", bytes);
        self.aliases.sent(bytes);
    }

    /// A message of `bytes` came over a link.
    pub fn received(&self, bytes: usize) {
        self.figures.message("received", bytes);
        self.aliases.received(bytes);
    }

    /// Something a peer sent over a link was not taken: why, in one word (`signature` among them).
    pub fn refused(&self, reason: &'static str) {
        self.figures.refused(reason);
        if reason == "signature" {
            self.aliases.bad_signatures.inc();
        }
        self.aliases.message_errors.inc();
    }

    /// A signal was sent or received. `kind`: `offer`, `answer`, `candidate`, `end`; `via`: `rendezvous`, `signaling`, `http`,
    /// `peer`, `link`.
    pub fn signal(&self, direction: &'static str, kind: &'static str, via: &'static str) {
        self.figures.signal(direction, kind, via);
    }

    /// A signal was of no use or could not be delivered: `late`, `unreachable`, `malformed`, …
    pub fn signal_dropped(&self, reason: &'static str) {
        self.figures.signal_dropped(reason);
        self.aliases.signaling_errors.inc();
    }

    /// A way to find peers works or does not. `source`: `mdns`, `rendezvous`, `bootstrap`, `signaling`; `place`: the how manieth of
    /// the configuration, from 0.
    pub fn source(&self, source: &'static str, place: u8, up: bool) {
        self.figures.source(source, place, up);
    }

    /// A request to the node's HTTP API was answered. `route` is the pattern that matched.
    pub fn http_answered(&self, route: &str, status: u16) {
        self.figures.http_answered(route, status);
    }

    /// A request was refused before it reached the node: `rate`, `busy`, `size`, `access`, …
    pub fn http_refused(&self, reason: &'static str) {
        self.figures.http_refused(reason);
    }

    /// What the engine's parts have counted by themselves, all of it anew.
    pub fn noted(&self, figures: MeshFigures) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }
}

#[cfg(test)]
mod tests;
