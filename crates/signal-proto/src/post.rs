use std::time::Duration;

use sangam_types::Mono;

use crate::api::{DropReason, Event, Notice, Presence, Refusal, Right, SignalKind};
use crate::deadlines::Timer;
use crate::direction::{Message, Route};
use crate::id::{ParticipantId, RoomId, SocketId};
use crate::mailbox::{Letter, Load, Mailbox, sort_batch};
use crate::participant::Participant;
use crate::payload::Payload;
use crate::room::Seat;
use crate::signaling::Signaling;

impl<P: Payload> Signaling<P> {
    /// Hands a message to a participant: at once if it can be, else by its mailbox.
    pub(crate) fn hand_over(&mut self, now: Mono, seat: &Seat, letter: Letter<P>) {
        if self.participant(seat).is_some_and(|it| it.traits.wants_whole) {
            self.hand_over_whole(now, seat, letter);
        } else {
            self.hand_on(now, seat, letter);
        }
    }

    /// Hands over what is whole.
    pub(crate) fn hand_on(&mut self, now: Mono, seat: &Seat, letter: Letter<P>) {
        let Some(participant) = self.participant(seat) else { return };
        if participant.is(Presence::Polled) || participant.sockets.is_empty() || self.has_waiting(seat, &letter.from) {
            self.put(now, seat, letter);
        } else {
            self.deliver_now(now, seat, letter);
        }
    }

    /// Hands a letter to all sockets of a participant.
    fn deliver_now(&mut self, now: Mono, seat: &Seat, letter: Letter<P>) {
        let Some(to) = self.participant(seat).map(|it| it.sockets.clone()) else { return };
        let copy = self.keeps_copies(seat).then(|| Letter { had_by: to.clone(), ..letter.clone() });
        self.deliver_letter(seat, to, &letter);
        if let Some(copy) = copy.filter(|it| self.refuses_mail(seat, it).is_none()) {
            self.put(now, seat, copy);
        }
    }

    /// Whether a socket that comes later needs what was delivered before: the right one is not there yet.
    fn keeps_copies(&self, seat: &Seat) -> bool {
        let Some(participant) = self.participant(seat) else { return false };
        participant.is(Presence::Shared) && !self.deals_with_signals(participant)
    }

    /// Whether a socket that is there has sent a signal.
    pub(crate) fn deals_with_signals(&self, participant: &Participant) -> bool {
        participant.signalers.iter().any(|it| self.is_live(*it))
    }

    fn has_waiting(&self, seat: &Seat, from: &ParticipantId) -> bool {
        self.mailbox(seat).is_some_and(|it| it.has_waiting(from))
    }

    pub(crate) fn mailbox(&self, seat: &Seat) -> Option<&Mailbox<P>> {
        self.room(seat.room)?.mailboxes.get(&seat.id)
    }

    fn deliver_letter(&mut self, seat: &Seat, to: Vec<SocketId>, letter: &Letter<P>) {
        let Some(room) = self.room(seat.room).map(|it| it.id.clone()) else { return };
        self.deliver(to, letter.notice(room, &seat.id));
        self.note_relayed(seat, letter);
    }

    fn note_relayed(&mut self, seat: &Seat, letter: &Letter<P>) {
        let Some(room) = self.room(seat.room).map(|it| it.id.clone()) else { return };
        let (from, to) = (letter.from.clone(), seat.id.clone());
        self.event(Event::Relayed { room, kind: letter.message.kind, from, to });
    }

    /// Puts a letter into a mailbox if it may be there. Offers that it makes stale go.
    pub(crate) fn put(&mut self, now: Mono, seat: &Seat, mut letter: Letter<P>) {
        if letter.message.kind == SignalKind::Offer {
            let from = letter.from.clone();
            self.take_out(seat, DropReason::StaleOffer, |it| it.take_stale(&from));
        }
        if let Some(reason) = self.refuses_mail(seat, &letter) {
            self.undescribe(seat, &letter);
            return self.drop_one(letter.message.kind, reason);
        }
        letter.until = now + self.mail_time(seat);
        let (load, at) = (Load::of(&letter), letter.whole_at.unwrap_or(letter.until));
        let Some(room) = self.rooms.get_mut(&seat.room) else { return };
        room.posted.entry(letter.from.clone()).or_default().add(load);
        let mailbox = room.mailboxes.entry(seat.id.clone()).or_default();
        mailbox.load.add(load);
        mailbox.letters.push(letter);
        self.totals.mail.add(load);
        self.deadlines.set_earlier(Timer::Mail(seat.clone()), at);
        self.rung.insert(seat.clone());
    }

    /// A description did not reach its receiver: the candidates that come behind it wait for another one.
    fn undescribe(&mut self, seat: &Seat, letter: &Letter<P>) {
        let route = Route { room: seat.room, from: letter.from.clone(), to: seat.id.clone() };
        if letter.is_description()
            && let Some(direction) = self.room_mut(seat.room).and_then(|it| it.directions.get_mut(&route))
        {
            direction.described = false;
        }
    }

    pub(crate) fn mail_time(&self, seat: &Seat) -> Duration {
        let is_quick = self.participant(seat).is_some_and(|it| !it.is(Presence::Polled));
        if is_quick { self.options.mail_time } else { self.options.polled_mail_time }
    }

    /// Why a letter may not wait.
    pub(crate) fn refuses_mail(&self, seat: &Seat, letter: &Letter<P>) -> Option<DropReason> {
        self.refuses_load(seat, &letter.from, Load::of(letter))
    }

    pub(crate) fn refuses_load(&self, seat: &Seat, from: &ParticipantId, more: Load) -> Option<DropReason> {
        let options = &self.options;
        let is_over =
            |load: Load, len_max, bytes_max| load.len + more.len > len_max || load.bytes + more.bytes > bytes_max;
        let inbox = self.mailbox(seat).map(|it| it.load).unwrap_or_default();
        let posted = self.room(seat.room).and_then(|it| it.posted.get(from).copied()).unwrap_or_default();
        if is_over(inbox, options.mail_len_max, options.mail_bytes_max) {
            Some(DropReason::MailboxFull)
        } else if is_over(posted, options.sender_mail_len_max, options.sender_mail_bytes_max) {
            Some(DropReason::SenderMailFull)
        } else if is_over(self.totals.mail, usize::MAX, options.mail_total_bytes_max) {
            Some(DropReason::MailFull)
        } else {
            None
        }
    }

    /// Takes letters out of a mailbox, which is forgotten when it is empty.
    pub(crate) fn take_letters(
        &mut self,
        seat: &Seat,
        take: impl FnOnce(&mut Mailbox<P>) -> Vec<Letter<P>>,
    ) -> Vec<Letter<P>> {
        let Some(room) = self.rooms.get_mut(&seat.room) else { return Vec::new() };
        let Some(mailbox) = room.mailboxes.get_mut(&seat.id) else { return Vec::new() };
        let taken = take(mailbox);
        if mailbox.letters.is_empty() {
            room.mailboxes.remove(&seat.id);
            self.deadlines.cancel(&Timer::Mail(seat.clone()));
        }
        for letter in &taken {
            let load = Load::of(letter);
            self.totals.mail.subtract(load);
            if let Some(posted) = room.posted.get_mut(&letter.from) {
                posted.subtract(load);
                if posted.len == 0 {
                    room.posted.remove(&letter.from);
                }
            }
        }
        taken
    }

    /// Takes letters out of a mailbox that go nowhere. Copies went somewhere before.
    fn take_out(&mut self, seat: &Seat, reason: DropReason, take: impl FnOnce(&mut Mailbox<P>) -> Vec<Letter<P>>) {
        for letter in self.take_letters(seat, take) {
            if !letter.is_copy() {
                self.drop_one(letter.message.kind, reason);
            }
        }
    }

    pub(crate) fn drop_mail(&mut self, seat: &Seat) {
        self.take_out(seat, DropReason::PeerLeft, |it| it.take(|_| true));
    }

    /// What its sender's departure leaves waiting.
    pub(crate) fn drop_mail_of(&mut self, route: &Route) {
        self.take_out(&route.receiver(), DropReason::PeerLeft, |it| it.take(|letter| letter.from == route.from));
    }

    /// The socket that deals with signals is there: no other needs what was delivered.
    pub(crate) fn drop_copies(&mut self, seat: &Seat) {
        self.take_letters(seat, |it| it.take(|letter| letter.is_copy()));
    }

    /// Something in a mailbox has waited long enough for candidates, or is too old.
    pub(crate) fn sort_mail(&mut self, now: Mono, seat: &Seat) {
        let until = now + self.mail_time(seat);
        if let Some(mailbox) = self.room_mut(seat.room).and_then(|it| it.mailboxes.get_mut(&seat.id)) {
            for letter in mailbox.letters.iter_mut().filter(|it| it.whole_at.is_some_and(|at| at <= now)) {
                letter.whole_at = None;
                letter.until = until;
            }
        }
        let expired = self.take_letters(seat, |it| it.take_expired(now));
        for letter in expired.iter().filter(|it| !it.is_copy()) {
            self.undescribe(seat, letter);
            self.drop_one(letter.message.kind, DropReason::MailExpired);
        }
        self.release_mail(now, seat);
        if let Some(at) = self.mailbox(seat).and_then(Mailbox::next) {
            self.deadlines.set(Timer::Mail(seat.clone()), at);
        }
    }

    /// Hands over what is whole by now.
    pub(crate) fn release_mail(&mut self, now: Mono, seat: &Seat) {
        let Some(participant) = self.participant(seat) else { return };
        if participant.is(Presence::Polled) {
            self.rung.insert(seat.clone());
        } else if !participant.sockets.is_empty() {
            for letter in self.take_letters(seat, Mailbox::take_ready) {
                self.deliver_now(now, seat, letter);
            }
        }
    }

    /// A socket came to a participant: it gets what waited, and what others got before the right one was there.
    pub(crate) fn flush_mail(&mut self, seat: &Seat, socket: SocketId) {
        let Some(participant) = self.participant(seat) else { return };
        if participant.is(Presence::Polled) {
            return;
        }
        let keeps = self.keeps_copies(seat);
        let mut letters = self.take_letters(seat, |it| it.take(|letter| letter.is_copy()));
        letters.extend(self.take_letters(seat, Mailbox::take_ready));
        for letter in letters {
            if !letter.is_copy() {
                self.deliver_letter(seat, vec![socket], &letter);
            } else if !letter.had_by.contains(&socket) {
                let Some(room) = self.room(seat.room).map(|it| it.id.clone()) else { return };
                self.deliver(vec![socket], letter.notice(room, &seat.id));
            }
            if keeps {
                self.keep_copy(seat, socket, letter);
            }
        }
    }

    /// Puts back what was just taken out, for further sockets than this.
    fn keep_copy(&mut self, seat: &Seat, socket: SocketId, mut letter: Letter<P>) {
        if !letter.had_by.contains(&socket) {
            letter.had_by.push(socket);
        }
        let (load, until) = (Load::of(&letter), letter.until);
        let Some(room) = self.rooms.get_mut(&seat.room) else { return };
        room.posted.entry(letter.from.clone()).or_default().add(load);
        let mailbox = room.mailboxes.entry(seat.id.clone()).or_default();
        mailbox.load.add(load);
        mailbox.letters.push(letter);
        self.totals.mail.add(load);
        self.deadlines.set_earlier(Timer::Mail(seat.clone()), until);
    }

    /// A message to an id that is yet to come.
    pub(crate) fn post_ahead(&mut self, now: Mono, from: &Seat, to: Seat, message: Message<P>) {
        self.put(now, &to, Letter::new(from.id.clone(), message));
    }

    /// What was sent to an id before it came takes the way that it would take now.
    pub(crate) fn adopt_mail(&mut self, now: Mono, seat: &Seat) {
        let mut letters = self.take_letters(seat, |it| it.take(|_| true));
        sort_batch(&mut letters);
        for letter in letters {
            let route = Route { room: seat.room, from: letter.from, to: seat.id.clone() };
            if self.participant(&route.sender()).is_none() {
                self.drop_one(letter.message.kind, DropReason::PeerLeft);
            } else if self.open_direction(&route) {
                self.route(now, route, letter.message);
            } else {
                self.drop_one(letter.message.kind, DropReason::TooManyPeers);
            }
        }
    }

    pub(crate) fn take_mail(&mut self, now: Mono, socket: SocketId, room: &RoomId, id: &ParticipantId) {
        let Some(key) = self.member(socket, room, Right::Join) else { return };
        let seat = Seat { room: key, id: id.clone() };
        self.hear_polled(now, &seat);
        let polled = self.participant_mut(&seat).filter(|it| it.is(Presence::Polled) && it.sockets.contains(&socket));
        let Some(participant) = polled else { return self.refuse(socket, Refusal::NotInRoom) };
        if !participant.polls.contains(&socket) {
            participant.polls.push(socket);
        }
        self.rung.insert(seat);
    }

    /// Answers polls for which something is there, each letter once.
    pub(crate) fn answer_polls(&mut self) {
        while let Some(seat) = self.rung.pop_first() {
            if self.participant(&seat).is_none_or(|it| it.polls.is_empty()) {
                continue;
            }
            let mut batch = self.take_letters(&seat, Mailbox::take_ready);
            if batch.is_empty() {
                continue;
            }
            sort_batch(&mut batch);
            let Some(room) = self.room(seat.room).map(|it| it.id.clone()) else { continue };
            let signals = batch.iter().map(|it| it.notice(room.clone(), &seat.id)).collect();
            let poll = self.participant_mut(&seat).and_then(Participant::next_poll);
            self.deliver(poll.into_iter().collect(), Notice::Mail { signals });
            for letter in &batch {
                self.note_relayed(&seat, letter);
            }
        }
    }
}
