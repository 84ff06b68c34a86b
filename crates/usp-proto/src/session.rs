//! The session context between two endpoints (TR-369 §6): records in order and exactly once, also where a transport loses,
//! doubles or reorders them, and messages in segments.
//!
//! The driver mutates ([`Session::handle_record`], [`Session::send`], [`Session::handle_timeout`]), drains
//! ([`Session::poll_output`]) to [`SessionOutput::Wait`], mutates again.
//!
//! ```text
//! us   session 77: seq 1 [begin]  seq 2 [in process]  seq 3 [complete]   kept until the peer expects 4
//! peer             seq 1 expected 2 retransmit 2                         the second was lost
//! us               seq 2 again
//! peer             seq 2 expected 4                                      all of it has come
//! ```
//!
//! Beyond the standard: an endpoint acknowledges what it got even if it has nothing to say, and sends again what was not
//! acknowledged in time, so that a loss at the very end heals as well. A peer that does neither is no worse off. Requests
//! for what is missing are numbered records themselves and get lost like any other: beyond a loss of about four in
//! ten they beget more requests than they settle, until a bound ends the session.

mod context;
mod reassembly;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;

use crate::error_code::ErrorCode;
use crate::record::{PayloadSecurity, SessionContext};
use context::Context;

pub use context::RestartReason;
pub use reassembly::ReassemblyFault;

/// How far from the greatest sequence id a new session context is begun (R-E2E.8, R-E2E.9).
pub const SEQUENCE_MARGIN: u64 = 10_000;

/// Ids of ended sessions that are remembered, so that late records of them are not taken for a new session.
const ENDED_MAX: usize = 4;

/// Bounds and times of a [`Session`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// Payload bytes of one record; longer messages go in segments. Default 60 KiB: brokers often stop at 64 KiB.
    pub segment_bytes: usize,
    /// Bytes of a message put together from segments. Default 4 MiB.
    pub message_bytes_max: usize,
    /// How far a record may be ahead of a missing one to be kept. Default 512: as much as a peer with the same options may
    /// have sent without an acknowledgement, twice [`SessionOptions::outgoing_records_max`].
    pub incoming_records_max: usize,
    /// Their payload bytes. Default 4 MiB.
    pub incoming_bytes_max: usize,
    /// Records that are kept until the peer acknowledges them. Default 256; a message that would make it more is not sent.
    /// As many again may be acknowledgements and requests.
    pub outgoing_records_max: usize,
    /// Their payload bytes. Default 8 MiB.
    pub outgoing_bytes_max: usize,
    /// After how long what was received is acknowledged if nothing else is sent. Default 200 ms.
    pub ack_after: Duration,
    /// After how long a record that is missing is asked for again, and one not acknowledged sent again. Default 5 s.
    pub retransmit_after: Duration,
    /// How often one record is sent again because it was asked for, and how often one is asked for
    /// (`E2ESession.MaxRetransmitTries`). Default 10; then the session begins anew.
    pub retransmits_max: u32,
    /// How often one record is sent again unasked. Default 5; then it is kept and waits to be asked for.
    pub resends_max: u32,
    /// How often a session begins anew without one message coming through. Default 3; then it is given up with 7105.
    pub restarts_max: u32,
    /// The greatest sequence id that there is. Default the greatest of its type; for tests smaller.
    pub sequence_max: u64,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 60 << 10,
            message_bytes_max: 4 << 20,
            incoming_records_max: 512,
            incoming_bytes_max: 4 << 20,
            outgoing_records_max: 256,
            outgoing_bytes_max: 8 << 20,
            ack_after: Duration::from_millis(200),
            retransmit_after: Duration::from_secs(5),
            retransmits_max: 10,
            resends_max: 5,
            restarts_max: 3,
            sequence_max: u64::MAX,
        }
    }
}

/// What a session has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionOutput {
    /// Send this, in the clear.
    Transmit(SessionContext),
    /// A whole message came, the next one in order.
    Message(Bytes),
    /// The session begins anew; `undelivered` records with payload were not acknowledged and may or may not have come.
    Restarted {
        /// Why.
        reason: RestartReason,
        /// How many.
        undelivered: usize,
    },
    /// There is no session any more: send a Disconnect Record with this code.
    Disconnect(ErrorCode),
    /// Nothing more; call [`Session::handle_timeout`] then.
    Wait(Option<Mono>),
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SendRefused {
    /// More than [`SessionOptions::message_bytes_max`], or nothing.
    #[error("the message is empty or too large")]
    Size,
    /// The peer has not acknowledged enough of what was sent before.
    #[error("too much is not acknowledged")]
    Full,
}

impl SendRefused {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Size => "session_message_size",
            Self::Full => "session_full",
        }
    }
}

/// The session context with one peer. At most one is established at a time (R-E2E.5).
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    context: Option<Context>,
    next_id: u64,
    ended: VecDeque<u64>,
    /// Nothing of the session has come on the channel yet.
    is_channel_new: bool,
    restarts: u32,
    outputs: VecDeque<SessionOutput>,
}

impl Session {
    /// Without a session yet. Sessions that this end begins have ids from `first_id` on, which its driver picks at random
    /// so that they differ from those before a restart of the process; never below 2 (R-E2E.3).
    #[must_use]
    pub fn new(options: SessionOptions, first_id: u64) -> Self {
        Self {
            options,
            context: None,
            next_id: first_id.max(2),
            ended: VecDeque::new(),
            is_channel_new: false,
            restarts: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Whether a session is established.
    #[must_use]
    pub const fn is_established(&self) -> bool {
        self.context.is_some()
    }

    /// Forgets the session and that there was one: after a Disconnect Record (R-MTP.7).
    pub fn forget(&mut self) {
        self.context = None;
        self.ended.clear();
        self.restarts = 0;
        self.outputs.clear();
    }

    /// A new channel to the peer: what it says now is not late.
    pub fn handle_channel_open(&mut self) {
        self.ended.clear();
        self.is_channel_new = true;
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If it is too large, or too much is not acknowledged yet; then nothing of it is sent.
    pub fn send(&mut self, now: Mono, message: &Bytes) -> Result<(), SendRefused> {
        if message.is_empty() || message.len() > self.options.message_bytes_max {
            return Err(SendRefused::Size);
        }
        if self.context.as_ref().is_some_and(|context| context.is_near_end(&self.options)) {
            self.restart(now, RestartReason::SequenceExhausted);
        }
        if self.context.is_none() {
            let id = self.fresh_id();
            self.context = Some(Context::new(id, true));
        }
        let Some(context) = &mut self.context else { return Err(SendRefused::Full) };
        context.send(now, message, &self.options, &mut self.outputs)
    }

    /// A session record came from the peer.
    pub fn handle_record(&mut self, now: Mono, security: PayloadSecurity, record: SessionContext) {
        if security == PayloadSecurity::Tls12 {
            self.forget();
            self.outputs.push_back(SessionOutput::Disconnect(ErrorCode::SecureSessionNotSupported));
            return;
        }
        let id = record.session_id;
        // Late, of a session that gave way; if it is not late, the peer hears which session there is. A greater id is
        // never late: that is how two ends that took each other's session find together.
        if self.ended.contains(&id)
            && let Some(context) = self.context.as_mut().filter(|context| context.id() > id)
        {
            return context.remind(now, &self.options);
        }
        if id < 2 {
            return self.restart(now, RestartReason::InvalidSessionId);
        }
        let is_first = std::mem::replace(&mut self.is_channel_new, false);
        match &self.context {
            // An agent that rebooted may take the same id again: it begins at 1 and has heard of nothing.
            Some(context) if is_first && context.is_begun_anew(&record) => self.adopt(id),
            Some(context) if context.id() == id => {}
            // Both begin at once: the greater id stays, so that both end up with the same.
            Some(context) if context.is_unanswered() && context.id() > id => return self.end(id),
            _ => self.adopt(id),
        }
        let Some(context) = &mut self.context else { return };
        match context.handle_record(now, record, &self.options, &mut self.outputs) {
            Ok(true) => self.restarts = 0,
            Ok(false) => {}
            Err(reason) => self.restart(now, reason),
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Mono) {
        let Some(context) = &mut self.context else { return };
        if let Err(reason) = context.handle_timeout(now, &self.options, &mut self.outputs) {
            self.restart(now, reason);
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> SessionOutput {
        self.outputs.pop_front().unwrap_or_else(|| SessionOutput::Wait(self.deadline()))
    }

    /// When [`Session::handle_timeout`] is to be called, once all it has to say is taken.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.context.as_ref().and_then(Context::deadline)
    }

    /// Begins a session with the id that the peer named (R-E2E.4, R-E2E.6).
    fn adopt(&mut self, id: u64) {
        let before = self.context.replace(Context::new(id, false));
        if let Some(before) = before {
            self.end(before.id());
            let undelivered = before.undelivered();
            self.outputs.push_back(SessionOutput::Restarted { reason: RestartReason::ByPeer, undelivered });
        }
    }

    /// Begins a session of ours in place of the one there is (R-E2E.21).
    fn restart(&mut self, now: Mono, reason: RestartReason) {
        self.restarts += 1;
        let undelivered = self.context.take().map_or(0, |before| {
            self.end(before.id());
            before.undelivered()
        });
        self.outputs.push_back(SessionOutput::Restarted { reason, undelivered });
        if self.restarts > self.options.restarts_max {
            self.forget_context();
            self.outputs.push_back(SessionOutput::Disconnect(ErrorCode::SessionContextTerminated));
            return;
        }
        let mut context = Context::new(self.fresh_id(), true);
        context.establish(now, &self.options, &mut self.outputs);
        self.context = Some(context);
    }

    fn forget_context(&mut self) {
        self.context = None;
        self.ended.clear();
        self.restarts = 0;
    }

    fn end(&mut self, id: u64) {
        if self.ended.contains(&id) {
            return;
        }
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(id);
    }

    /// Greater than all before it, of either end.
    fn fresh_id(&mut self) -> u64 {
        let after = self.ended.iter().max().map_or(2, |ended| ended.saturating_add(1));
        let id = self.next_id.max(after);
        self.next_id = id.checked_add(1).unwrap_or(2);
        id
    }
}
