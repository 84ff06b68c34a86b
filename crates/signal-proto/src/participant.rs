use std::collections::BTreeSet;

use sangam_types::{Mono, Text};

use crate::api::{Member, Presence, Traits};
use crate::id::{Owner, ParticipantId, SocketId};

/// Somebody in a room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) owner: Owner,
    pub(crate) name: Option<Text>,
    pub(crate) traits: Traits,
    /// In the order in which they joined; lost ones among them.
    pub(crate) sockets: Vec<SocketId>,
    /// When it joined, in the order of its room.
    pub(crate) place: u64,
    pub(crate) joined_at: Mono,
    /// Those of its sockets that have sent a signal: without one, the one that deals with signals may be yet to come.
    pub(crate) signalers: Vec<SocketId>,
    /// When it joined, sent or took mail last.
    pub(crate) heard_at: Mono,
    /// Sockets that wait for mail, the longest first.
    pub(crate) polls: Vec<SocketId>,
    /// Whom it has signaled to.
    pub(crate) sent_to: BTreeSet<ParticipantId>,
    /// Who has signaled to it.
    pub(crate) heard_from: BTreeSet<ParticipantId>,
}

/// As what somebody wants to join.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) name: Option<Text>,
    pub(crate) traits: Traits,
}

impl Participant {
    pub(crate) fn new(now: Mono, owner: Owner, card: Card, place: u64) -> Self {
        Self {
            owner,
            name: card.name,
            traits: card.traits,
            sockets: Vec::new(),
            place,
            joined_at: now,
            signalers: Vec::new(),
            heard_at: now,
            polls: Vec::new(),
            sent_to: BTreeSet::new(),
            heard_from: BTreeSet::new(),
        }
    }

    pub(crate) fn member(&self, id: &ParticipantId) -> Member {
        Member { id: id.clone(), name: self.name.clone() }
    }

    pub(crate) fn is(&self, presence: Presence) -> bool {
        self.traits.presence == presence
    }

    /// The poll that has waited longest is answered.
    pub(crate) fn next_poll(&mut self) -> Option<SocketId> {
        (!self.polls.is_empty()).then(|| self.polls.remove(0))
    }

    /// Whether offers of this and another participant may each serve as the answer to the other: both sides have to take
    /// candidates by themselves, and at once.
    pub(crate) fn may_cross(&self) -> bool {
        !self.traits.wants_whole && !self.is(Presence::Polled)
    }
}

impl Presence {
    /// Whether a participant has several sockets.
    pub(crate) fn is_plural(self) -> bool {
        matches!(self, Self::Shared | Self::Polled)
    }

    /// Whether a participant can come back after a restart.
    pub(crate) fn is_lasting(self) -> bool {
        matches!(self, Self::Shared | Self::Returning)
    }
}
