use std::collections::HashMap;
use std::time::Instant;

use sangam_mesh_proto::mesh::Source;
use sangam_mesh_proto::{PeerId, Via};

/// Where each peer was seen, so that a signal can be tried on every way there is. Bounded: the peer longest not seen makes room.
#[derive(Debug)]
pub(super) struct Contacts {
    peers: HashMap<PeerId, Contact>,
    peers_max: usize,
}

#[derive(Debug)]
struct Contact {
    sources: Vec<Source>,
    url: Option<String>,
    seen: Instant,
}

/// Places at which one peer may be seen and remembered.
const SOURCES_MAX: usize = 16;

impl Contacts {
    pub(super) fn new(peers_max: usize) -> Self {
        Self { peers: HashMap::new(), peers_max: peers_max.max(1) }
    }

    pub(super) fn seen(&mut self, peer: &PeerId, source: Source, url: Option<&str>, now: Instant) {
        if !self.peers.contains_key(peer) && self.peers.len() >= self.peers_max {
            let oldest = self.peers.iter().min_by_key(|(_, contact)| contact.seen).map(|(peer, _)| peer.clone());
            oldest.map(|peer| self.peers.remove(&peer));
        }
        let contact =
            self.peers.entry(peer.clone()).or_insert_with(|| Contact { sources: Vec::new(), url: None, seen: now });
        contact.seen = now;
        if !contact.sources.contains(&source) && contact.sources.len() < SOURCES_MAX {
            contact.sources.push(source);
            contact.sources.sort_by_key(|source| rank(*source));
        }
        if let Some(url) = url {
            contact.url = Some(url.to_owned());
        }
    }

    pub(super) fn left(&mut self, peer: &PeerId, source: Source) {
        if let Some(contact) = self.peers.get_mut(peer) {
            contact.sources.retain(|known| *known != source);
        }
    }

    /// The ways to a peer, the best first: the one that was asked for, then servers at once, then servers that are polled, then its own
    /// HTTP API.
    pub(super) fn ways(&self, peer: &PeerId, first: Option<Via>) -> Vec<Via> {
        let sources = self.peers.get(peer).map_or(&[][..], |contact| &contact.sources);
        let seen = sources.iter().filter_map(|source| match source {
            Source::Rendezvous(index) => Some(Via::Rendezvous(*index)),
            Source::Signaling(index) => Some(Via::Signaling(*index)),
            Source::Mdns | Source::Bootstrap | Source::Gossip | Source::Contact => None,
        });
        let mut ways: Vec<Via> = Vec::new();
        for way in first.into_iter().chain(seen).chain([Via::Http]) {
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        ways
    }

    pub(super) fn url(&self, peer: &PeerId) -> Option<&str> {
        self.peers.get(peer)?.url.as_deref()
    }
}

fn rank(source: Source) -> (u8, u8) {
    match source {
        Source::Signaling(index) => (0, index),
        Source::Rendezvous(index) => (1, index),
        Source::Mdns | Source::Bootstrap | Source::Gossip | Source::Contact => (2, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PeerId {
        PeerId::new(text).unwrap()
    }

    #[test]
    fn the_way_that_was_asked_for_comes_first_and_none_comes_twice() {
        let mut contacts = Contacts::new(8);
        let now = Instant::now();
        for source in [Source::Rendezvous(1), Source::Mdns, Source::Signaling(0), Source::Rendezvous(1)] {
            contacts.seen(&id("a"), source, None, now);
        }
        assert_eq!(contacts.ways(&id("a"), None), [Via::Signaling(0), Via::Rendezvous(1), Via::Http]);
        let asked = contacts.ways(&id("a"), Some(Via::Rendezvous(1)));
        assert_eq!(asked, [Via::Rendezvous(1), Via::Signaling(0), Via::Http]);
        contacts.left(&id("a"), Source::Signaling(0));
        assert_eq!(contacts.ways(&id("a"), None), [Via::Rendezvous(1), Via::Http]);
        assert_eq!(contacts.ways(&id("b"), None), [Via::Http]);
    }

    #[test]
    fn the_peer_longest_not_seen_makes_room() {
        let mut contacts = Contacts::new(2);
        let start = Instant::now();
        for (second, name) in ["a", "b", "a", "c"].into_iter().enumerate() {
            let at = start + std::time::Duration::from_secs(second as u64);
            contacts.seen(&id(name), Source::Mdns, Some(&format!("http://{name}")), at);
        }
        assert_eq!(contacts.url(&id("a")), Some("http://a"));
        assert_eq!(contacts.url(&id("b")), None);
        assert_eq!(contacts.url(&id("c")), Some("http://c"));
    }
}
