use sangam_types::Mono;

use crate::api::{Event, Refusal};
use crate::deadlines::Timer;
use crate::id::{Owner, SocketId};
use crate::participant::Card;
use crate::payload::Payload;
use crate::room::{Claim, Grace, Seat};
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    /// Notes that a socket wants an id of somebody else, to be decided at a time. False if it is refused at once.
    pub(crate) fn claim(&mut self, socket: SocketId, seat: &Seat, card: Card, decide_at: Mono) -> bool {
        let Some(room) = self.rooms.get_mut(&seat.room) else { return false };
        if let Some(claim) = room.claims.get_mut(&seat.id) {
            if claim.socket == socket {
                claim.card = card;
            } else {
                self.refuse(socket, Refusal::IdInUse { participant: seat.id.clone() });
            }
            return false;
        }
        room.claims.insert(seat.id.clone(), Claim { socket, card });
        if let Some(state) = self.sockets.get_mut(&socket) {
            state.claims.push(seat.clone());
        }
        self.totals.claims += 1;
        self.deadlines.set(Timer::Claim(seat.clone()), decide_at);
        true
    }

    pub(crate) fn take_claim(&mut self, seat: &Seat) -> Option<Claim> {
        let claim = self.room_mut(seat.room)?.claims.remove(&seat.id)?;
        self.totals.claims -= 1;
        self.emptied.insert(seat.room);
        self.deadlines.cancel(&Timer::Claim(seat.clone()));
        if let Some(state) = self.sockets.get_mut(&claim.socket) {
            state.claims.retain(|it| it != seat);
        }
        Some(claim)
    }

    /// The holder had its time and did not answer, or did not come back.
    pub(crate) fn decide_claim(&mut self, now: Mono, seat: &Seat) {
        let Some(claim) = self.take_claim(seat) else { return };
        if self.participant(seat).is_some() {
            self.take_over(now, claim.socket, seat, claim.card);
        } else {
            self.end_grace(seat);
            self.join_new(now, claim.socket, seat, claim.card);
        }
    }

    /// Refuses a claim, unless it is the one of `granted`, which has what it wants.
    pub(crate) fn refuse_claim(&mut self, seat: &Seat, granted: Option<SocketId>) {
        if let Some(claim) = self.take_claim(seat)
            && Some(claim.socket) != granted
        {
            self.refuse(claim.socket, Refusal::IdInUse { participant: seat.id.clone() });
        }
    }

    /// A holder is alive: whoever wants one of its ids is refused.
    pub(crate) fn refuse_claims_on(&mut self, holder: SocketId) {
        if self.totals.claims == 0 {
            return;
        }
        let seats = self.sockets.get(&holder).map(|it| it.seats.clone()).unwrap_or_default();
        for seat in &seats {
            self.refuse_claim(seat, None);
        }
    }

    /// Who waited for the holder's answer now waits until its right ends.
    pub(crate) fn postpone_claim(&mut self, seat: &Seat, until: Mono) {
        if self.room(seat.room).is_some_and(|it| it.claims.contains_key(&seat.id)) {
            self.deadlines.set(Timer::Claim(seat.clone()), until);
        }
    }

    pub(crate) fn begin_grace(&mut self, now: Mono, seat: &Seat, owner: Owner) {
        let until = now + self.options.grace;
        let Some(room) = self.rooms.get_mut(&seat.room) else { return };
        if self.totals.graces >= self.options.graces_max {
            let (room, participant) = (room.id.clone(), seat.id.clone());
            self.postpone_claim(seat, now);
            return self.event(Event::GraceRefused { room, participant });
        }
        room.graces.insert(seat.id.clone(), Grace { owner, until });
        self.totals.graces += 1;
        self.deadlines.set(Timer::Grace(seat.clone()), until);
        self.postpone_claim(seat, until);
    }

    pub(crate) fn end_grace(&mut self, seat: &Seat) {
        let grace = self.room_mut(seat.room).and_then(|it| it.graces.remove(&seat.id));
        if grace.is_some() {
            self.totals.graces -= 1;
            self.emptied.insert(seat.room);
            self.deadlines.cancel(&Timer::Grace(seat.clone()));
        }
    }
}
