use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sangam_types::Mono;

use super::MessageId;
use super::offers::Offer;
use super::pace::Draw;
use super::queue::Queue;
use crate::{PeerId, Profile};

/// What is spoken on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// Our frames; `heard`: its hello has come.
    Ours {
        /// Whether its hello has come.
        heard: bool,
    },
    /// SynapseSub.
    Envelopes,
    /// Nothing, as far as is known; whatever comes first tells.
    Unknown,
    /// Nothing of topics.
    Agent,
}

impl Speech {
    pub(super) fn profile(self) -> Profile {
        match self {
            Self::Ours { .. } => Profile::Sangam,
            Self::Envelopes => Profile::Synapse,
            Self::Unknown => Profile::Unknown,
            Self::Agent => Profile::Agent,
        }
    }
}

/// After that a peer that was asked for ids only has heard it, and pushes for a reason.
const PRUNE_TIME: Duration = Duration::from_secs(2);

/// One link and what each side knows of the other.
pub(super) struct Link {
    pub(super) peer: PeerId,
    pub(super) speech: Speech,
    /// Its bit in the cache's entries.
    pub(super) slot: usize,
    /// The largest frame it takes.
    pub(super) frame_bytes_max: usize,
    pub(super) room: usize,
    pub(super) queue: Queue,
    /// What it wants.
    pub(super) topics: BTreeSet<Arc<str>>,

    /// Whether messages are pushed to it, not only their ids. The peer does the same, but for what is under way: a branch of
    /// the tree carries both ways, whoever publishes.
    pub(super) push: bool,
    /// When we asked it for ids only, if we have not asked for more since.
    pruned: Option<Mono>,
    /// Whether it brought a message before all others, or asked to be pushed to: it is a branch, not only a link that nothing
    /// came by twice so far.
    pub(super) branch: bool,

    /// The number of the next of the cache's entries to tell it of.
    pub(super) told: u64,
    /// When to tell it.
    pub(super) tell_at: Option<Mono>,
    /// Ids it was told and has not dealt with.
    pub(super) ahead: u32,
    /// How many that may be.
    pub(super) ahead_max: u32,
    /// Ids it asked for that wait for room.
    asked: VecDeque<MessageId>,
    /// The same, to find them.
    asked_ids: BTreeSet<MessageId>,

    /// Ids it told us of that are not dealt with.
    pub(super) offers: VecDeque<Offer>,
    /// Ids it shall be asked for as whoever was asked before did not answer.
    pub(super) again: VecDeque<MessageId>,
    /// Ids it is asked for now.
    pub(super) asking: BTreeSet<MessageId>,
    /// Ids it was asked for that came from elsewhere meanwhile.
    needless: BTreeSet<MessageId>,
    /// Ids dealt with that it was not told are.
    pub(super) heard_due: u32,
}

impl Link {
    pub(super) fn new(peer: PeerId, profile: Profile, slot: usize, frame_bytes_max: usize, room: usize) -> Self {
        let speech = match profile {
            Profile::Sangam => Speech::Ours { heard: false },
            Profile::Synapse => Speech::Envelopes,
            Profile::Agent => Speech::Agent,
            Profile::Unknown => Speech::Unknown,
        };
        Self {
            peer,
            speech,
            slot,
            frame_bytes_max,
            room,
            queue: Queue::default(),
            topics: BTreeSet::new(),
            push: true,
            pruned: None,
            branch: false,
            told: 0,
            tell_at: None,
            ahead: 0,
            ahead_max: 0,
            asked: VecDeque::new(),
            asked_ids: BTreeSet::new(),
            offers: VecDeque::new(),
            again: VecDeque::new(),
            asking: BTreeSet::new(),
            needless: BTreeSet::new(),
            heard_due: 0,
        }
    }

    /// Whether it takes our frames and has said so.
    pub(super) fn is_ready(&self) -> bool {
        self.speech == Speech::Ours { heard: true }
    }

    /// It brought a message that nobody had brought before. What was under way when it was pruned makes no branch, unless the
    /// message goes over all links, whether pruned or not.
    pub(super) fn came_first(&mut self, now: Mono, draw: Draw) {
        if draw == Draw::Reshapes || !self.is_being_pruned(now) {
            self.graft();
        }
    }

    /// What it was asked to stop pushing may still be under way.
    fn is_being_pruned(&self, now: Mono) -> bool {
        self.pruned.is_some_and(|at| now < at + PRUNE_TIME)
    }

    /// It brought what we had. Whether it is to be told to send ids only: not if we asked for it, once, and if the message
    /// is one that prunes.
    pub(super) fn came_again(&mut self, now: Mono, id: &MessageId, draw: Draw) -> bool {
        let was_asked = self.asking.remove(id) | self.needless.remove(id);
        let prunes = match draw {
            Draw::Passes => false,
            Draw::Prunes => !self.is_being_pruned(now),
            Draw::Reshapes => true,
        };
        if was_asked || !prunes {
            return false;
        }
        self.prune();
        self.pruned = Some(now);
        true
    }

    /// Messages are pushed on it, both ways.
    pub(super) fn graft(&mut self) {
        self.push = true;
        self.branch = true;
        self.pruned = None;
    }

    /// Ids alone go over it.
    pub(super) fn prune(&mut self) {
        self.push = false;
        self.branch = false;
    }

    /// What it was asked for came from elsewhere. It may still come from here; at most so many are remembered.
    pub(super) fn need_not(&mut self, id: &MessageId, most: usize) {
        if self.asking.remove(id) {
            if self.needless.len() >= most {
                self.needless.pop_first();
            }
            self.needless.insert(*id);
        }
    }

    /// Tells it by then what it has not been told.
    pub(super) fn tell_by(&mut self, at: Mono) {
        self.tell_at = Some(self.tell_at.map_or(at, |planned| planned.min(at)));
    }

    /// It shall get that message when there is room; once, however often it asks meanwhile.
    pub(super) fn owe(&mut self, id: MessageId) {
        if self.asked_ids.insert(id) {
            self.asked.push_back(id);
        }
    }

    pub(super) fn owed(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn pop_owed(&mut self) -> Option<MessageId> {
        let id = self.asked.pop_front()?;
        self.asked_ids.remove(&id);
        Some(id)
    }
}
