use sangam_types::Mono;

use crate::api::{DropReason, Refusal, Right, Signal, SignalKind};
use crate::direction::{Message, Route};
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::payload::Payload;
use crate::room::{Room, Seat};
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    pub(crate) fn signal(&mut self, now: Mono, socket: SocketId, room: &RoomId, signal: Signal<P>) {
        let Some(key) = self.member(socket, room, Right::Signal) else { return };
        let Some(from) = self.sender(socket, key, signal.from.as_deref()) else { return };
        self.note_signal(now, socket, &from);
        let message = Message { kind: signal.kind, payload: signal.payload, to_all: signal.to.is_none() };
        match signal.to {
            Some(to) => self.signal_one(now, socket, from, to, message),
            None => self.signal_all(now, socket, &from, &message),
        }
    }

    /// Notes that a socket of a participant deals with signals.
    fn note_signal(&mut self, now: Mono, socket: SocketId, seat: &Seat) {
        self.hear_polled(now, seat);
        let Some(participant) = self.participant_mut(seat) else { return };
        if !participant.signalers.contains(&socket) {
            participant.signalers.push(socket);
            self.drop_copies(seat);
        }
    }

    fn signal_one(&mut self, now: Mono, socket: SocketId, from: Seat, to: Box<str>, message: Message<P>) {
        let Some(room) = self.room(from.room) else { return };
        let Some((to, _)) = room.participants.get_key_value(&*to) else {
            return self.signal_nobody(now, socket, from, to, message);
        };
        let route = Route { room: from.room, from: from.id, to: to.clone() };
        if route.from == route.to {
            return match message.kind {
                SignalKind::Candidate => self.drop_one(message.kind, DropReason::PeerIsSelf),
                SignalKind::Offer | SignalKind::Answer => {
                    self.refuse(socket, Refusal::PeerIsSelf { participant: route.from });
                }
            };
        }
        if self.open_direction(&route) {
            self.route(now, route, message);
        } else {
            self.refuse(socket, Refusal::TooManyPeers { max: self.options.peers_max });
        }
    }

    /// A signal to an id that no participant has: it waits where participants take mail, for it may yet come.
    fn signal_nobody(&mut self, now: Mono, socket: SocketId, from: Seat, to: Box<str>, message: Message<P>) {
        let takes_mail = self.room(from.room).is_some_and(Room::has_polled);
        match ParticipantId::parse(&to) {
            Ok(id) if takes_mail => self.post_ahead(now, &from, Seat { room: from.room, id }, message),
            Ok(_) | Err(_) => match message.kind {
                SignalKind::Candidate => self.drop_one(message.kind, DropReason::PeerNotFound),
                SignalKind::Offer | SignalKind::Answer => self.refuse(socket, Refusal::PeerNotFound { to }),
            },
        }
    }

    /// A signal to all others, to each on its own route.
    fn signal_all(&mut self, now: Mono, socket: SocketId, from: &Seat, message: &Message<P>) {
        let others = self.room(from.room).map(|it| it.others(&from.id)).unwrap_or_default();
        let mut is_refused = false;
        for to in others {
            let route = Route { room: from.room, from: from.id.clone(), to };
            if self.open_direction(&route) {
                self.route(now, route, message.clone());
            } else {
                is_refused = true;
            }
        }
        if is_refused {
            self.refuse(socket, Refusal::TooManyPeers { max: self.options.peers_max });
        }
    }

    pub(crate) fn open_direction(&mut self, route: &Route) -> bool {
        let max = self.options.peers_max;
        self.room_mut(route.room).is_some_and(|it| it.open_direction(route, max))
    }

    pub(crate) fn route(&mut self, now: Mono, route: Route, message: Message<P>) {
        match message.kind {
            SignalKind::Offer => self.offer(now, route, message),
            SignalKind::Answer => self.answer(now, &route, message),
            SignalKind::Candidate => self.candidate(now, route, message),
        }
    }
}
