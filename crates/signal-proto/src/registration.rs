use sangam_types::Mono;

use crate::api::{CloseReason, Event, Notice, Refusal, Traits};
use crate::deadlines::Timer;
use crate::id::{ParticipantId, SocketId};
use crate::room::{Claim, Grace};
use crate::signaling::Signaling;

/// Who stands between a socket and the id it asks for.
enum Holder {
    /// Nobody.
    Nobody,
    /// The socket itself.
    Asker,
    /// Another socket of the same owner.
    Older(SocketId),
    /// A socket of another owner.
    Stranger(SocketId),
    /// Another owner without a socket, whose right lasts this long.
    Absent(Mono),
}

impl Signaling {
    pub(crate) fn register(&mut self, now: Mono, socket: SocketId, id: ParticipantId, traits: Traits) {
        if !self.sockets.contains_key(&socket) {
            return;
        }
        let holder = self.holder(socket, &id);
        if !matches!(holder, Holder::Asker) && !self.has_room_for_id(socket, &id) {
            let max = self.options.ids_per_socket_max;
            return self.refuse(socket, Refusal::TooManyIds { max });
        }
        match holder {
            Holder::Nobody => self.seat(socket, id, traits),
            Holder::Asker => {
                self.room.seat(&id, socket, traits);
                self.reply_registered(socket, id);
            }
            Holder::Older(older) => self.take_over(now, older, socket, id, traits, CloseReason::Replaced),
            Holder::Stranger(holder) => {
                if self.claim(socket, id, traits, now + self.options.claim_timeout) {
                    self.ping(holder);
                }
            }
            Holder::Absent(until) => {
                self.claim(socket, id, traits, until);
            }
        }
    }

    fn holder(&self, socket: SocketId, id: &ParticipantId) -> Holder {
        let owner = self.sockets.get(&socket).map(|it| &it.owner);
        if let Some(participant) = self.room.participants.get(id) {
            let holder = participant.socket;
            return if holder == socket {
                Holder::Asker
            } else if self.sockets.get(&holder).map(|it| &it.owner) == owner {
                Holder::Older(holder)
            } else {
                Holder::Stranger(holder)
            };
        }
        match self.room.graces.get(id) {
            Some(grace) if Some(&grace.owner) != owner => Holder::Absent(grace.until),
            Some(_) | None => Holder::Nobody,
        }
    }

    fn has_room_for_id(&self, socket: SocketId, id: &ParticipantId) -> bool {
        self.sockets.get(&socket).is_some_and(|it| {
            it.claims.contains(id) || it.ids.len() + it.claims.len() < self.options.ids_per_socket_max
        })
    }

    /// Gives an id that nobody holds to a socket, and tells everybody.
    fn seat(&mut self, socket: SocketId, id: ParticipantId, traits: Traits) {
        self.end_grace(&id);
        self.refuse_claim(&id, Some(socket));
        self.room.seat(&id, socket, traits);
        if let Some(state) = self.sockets.get_mut(&socket) {
            state.ids.push(id.clone());
        }
        self.reply_registered(socket, id.clone());
        self.deliver(self.room.sockets_except(Some(socket)), Notice::Joined { participant: id.clone() });
        self.event(Event::Registered { participant: id, total: self.room.participants.len() });
    }

    fn reply_registered(&mut self, socket: SocketId, id: ParticipantId) {
        let others = self.room.others(&id);
        self.deliver(vec![socket], Notice::Registered { participant: id, others });
    }

    /// Moves an id from one socket to another. A socket without an id left, or one that does not answer, is closed.
    fn take_over(
        &mut self,
        now: Mono,
        older: SocketId,
        newer: SocketId,
        id: ParticipantId,
        traits: Traits,
        reason: CloseReason,
    ) {
        self.forget_signals(&id);
        let mut ids_left = 0;
        if let Some(state) = self.sockets.get_mut(&older) {
            state.ids.retain(|it| *it != id);
            ids_left = state.ids.len();
        }
        // Before the others hear of it, so that the older socket does not.
        self.room.seat(&id, newer, traits);
        if ids_left == 0 || reason == CloseReason::Silent {
            self.close(older, reason);
            self.forget_socket(now, older);
        }
        self.seat(newer, id, traits);
    }

    /// Notes that a socket wants an id of somebody else, to be decided at a time. False if it is refused at once.
    fn claim(&mut self, socket: SocketId, id: ParticipantId, traits: Traits, decide_at: Mono) -> bool {
        if let Some(claim) = self.room.claims.get_mut(&id) {
            if claim.socket == socket {
                claim.traits = traits;
            } else {
                self.refuse(socket, Refusal::IdInUse { participant: id });
            }
            return false;
        }
        if let Some(state) = self.sockets.get_mut(&socket) {
            state.claims.push(id.clone());
        }
        self.deadlines.set(Timer::Claim(id.clone()), decide_at);
        self.room.claims.insert(id, Claim { socket, traits });
        true
    }

    fn take_claim(&mut self, id: &ParticipantId) -> Option<Claim> {
        let claim = self.room.claims.remove(id)?;
        self.deadlines.cancel(&Timer::Claim(id.clone()));
        if let Some(state) = self.sockets.get_mut(&claim.socket) {
            state.claims.retain(|it| it != id);
        }
        Some(claim)
    }

    /// The holder had its time and did not answer, or did not come back.
    pub(crate) fn decide_claim(&mut self, now: Mono, id: ParticipantId) {
        let Some(claim) = self.take_claim(&id) else { return };
        if let Some(participant) = self.room.participants.get(&id) {
            let holder = participant.socket;
            self.take_over(now, holder, claim.socket, id, claim.traits, CloseReason::Silent);
        } else {
            self.seat(claim.socket, id, claim.traits);
        }
    }

    /// Refuses a claim, unless it is the one of `granted`, which has what it wants.
    fn refuse_claim(&mut self, id: &ParticipantId, granted: Option<SocketId>) {
        if let Some(claim) = self.take_claim(id)
            && Some(claim.socket) != granted
        {
            self.refuse(claim.socket, Refusal::IdInUse { participant: id.clone() });
        }
    }

    /// A holder is alive: whoever wants one of its ids is refused.
    pub(crate) fn refuse_claims_on(&mut self, holder: SocketId) {
        if self.room.claims.is_empty() {
            return;
        }
        let ids = self.sockets.get(&holder).map(|it| it.ids.clone()).unwrap_or_default();
        for id in &ids {
            self.refuse_claim(id, None);
        }
    }

    pub(crate) fn end_grace(&mut self, id: &ParticipantId) {
        self.room.graces.remove(id);
        self.deadlines.cancel(&Timer::Grace(id.clone()));
    }

    /// A socket is gone: so are its claims and its ids.
    pub(crate) fn forget_socket(&mut self, now: Mono, socket: SocketId) {
        let Some(state) = self.sockets.remove(&socket) else { return };
        self.deadlines.cancel(&Timer::Silence(socket));
        for id in &state.claims {
            self.take_claim(id);
        }
        // All leave before the first is announced: nobody hears of a departure on a socket that is gone.
        for id in &state.ids {
            self.forget_signals(id);
            self.room.unseat(id);
            self.begin_grace(id, Grace { owner: state.owner.clone(), until: now + self.options.grace });
        }
        let to = self.room.sockets_except(None);
        for id in state.ids {
            self.deliver(to.clone(), Notice::Left { participant: id.clone() });
            self.event(Event::Left { participant: id, total: self.room.participants.len() });
        }
    }

    fn begin_grace(&mut self, id: &ParticipantId, grace: Grace) {
        if self.room.graces.len() >= self.options.graces_max {
            return self.event(Event::GraceRefused { participant: id.clone() });
        }
        // Whoever was waiting for the holder's answer now waits for its return.
        if self.room.claims.contains_key(id) {
            self.deadlines.set(Timer::Claim(id.clone()), grace.until);
        }
        self.deadlines.set(Timer::Grace(id.clone()), grace.until);
        self.room.graces.insert(id.clone(), grace);
    }
}
