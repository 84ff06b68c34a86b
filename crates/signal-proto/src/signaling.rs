use std::collections::{BTreeMap, VecDeque};

use sangam_types::{Mono, Now};

use crate::api::{CloseReason, Event, Input, Notice, Output, Refusal, Stats};
use crate::deadlines::{Deadlines, Timer};
use crate::id::{Owner, ParticipantId, SocketId};
use crate::options::Options;
use crate::room::Room;

/// The signaling server without its sockets: who is there, and what reaches whom.
#[derive(Debug)]
pub struct Signaling {
    pub(crate) options: Options,
    pub(crate) sockets: BTreeMap<SocketId, Socket>,
    pub(crate) room: Room,
    pub(crate) deadlines: Deadlines,
    outputs: VecDeque<Output>,
}

/// What is known of a socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) owner: Owner,
    /// In the order in which they were registered; the first is the default sender.
    pub(crate) ids: Vec<ParticipantId>,
    /// Other people's ids that it has claimed.
    pub(crate) claims: Vec<ParticipantId>,
    pub(crate) heard_at: Mono,
    /// Of the ping that has not been answered.
    pub(crate) pinged_at: Option<Mono>,
}

impl Signaling {
    /// An empty room.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            sockets: BTreeMap::new(),
            room: Room::default(),
            deadlines: Deadlines::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input. Drain [`Self::poll_output`] to [`Output::Wait`] before the next.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        let now = now.mono;
        self.handle_due(now);
        match input {
            Input::Connected { socket, owner } => self.connect(now, socket, owner),
            Input::Register { socket, participant, traits } => {
                self.hear(now, socket);
                self.register(now, socket, participant, traits);
            }
            Input::Signal { socket, signal } => {
                self.hear(now, socket);
                self.signal(now, socket, signal);
            }
            Input::PongReceived { socket } => self.hear(now, socket),
            Input::Disconnected { socket } => self.forget_socket(now, socket),
            Input::Timeout => {}
        }
    }

    /// The next thing to do, or [`Output::Wait`] when there is nothing.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.deadlines.next()))
    }

    /// How much there is of everything.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            sockets: self.sockets.len(),
            participants: self.room.participants.len(),
            claims: self.room.claims.len(),
            graces: self.room.graces.len(),
            held_bytes: self.room.held_bytes,
        }
    }

    fn handle_due(&mut self, now: Mono) {
        while let Some(timer) = self.deadlines.take_due(now) {
            match timer {
                Timer::Silence(socket) => self.handle_silence(now, socket),
                Timer::Claim(id) => self.decide_claim(now, id),
                Timer::Grace(id) => self.end_grace(&id),
                Timer::Hold(route) => self.end_hold(now, &route),
            }
        }
    }

    pub(crate) fn deliver(&mut self, to: Vec<SocketId>, notice: Notice) {
        if !to.is_empty() {
            self.outputs.push_back(Output::Deliver { to, notice });
        }
    }

    pub(crate) fn refuse(&mut self, socket: SocketId, refusal: Refusal) {
        self.deliver(vec![socket], Notice::Refused(refusal.clone()));
        self.event(Event::Refused { socket, refusal });
    }

    pub(crate) fn ping(&mut self, to: SocketId) {
        self.outputs.push_back(Output::Ping { to });
    }

    pub(crate) fn close(&mut self, socket: SocketId, reason: CloseReason) {
        self.outputs.push_back(Output::Close { socket, reason });
        self.event(Event::Closed { socket, reason });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

#[cfg(test)]
mod tests;
