use sangam_types::{Mono, Text};

use crate::api::{CloseReason, Departure, Event, Notice, Presence, Refusal, Right};
use crate::deadlines::Timer;
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::payload::Payload;
use crate::room::Seat;
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    pub(crate) fn leave(&mut self, now: Mono, socket: SocketId, room: &RoomId, id: Option<ParticipantId>) {
        let Some(key) = self.member(socket, room, Right::Room) else { return };
        let seats = self.seats(socket, key, id.as_ref());
        if seats.is_empty() {
            return self.refuse(socket, Refusal::NotInRoom);
        }
        self.detach_all(now, socket, seats, Departure::Said);
    }

    pub(crate) fn disconnect(&mut self, now: Mono, socket: SocketId, departure: Departure) {
        let is_shared = |seat: &Seat| self.participant(seat).is_some_and(|it| it.is(Presence::Shared));
        let Some(state) = self.sockets.get(&socket) else { return };
        match departure {
            Departure::Lost if state.is_lost => {}
            Departure::Lost if state.seats.iter().any(is_shared) => self.lose_socket(now, socket),
            Departure::Lost | Departure::Said => self.forget_socket(now, socket, departure),
        }
    }

    /// A socket is gone for good: so are its claims, and its ids as far as no other socket has them or may come for them.
    pub(crate) fn forget_socket(&mut self, now: Mono, socket: SocketId, departure: Departure) {
        let Some(state) = self.sockets.remove(&socket) else { return };
        self.deadlines.cancel(&Timer::Silence(socket));
        self.deadlines.cancel(&Timer::Return(socket));
        for seat in &state.claims {
            self.take_claim(seat);
        }
        self.detach_all(now, socket, state.seats, departure);
    }

    /// A socket is gone but may return under the same name: it keeps the ids that it shares.
    fn lose_socket(&mut self, now: Mono, socket: SocketId) {
        let Some(state) = self.sockets.get_mut(&socket) else { return };
        state.is_lost = true;
        state.pinged_at = None;
        let (claims, seats) = (state.claims.clone(), state.seats.clone());
        self.deadlines.cancel(&Timer::Silence(socket));
        self.deadlines.set(Timer::Return(socket), now + self.options.presence_grace);
        for seat in &claims {
            self.take_claim(seat);
        }
        let is_shared = |seat: &Seat| self.participant(seat).is_some_and(|it| it.is(Presence::Shared));
        let (shared, others): (Vec<Seat>, Vec<Seat>) = seats.into_iter().partition(is_shared);
        for seat in &shared {
            if !self.has_live_socket(seat) {
                self.begin_absence(now, seat);
            }
        }
        self.detach_all(now, socket, others, Departure::Lost);
    }

    /// A lost socket did not return.
    pub(crate) fn give_up(&mut self, now: Mono, socket: SocketId) {
        self.close(socket, CloseReason::Lost);
        self.forget_socket(now, socket, Departure::Lost);
    }

    /// A lost socket is there again.
    pub(crate) fn return_socket(&mut self, now: Mono, socket: SocketId) {
        let Some(state) = self.sockets.get_mut(&socket).filter(|it| it.is_lost) else { return };
        state.is_lost = false;
        let seats = state.seats.clone();
        self.deadlines.cancel(&Timer::Return(socket));
        self.deadlines.set(Timer::Silence(socket), now + self.options.ping_interval);
        for seat in &seats {
            self.end_absent(seat);
            if self.participant(seat).is_some_and(|it| self.deals_with_signals(it)) {
                self.drop_copies(seat);
            }
        }
    }

    /// Takes a socket off participants. Those that are gone with it all leave before the first is announced.
    fn detach_all(&mut self, now: Mono, socket: SocketId, seats: Vec<Seat>, departure: Departure) {
        let mut gone = seats;
        gone.retain(|seat| self.detach(now, socket, seat, departure));
        for seat in &gone {
            let owner = self.participant(seat).map(|it| it.owner.clone());
            self.unseat(seat);
            if let Some(owner) = owner {
                self.begin_grace(now, seat, owner);
            }
        }
        for seat in &gone {
            self.announce_left(seat, None);
        }
    }

    /// Takes a socket off a participant. True if that is gone with it.
    fn detach(&mut self, now: Mono, socket: SocketId, seat: &Seat, departure: Departure) -> bool {
        if let Some(room) = self.room_mut(seat.room) {
            room.detach(&seat.id, socket);
        }
        if let Some(state) = self.sockets.get_mut(&socket) {
            state.seats.retain(|it| it != seat);
        }
        if self.has_live_socket(seat) {
            return false;
        }
        let Some(participant) = self.participant(seat) else { return false };
        match (participant.traits.presence, departure) {
            (Presence::Sole, _) => true,
            (_, Departure::Said) if participant.sockets.is_empty() => true,
            (Presence::Polled, _) => false,
            (Presence::Returning | Presence::Shared, _) => {
                self.begin_absence(now, seat);
                false
            }
        }
    }

    fn has_live_socket(&self, seat: &Seat) -> bool {
        self.participant(seat).is_some_and(|it| it.sockets.iter().any(|socket| self.is_live(*socket)))
    }

    /// From now on a participant may return; the others are not told.
    pub(crate) fn begin_absence(&mut self, now: Mono, seat: &Seat) {
        if self.absent.insert(seat.clone()) {
            let until = now + self.options.presence_grace;
            self.deadlines.set(Timer::Absence(seat.clone()), until);
            self.postpone_claim(seat, until);
        }
    }

    /// A participant has a socket again.
    pub(crate) fn end_absent(&mut self, seat: &Seat) {
        self.absent.remove(seat);
        if self.participant(seat).is_some_and(|it| !it.is(Presence::Polled)) {
            self.deadlines.cancel(&Timer::Absence(seat.clone()));
        }
    }

    /// Until when a participant without a live socket may come back.
    pub(crate) fn absent_until(&self, seat: &Seat) -> Mono {
        let at = self.deadlines.at(&Timer::Absence(seat.clone())).unwrap_or_default();
        let heard_at = self.participant(seat).filter(|it| it.is(Presence::Polled)).map(|it| it.heard_at);
        heard_at.map_or(at, |heard| at.max(heard + self.options.polled_grace))
    }

    /// Notes that a polled participant is there. No timer moves: [`Self::end_absence`] looks at the time when it fires.
    pub(crate) fn hear_polled(&mut self, now: Mono, seat: &Seat) {
        if let Some(participant) = self.participant_mut(seat) {
            participant.heard_at = now;
        }
    }

    /// A participant did not return, or did not take mail any more.
    pub(crate) fn end_absence(&mut self, now: Mono, seat: &Seat) {
        let Some(participant) = self.participant(seat) else { return };
        if participant.is(Presence::Polled) {
            let since = if participant.polls.is_empty() { participant.heard_at } else { now };
            let until = since + self.options.polled_grace;
            if until > now {
                return self.deadlines.set(Timer::Absence(seat.clone()), until);
            }
        }
        self.put_out(now, seat, None);
    }

    /// A participant leaves although it may have sockets, and its id is anybody's.
    pub(crate) fn put_out(&mut self, now: Mono, seat: &Seat, reason: Option<Text>) {
        self.unseat(seat);
        self.postpone_claim(seat, now);
        self.announce_left(seat, reason);
    }

    /// Forgets a participant.
    pub(crate) fn unseat(&mut self, seat: &Seat) {
        self.forget_signals(seat);
        self.drop_mail(seat);
        self.absent.remove(seat);
        self.deadlines.cancel(&Timer::Absence(seat.clone()));
        let Some(room) = self.rooms.get_mut(&seat.room) else { return };
        let Some(participant) = room.unseat(&seat.id) else { return };
        self.totals.participants -= 1;
        self.totals.sessions -= usize::from(room.participants.is_empty());
        if participant.traits.presence.is_lasting() {
            self.changed.insert(seat.room);
        }
        for socket in participant.sockets {
            if let Some(state) = self.sockets.get_mut(&socket) {
                state.seats.retain(|it| it != seat);
            }
        }
        self.emptied.insert(seat.room);
    }

    /// Tells everybody in the room that somebody left.
    pub(crate) fn announce_left(&mut self, seat: &Seat, reason: Option<Text>) {
        let Some(room) = self.room(seat.room).map(|it| it.id.clone()) else { return };
        let (to, participant) = (self.audience(seat.room), seat.id.clone());
        let notice = Notice::Left { room: room.clone(), participant: participant.clone(), reason };
        self.deliver(to, notice);
        self.event(Event::Left { room, participant, total: self.totals.participants });
    }
}
