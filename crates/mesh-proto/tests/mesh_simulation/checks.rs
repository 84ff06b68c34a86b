//! What must hold, whatever happened.

use std::collections::BTreeSet;

use sangam_mesh_proto::LinkState;

use crate::node::Kind;
use crate::world::World;

impl World {
    /// Whether both ends of a pair have the same open link.
    pub(crate) fn is_linked(&self, a: usize, b: usize) -> bool {
        self.end_open(a, b) && self.end_open(b, a)
    }

    fn end_open(&self, a: usize, b: usize) -> bool {
        let Some(mesh) = self.nodes[a].mesh() else { return true };
        let Some((link, LinkState::Open)) = mesh.link_of(&self.nodes[b].id) else { return false };
        self.nodes[a].pcs.get(&link.0).is_some_and(|pc| pc.partner.is_some_and(|place| place.0 == b))
    }

    pub(crate) fn missing(&self, pairs: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
        pairs.iter().copied().filter(|(a, b)| !self.is_linked(*a, *b)).collect()
    }

    /// Pairs of which at least one is ours, both running.
    pub(crate) fn pairs(&self) -> BTreeSet<(usize, usize)> {
        let runs = |n: &usize| self.nodes[*n].mind.is_some();
        let running: Vec<usize> = (0..self.nodes.len()).filter(runs).collect();
        let ours = |n: usize| self.nodes[n].kind == Kind::Ours;
        let all = running.iter().flat_map(|a| running.iter().map(move |b| (*a, *b)));
        all.filter(|(a, b)| a < b && (ours(*a) || ours(*b))).collect()
    }

    pub(crate) fn linked_pairs(&self) -> BTreeSet<(usize, usize)> {
        self.pairs().into_iter().filter(|(a, b)| self.is_linked(*a, *b)).collect()
    }

    pub(crate) fn degree(&self, node: usize) -> usize {
        let mesh = self.nodes[node].mesh().expect("ours");
        mesh.peers().filter(|peer| peer.link.is_some()).count()
    }

    /// Whether all that run hang together by open links.
    pub(crate) fn is_connected(&self) -> bool {
        let links = self.linked_pairs();
        let running: BTreeSet<usize> = (0..self.nodes.len()).filter(|n| self.nodes[*n].mind.is_some()).collect();
        let Some(first) = running.first() else { return true };
        let (mut reached, mut edge) = (BTreeSet::from([*first]), vec![*first]);
        while let Some(node) = edge.pop() {
            for (a, b) in &links {
                let other = if *a == node {
                    *b
                } else if *b == node {
                    *a
                } else {
                    continue;
                };
                if reached.insert(other) {
                    edge.push(other);
                }
            }
        }
        reached == running
    }

    /// Attempts of all running nodes of ours.
    pub(crate) fn attempts(&self) -> usize {
        self.nodes.iter().map(|node| node.account.made).sum()
    }

    /// Each node has a connection for each link of its, and no other.
    pub(crate) fn assert_no_leftovers(&self) {
        for node in self.nodes.iter().filter(|node| node.runs()) {
            let Some(mesh) = node.mesh() else { continue };
            let known = |link: &u64| mesh.peer_of(sangam_mesh_proto::LinkId(*link)).is_some();
            assert!(node.pcs.keys().all(known), "{} has a connection that its machine has forgotten", node.id);
        }
    }
}
