use sangam_types::Mono;

use crate::api::{CloseReason, Departure, Rights};
use crate::deadlines::Timer;
use crate::id::{Owner, SocketId};
use crate::payload::Payload;
use crate::room::Seat;
use crate::signaling::Signaling;

/// What is known of a socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) owner: Owner,
    pub(crate) rights: Rights,
    /// Its ids in the order in which it took them; in each room the first is the default sender.
    pub(crate) seats: Vec<Seat>,
    /// Other people's ids that it has claimed.
    pub(crate) claims: Vec<Seat>,
    pub(crate) heard_at: Mono,
    /// Of the ping that has not been answered.
    pub(crate) pinged_at: Option<Mono>,
    /// Whether it is lost and may return.
    pub(crate) is_lost: bool,
}

impl<P: Payload> Signaling<P> {
    pub(crate) fn connect(&mut self, now: Mono, socket: SocketId, owner: Owner, rights: Rights) {
        if self.sockets.contains_key(&socket) {
            return;
        }
        let (seats, claims) = (Vec::new(), Vec::new());
        let state = Socket { owner, rights, seats, claims, heard_at: now, pinged_at: None, is_lost: false };
        self.sockets.insert(socket, state);
        self.deadlines.set(Timer::Silence(socket), now + self.options.ping_interval);
    }

    pub(crate) fn is_live(&self, socket: SocketId) -> bool {
        self.sockets.get(&socket).is_some_and(|it| !it.is_lost)
    }

    /// Notes that a socket is alive. No timer moves: [`Self::handle_silence`] looks at the time when it fires.
    pub(crate) fn hear(&mut self, now: Mono, socket: SocketId) {
        if let Some(state) = self.sockets.get_mut(&socket) {
            state.heard_at = now;
            self.return_socket(now, socket);
            self.refuse_claims_on(socket);
        }
    }

    pub(crate) fn handle_silence(&mut self, now: Mono, socket: SocketId) {
        let Some(state) = self.sockets.get_mut(&socket) else { return };
        if state.pinged_at.is_some_and(|pinged| state.heard_at < pinged) {
            self.close(socket, CloseReason::Silent);
            self.forget_socket(now, socket, Departure::Lost);
            return;
        }
        let ping_at = state.heard_at + self.options.ping_interval;
        let next = if ping_at > now {
            state.pinged_at = None;
            ping_at
        } else {
            state.pinged_at = Some(now);
            self.ping(socket);
            now + self.options.ping_timeout
        };
        self.deadlines.set(Timer::Silence(socket), next);
    }
}
