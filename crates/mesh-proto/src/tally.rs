//! What is counted of links: attempts in both directions, how they ended, how long they took, what carries them.
//!
//! [`Tally::to_json`] has the shape of Synapse-NG's `GET /webrtc/ice-metrics`, with members beside. It is fed with what the
//! stack did, never with what was meant. Every list in it has a bound.

mod attempts;
mod connect_time;
mod history;
mod verdict;

pub use attempts::{Attempts, Direction};
pub use connect_time::ConnectTime;
pub use verdict::Verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use sangam_types::Wall;
use serde_json::{Map, Value, json};

use crate::{CandidateKind, Failure, LinkState, PeerId, SelectedPair, timestamp};
use history::History;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Peers with a history at most; the one whose last change is the oldest makes room.
    pub peers_max: usize,
    /// Changes kept of one peer at most; the oldest makes room.
    pub changes_max: usize,
}

impl Default for Options {
    /// 256 peers with 32 changes: about 0.5 MB of JSON at most.
    fn default() -> Self {
        Self { peers_max: 256, changes_max: 32 }
    }
}

/// The figures of a node since its start.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    options: Options,
    outbound: Attempts,
    inbound: Attempts,
    failures: BTreeMap<Failure, u64>,
    losses: BTreeMap<Failure, u64>,
    connect_time: ConnectTime,
    sent: Kinds,
    received: Kinds,
    pairs_established: BTreeMap<(CandidateKind, CandidateKind), u64>,
    pairs: BTreeMap<PeerId, SelectedPair>,
    history: History,
}

type Kinds = BTreeMap<CandidateKind, u64>;

impl Tally {
    /// Nothing has happened.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// An attempt began.
    pub fn attempted(&mut self, direction: Direction) {
        self.attempts_mut(direction).attempted += 1;
    }

    /// An attempt ended with an open data channel, this long after it began, over this pair.
    pub fn established(&mut self, direction: Direction, took: Duration, pair: Option<&SelectedPair>) {
        self.attempts_mut(direction).established += 1;
        self.connect_time.add(took);
        if let Some(pair) = pair {
            *self.pairs_established.entry((pair.local_kind, pair.remote_kind)).or_default() += 1;
        }
    }

    /// An attempt ended without one. If that was no fault ([`Failure::is_fault`]), it counts as abandoned.
    pub fn failed(&mut self, direction: Direction, why: Failure) {
        if why.is_fault() {
            self.attempts_mut(direction).failed += 1;
            *self.failures.entry(why).or_default() += 1;
        } else {
            self.attempts_mut(direction).abandoned += 1;
        }
    }

    /// A link that was open is over. An ordinary end is not counted.
    pub fn lost(&mut self, why: Failure) {
        if why.is_fault() {
            *self.losses.entry(why).or_default() += 1;
        }
    }

    /// A peer's link changed: for its history.
    pub fn state(&mut self, peer: &PeerId, state: LinkState, at: Wall) {
        if let LinkState::Closed(_) = state {
            self.pairs.remove(peer);
        }
        self.history.add(&self.options, peer, state.connection_state(), at);
    }

    /// What carries the link with a peer now; `None`: nothing any more.
    pub fn pair(&mut self, peer: &PeerId, pair: Option<SelectedPair>) {
        match pair {
            Some(pair) => {
                let room = self.pairs.len() < self.options.peers_max || self.pairs.contains_key(peer);
                if room {
                    self.pairs.insert(peer.clone(), pair);
                }
            }
            None => drop(self.pairs.remove(peer)),
        }
    }

    /// A candidate was told to a peer, in a description or by itself.
    pub fn candidate_sent(&mut self, kind: CandidateKind) {
        *self.sent.entry(kind).or_default() += 1;
    }

    /// A candidate came from a peer, in a description or by itself.
    pub fn candidate_received(&mut self, kind: CandidateKind) {
        *self.received.entry(kind).or_default() += 1;
    }

    /// Attempts in one direction.
    #[must_use]
    pub fn attempts(&self, direction: Direction) -> &Attempts {
        match direction {
            Direction::Outbound => &self.outbound,
            Direction::Inbound => &self.inbound,
        }
    }

    /// How long attempts took that succeeded.
    #[must_use]
    pub fn connect_time(&self) -> &ConnectTime {
        &self.connect_time
    }

    /// Failed attempts by reason.
    #[must_use]
    pub fn failures(&self) -> &BTreeMap<Failure, u64> {
        &self.failures
    }

    /// The share of links that have a relay on the way, of those with a selected pair now, from 0 to 100.
    #[must_use]
    pub fn relay_share_percent(&self) -> Option<f64> {
        let relayed = self.pairs.values().filter(|pair| pair.is_relayed()).count();
        attempts::percent(relayed as u64, self.pairs.len() as u64)
    }

    /// The figures as JSON. `summary`, `connection_states` and `timestamp` are Synapse-NG's; the rest is beside.
    #[must_use]
    pub fn to_json(&self, now: Wall) -> Value {
        let all = self.outbound + self.inbound;
        json!({
            "summary": {
                "total_attempted": all.attempted,
                "total_established": all.established,
                "total_failed": all.failed,
                "success_rate_percent": percent_or_zero(all.success_percent()),
                "ice_candidates_sent": self.sent.values().sum::<u64>(),
                "ice_candidates_received": self.received.values().sum::<u64>(),
            },
            "connection_states": self.history.to_json(),
            "timestamp": timestamp::python(now),
            "outbound": self.outbound.to_json(),
            "inbound": self.inbound.to_json(),
            "total_in_progress": all.in_progress(),
            "total_abandoned": all.abandoned,
            "total_lost": self.losses.values().sum::<u64>(),
            "failure_reasons": by_word(self.failures.iter().map(|(why, n)| (why.as_str(), *n))),
            "loss_reasons": by_word(self.losses.iter().map(|(why, n)| (why.as_str(), *n))),
            "connect_time": self.connect_time.to_json(),
            "candidates": { "sent": by_kind(&self.sent), "received": by_kind(&self.received) },
            "selected_pairs": self.pairs.iter().map(pair_json).collect::<Map<_, _>>(),
            "established_pairs": self.established_pairs(),
            "relay_share_percent": percent_or_zero(self.relay_share_percent()),
            "verdict": self.verdicts(&all),
        })
    }

    fn established_pairs(&self) -> Value {
        let word = |(local, remote): &(CandidateKind, CandidateKind)| format!("{}-{}", local.as_str(), remote.as_str());
        self.pairs_established.iter().map(|(kinds, n)| (word(kinds), json!(n))).collect::<Map<_, _>>().into()
    }

    fn verdicts(&self, all: &Attempts) -> Value {
        let success = all.success_percent().map(Verdict::of_success_percent);
        let failed = all.failed_percent().map(Verdict::of_failed_percent);
        let connect_time = self.connect_time.average().map(Verdict::of_connect_time);
        let overall = [success, failed, connect_time].into_iter().flatten().max();
        let word = |verdict: Option<Verdict>| verdict.map(Verdict::as_str);
        json!({
            "success_rate": word(success),
            "connect_time": word(connect_time),
            "failed": word(failed),
            "overall": word(overall),
        })
    }

    fn attempts_mut(&mut self, direction: Direction) -> &mut Attempts {
        match direction {
            Direction::Outbound => &mut self.outbound,
            Direction::Inbound => &mut self.inbound,
        }
    }
}

/// A share as Synapse-NG writes it: rounded to two decimals, and the integer 0 where there is nothing to share.
fn percent_or_zero(percent: Option<f64>) -> Value {
    percent.map_or(json!(0), |percent| json!((percent * 100.0).round() / 100.0))
}

fn by_word<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> Value {
    counts.map(|(word, count)| (word.to_owned(), json!(count))).collect::<Map<_, _>>().into()
}

/// Every kind, also those of which there are none.
fn by_kind(kinds: &Kinds) -> Value {
    use CandidateKind::{Host, PeerReflexive, Relayed, ServerReflexive};
    let all = [Host, ServerReflexive, PeerReflexive, Relayed];
    by_word(all.iter().map(|kind| (kind.as_str(), kinds.get(kind).copied().unwrap_or(0))))
}

fn pair_json((peer, pair): (&PeerId, &SelectedPair)) -> (String, Value) {
    let value = json!({
        "local": { "type": pair.local_kind.as_str(), "address": pair.local.to_string() },
        "remote": { "type": pair.remote_kind.as_str(), "address": pair.remote.to_string() },
        "protocol": pair.protocol.as_str(),
        "relayed": pair.is_relayed(),
        "round_trip_seconds": pair.round_trip.map(|time| time.as_secs_f64()),
    });
    (peer.as_str().to_owned(), value)
}

#[cfg(test)]
mod tests;
