use sangam_types::Mono;

use crate::api::CloseReason;
use crate::deadlines::Timer;
use crate::id::{Owner, SocketId};
use crate::signaling::{Signaling, Socket};

impl Signaling {
    pub(crate) fn connect(&mut self, now: Mono, socket: SocketId, owner: Owner) {
        let state = Socket { owner, ids: Vec::new(), claims: Vec::new(), heard_at: now, pinged_at: None };
        self.sockets.insert(socket, state);
        self.deadlines.set(Timer::Silence(socket), now + self.options.ping_interval);
    }

    /// Notes that a socket is alive. No timer moves: [`Self::handle_silence`] looks at the time when it fires.
    pub(crate) fn hear(&mut self, now: Mono, socket: SocketId) {
        if let Some(state) = self.sockets.get_mut(&socket) {
            state.heard_at = now;
            self.refuse_claims_on(socket);
        }
    }

    pub(crate) fn handle_silence(&mut self, now: Mono, socket: SocketId) {
        let Some(state) = self.sockets.get_mut(&socket) else { return };
        if state.pinged_at.is_some_and(|pinged| state.heard_at < pinged) {
            self.close(socket, CloseReason::Silent);
            self.forget_socket(now, socket);
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
