use sangam_fleet::{Histogram, Percentiles};
use serde::Serialize;

use super::ledger::Account;
use super::mesh_shape::MeshShape;

/// What came of a simulation of peers.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) seed: u64,
    pub(super) peers: usize,
    pub(super) died: usize,
    /// From the first node's start to one mesh of all; `None`: it never was one.
    pub(super) formed_secs: Option<f64>,
    /// Living nodes in one part of the mesh at the end.
    pub(super) together: usize,
    /// Links that a node may have at most.
    pub(super) links_max: usize,
    pub(super) degrees: Degrees,
    /// Of the same at the end.
    pub(super) degrees_at_end: Degrees,
    pub(super) published: u64,
    /// Messages that a node refused to publish.
    pub(super) unpublished: u64,
    pub(super) owed: u64,
    pub(super) delivered: u64,
    pub(super) missing: u64,
    pub(super) duplicates: u64,
    pub(super) gone: u64,
    pub(super) foreign: u64,
    pub(super) latency: Option<Percentiles>,
    /// Over what there was before the first node.
    pub(super) bytes_per_peer: u64,
    /// The same, shared among ends of links.
    pub(super) bytes_per_link_end: u64,
    pub(super) cores_forming: f64,
    pub(super) cores_idle: f64,
    pub(super) cores_publishing: f64,
    /// Bytes of frames that a node hands to its links in a second while nobody publishes.
    pub(super) idle_bytes_per_sec_per_peer: f64,
    /// Bytes of frames handed to links for each byte of payload delivered.
    pub(super) sent_bytes_per_delivered_byte: f64,
    pub(super) took_secs: f64,
}

/// How many links nodes have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Degrees {
    pub(super) min: usize,
    pub(super) median: usize,
    pub(super) max: usize,
    /// At `n`: nodes with `n` links.
    pub(super) counts: Vec<usize>,
}

impl Degrees {
    pub(super) fn of(shape: &MeshShape) -> Self {
        let mut sorted = shape.degrees.clone();
        sorted.sort_unstable();
        let max = sorted.last().copied().unwrap_or_default();
        let mut counts = vec![0; max + 1];
        for degree in &sorted {
            counts[*degree] += 1;
        }
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        Self { min: sorted.first().copied().unwrap_or_default(), median, max, counts }
    }
}

impl Report {
    pub(super) fn set_account(&mut self, account: Account) {
        let Account { owed, delivered, duplicates, gone } = account;
        (self.owed, self.delivered, self.duplicates, self.gone) = (owed, delivered, duplicates, gone);
        self.missing = owed - delivered;
    }

    pub(super) fn set_latencies(&mut self, latencies: &[std::time::Duration]) {
        let mut histogram = Histogram::default();
        for latency in latencies {
            histogram.record(*latency);
        }
        self.latency = histogram.percentiles();
    }

    /// Why it is not fine; empty if it is.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let living = self.peers - self.died;
        if self.formed_secs.is_none() {
            reasons.push(format!("the {} nodes did not become one mesh", self.peers));
        } else if self.together < living {
            reasons.push(format!("at the end {} of {living} nodes are one mesh", self.together));
        }
        let most = self.degrees.max.max(self.degrees_at_end.max);
        if most > self.links_max {
            reasons.push(format!("a node has {most} links, and may have {}", self.links_max));
        }
        if self.missing > 0 {
            reasons.push(format!("{} of {} deliveries are missing", self.missing, self.owed));
        }
        if self.duplicates > 0 {
            reasons.push(format!("{} deliveries came again", self.duplicates));
        }
        if self.foreign > 0 {
            reasons.push(format!("{} deliveries are of nobody's message", self.foreign));
        }
        if self.formed_secs.is_some() && self.delivered == 0 {
            reasons.push("nothing was delivered".to_owned());
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Report {
        Report {
            peers: 4,
            formed_secs: Some(1.0),
            together: 4,
            links_max: 3,
            owed: 3,
            delivered: 3,
            ..Report::default()
        }
    }

    #[test]
    fn degrees_are_counted_by_how_many_nodes_have_them() {
        let shape = MeshShape { degrees: vec![2, 1, 2, 3], together: 4 };
        assert_eq!(Degrees::of(&shape), Degrees { min: 1, median: 2, max: 3, counts: vec![0, 1, 2, 1] });
    }

    #[test]
    fn each_fault_is_a_reason() {
        assert!(fine().reasons().is_empty());
        let too_many = Degrees { max: 4, ..Degrees::default() };
        for bad in [
            Report { formed_secs: None, ..fine() },
            Report { together: 3, ..fine() },
            Report { degrees_at_end: too_many, ..fine() },
            Report { missing: 1, ..fine() },
            Report { duplicates: 1, ..fine() },
            Report { foreign: 1, ..fine() },
            Report { delivered: 0, ..fine() },
        ] {
            assert_eq!(bad.reasons().len(), 1, "{bad:?}");
        }
        assert!(Report { together: 3, died: 1, ..fine() }.reasons().is_empty());
    }
}
