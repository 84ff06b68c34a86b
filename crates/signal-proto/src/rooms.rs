use crate::api::{DropReason, Event, Output, Refusal};
use crate::deadlines::Timer;
use crate::id::{RoomId, SocketId};
use crate::mailbox::Load;
use crate::participant::Participant;
use crate::payload::Payload;
use crate::room::{Room, RoomKey, Seat};
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    pub(crate) fn room(&self, key: RoomKey) -> Option<&Room<P>> {
        self.rooms.get(&key)
    }

    pub(crate) fn room_mut(&mut self, key: RoomKey) -> Option<&mut Room<P>> {
        self.rooms.get_mut(&key)
    }

    pub(crate) fn participant(&self, seat: &Seat) -> Option<&Participant> {
        self.room(seat.room)?.participants.get(&seat.id)
    }

    pub(crate) fn participant_mut(&mut self, seat: &Seat) -> Option<&mut Participant> {
        self.room_mut(seat.room)?.participants.get_mut(&seat.id)
    }

    /// The sockets of a room, each once, in the order in which their participants joined.
    pub(crate) fn audience(&mut self, room: RoomKey) -> Vec<SocketId> {
        self.room_mut(room).map(Room::sockets).unwrap_or_default()
    }

    /// The room of a name, made if there is none. A socket is told if it cannot be.
    pub(crate) fn open_room(&mut self, socket: SocketId, name: RoomId) -> Option<RoomKey> {
        let key = self.make_room(name);
        if key.is_none() {
            self.refuse(socket, Refusal::TooManyRooms { max: self.options.rooms_max });
        }
        key
    }

    /// The room of a name, made if there is none and may be one more.
    pub(crate) fn make_room(&mut self, name: RoomId) -> Option<RoomKey> {
        if let Some(key) = self.names.get(&name) {
            return Some(*key);
        }
        if self.rooms.len() >= self.options.rooms_max {
            return None;
        }
        self.last_key += 1;
        let key = RoomKey(self.last_key);
        self.names.insert(name.clone(), key);
        self.rooms.insert(key, Room::new(name.clone()));
        self.emptied.insert(key);
        self.event(Event::RoomOpened { room: name });
        Some(key)
    }

    /// Forgets the rooms that nobody is in any more.
    pub(crate) fn close_emptied(&mut self) {
        while let Some(key) = self.emptied.pop_first() {
            if self.room(key).is_some_and(Room::is_empty) {
                self.close_room(key);
            }
        }
    }

    /// Forgets a room without participants.
    pub(crate) fn close_room(&mut self, key: RoomKey) {
        let Some(room) = self.rooms.remove(&key) else { return };
        self.names.remove(&room.id);
        self.deadlines.cancel(&Timer::Clock(key));
        self.totals.timers -= usize::from(room.stopwatch.is_some_and(|it| !it.is_over()));
        self.totals.kept_bytes -= room.verse.iter().chain(&room.queue).map(P::len).sum::<usize>();
        for (id, mailbox) in room.mailboxes {
            self.deadlines.cancel(&Timer::Mail(Seat { room: key, id }));
            for letter in mailbox.letters {
                self.totals.mail.subtract(Load::of(&letter));
                if !letter.is_copy() {
                    self.drop_one(letter.message.kind, DropReason::PeerLeft);
                }
            }
        }
        if room.is_kept {
            self.output(Output::Forget(room.id.clone()));
        }
        self.event(Event::RoomClosed { room: room.id });
    }
}
