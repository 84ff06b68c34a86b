use std::collections::VecDeque;

use sangam_types::Mono;

use crate::api::{OfferShape, SignalKind};
use crate::id::ParticipantId;
use crate::payload::Payload;
use crate::room::{RoomKey, Seat};

/// From whom to whom, in one room.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    pub(crate) room: RoomKey,
    pub(crate) from: ParticipantId,
    pub(crate) to: ParticipantId,
}

impl Route {
    pub(crate) fn reverse(&self) -> Self {
        Self { room: self.room, from: self.to.clone(), to: self.from.clone() }
    }

    pub(crate) fn sender(&self) -> Seat {
        Seat { room: self.room, id: self.from.clone() }
    }

    pub(crate) fn receiver(&self) -> Seat {
        Seat { room: self.room, id: self.to.clone() }
    }
}

/// What has gone from one participant to another, and what waits to go.
#[derive(Debug)]
pub(crate) struct Direction<P> {
    /// Whether the receiver has had a description: candidates may follow.
    pub(crate) described: bool,
    /// Until when an offer that went this way keeps one from the other side out.
    pub(crate) unanswered_until: Option<Mono>,
    /// Why the next candidate does not pass at once.
    pub(crate) hold: Hold,
    held: VecDeque<Message<P>>,
    held_bytes: usize,
}

impl<P> Default for Direction<P> {
    fn default() -> Self {
        Self { described: false, unanswered_until: None, hold: Hold::None, held: VecDeque::new(), held_bytes: 0 }
    }
}

/// Why messages of a direction wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// They do not, unless they are candidates and nothing is described yet.
    #[default]
    None,
    /// An offer waits for one that may be on its way in the other direction; the rest waits behind it.
    GlareWindow {
        /// Of that offer.
        shape: Option<OfferShape>,
    },
    /// The sender's offer lost: until it sends a description, its candidates belong to that offer and are dropped.
    Lost,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Message<P> {
    pub(crate) kind: SignalKind,
    pub(crate) payload: P,
    /// Whether it was to all others in the room.
    pub(crate) to_all: bool,
}

impl<P: Payload> Direction<P> {
    pub(crate) fn held_len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Holds a message behind those held before; an offer goes before the candidates that overtook it.
    pub(crate) fn push_held(&mut self, message: Message<P>) {
        self.held_bytes += message.payload.len();
        match message.kind {
            SignalKind::Offer => self.held.push_front(message),
            SignalKind::Answer | SignalKind::Candidate => self.held.push_back(message),
        }
    }

    pub(crate) fn take_held(&mut self) -> VecDeque<Message<P>> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }

    pub(crate) fn is_unanswered(&self, now: Mono) -> bool {
        self.unanswered_until.is_some_and(|until| now < until)
    }
}
