use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use sangam_types::Mono;

use crate::api::{Presence, Snapshot};
use crate::direction::{Direction, Route};
use crate::id::{Owner, ParticipantId, RoomId, SocketId};
use crate::mailbox::{Load, Mailbox};
use crate::participant::{Card, Participant};
use crate::payload::Payload;
use crate::stopwatch::Stopwatch;

/// A room while it is there. Never used again for another, not even one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RoomKey(pub(crate) u64);

/// An id in a room, whoever has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seat {
    pub(crate) room: RoomKey,
    pub(crate) id: ParticipantId,
}

/// A session where participants signal to each other.
#[derive(Debug)]
pub(crate) struct Room<P> {
    pub(crate) id: RoomId,
    pub(crate) participants: BTreeMap<ParticipantId, Participant>,
    /// Who joined when: a participant that comes back on another socket keeps its place.
    order: BTreeMap<u64, ParticipantId>,
    joined: u64,
    /// Ids without a participant that are still their owner's.
    pub(crate) graces: BTreeMap<ParticipantId, Grace>,
    /// Claims on somebody else's id.
    pub(crate) claims: BTreeMap<ParticipantId, Claim>,
    pub(crate) directions: BTreeMap<Route, Direction<P>>,
    /// What waits for whom, also for ids that nobody has yet.
    pub(crate) mailboxes: BTreeMap<ParticipantId, Mailbox<P>>,
    /// How much of whom waits.
    pub(crate) posted: BTreeMap<ParticipantId, Load>,
    pub(crate) is_locked: bool,
    pub(crate) verse: Option<P>,
    pub(crate) queue: Option<P>,
    pub(crate) stopwatch: Option<Stopwatch>,
    /// Whether a record of it is kept outside.
    pub(crate) is_kept: bool,
    /// How many participants take mail.
    polled: usize,
    /// How many participants can come back after a restart.
    lasting: usize,
    /// The sockets of all, until it changes.
    audience: Option<Vec<SocketId>>,
}

/// An owner's right to an id that has no participant.
#[derive(Debug)]
pub(crate) struct Grace {
    pub(crate) owner: Owner,
    pub(crate) until: Mono,
}

/// A socket that wants somebody else's id.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) socket: SocketId,
    pub(crate) card: Card,
}

impl<P: Payload> Room<P> {
    pub(crate) fn new(id: RoomId) -> Self {
        Self {
            id,
            participants: BTreeMap::new(),
            order: BTreeMap::new(),
            joined: 0,
            graces: BTreeMap::new(),
            claims: BTreeMap::new(),
            directions: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            posted: BTreeMap::new(),
            is_locked: false,
            verse: None,
            queue: None,
            stopwatch: None,
            is_kept: false,
            polled: 0,
            lasting: 0,
            audience: None,
        }
    }

    /// Whether nothing of it has to be remembered.
    pub(crate) fn is_empty(&self) -> bool {
        self.participants.is_empty() && self.graces.is_empty() && self.claims.is_empty()
    }

    pub(crate) fn has_polled(&self) -> bool {
        self.polled > 0
    }

    pub(crate) fn has_lasting(&self) -> bool {
        self.lasting > 0
    }

    /// Adds a participant that nobody is yet, without a socket.
    pub(crate) fn seat(&mut self, now: Mono, id: &ParticipantId, owner: Owner, card: Card) {
        self.joined += 1;
        self.order.insert(self.joined, id.clone());
        self.count(card.traits.presence, true);
        self.participants.insert(id.clone(), Participant::new(now, owner, card, self.joined));
    }

    pub(crate) fn unseat(&mut self, id: &ParticipantId) -> Option<Participant> {
        let participant = self.participants.remove(id)?;
        self.order.remove(&participant.place);
        self.count(participant.traits.presence, false);
        self.audience = None;
        Some(participant)
    }

    /// What a participant says of itself anew. A name that is not said again stays.
    pub(crate) fn introduce(&mut self, id: &ParticipantId, card: Card) {
        let Some(participant) = self.participants.get_mut(id) else { return };
        let before = participant.traits.presence;
        participant.traits = card.traits;
        participant.name = card.name.or(participant.name.take());
        self.count(before, false);
        self.count(card.traits.presence, true);
    }

    fn count(&mut self, presence: Presence, is_more: bool) {
        let count = match presence {
            Presence::Sole => return,
            Presence::Polled => &mut self.polled,
            Presence::Returning | Presence::Shared => &mut self.lasting,
        };
        *count = if is_more { *count + 1 } else { count.saturating_sub(1) };
    }

    pub(crate) fn attach(&mut self, id: &ParticipantId, socket: SocketId) {
        if let Some(participant) = self.participants.get_mut(id)
            && !participant.sockets.contains(&socket)
        {
            participant.sockets.push(socket);
            self.audience = None;
        }
    }

    pub(crate) fn detach(&mut self, id: &ParticipantId, socket: SocketId) {
        if let Some(participant) = self.participants.get_mut(id) {
            participant.sockets.retain(|it| *it != socket);
            participant.polls.retain(|it| *it != socket);
            participant.signalers.retain(|it| *it != socket);
            self.audience = None;
        }
    }

    /// Everybody, in the order in which they joined.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&ParticipantId, &Participant)> {
        self.order.values().filter_map(|id| self.participants.get_key_value(id))
    }

    /// Those who joined after that place, with theirs, in the order in which they joined.
    pub(crate) fn members_after(&self, place: u64) -> impl Iterator<Item = (&ParticipantId, &Participant)> {
        let later = self.order.range((Bound::Excluded(place), Bound::Unbounded));
        later.filter_map(|(_, id)| self.participants.get_key_value(id))
    }

    /// Everybody's id, in the order in which they joined.
    pub(crate) fn ids(&self) -> Arc<[ParticipantId]> {
        self.order.values().cloned().collect()
    }

    /// Everybody but `id`, in the order in which they joined.
    pub(crate) fn others(&self, id: &ParticipantId) -> Vec<ParticipantId> {
        self.order.values().filter(|other| *other != id).cloned().collect()
    }

    /// Every socket, each once, in the order in which its first participant joined.
    pub(crate) fn sockets(&mut self) -> Vec<SocketId> {
        if self.audience.is_none() {
            let mut seen = BTreeSet::new();
            let sockets = self.members().flat_map(|(_, it)| it.sockets.iter().copied());
            self.audience = Some(sockets.filter(|socket| seen.insert(*socket)).collect());
        }
        self.audience.clone().unwrap_or_default()
    }

    pub(crate) fn sockets_except(&mut self, except: SocketId) -> Vec<SocketId> {
        let mut sockets = self.sockets();
        sockets.retain(|socket| *socket != except);
        sockets
    }

    pub(crate) fn snapshot(&self, now: Mono) -> Snapshot<P> {
        Snapshot {
            members: self.members().map(|(id, it)| it.member(id)).collect(),
            verse: self.verse.clone(),
            queue: self.queue.clone(),
            timer: self.stopwatch.map(|it| it.view(now)),
        }
    }

    pub(crate) fn direction(&mut self, route: &Route) -> &mut Direction<P> {
        self.directions.entry(route.clone()).or_default()
    }

    /// Whether `route` may have a direction, which is made if so.
    pub(crate) fn open_direction(&mut self, route: &Route, peers_max: usize) -> bool {
        if self.directions.contains_key(route) {
            return true;
        }
        let Some(sender) = self.participants.get_mut(&route.from) else { return false };
        if sender.sent_to.len() >= peers_max {
            return false;
        }
        sender.sent_to.insert(route.to.clone());
        if let Some(receiver) = self.participants.get_mut(&route.to) {
            receiver.heard_from.insert(route.from.clone());
        }
        self.directions.insert(route.clone(), Direction::default());
        true
    }

    /// Takes every direction from and to a participant: a socket that comes next is a new session.
    pub(crate) fn forget_signals(&mut self, seat: &Seat) -> Vec<(Route, Direction<P>)> {
        let (room, id) = (seat.room, &seat.id);
        let Some(participant) = self.participants.get_mut(id) else { return Vec::new() };
        let sent_to = std::mem::take(&mut participant.sent_to);
        let heard_from = std::mem::take(&mut participant.heard_from);
        let mut forgotten = Vec::new();
        for to in sent_to {
            if let Some(receiver) = self.participants.get_mut(&to) {
                receiver.heard_from.remove(id);
            }
            forgotten.extend(self.directions.remove_entry(&Route { room, from: id.clone(), to }));
        }
        for from in heard_from {
            if let Some(sender) = self.participants.get_mut(&from) {
                sender.sent_to.remove(id);
            }
            forgotten.extend(self.directions.remove_entry(&Route { room, from, to: id.clone() }));
        }
        forgotten
    }
}
