//! Who is dialled: those that are to come back, the next in the ring of ids, and by chance as many more as are wanted.

use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use sangam_types::Mono;

use super::Mesh;
use super::peer::Peer;
use crate::{PeerId, Profile};

/// Peers are looked through at most this often.
const SEEK_EVERY: Duration = Duration::from_millis(50);
/// After so many attempts without a link the next in the ring counts as gone.
const RING_ATTEMPTS: u32 = 3;

impl Mesh {
    /// Dials while there are fewer links than wanted.
    pub(crate) fn seek(&mut self, now: Mono) {
        if self.stopped || self.seek_at.is_none_or(|at| at > now) {
            return;
        }
        self.seek_at = None;
        self.sought_at = Some(now);
        self.dial_ring(now);
        while self.steady < self.us.options.links_wanted && self.has_room() {
            let Some(peer) = self.choose(now) else { break };
            self.dial(now, &peer);
        }
        let missing = self.steady < self.us.options.links_wanted;
        let us = &self.us;
        let waiting = self.peers.values().filter(|peer| missing && peer.dialable(us) && !peer.is_sought());
        let next = waiting.map(|peer| peer.dial_at).filter(|at| *at > now).min();
        for at in [next, self.ring_at(now)].into_iter().flatten() {
            self.seek_soon(at);
        }
    }

    /// Looks again then, or as soon as may be after it.
    pub(crate) fn seek_soon(&mut self, at: Mono) {
        let at = self.sought_at.map_or(at, |last| at.max(last + SEEK_EVERY));
        self.seek_at = Some(self.seek_at.map_or(at, |known| known.min(at)));
    }

    /// The peer whose id follows ours, and after the last comes the first. If every node is linked with the one that
    /// follows it, all of them hang together, whatever chance does.
    fn next_in_ring(&self) -> Option<&Peer> {
        let after = self.peers.range::<PeerId, _>((Excluded(&self.us.id), Unbounded));
        let mut ring = after.chain(self.peers.range::<PeerId, _>((Unbounded, Excluded(&self.us.id))));
        ring.find_map(|(_, peer)| {
            let reachable = peer.is_linked() || peer.link.is_some() || peer.dialable(&self.us);
            (peer.profile != Profile::Agent && peer.attempts < RING_ATTEMPTS && reachable).then_some(peer)
        })
    }

    fn ring_at(&self, now: Mono) -> Option<Mono> {
        self.next_in_ring().filter(|peer| peer.link.is_none()).map(|peer| peer.dial_at).filter(|at| *at > now)
    }

    fn dial_ring(&mut self, now: Mono) {
        let next = self.next_in_ring().filter(|peer| peer.link.is_none() && peer.dial_at <= now);
        if let Some(id) = next.map(|peer| peer.id.clone())
            && self.has_room()
            && !self.is_linked_otherwise(&id)
        {
            self.dial(now, &id);
        }
    }

    /// One of those that were tried least, by chance.
    fn choose(&mut self, now: Mono) -> Option<PeerId> {
        let us = &self.us;
        let ready = |peer: &&Peer| peer.dial_at <= now && !peer.is_sought() && peer.dialable(us);
        let ready: Vec<&Peer> =
            self.peers.values().filter(ready).filter(|p| !self.is_linked_otherwise(&p.id)).collect();
        let least = ready.iter().map(|peer| peer.attempts).min()?;
        let least: Vec<PeerId> = ready.iter().filter(|p| p.attempts == least).map(|p| p.id.clone()).collect();
        let chosen = self.us.pick(least.len());
        least.into_iter().nth(chosen)
    }

    fn dial(&mut self, now: Mono, peer: &PeerId) {
        self.on_peer(now, peer, |peer, us| peer.offer(us, now));
    }
}
