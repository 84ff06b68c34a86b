use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sangam_auth::token::TokenIdentity;
use sangam_signal_proto::{CloseReason, Owner, ParticipantId, SocketId};
use sangam_signal_proto::{Departure, Input, Notice, Presence, Rights, RoomId, Traits};
use sangam_socketio::{Arguments, Server};
use sangam_types::Mono;

use super::seats::{KeptPage, Seat};
use super::{Hub, Peer};
use crate::dialect::Said;
use crate::dialect::socketio::{Client, Ear, Outgoing, Request, encode, refusal};
use crate::label;
use crate::socketio::NAMESPACE;

/// As a client of this wire joins.
const TRAITS: Traits = Traits { rolls_back: false, wants_whole: false, presence: Presence::Shared };

/// What a client hears and has heard, shared with its session's task.
pub(crate) type Hearing = Arc<Mutex<Client>>;

/// A Socket.IO client: there, or away and expected back.
#[derive(Debug)]
pub(crate) struct Page {
    sid: Arc<str>,
    hearing: Hearing,
    /// As it was kept last.
    kept_ear: Ear,
    /// Which of its connections it is: what is said about an older one comes too late.
    epoch: u64,
    /// Whether that one stands.
    is_connected: bool,
    /// When its token is good no more.
    until: Option<Mono>,
    /// What it showed at the door.
    owner: Owner,
    rights: Rights,
    /// Where it is, for after a restart.
    seats: BTreeMap<RoomId, Seat>,
    /// It is put back where it was and knows it.
    is_returning: bool,
}

/// A Socket.IO client that is there, anew or back.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) sid: Arc<str>,
    pub(crate) owner: Owner,
    pub(crate) rights: Rights,
    pub(crate) token: Option<TokenIdentity>,
    pub(crate) hearing: Hearing,
    pub(crate) epoch: u64,
    pub(crate) until: Option<Mono>,
    /// Whether it missed nothing.
    pub(crate) recovered: bool,
}

/// The Socket.IO clients by their names on the wire.
#[derive(Debug, Default)]
pub(super) struct Pages {
    sockets: HashMap<Arc<str>, SocketId>,
    /// When none of those can come back any more that were here before a restart.
    remembered_until: Option<Mono>,
    /// When tokens end.
    expiries: BTreeSet<(Mono, SocketId)>,
}

impl Pages {
    pub(super) fn new(remembered_until: Mono) -> Self {
        Self { remembered_until: Some(remembered_until), ..Self::default() }
    }

    pub(super) fn next_expiry(&self) -> Option<Mono> {
        let token = self.expiries.first().map(|(at, _)| *at);
        token.into_iter().chain(self.remembered_until).min()
    }

    pub(super) fn forget_expiry(&mut self, socket: SocketId, page: &Page) {
        if let Some(until) = page.until {
            self.expiries.remove(&(until, socket));
        }
    }
}

/// One notice as Socket.IO clients hear it, written once for each kind of ear.
#[derive(Debug, Default)]
pub(super) struct Told {
    by_ear: BTreeMap<Ear, (Vec<Outgoing>, Vec<Arc<str>>)>,
}

impl Hub {
    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let Arrival { sid, owner, rights, token, hearing, epoch, until, recovered } = arrival;
        let known = self.pages.sockets.get(&sid).copied();
        let socket = known.unwrap_or_else(|| self.next_socket());
        if known.is_some() {
            self.begin_anew_if_another(socket, &owner, &rights);
        }
        let (seats, kept_ear) = match self.take_peer(socket) {
            Some(Peer::Page(page)) => page.pass_on(&hearing),
            _ => (BTreeMap::new(), Ear::default()),
        };
        self.pages.sockets.insert(sid.clone(), socket);
        self.pages.expiries.extend(until.map(|until| (until, socket)));
        let (input_owner, input_rights) = (owner.clone(), rights.clone());
        let is_connected = true;
        let page = Page {
            sid: sid.clone(),
            hearing,
            kept_ear,
            epoch,
            is_connected,
            until,
            owner,
            rights,
            seats,
            is_returning: false,
        };
        self.peers.insert(socket, Peer::Page(Box::new(page)));
        // Who was in no room, or was given up by all, is new to the core.
        self.feed_and_drain(Input::Connected { socket, owner: input_owner, rights: input_rights });
        self.feed_and_drain(Input::Returned { socket });
        self.hold_token(socket, token);
        if recovered {
            self.put_back(socket);
        }
    }

    /// Who comes back with a token of somebody else, or of other rights, leaves its rooms and joins them as whom it is now.
    /// Without tokens it may be at another address: nobody else knows what it had to show to come back.
    fn begin_anew_if_another(&mut self, socket: SocketId, owner: &Owner, rights: &Rights) {
        let Some(Peer::Page(page)) = self.peers.get(&socket) else { return };
        let is_same = match (&page.owner, owner) {
            (Owner::Address(_), Owner::Address(_)) => true,
            (before, now) => before == now,
        };
        if !is_same || page.rights != *rights {
            self.feed_and_drain(Input::Disconnected { socket, departure: Departure::Said });
        }
    }

    /// A client that missed nothing is in its rooms again: those that gave it up meanwhile, or that a restart forgot.
    fn put_back(&mut self, socket: SocketId) {
        let Some(Peer::Page(page)) = self.peers.get(&socket) else { return };
        let seats = page.seats.values().cloned().collect();
        self.sit_down(socket, seats);
    }

    /// Joins without being told of what it knows.
    fn sit_down(&mut self, socket: SocketId, seats: Vec<Seat>) {
        self.set_returning(socket, true);
        for Seat { room, participant, name } in seats {
            self.feed_and_drain(Input::Join { socket, room, participant, name, traits: TRAITS });
        }
        self.set_returning(socket, false);
    }

    fn set_returning(&mut self, socket: SocketId, is_returning: bool) {
        if let Some(Peer::Page(page)) = self.peers.get_mut(&socket) {
            page.is_returning = is_returning;
        }
    }

    /// A client that was here before a restart is away, and told what happens, until it comes back or its time is over.
    /// `is_there`: whether its room was kept with it.
    pub(super) fn remember(&mut self, sid: &Arc<str>, kept: KeptPage, is_there: impl Fn(&Seat) -> bool) {
        let KeptPage { ear, owner, rights, seats } = kept;
        let socket = self.next_socket();
        let mut client = Client::new(self.clock.mono(), &self.guard);
        client.set_ear(ear);
        let page = Page {
            sid: sid.clone(),
            hearing: Arc::new(Mutex::new(client)),
            kept_ear: ear,
            epoch: 0,
            is_connected: false,
            until: None,
            owner: owner.clone(),
            rights: rights.clone(),
            seats: seats.iter().map(|seat| (seat.room.clone(), seat.clone())).collect(),
            is_returning: false,
        };
        self.peers.insert(socket, Peer::Page(Box::new(page)));
        self.pages.sockets.insert(sid.clone(), socket);
        self.feed_and_drain(Input::Connected { socket, owner, rights });
        self.sit_down(socket, seats.into_iter().filter(is_there).collect());
        self.feed_and_drain(Input::Disconnected { socket, departure: Departure::Lost });
    }

    pub(super) fn request(&mut self, sid: &str, request: Request) {
        let Some(socket) = self.pages.sockets.get(sid).copied() else { return };
        self.metrics.received(received_label(&request));
        let Some(Peer::Page(page)) = self.peers.get_mut(&socket) else { return };
        let has_left =
            matches!(&request, Request::Leave { room, participant } if page.leave(room, participant.as_ref()));
        if page.note_ear() || has_left {
            self.keep_seats(socket);
        }
        self.feed(request.into_input(socket));
    }

    /// Its connection ended. `expected`: it may come back as if nothing had been.
    pub(super) fn lose(&mut self, sid: &str, epoch: u64, departure: Departure, expected: bool) {
        let Some(socket) = self.pages.sockets.get(sid).copied() else { return };
        let Some(Peer::Page(page)) = self.peers.get_mut(&socket) else { return };
        if page.epoch != epoch {
            return;
        }
        page.is_connected = false;
        self.pages.forget_expiry(socket, page);
        self.feed_and_drain(Input::Disconnected { socket, departure });
        if !expected {
            self.forget_page(sid);
        }
    }

    /// It did not come back.
    pub(super) fn forget_page(&mut self, sid: &str) {
        if let Some(socket) = self.pages.sockets.remove(sid) {
            self.take_peer(socket);
            self.feed_and_drain(Input::Disconnected { socket, departure: Departure::Said });
        }
        self.forget_seats(sid);
    }

    pub(super) fn tell_page(&mut self, socket: SocketId, notice: &Notice<Said>, told: &mut Told) {
        let now = self.clock.now();
        let Some(Peer::Page(page)) = self.peers.get_mut(&socket) else { return };
        let is_known = page.note_seat(notice);
        if let Notice::Joined { again: true, .. } = notice
            && page.is_returning
        {
            return;
        }
        let mut hearing = page.hearing();
        let ear = hearing.ear();
        let (events, sids) = told.by_ear.entry(ear).or_insert_with(|| (encode(notice, ear, now.wall), Vec::new()));
        hearing.told(notice, events, now.mono, &self.guard);
        sids.push(page.sid.clone());
        drop(hearing);
        if !is_known {
            self.keep_seats(socket);
        }
    }

    /// Sends what was written: once for all that hear it alike.
    pub(super) fn send_told(&self, told: Told) {
        for (events, sids) in told.by_ear.into_values() {
            for event in events {
                emit(&self.server, &sids, event.arguments);
            }
        }
    }

    pub(super) fn close_page(&mut self, socket: SocketId, page: Box<Page>, reason: CloseReason) {
        tracing::debug!(sid = &*page.sid, reason = label::close(reason), "a Socket.IO client left its rooms");
        if reason == CloseReason::Lost {
            // Its rooms gave it up; it may still come back as if nothing had been.
            self.peers.insert(socket, Peer::Page(page));
            return;
        }
        self.server.disconnect(NAMESPACE, &page.sid, true);
        self.pages.sockets.remove(&page.sid);
        self.forget_seats(&page.sid);
    }

    /// Puts out whose token is good no more, and forgets who can come back no more.
    pub(super) fn end_expired(&mut self) {
        let now = self.clock.mono();
        while let Some((at, socket)) = self.pages.expiries.first().copied().filter(|(at, _)| *at <= now) {
            self.pages.expiries.remove(&(at, socket));
            self.metrics.closed("token_expired");
            self.put_out_page(socket, "token_expired", "Token expired");
        }
        if self.pages.remembered_until.is_some_and(|until| until <= now) {
            self.pages.remembered_until = None;
            self.forget_strangers();
        }
    }

    /// Forgets those who have not come back since a restart.
    fn forget_strangers(&mut self) {
        let never_seen = self.peers.values().filter_map(|peer| match peer {
            Peer::Page(page) if page.epoch == 0 => Some(page.sid.clone()),
            _ => None,
        });
        for sid in never_seen.collect::<Vec<_>>() {
            self.forget_page(&sid);
        }
    }

    /// Tells a client why, and closes its session.
    pub(super) fn put_out_page(&self, socket: SocketId, code: &str, message: &str) {
        let Some(Peer::Page(page)) = self.peers.get(&socket) else { return };
        emit(&self.server, std::slice::from_ref(&page.sid), refusal::encode_error(code, message));
        self.server.disconnect(NAMESPACE, &page.sid, true);
    }

    pub(super) fn page(&self, socket: SocketId) -> Option<&Page> {
        match self.peers.get(&socket) {
            Some(Peer::Page(page)) => Some(page),
            _ => None,
        }
    }
}

impl Page {
    fn hearing(&self) -> MutexGuard<'_, Client> {
        self.hearing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was learned of it goes on in the task of its new session.
    fn pass_on(self, newer: &Hearing) -> (BTreeMap<RoomId, Seat>, Ear) {
        if !Arc::ptr_eq(&self.hearing, newer) {
            let mut newer = newer.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut *self.hearing(), &mut *newer);
        }
        (self.seats, self.kept_ear)
    }

    /// Whether it hears otherwise than was kept.
    fn note_ear(&mut self) -> bool {
        let ear = self.hearing().ear();
        std::mem::replace(&mut self.kept_ear, ear) != ear && !self.seats.is_empty()
    }

    pub(super) fn ear(&self) -> Ear {
        self.hearing().ear()
    }

    pub(super) fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.seats.values()
    }

    /// Whose it is, and what it may.
    pub(super) fn visitor(&self) -> (&Owner, &Rights) {
        (&self.owner, &self.rights)
    }

    pub(super) fn sid(&self) -> Arc<str> {
        self.sid.clone()
    }

    /// Whether its session stands; else it is away and expected back.
    pub(super) fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Whether the notice changes nothing about where it is.
    fn note_seat(&mut self, notice: &Notice<Said>) -> bool {
        match notice {
            Notice::Joined { room, participant, snapshot, .. } => {
                let member = snapshot.members.iter().find(|member| member.id == *participant);
                let name = member.and_then(|member| member.name.clone());
                let seat = Seat { room: room.clone(), participant: participant.clone(), name };
                self.seats.insert(room.clone(), seat.clone()) == Some(seat)
            }
            Notice::Ended { room, .. } | Notice::Kicked { room, .. } => self.seats.remove(room).is_none(),
            _ => true,
        }
    }

    /// Whether it was there. Without `id` it leaves whoever it is there.
    fn leave(&mut self, room: &RoomId, id: Option<&ParticipantId>) -> bool {
        let is_meant = self.seats.get(room).is_some_and(|seat| id.is_none_or(|id| *id == seat.participant));
        is_meant && self.seats.remove(room).is_some()
    }
}

/// Sends one event to these.
fn emit(server: &Server, sids: &[Arc<str>], event: Arguments) {
    server.of(NAMESPACE).to_each(sids).emit(event);
}

fn received_label(request: &Request) -> &'static str {
    match request {
        Request::Join { .. } => "register",
        Request::Leave { .. } => "leave",
        Request::Signal { signal, .. } => label::kind(signal.kind),
        Request::Tell { .. } => "tell",
        Request::Recall { .. } => "recall",
        Request::Timer { .. } => "timer",
        Request::End { .. } => "end",
        Request::Kick { .. } => "kick",
        Request::Lock { .. } => "lock",
    }
}
