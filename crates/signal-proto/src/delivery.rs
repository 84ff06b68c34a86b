use sangam_types::Mono;

use crate::api::{
    DropReason, DtlsRole, Event, GlareOutcome, Notice, OfferShape, Payload, Refusal, Signal, SignalKind, Traits,
};
use crate::deadlines::Timer;
use crate::direction::{Direction, Hold, Message, Route};
use crate::id::{ParticipantId, SocketId};
use crate::signaling::Signaling;

impl Signaling {
    pub(crate) fn signal(&mut self, now: Mono, socket: SocketId, signal: Signal) {
        let Some(from) = self.sender(socket, &signal.from) else {
            if self.sockets.contains_key(&socket) {
                self.refuse(socket, Refusal::NotRegistered);
            }
            return;
        };
        let Some((to, receiver)) = self.room.participants.get_key_value(&*signal.to) else {
            return match signal.kind {
                SignalKind::Candidate => self.drop_one(signal.kind, DropReason::PeerNotFound),
                SignalKind::Offer | SignalKind::Answer => {
                    self.refuse(socket, Refusal::PeerNotFound { to: signal.to });
                }
            };
        };
        let (route, traits) = (Route { from, to: to.clone() }, receiver.traits);
        if route.from == route.to {
            return match signal.kind {
                SignalKind::Candidate => self.drop_one(signal.kind, DropReason::PeerIsSelf),
                SignalKind::Offer | SignalKind::Answer => {
                    self.refuse(socket, Refusal::PeerIsSelf { participant: route.from });
                }
            };
        }
        if !self.room.open_direction(&route, self.options.peers_max) {
            let max = self.options.peers_max;
            return self.refuse(socket, Refusal::TooManyPeers { max });
        }
        match signal.kind {
            SignalKind::Offer => self.offer(now, route, signal.payload, signal.shape, traits),
            SignalKind::Answer => self.answer(now, route, signal.payload),
            SignalKind::Candidate => self.candidate(now, route, signal.payload),
        }
    }

    /// The id a socket sends under: the one it names if that is its own, else its first.
    fn sender(&self, socket: SocketId, named: &str) -> Option<ParticipantId> {
        let ids = &self.sockets.get(&socket)?.ids;
        ids.iter().find(|id| id.as_str() == named).or(ids.first()).cloned()
    }

    fn offer(&mut self, now: Mono, route: Route, payload: Payload, shape: Option<OfferShape>, receiver: Traits) {
        let reverse = route.reverse();
        let message = Message { kind: SignalKind::Offer, payload };
        let sender_rolls_back = self.rolls_back(&route.from);
        if let Some(Direction { hold: Hold::GlareWindow { shape: first }, .. }) = self.room.directions.get(&reverse) {
            if sender_rolls_back {
                self.first_stands(now, &reverse);
            } else if receiver.rolls_back {
                self.second_stands(now, &reverse, message);
            } else if shape.is_some() && *first == shape {
                self.cross(&reverse, message);
            } else {
                self.first_stands(now, &reverse);
            }
            return;
        }
        if self.room.directions.get(&reverse).is_some_and(|it| it.is_unanswered(now)) {
            return self.lose(now, &reverse);
        }
        // Waiting is of use only if there is a way out of a glare that does not deliver this offer.
        let may_wait = !receiver.rolls_back && (shape.is_some() || sender_rolls_back);
        let waits_already = matches!(self.room.direction(&route).hold, Hold::GlareWindow { .. });
        if waits_already {
            self.release(now, &route);
        }
        if may_wait && !waits_already && !self.options.glare_window.is_zero() && self.fits(&route, &message) {
            self.hold(&route, message);
            self.room.direction(&route).hold = Hold::GlareWindow { shape };
            return self.deadlines.set(Timer::Hold(route), now + self.options.glare_window);
        }
        self.describe(now, &route, message);
    }

    fn answer(&mut self, now: Mono, route: Route, payload: Payload) {
        let message = Message { kind: SignalKind::Answer, payload };
        if matches!(self.room.direction(&route).hold, Hold::GlareWindow { .. }) {
            // An answer to an earlier offer, after a new offer of its sender: order is kept, and nothing is left to wait for.
            self.release(now, &route);
        }
        self.describe(now, &route, message);
    }

    fn candidate(&mut self, now: Mono, route: Route, payload: Payload) {
        let message = Message { kind: SignalKind::Candidate, payload };
        let fits = self.fits(&route, &message);
        let direction = self.room.direction(&route);
        match direction.hold {
            Hold::Lost => self.drop_one(SignalKind::Candidate, DropReason::GlareLost),
            Hold::None if direction.described => self.pass(&route, message),
            Hold::None if !fits => self.drop_one(SignalKind::Candidate, DropReason::HoldFull),
            Hold::GlareWindow { .. } if !fits => {
                self.release(now, &route);
                self.pass(&route, message);
            }
            Hold::None | Hold::GlareWindow { .. } => {
                self.hold(&route, message);
                let timer = Timer::Hold(route);
                if !self.deadlines.is_set(&timer) {
                    self.deadlines.set(timer, now + self.options.hold_time);
                }
            }
        }
    }

    /// Delivers a description, then the candidates that waited for it.
    fn describe(&mut self, now: Mono, route: &Route, message: Message) {
        let unanswered_until = now + self.options.glare_timeout;
        let direction = self.room.direction(route);
        direction.hold = Hold::None;
        direction.described = true;
        direction.unanswered_until = (message.kind == SignalKind::Offer).then_some(unanswered_until);
        if message.kind == SignalKind::Answer
            && let Some(reverse) = self.room.directions.get_mut(&route.reverse())
        {
            reverse.unanswered_until = None;
        }
        self.pass(route, message);
        self.pass_held(route);
    }

    /// Ends a glare window: the offer and what waits behind it go out.
    fn release(&mut self, now: Mono, route: &Route) {
        let mut held = self.take_held(route);
        self.room.direction(route).hold = Hold::None;
        if let Some(offer) = held.pop_front() {
            self.describe(now, route, offer);
        }
        for message in held {
            self.pass(route, message);
        }
    }

    pub(crate) fn end_hold(&mut self, now: Mono, route: &Route) {
        match self.room.directions.get(route).map(|it| &it.hold) {
            Some(Hold::GlareWindow { .. }) => self.release(now, route),
            Some(Hold::Lost) => self.room.direction(route).hold = Hold::None,
            Some(Hold::None) => self.drop_held(route, DropReason::HeldTooLong),
            None => {}
        }
    }

    /// Two offers met and the first was still here: each serves as the answer to the other. The sender of the first
    /// finds itself in the role an offerer usually has.
    fn cross(&mut self, first: &Route, second_offer: Message) {
        let second = first.reverse();
        let mut held = self.take_held(first);
        let Some(first_offer) = held.pop_front() else { return };
        self.hand_over_crossed(first, first_offer.payload, DtlsRole::Passive);
        self.hand_over_crossed(&second, second_offer.payload, DtlsRole::Active);
        for message in held {
            self.pass(first, message);
        }
        self.pass_held(&second);
        self.note_glare(first, GlareOutcome::Crossed);
    }

    fn hand_over_crossed(&mut self, route: &Route, offer: Payload, sender_role: DtlsRole) {
        let direction = self.room.direction(route);
        direction.hold = Hold::None;
        direction.described = true;
        direction.unanswered_until = None;
        let notice = Notice::Crossed { from: route.from.clone(), to: route.to.clone(), offer, sender_role };
        self.hand_over(route, SignalKind::Offer, notice);
    }

    fn first_stands(&mut self, now: Mono, first: &Route) {
        self.lose(now, first);
        self.release(now, first);
    }

    fn second_stands(&mut self, now: Mono, first: &Route, second_offer: Message) {
        self.drop_held(first, DropReason::GlareLost);
        self.begin_lost(now, first);
        self.note_glare(first, GlareOutcome::SecondStands);
        self.describe(now, &first.reverse(), second_offer);
    }

    /// Drops an offer against `winner`, with the candidates that belong to it.
    fn lose(&mut self, now: Mono, winner: &Route) {
        let loser = winner.reverse();
        self.drop_one(SignalKind::Offer, DropReason::GlareLost);
        self.drop_held(&loser, DropReason::GlareLost);
        self.begin_lost(now, &loser);
        self.note_glare(winner, GlareOutcome::FirstStands);
    }

    fn begin_lost(&mut self, now: Mono, loser: &Route) {
        self.room.direction(loser).hold = Hold::Lost;
        self.deadlines.set(Timer::Hold(loser.clone()), now + self.options.glare_timeout);
    }

    fn note_glare(&mut self, first: &Route, outcome: GlareOutcome) {
        self.event(Event::Glare { first: first.from.clone(), second: first.to.clone(), outcome });
    }

    fn fits(&self, route: &Route, message: &Message) -> bool {
        let bytes = message.payload.0.len();
        let held = self.room.directions.get(route);
        held.map_or(0, Direction::held_len) < self.options.held_len_max
            && held.map_or(0, Direction::held_bytes) + bytes <= self.options.held_bytes_max
            && self.room.held_bytes + bytes <= self.options.held_total_bytes_max
    }

    fn hold(&mut self, route: &Route, message: Message) {
        self.room.held_bytes += message.payload.0.len();
        self.room.direction(route).push_held(message);
    }

    fn take_held(&mut self, route: &Route) -> std::collections::VecDeque<Message> {
        self.deadlines.cancel(&Timer::Hold(route.clone()));
        let direction = self.room.direction(route);
        let bytes = direction.held_bytes();
        let held = direction.take_held();
        self.room.held_bytes -= bytes;
        held
    }

    fn pass_held(&mut self, route: &Route) {
        for message in self.take_held(route) {
            self.pass(route, message);
        }
    }

    fn drop_held(&mut self, route: &Route, reason: DropReason) {
        for message in self.take_held(route) {
            self.drop_one(message.kind, reason);
        }
    }

    /// What a participant sent and was sent belongs to the session that ends with its socket.
    pub(crate) fn forget_signals(&mut self, id: &ParticipantId) {
        for (route, mut direction) in self.room.forget_signals(id) {
            self.deadlines.cancel(&Timer::Hold(route));
            self.room.held_bytes -= direction.held_bytes();
            for message in direction.take_held() {
                self.drop_one(message.kind, DropReason::PeerLeft);
            }
        }
    }

    fn pass(&mut self, route: &Route, message: Message) {
        let Message { kind, payload } = message;
        let notice = Notice::Signal { kind, from: route.from.clone(), to: route.to.clone(), payload };
        self.hand_over(route, kind, notice);
    }

    fn hand_over(&mut self, route: &Route, kind: SignalKind, notice: Notice) {
        let Some(receiver) = self.room.participants.get(&route.to) else { return };
        self.deliver(vec![receiver.socket], notice);
        self.event(Event::Relayed { kind, from: route.from.clone(), to: route.to.clone() });
    }

    fn drop_one(&mut self, kind: SignalKind, reason: DropReason) {
        self.event(Event::Dropped { kind, reason });
    }

    fn rolls_back(&self, id: &ParticipantId) -> bool {
        self.room.participants.get(id).is_some_and(|it| it.traits.rolls_back)
    }
}
