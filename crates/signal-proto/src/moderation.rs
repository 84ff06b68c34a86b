use sangam_types::{Mono, Text};

use crate::api::{Event, Notice, Refusal, Right};
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::payload::Payload;
use crate::room::{RoomKey, Seat};
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    pub(crate) fn end(&mut self, by: Option<SocketId>, room: &RoomId, reason: Option<Text>) {
        if let Some(key) = self.moderated(by, room) {
            self.end_session(key, reason);
        }
    }

    /// All are told and leave; nothing of the room is kept.
    pub(crate) fn end_session(&mut self, key: RoomKey, reason: Option<Text>) {
        let Some(room) = self.room(key) else { return };
        let name = room.id.clone();
        let seat = |id: &ParticipantId| Seat { room: key, id: id.clone() };
        let seats: Vec<Seat> = room.members().map(|(id, _)| seat(id)).collect();
        let claims: Vec<Seat> = room.claims.keys().map(seat).collect();
        let graces: Vec<Seat> = room.graces.keys().map(seat).collect();
        let to = self.audience(key);
        self.deliver(to, Notice::Ended { room: name.clone(), reason });
        for seat in &claims {
            self.refuse_claim(seat, None);
        }
        for seat in &graces {
            self.end_grace(seat);
        }
        for seat in seats {
            self.unseat(&seat);
            let total = self.totals.participants;
            self.event(Event::Left { room: name.clone(), participant: seat.id, total });
        }
        self.event(Event::Ended { room: name });
        self.close_room(key);
    }

    pub(crate) fn kick(
        &mut self,
        now: Mono,
        by: Option<SocketId>,
        room: &RoomId,
        id: ParticipantId,
        reason: Option<Text>,
    ) {
        let Some(key) = self.moderated(by, room) else { return };
        let seat = Seat { room: key, id };
        let Some(to) = self.participant(&seat).map(|it| it.sockets.clone()) else {
            return by
                .into_iter()
                .for_each(|by| self.refuse(by, Refusal::PeerNotFound { to: seat.id.as_str().into() }));
        };
        let (room, participant) = (room.clone(), seat.id.clone());
        self.deliver(
            to,
            Notice::Kicked { room: room.clone(), participant: participant.clone(), reason: reason.clone() },
        );
        self.put_out(now, &seat, reason);
        self.event(Event::Kicked { room, participant });
    }

    pub(crate) fn lock(&mut self, by: Option<SocketId>, room: &RoomId, locked: bool) {
        let Some(key) = self.moderated(by, room) else { return };
        if let Some(room) = self.room_mut(key) {
            room.is_locked = locked;
        }
        self.changed.insert(key);
        let to = self.audience(key);
        self.deliver(to, Notice::Locked { room: room.clone(), locked });
        self.event(Event::Locked { room: room.clone(), locked });
    }

    /// The room, if it is there and the operator, or a member that may, moderates it.
    fn moderated(&mut self, by: Option<SocketId>, room: &RoomId) -> Option<RoomKey> {
        match by {
            Some(socket) => self.member(socket, room, Right::Moderate),
            None => self.names.get(room).copied(),
        }
    }
}
