use crate::api::{Refusal, Right, Rights, RoomScope};
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::payload::Payload;
use crate::room::{RoomKey, Seat};
use crate::signaling::Signaling;

impl Rights {
    /// Which right is missing to do something in a room that needs `right`.
    fn missing(&self, room: &RoomId, right: Right) -> Option<Right> {
        let is_in_scope = match &self.rooms {
            RoomScope::All => true,
            RoomScope::Only(only) => only == room,
        };
        if !is_in_scope {
            return Some(Right::Room);
        }
        let has = match right {
            Right::Room => true,
            Right::Join => self.join,
            Right::Signal => self.signal,
            Right::Timer => self.timer,
            Right::Moderate => self.moderate,
        };
        (!has).then_some(right)
    }
}

impl<P: Payload> Signaling<P> {
    /// Whether a socket may do what needs `right` in a room. It is told if not; one that is gone is not.
    pub(crate) fn may(&mut self, socket: SocketId, room: &RoomId, right: Right) -> bool {
        let Some(state) = self.sockets.get(&socket) else { return false };
        match state.rights.missing(room, right) {
            None => true,
            Some(right) => {
                self.refuse(socket, Refusal::NotAllowed { right });
                false
            }
        }
    }

    /// The room, if a socket is in it and may do there what needs `right`. It is told if not.
    pub(crate) fn member(&mut self, socket: SocketId, room: &RoomId, right: Right) -> Option<RoomKey> {
        if !self.may(socket, room, right) {
            return None;
        }
        let key = self.names.get(room).copied().filter(|key| self.first_seat(socket, *key).is_some());
        if key.is_none() {
            self.refuse(socket, Refusal::NotInRoom);
        }
        key
    }

    /// Under whom a member speaks: under the id it names if that is its own, else under its first in the room.
    pub(crate) fn sender(&self, socket: SocketId, room: RoomKey, named: Option<&str>) -> Option<Seat> {
        let seats = &self.sockets.get(&socket)?.seats;
        let named = seats.iter().find(|it| it.room == room && Some(it.id.as_str()) == named);
        named.cloned().or_else(|| self.first_seat(socket, room))
    }

    fn first_seat(&self, socket: SocketId, room: RoomKey) -> Option<Seat> {
        self.sockets.get(&socket)?.seats.iter().find(|it| it.room == room).cloned()
    }

    /// The ids that a socket has in a room; only `named` if that is given.
    pub(crate) fn seats(&self, socket: SocketId, room: RoomKey, named: Option<&ParticipantId>) -> Vec<Seat> {
        let Some(state) = self.sockets.get(&socket) else { return Vec::new() };
        let is_meant = |seat: &&Seat| seat.room == room && named.is_none_or(|id| *id == seat.id);
        state.seats.iter().filter(is_meant).cloned().collect()
    }
}
