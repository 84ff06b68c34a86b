use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sangam_mesh_proto::gossip::Frame;
use sangam_mesh_proto::{LinkId, LinkState, PeerId, Profile, SelectedPair};
use sangam_telemetry::metrics::mesh::{MeshLink, MeshPath};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A peer's greeting overtakes by a moment what the machines make of an open channel.
pub(super) const EARLY_MAX: usize = 64;

/// What the engine knows of a link beside what the machines and the stack know.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) peer: PeerId,
    pub(super) profile: Profile,
    /// The id that the peer's first description proves, if it is known to us by another.
    pub(super) real: Option<PeerId>,
    pub(super) state: LinkState,
    pub(super) pair: Option<SelectedPair>,
    pub(super) begun: Instant,
    pub(super) opened: Option<Instant>,
    pub(super) interruptions: u32,
    /// Since when nothing has come over it.
    pub(super) silent_since: Option<Instant>,
    /// The largest message the peer takes, by its description.
    pub(super) message_bytes_max: usize,
    /// Whether the gossip machine has been told of it.
    pub(super) is_up: bool,
    /// Frames that came before the link was told to be up: at most [`EARLY_MAX`].
    pub(super) early: Vec<Frame>,
    /// Whether we offered.
    pub(super) is_ours: bool,
    /// The peer's addresses that may use our relays for this link.
    pub(super) permitted: Vec<SocketAddr>,
    /// One for each name of a candidate that may be looked up at a time.
    lookups: Arc<Semaphore>,
    /// What it is counted under now.
    pub(super) counted: Option<MeshLink>,
    /// What its path is counted under now.
    pub(super) counted_path: Option<MeshPath>,
}

impl Entry {
    pub(super) fn new(peer: PeerId, profile: Profile, lookups_max: usize, now: Instant) -> Self {
        Self {
            peer,
            profile,
            real: None,
            state: LinkState::Connecting,
            pair: None,
            begun: now,
            opened: None,
            interruptions: 0,
            silent_since: None,
            message_bytes_max: 0,
            is_up: false,
            early: Vec::new(),
            is_ours: false,
            permitted: Vec::new(),
            lookups: Arc::new(Semaphore::new(lookups_max)),
            counted: None,
            counted_path: None,
        }
    }

    /// The place of one more lookup, held while it takes. `None`: there are as many as there may be.
    pub(super) fn lookup(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.lookups).try_acquire_owned().ok()
    }

    /// From the first step to the open channel.
    pub(super) fn connect_time(&self) -> Option<Duration> {
        self.opened.map(|opened| opened.saturating_duration_since(self.begun))
    }
}

/// The links there are, tried ones among them. As many as the mesh machine allows: a handful, so it is a list.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: Vec<(LinkId, Entry)>,
}

impl Book {
    pub(super) fn insert(&mut self, link: LinkId, entry: Entry) {
        self.remove(link);
        self.entries.push((link, entry));
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<Entry> {
        let at = self.entries.iter().position(|(known, _)| *known == link)?;
        Some(self.entries.swap_remove(at).1)
    }

    pub(super) fn get(&self, link: LinkId) -> Option<&Entry> {
        self.entries.iter().find_map(|(known, entry)| (*known == link).then_some(entry))
    }

    pub(super) fn get_mut(&mut self, link: LinkId) -> Option<&mut Entry> {
        self.entries.iter_mut().find_map(|(known, entry)| (*known == link).then_some(entry))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LinkId, &Entry)> {
        self.entries.iter().map(|(link, entry)| (*link, entry))
    }

    /// The open link with a peer.
    pub(super) fn open_with(&self, peer: &PeerId) -> Option<(LinkId, &Entry)> {
        self.iter().find(|(_, entry)| entry.peer == *peer && entry.state == LinkState::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_so_many_names_looked_up_at_a_time() {
        let entry = Entry::new(PeerId::new("a").unwrap(), Profile::Unknown, 2, Instant::now());
        let (one, two) = (entry.lookup(), entry.lookup());
        assert!(one.is_some() && two.is_some() && entry.lookup().is_none());
        drop(one);
        assert!(entry.lookup().is_some());
    }
}
