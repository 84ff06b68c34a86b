//! Who is dialled: those that are to come back, the next in the ring of ids, and by chance as many more as are wanted.

use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use sangam_types::Mono;

use super::Mesh;
use super::link::Stage;
use super::peer::Peer;
use super::us::{LATE, LATE_RESTS};
use crate::{PeerId, Profile};

/// Peers are looked through at most this often.
const SEEK_EVERY: Duration = Duration::from_millis(50);
/// A node that cannot keep up rests no longer than this.
const REST_MAX: Duration = Duration::from_secs(4);
/// After so many attempts without a link the next in the ring counts as gone.
const RING_ATTEMPTS: u32 = 3;

impl Mesh {
    /// Dials while there are fewer links than wanted.
    pub(crate) fn seek(&mut self, now: Mono) {
        let Some(at) = self.seek_at.filter(|at| *at <= now && !self.stopped) else { return };
        let late = now.saturating_since(at);
        let is_late = late >= LATE;
        self.seek_at = None;
        self.sought_at = Some(now);
        self.rest = if is_late { (late * LATE_RESTS).clamp(SEEK_EVERY, REST_MAX) } else { SEEK_EVERY };
        let (mut under_way, overtaken) = self.dials_under_way(now, is_late);
        let at_most = if is_late { 1 } else { self.us.options.dials_max };
        if under_way < at_most || !is_late {
            under_way += usize::from(self.dial_ring(now));
        }
        while self.steady < self.us.options.links_wanted && self.has_room() && under_way < at_most {
            let Some(peer) = self.choose(now) else { break };
            self.dial(now, &peer);
            under_way += 1;
        }
        let missing = self.steady < self.us.options.links_wanted;
        let us = &self.us;
        let waiting = self.peers.values().filter(|peer| missing && peer.dialable(us) && !peer.is_sought());
        let next = waiting.map(|peer| peer.dial_at).filter(|at| *at > now).min();
        let paced = overtaken.filter(|_| missing);
        let rested = (missing && is_late).then_some(now);
        for at in [next, paced, rested, self.ring_at(now)].into_iter().flatten() {
            self.seek_soon(at);
        }
    }

    /// Attempts of ours that hold up the next, and when the first of them no longer does. One that has a path will end soon, well
    /// or not; of a node that cannot keep up all that are not at their end count.
    fn dials_under_way(&self, now: Mono, is_late: bool) -> (usize, Option<Mono>) {
        let pace = self.us.options.dial_pace;
        let attempts = self.peers.values().filter_map(|peer| peer.link.as_ref());
        let attempts = attempts.filter(|link| link.ours && !link.was_open());
        let counted = attempts.filter_map(|link| {
            let until = link.begun + pace;
            let has_path = matches!(link.stage, Stage::Connecting { path: true, .. });
            (is_late || has_path || until > now).then_some(until)
        });
        counted.fold((0, None), |(count, first), until| {
            let first = [first, Some(until).filter(|until| *until > now)].into_iter().flatten().min();
            (count + 1, first)
        })
    }

    /// Looks again then, or as soon as may be after it.
    pub(crate) fn seek_soon(&mut self, at: Mono) {
        let at = self.sought_at.map_or(at, |last| at.max(last + self.rest));
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

    /// Whether it did.
    fn dial_ring(&mut self, now: Mono) -> bool {
        let next = self.next_in_ring().filter(|peer| peer.link.is_none() && peer.dial_at <= now);
        if let Some(id) = next.map(|peer| peer.id.clone())
            && self.has_room()
            && !self.is_linked_otherwise(&id)
        {
            self.dial(now, &id);
            return true;
        }
        false
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
