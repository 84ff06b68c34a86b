use std::collections::VecDeque;

use sangam_types::Mono;

use crate::api::{DropReason, DtlsRole, Event, GlareOutcome, SignalKind};
use crate::deadlines::Timer;
use crate::direction::{Direction, Hold, Message, Route};
use crate::mailbox::Letter;
use crate::participant::Participant;
use crate::payload::Payload;
use crate::room::Seat;
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    pub(crate) fn offer(&mut self, now: Mono, route: Route, message: Message<P>) {
        let reverse = route.reverse();
        let sender_rolls_back = self.rolls_back(&route.sender());
        let receiver_rolls_back = self.rolls_back(&route.receiver());
        let may_cross = self.may_cross(&route.sender()) && self.may_cross(&route.receiver());
        let shape = if may_cross { message.payload.shape() } else { None };
        if let Some(Direction { hold: Hold::GlareWindow { shape: first }, .. }) = self.held(&reverse) {
            if sender_rolls_back {
                self.first_stands(now, &reverse);
            } else if receiver_rolls_back {
                self.second_stands(now, &reverse, message);
            } else if shape.is_some() && *first == shape {
                self.cross(now, &reverse, message);
            } else {
                self.first_stands(now, &reverse);
            }
            return;
        }
        if self.held(&reverse).is_some_and(|it| it.is_unanswered(now)) {
            return self.lose(now, &reverse);
        }
        // Waiting is of use only if there is a way out of a glare that does not deliver this offer.
        let may_wait = !receiver_rolls_back && (shape.is_some() || sender_rolls_back);
        let waits_already = self.waits(&route);
        if waits_already {
            self.release(now, &route);
        }
        if may_wait && !waits_already && !self.options.glare_window.is_zero() && self.fits(&route, &message) {
            self.hold(&route, message);
            self.set_hold(&route, Hold::GlareWindow { shape });
            return self.deadlines.set(Timer::Hold(route), now + self.options.glare_window);
        }
        self.describe(now, &route, message);
    }

    pub(crate) fn answer(&mut self, now: Mono, route: &Route, message: Message<P>) {
        if self.waits(route) {
            // An answer to an earlier offer, after a new offer of its sender: order is kept, and nothing is left to wait for.
            self.release(now, route);
        }
        self.describe(now, route, message);
    }

    pub(crate) fn candidate(&mut self, now: Mono, route: Route, message: Message<P>) {
        let fits = self.fits(&route, &message);
        let Some(direction) = self.direction(&route) else { return };
        match direction.hold {
            Hold::Lost => self.drop_one(SignalKind::Candidate, DropReason::GlareLost),
            Hold::None if direction.described => self.pass(now, &route, message),
            Hold::None if !fits => self.drop_one(SignalKind::Candidate, DropReason::HoldFull),
            Hold::GlareWindow { .. } if !fits => {
                self.release(now, &route);
                self.pass(now, &route, message);
            }
            Hold::None | Hold::GlareWindow { .. } => {
                self.hold(&route, message);
                let timer = Timer::Hold(route);
                if self.deadlines.at(&timer).is_none() {
                    self.deadlines.set(timer, now + self.options.hold_time);
                }
            }
        }
    }

    /// Delivers a description, then the candidates that waited for it.
    fn describe(&mut self, now: Mono, route: &Route, message: Message<P>) {
        let unanswered_until = now + self.options.glare_timeout;
        let Some(direction) = self.direction(route) else { return };
        direction.hold = Hold::None;
        direction.described = true;
        direction.unanswered_until = (message.kind == SignalKind::Offer).then_some(unanswered_until);
        if message.kind == SignalKind::Answer
            && let Some(reverse) = self.room_mut(route.room).and_then(|it| it.directions.get_mut(&route.reverse()))
        {
            reverse.unanswered_until = None;
        }
        self.pass(now, route, message);
        // Unless there was no room for it in a mailbox.
        if self.held(route).is_some_and(|it| it.described) {
            self.pass_held(now, route);
        }
    }

    /// Ends a glare window: the offer and what waits behind it go out.
    fn release(&mut self, now: Mono, route: &Route) {
        let mut held = self.take_held(route);
        self.set_hold(route, Hold::None);
        if let Some(offer) = held.pop_front() {
            self.describe(now, route, offer);
        }
        for message in held {
            self.pass(now, route, message);
        }
    }

    pub(crate) fn end_hold(&mut self, now: Mono, route: &Route) {
        match self.held(route).map(|it| &it.hold) {
            Some(Hold::GlareWindow { .. }) => self.release(now, route),
            Some(Hold::Lost) => self.set_hold(route, Hold::None),
            Some(Hold::None) => self.drop_held(route, DropReason::HeldTooLong),
            None => {}
        }
    }

    /// Two offers met and the first was still here: each serves as the answer to the other. The sender of the first
    /// finds itself in the role an offerer usually has.
    fn cross(&mut self, now: Mono, first: &Route, second_offer: Message<P>) {
        let second = first.reverse();
        let mut held = self.take_held(first);
        let Some(first_offer) = held.pop_front() else { return };
        self.pass_crossed(now, first, first_offer, DtlsRole::Passive);
        self.pass_crossed(now, &second, second_offer, DtlsRole::Active);
        for message in held {
            self.pass(now, first, message);
        }
        self.pass_held(now, &second);
        self.note_glare(first, GlareOutcome::Crossed);
    }

    fn pass_crossed(&mut self, now: Mono, route: &Route, offer: Message<P>, sender_role: DtlsRole) {
        let Some(direction) = self.direction(route) else { return };
        direction.hold = Hold::None;
        direction.described = true;
        direction.unanswered_until = None;
        self.hand_over(now, &route.receiver(), Letter::crossed(route.from.clone(), offer, sender_role));
    }

    fn first_stands(&mut self, now: Mono, first: &Route) {
        self.lose(now, first);
        self.release(now, first);
    }

    fn second_stands(&mut self, now: Mono, first: &Route, second_offer: Message<P>) {
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
        self.set_hold(loser, Hold::Lost);
        self.deadlines.set(Timer::Hold(loser.clone()), now + self.options.glare_timeout);
    }

    fn note_glare(&mut self, first: &Route, outcome: GlareOutcome) {
        let Some(room) = self.room(first.room).map(|it| it.id.clone()) else { return };
        self.event(Event::Glare { room, first: first.from.clone(), second: first.to.clone(), outcome });
    }

    fn held(&self, route: &Route) -> Option<&Direction<P>> {
        self.room(route.room)?.directions.get(route)
    }

    fn direction(&mut self, route: &Route) -> Option<&mut Direction<P>> {
        self.room_mut(route.room).map(|it| it.direction(route))
    }

    fn set_hold(&mut self, route: &Route, hold: Hold) {
        if let Some(direction) = self.direction(route) {
            direction.hold = hold;
        }
    }

    /// Whether an offer waits for one in the other direction.
    fn waits(&self, route: &Route) -> bool {
        self.held(route).is_some_and(|it| matches!(it.hold, Hold::GlareWindow { .. }))
    }

    fn fits(&self, route: &Route, message: &Message<P>) -> bool {
        let bytes = message.payload.len();
        let held = self.held(route);
        held.map_or(0, Direction::held_len) < self.options.held_len_max
            && held.map_or(0, Direction::held_bytes) + bytes <= self.options.held_bytes_max
            && self.totals.held_bytes + bytes <= self.options.held_total_bytes_max
    }

    fn hold(&mut self, route: &Route, message: Message<P>) {
        self.totals.held_bytes += message.payload.len();
        if let Some(direction) = self.direction(route) {
            direction.push_held(message);
        }
    }

    fn take_held(&mut self, route: &Route) -> VecDeque<Message<P>> {
        self.deadlines.cancel(&Timer::Hold(route.clone()));
        let Some(direction) = self.direction(route) else { return VecDeque::new() };
        let bytes = direction.held_bytes();
        let held = direction.take_held();
        self.totals.held_bytes -= bytes;
        held
    }

    fn pass_held(&mut self, now: Mono, route: &Route) {
        for message in self.take_held(route) {
            self.pass(now, route, message);
        }
    }

    fn drop_held(&mut self, route: &Route, reason: DropReason) {
        for message in self.take_held(route) {
            self.drop_one(message.kind, reason);
        }
    }

    /// What a participant sent and was sent belongs to the session that ends with its socket.
    pub(crate) fn forget_signals(&mut self, seat: &Seat) {
        let forgotten = self.room_mut(seat.room).map(|it| it.forget_signals(seat)).unwrap_or_default();
        for (route, mut direction) in forgotten {
            self.deadlines.cancel(&Timer::Hold(route.clone()));
            self.totals.held_bytes -= direction.held_bytes();
            for message in direction.take_held() {
                self.drop_one(message.kind, DropReason::PeerLeft);
            }
            if route.from == seat.id {
                self.drop_mail_of(&route);
            }
        }
    }

    fn pass(&mut self, now: Mono, route: &Route, message: Message<P>) {
        self.hand_over(now, &route.receiver(), Letter::new(route.from.clone(), message));
    }

    fn rolls_back(&self, seat: &Seat) -> bool {
        self.participant(seat).is_some_and(|it| it.traits.rolls_back)
    }

    fn may_cross(&self, seat: &Seat) -> bool {
        self.participant(seat).is_some_and(Participant::may_cross)
    }
}
