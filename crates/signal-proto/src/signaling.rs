use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sangam_types::{Mono, Now};

use crate::api::{CloseReason, DropReason, Event, Input, Notice, Output, Refusal, SignalKind, Stats};
use crate::deadlines::{Deadlines, Timer};
use crate::id::{RoomId, SocketId};
use crate::liveness::Socket;
use crate::mailbox::Load;
use crate::options::Options;
use crate::participant::Card;
use crate::payload::Payload;
use crate::room::{Room, RoomKey, Seat};

/// The signaling server without its sockets: who is where, and what reaches whom.
#[derive(Debug)]
pub struct Signaling<P> {
    pub(crate) options: Options,
    pub(crate) sockets: BTreeMap<SocketId, Socket>,
    pub(crate) rooms: BTreeMap<RoomKey, Room<P>>,
    pub(crate) names: BTreeMap<RoomId, RoomKey>,
    pub(crate) last_key: u64,
    pub(crate) deadlines: Deadlines,
    /// Participants without a socket, or with lost ones only, that may return.
    pub(crate) absent: BTreeSet<Seat>,
    pub(crate) totals: Totals,
    /// What the end of this input looks at: rooms that may have nobody left, rooms of which a restart should find more
    /// than before, and polls that may be answered.
    pub(crate) emptied: BTreeSet<RoomKey>,
    pub(crate) changed: BTreeSet<RoomKey>,
    pub(crate) rung: BTreeSet<Seat>,
    outputs: VecDeque<Output<P>>,
}

/// Sums over all rooms.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) sessions: usize,
    pub(crate) participants: usize,
    pub(crate) claims: usize,
    pub(crate) graces: usize,
    pub(crate) held_bytes: usize,
    pub(crate) mail: Load,
    pub(crate) kept_bytes: usize,
    pub(crate) timers: usize,
}

impl<P: Payload> Signaling<P> {
    /// Without a room.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            sockets: BTreeMap::new(),
            rooms: BTreeMap::new(),
            names: BTreeMap::new(),
            last_key: 0,
            deadlines: Deadlines::default(),
            absent: BTreeSet::new(),
            totals: Totals::default(),
            emptied: BTreeSet::new(),
            changed: BTreeSet::new(),
            rung: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. Drain [`Self::poll_output`] to [`Output::Wait`] before the next.
    pub fn handle_input(&mut self, now: Now, input: Input<P>) {
        self.handle_due(now.mono);
        self.dispatch(now, input);
        // What is due because of it.
        self.handle_due(now.mono);
        self.answer_polls();
        self.close_emptied();
        self.keep_changed(now);
    }

    fn dispatch(&mut self, now: Now, input: Input<P>) {
        let mono = now.mono;
        if let Some(socket) = input.speaker() {
            self.hear(mono, socket);
        }
        match input {
            Input::Connected { socket, owner, rights } => self.connect(mono, socket, owner, rights),
            Input::Join { socket, room, participant, name, traits } => {
                self.join(mono, socket, room, participant, Card { name, traits });
            }
            Input::Leave { socket, room, participant } => self.leave(mono, socket, &room, participant),
            Input::Signal { socket, room, signal } => self.signal(mono, socket, &room, signal),
            Input::Tell { socket, room, telling } => self.tell(mono, socket, &room, telling),
            Input::Recall { socket, room } => self.recall(mono, socket, &room),
            Input::Timer { socket, room, order } => self.order_timer(mono, socket, &room, order),
            Input::End { by, room, reason } => self.end(by, &room, reason),
            Input::TakeMail { socket, room, participant } => self.take_mail(mono, socket, &room, &participant),
            Input::Kick { by, room, participant, reason } => self.kick(mono, by, &room, participant, reason),
            Input::Lock { by, room, locked } => self.lock(by, &room, locked),
            Input::Disconnected { socket, departure } => self.disconnect(mono, socket, departure),
            Input::Restore(record) => self.restore(now, record),
            Input::PongReceived { .. } | Input::Returned { .. } | Input::Timeout => {}
        }
    }

    /// The next thing to do, or [`Output::Wait`] when there is nothing.
    pub fn poll_output(&mut self) -> Output<P> {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.deadlines.next()))
    }

    /// How much there is of everything.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            sockets: self.sockets.len(),
            rooms: self.rooms.len(),
            sessions: self.totals.sessions,
            participants: self.totals.participants,
            absent: self.absent.len(),
            claims: self.totals.claims,
            graces: self.totals.graces,
            held_bytes: self.totals.held_bytes,
            mail_len: self.totals.mail.len,
            mail_bytes: self.totals.mail.bytes,
            kept_bytes: self.totals.kept_bytes,
            timers: self.totals.timers,
        }
    }

    fn handle_due(&mut self, now: Mono) {
        while let Some(timer) = self.deadlines.take_due(now) {
            match timer {
                Timer::Silence(socket) => self.handle_silence(now, socket),
                Timer::Claim(seat) => self.decide_claim(now, &seat),
                Timer::Grace(seat) => self.end_grace(&seat),
                Timer::Absence(seat) => self.end_absence(now, &seat),
                Timer::Return(socket) => self.give_up(now, socket),
                Timer::Hold(route) => self.end_hold(now, &route),
                Timer::Mail(seat) => self.sort_mail(now, &seat),
                Timer::Clock(room) => self.tick(now, room),
            }
        }
    }

    pub(crate) fn output(&mut self, output: Output<P>) {
        self.outputs.push_back(output);
    }

    pub(crate) fn deliver(&mut self, to: Vec<SocketId>, notice: Notice<P>) {
        if !to.is_empty() {
            self.output(Output::Deliver { to, notice });
        }
    }

    pub(crate) fn refuse(&mut self, socket: SocketId, refusal: Refusal) {
        self.deliver(vec![socket], Notice::Refused(refusal.clone()));
        self.event(Event::Refused { socket, refusal });
    }

    pub(crate) fn ping(&mut self, to: SocketId) {
        self.output(Output::Ping { to });
    }

    pub(crate) fn close(&mut self, socket: SocketId, reason: CloseReason) {
        self.output(Output::Close { socket, reason });
        self.event(Event::Closed { socket, reason });
    }

    pub(crate) fn drop_one(&mut self, kind: SignalKind, reason: DropReason) {
        self.event(Event::Dropped { kind, reason });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.output(Output::Event(event));
    }
}

impl<P> Input<P> {
    /// The socket that shows by this that it is alive.
    fn speaker(&self) -> Option<SocketId> {
        match self {
            Self::Join { socket, .. }
            | Self::Leave { socket, .. }
            | Self::Signal { socket, .. }
            | Self::Tell { socket, .. }
            | Self::Recall { socket, .. }
            | Self::Timer { socket, .. }
            | Self::TakeMail { socket, .. }
            | Self::PongReceived { socket }
            | Self::Returned { socket } => Some(*socket),
            Self::End { by, .. } | Self::Kick { by, .. } | Self::Lock { by, .. } => *by,
            Self::Connected { .. } | Self::Disconnected { .. } | Self::Restore(_) | Self::Timeout => None,
        }
    }
}

#[cfg(test)]
mod tests;
