use std::collections::{BTreeMap, BTreeSet};

use sangam_types::Mono;

use crate::api::Traits;
use crate::direction::{Direction, Route};
use crate::id::{Owner, ParticipantId, SocketId};

/// A session where participants signal to each other.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) participants: BTreeMap<ParticipantId, Participant>,
    /// Who joined when: a participant that comes back on another socket keeps its place.
    order: BTreeMap<u64, ParticipantId>,
    joined: u64,
    /// Ids without a socket that are still their owner's.
    pub(crate) graces: BTreeMap<ParticipantId, Grace>,
    /// Claims on somebody else's id.
    pub(crate) claims: BTreeMap<ParticipantId, Claim>,
    pub(crate) directions: BTreeMap<Route, Direction>,
    /// The sum over all directions.
    pub(crate) held_bytes: usize,
}

/// Somebody in the room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) socket: SocketId,
    pub(crate) traits: Traits,
    place: u64,
    /// Whom it has signaled to.
    pub(crate) sent_to: BTreeSet<ParticipantId>,
    /// Who has signaled to it.
    pub(crate) heard_from: BTreeSet<ParticipantId>,
}

/// An owner's right to an id that has no socket.
#[derive(Debug)]
pub(crate) struct Grace {
    pub(crate) owner: Owner,
    pub(crate) until: Mono,
}

/// A socket that wants somebody else's id.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) socket: SocketId,
    pub(crate) traits: Traits,
}

impl Room {
    /// Adds a participant, or moves one that is there to another socket. What it had signaled is forgotten by
    /// [`Self::forget_signals`], not here.
    pub(crate) fn seat(&mut self, id: &ParticipantId, socket: SocketId, traits: Traits) {
        if let Some(participant) = self.participants.get_mut(id) {
            participant.socket = socket;
            participant.traits = traits;
            return;
        }
        self.joined += 1;
        self.order.insert(self.joined, id.clone());
        let participant =
            Participant { socket, traits, place: self.joined, sent_to: BTreeSet::new(), heard_from: BTreeSet::new() };
        self.participants.insert(id.clone(), participant);
    }

    pub(crate) fn unseat(&mut self, id: &ParticipantId) {
        if let Some(participant) = self.participants.remove(id) {
            self.order.remove(&participant.place);
        }
    }

    /// Everybody but `id`, in the order in which they joined.
    pub(crate) fn others(&self, id: &ParticipantId) -> Vec<ParticipantId> {
        self.order.values().filter(|other| *other != id).cloned().collect()
    }

    /// Every socket but `except`, each once, in the order in which its first participant joined.
    pub(crate) fn sockets_except(&self, except: Option<SocketId>) -> Vec<SocketId> {
        let mut seen = BTreeSet::new();
        let sockets = self.order.values().filter_map(|id| self.participants.get(id)).map(|it| it.socket);
        sockets.filter(|socket| Some(*socket) != except && seen.insert(*socket)).collect()
    }

    pub(crate) fn direction(&mut self, route: &Route) -> &mut Direction {
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
    pub(crate) fn forget_signals(&mut self, id: &ParticipantId) -> Vec<(Route, Direction)> {
        let Some(participant) = self.participants.get_mut(id) else { return Vec::new() };
        let sent_to = std::mem::take(&mut participant.sent_to);
        let heard_from = std::mem::take(&mut participant.heard_from);
        let mut forgotten = Vec::new();
        for to in sent_to {
            if let Some(receiver) = self.participants.get_mut(&to) {
                receiver.heard_from.remove(id);
            }
            forgotten.extend(self.directions.remove_entry(&Route { from: id.clone(), to }));
        }
        for from in heard_from {
            if let Some(sender) = self.participants.get_mut(&from) {
                sender.sent_to.remove(id);
            }
            forgotten.extend(self.directions.remove_entry(&Route { from, to: id.clone() }));
        }
        forgotten
    }
}
