use sangam_types::Mono;

use crate::api::{CloseReason, Departure, Event, Notice, Presence, Refusal, Right};
use crate::deadlines::Timer;
use crate::id::{Owner, ParticipantId, RoomId, SocketId};
use crate::participant::Card;
use crate::payload::Payload;
use crate::room::Seat;
use crate::signaling::Signaling;

/// Who stands between a socket and the id it asks for.
pub(crate) enum Holder {
    /// Nobody.
    Nobody,
    /// The socket itself, or others of the same owner.
    Own,
    /// These sockets of another owner.
    Stranger(Vec<SocketId>),
    /// Another owner without a socket, whose right lasts this long.
    Absent(Mono),
}

impl<P: Payload> Signaling<P> {
    pub(crate) fn join(&mut self, now: Mono, socket: SocketId, room: RoomId, id: ParticipantId, card: Card) {
        if !self.may(socket, &room, Right::Join) {
            return;
        }
        let name_max = self.options.name_bytes_max;
        if card.name.as_ref().is_some_and(|name| name.as_str().len() > name_max) {
            return self.refuse(socket, Refusal::TooLarge { max: name_max });
        }
        let Some(key) = self.open_room(socket, room) else { return };
        let seat = Seat { room: key, id };
        if !self.has_room_for_id(socket, &seat) {
            let max = self.options.ids_per_socket_max;
            return self.refuse(socket, Refusal::TooManyIds { max });
        }
        match self.holder(socket, &seat) {
            Holder::Nobody => self.join_new(now, socket, &seat, card),
            Holder::Own => self.join_again(now, socket, &seat, card),
            Holder::Stranger(_) | Holder::Absent(_) if self.is_locked(&seat) => {
                self.refuse(socket, Refusal::RoomLocked);
            }
            Holder::Stranger(holders) => {
                if self.claim(socket, &seat, card, now + self.options.claim_timeout) {
                    for holder in holders {
                        self.ping(holder);
                    }
                }
            }
            Holder::Absent(until) => {
                self.claim(socket, &seat, card, until);
            }
        }
    }

    fn holder(&self, socket: SocketId, seat: &Seat) -> Holder {
        let owner = self.sockets.get(&socket).map(|it| &it.owner);
        let Some(participant) = self.participant(seat) else {
            let grace = self.room(seat.room).and_then(|it| it.graces.get(&seat.id));
            return match grace {
                Some(grace) if Some(&grace.owner) != owner => Holder::Absent(grace.until),
                Some(_) | None => Holder::Nobody,
            };
        };
        if participant.sockets.contains(&socket) || Some(&participant.owner) == owner {
            return Holder::Own;
        }
        let live: Vec<SocketId> = participant.sockets.iter().copied().filter(|it| self.is_live(*it)).collect();
        if live.is_empty() { Holder::Absent(self.absent_until(seat)) } else { Holder::Stranger(live) }
    }

    fn has_room_for_id(&self, socket: SocketId, seat: &Seat) -> bool {
        self.sockets.get(&socket).is_some_and(|it| {
            it.claims.contains(seat)
                || it.seats.contains(seat)
                || it.seats.len() + it.claims.len() < self.options.ids_per_socket_max
        })
    }

    fn is_locked(&self, seat: &Seat) -> bool {
        self.room(seat.room).is_some_and(|it| it.is_locked)
    }

    /// Gives an id that no participant has to a socket, if one more may be in the room, and tells everybody.
    pub(crate) fn join_new(&mut self, now: Mono, socket: SocketId, seat: &Seat, card: Card) {
        let max = self.options.participants_max;
        let Some(owner) = self.sockets.get(&socket).map(|it| it.owner.clone()) else { return };
        let Some(room) = self.room(seat.room) else { return };
        let returns = room.graces.get(&seat.id).is_some_and(|it| it.owner == owner);
        if room.is_locked && !returns {
            return self.refuse(socket, Refusal::RoomLocked);
        }
        if room.participants.len() >= max {
            return self.refuse(socket, Refusal::RoomFull { max });
        }
        self.end_grace(seat);
        self.refuse_claim(seat, Some(socket));
        self.seat(now, seat, owner, card);
        self.attach(socket, seat);
        self.welcome(now, socket, seat, false);
        self.announce(socket, seat);
        self.adopt_mail(now, seat);
    }

    /// Adds a participant without a socket.
    pub(crate) fn seat(&mut self, now: Mono, seat: &Seat, owner: Owner, card: Card) {
        let Some(room) = self.rooms.get_mut(&seat.room) else { return };
        let presence = card.traits.presence;
        self.totals.sessions += usize::from(room.participants.is_empty());
        self.totals.participants += 1;
        room.seat(now, &seat.id, owner, card);
        if presence == Presence::Polled {
            self.deadlines.set(Timer::Absence(seat.clone()), now + self.options.polled_grace);
        }
        if presence.is_lasting() {
            self.changed.insert(seat.room);
        }
    }

    fn attach(&mut self, socket: SocketId, seat: &Seat) {
        if let Some(room) = self.room_mut(seat.room) {
            room.attach(&seat.id, socket);
        }
        if let Some(state) = self.sockets.get_mut(&socket)
            && !state.seats.contains(seat)
        {
            state.seats.push(seat.clone());
        }
    }

    /// Adds a socket to a participant of the same owner, or puts it in the place of those that are there.
    fn join_again(&mut self, now: Mono, socket: SocketId, seat: &Seat, card: Card) {
        let Some(participant) = self.participant(seat) else { return };
        let (before, after) = (participant.traits.presence, card.traits.presence);
        let is_renamed = card.name.is_some() && card.name != participant.name;
        let is_new = !participant.sockets.contains(&socket);
        let joins_others = before == after && after.is_plural();
        if is_new && joins_others && !self.has_room_for_socket(now, seat) {
            let max = self.options.sockets_per_participant_max;
            return self.refuse(socket, Refusal::TooManySockets { max });
        }
        self.refuse_claim(seat, None);
        let starts_over = is_new && (before == Presence::Sole || after == Presence::Sole);
        if starts_over {
            self.forget_signals(seat);
            self.drop_mail(seat);
        }
        if !joins_others {
            self.drop_copies(seat);
            self.evict(now, seat, socket, CloseReason::Replaced);
        }
        if let Some(room) = self.room_mut(seat.room) {
            room.introduce(&seat.id, card);
        }
        self.end_absent(seat);
        if after == Presence::Polled {
            self.hear_polled(now, seat);
            self.deadlines.set(Timer::Absence(seat.clone()), now + self.options.polled_grace);
        }
        if is_renamed || before.is_lasting() != after.is_lasting() {
            self.changed.insert(seat.room);
        }
        self.attach(socket, seat);
        self.welcome(now, socket, seat, true);
        if starts_over {
            self.announce(socket, seat);
        }
        if is_new {
            self.flush_mail(seat, socket);
        } else {
            self.release_mail(now, seat);
        }
    }

    /// Whether a participant may have one more socket; one that is lost makes room for it.
    fn has_room_for_socket(&mut self, now: Mono, seat: &Seat) -> bool {
        let Some(participant) = self.participant(seat) else { return false };
        if participant.sockets.len() < self.options.sockets_per_participant_max {
            return true;
        }
        let Some(lost) = participant.sockets.iter().copied().find(|it| !self.is_live(*it)) else { return false };
        self.close(lost, CloseReason::Lost);
        self.forget_socket(now, lost, Departure::Lost);
        true
    }

    /// Takes an id from all sockets but one. A socket without an id left, or one that does not answer, is closed.
    pub(crate) fn evict(&mut self, now: Mono, seat: &Seat, except: SocketId, reason: CloseReason) {
        let sockets = self.participant(seat).map(|it| it.sockets.clone()).unwrap_or_default();
        for older in sockets.into_iter().filter(|it| *it != except) {
            if let Some(room) = self.room_mut(seat.room) {
                room.detach(&seat.id, older);
            }
            let Some(state) = self.sockets.get_mut(&older) else { continue };
            state.seats.retain(|it| it != seat);
            if state.seats.is_empty() || reason == CloseReason::Silent {
                self.close(older, reason);
                self.forget_socket(now, older, Departure::Lost);
            }
        }
    }

    /// Moves an id from sockets that did not answer to one of another owner. A participant that the others know as one
    /// with a socket of its own keeps its place; any other leaves.
    pub(crate) fn take_over(&mut self, now: Mono, socket: SocketId, seat: &Seat, card: Card) {
        self.drop_mail(seat);
        self.forget_signals(seat);
        self.evict(now, seat, socket, CloseReason::Silent);
        let is_sole = self.participant(seat).is_some_and(|it| it.is(Presence::Sole));
        if !is_sole || card.traits.presence != Presence::Sole {
            self.put_out(now, seat, None);
            return self.join_new(now, socket, seat, card);
        }
        let Some(owner) = self.sockets.get(&socket).map(|it| it.owner.clone()) else { return };
        if let Some(participant) = self.participant_mut(seat) {
            participant.owner = owner;
            participant.name = None;
        }
        if let Some(room) = self.room_mut(seat.room) {
            room.introduce(&seat.id, card);
        }
        self.attach(socket, seat);
        self.welcome(now, socket, seat, false);
        self.announce(socket, seat);
    }

    fn welcome(&mut self, now: Mono, socket: SocketId, seat: &Seat, again: bool) {
        let Some(room) = self.room(seat.room) else { return };
        let (room, snapshot) = (room.id.clone(), room.snapshot(now));
        self.deliver(vec![socket], Notice::Joined { room, participant: seat.id.clone(), again, snapshot });
    }

    /// Tells all others that a participant joined.
    fn announce(&mut self, socket: SocketId, seat: &Seat) {
        let Some(room) = self.rooms.get_mut(&seat.room) else { return };
        let Some(participant) = room.participants.get(&seat.id) else { return };
        let (name, member, members) = (room.id.clone(), participant.member(&seat.id), room.ids());
        let to = room.sockets_except(socket);
        self.deliver(to, Notice::Arrived { room: name.clone(), member, members });
        let total = self.totals.participants;
        self.event(Event::Joined { room: name, participant: seat.id.clone(), total });
    }
}
