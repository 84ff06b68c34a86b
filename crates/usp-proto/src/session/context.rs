use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use sangam_types::Mono;

use super::reassembly::{Reassembly, ReassemblyFault};
use super::{SEQUENCE_MARGIN, SendRefused, SessionOptions, SessionOutput};
use crate::record::{SarState, SessionContext};

/// Why a session begins anew (R-E2E.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RestartReason {
    /// The peer named another id (R-E2E.6).
    ByPeer,
    /// An id that cannot be one (R-E2E.24).
    InvalidSessionId,
    /// A number that cannot be one: zero, or an acknowledgement or a request of what was never sent.
    InvalidSequence,
    /// More is missing, or waits for it, than may be kept.
    BufferFull,
    /// A record was asked for too often, by either end.
    TooManyRetransmits,
    /// Segments do not make a message.
    Reassembly(ReassemblyFault),
    /// Numbers come to their end (R-E2E.8, R-E2E.9).
    SequenceExhausted,
}

impl RestartReason {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ByPeer => "by_peer",
            Self::InvalidSessionId => "invalid_session_id",
            Self::InvalidSequence => "invalid_sequence",
            Self::BufferFull => "buffer_full",
            Self::TooManyRetransmits => "too_many_retransmits",
            Self::Reassembly(_) => "reassembly",
            Self::SequenceExhausted => "sequence_exhausted",
        }
    }
}

/// One session context.
#[derive(Debug)]
pub(super) struct Context {
    id: u64,
    /// It is ours, and the peer has not said anything in it yet.
    unanswered: bool,
    next_sequence: u64,
    /// The number that we wait for.
    expected: u64,
    /// The number that the peer waits for, as far as we know.
    peer_expected: u64,
    outgoing: BTreeMap<u64, Sent>,
    outgoing_bytes: usize,
    incoming: BTreeMap<u64, SessionContext>,
    incoming_bytes: usize,
    reassembly: Reassembly,
    ack_due: Option<Mono>,
    resend_due: Option<Mono>,
    ask: Option<Ask>,
}

/// A record that was sent, until it is acknowledged.
#[derive(Debug)]
struct Sent {
    record: SessionContext,
    /// Whether the peer has to get it: it has payload, or it begins the session.
    matters: bool,
    asked: u32,
    resent: u32,
}

/// The record that is missing, and when it is asked for again.
#[derive(Debug)]
struct Ask {
    sequence: u64,
    times: u32,
    due: Mono,
}

type Outputs = VecDeque<SessionOutput>;

impl Context {
    pub(super) fn new(id: u64, ours: bool) -> Self {
        Self {
            id,
            unanswered: ours,
            next_sequence: 1,
            expected: 1,
            peer_expected: 1,
            outgoing: BTreeMap::new(),
            outgoing_bytes: 0,
            incoming: BTreeMap::new(),
            incoming_bytes: 0,
            reassembly: Reassembly::default(),
            ack_due: None,
            resend_due: None,
            ask: None,
        }
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) const fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// Whether the peer begins this session anew under its id: from the first record, and without what it acknowledged.
    pub(super) const fn is_begun_anew(&self, record: &SessionContext) -> bool {
        record.session_id == self.id
            && record.sequence_id == 1
            && self.expected > 1
            && record.expected_id < self.peer_expected
    }

    pub(super) fn undelivered(&self) -> usize {
        self.outgoing.values().filter(|sent| !sent.record.payload.is_empty()).count()
    }

    pub(super) const fn is_near_end(&self, options: &SessionOptions) -> bool {
        self.next_sequence >= options.sequence_max.saturating_sub(SEQUENCE_MARGIN)
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        [self.ack_due, self.resend_due, self.ask.as_ref().map(|ask| ask.due)].into_iter().flatten().min()
    }

    /// Says to the peer that there is this session (TR-369 §6: an empty record may begin one).
    pub(super) fn establish(&mut self, now: Mono, options: &SessionOptions, outputs: &mut Outputs) {
        self.transmit(now, Bytes::new(), SarState::None, 0, true, options, outputs);
    }

    /// Lets the peer hear soon that this is the session.
    pub(super) fn remind(&mut self, now: Mono, options: &SessionOptions) {
        self.ack_due.get_or_insert(now + options.ack_after);
    }

    pub(super) fn send(
        &mut self,
        now: Mono,
        message: &Bytes,
        options: &SessionOptions,
        outputs: &mut Outputs,
    ) -> Result<(), SendRefused> {
        let segment_bytes = options.segment_bytes.max(1);
        let segments = message.len().div_ceil(segment_bytes);
        if self.outgoing.len().saturating_add(segments) > options.outgoing_records_max
            || self.outgoing_bytes.saturating_add(message.len()) > options.outgoing_bytes_max
        {
            return Err(SendRefused::Full);
        }
        for index in 0..segments {
            let start = index * segment_bytes;
            let segment = message.slice(start..message.len().min(start + segment_bytes));
            let state = match (index == 0, index + 1 == segments) {
                (true, true) => SarState::None,
                (true, false) => SarState::Begin,
                (false, false) => SarState::InProcess,
                (false, true) => SarState::Complete,
            };
            self.transmit(now, segment, state, 0, true, options, outputs);
        }
        Ok(())
    }

    /// Whether a message came through by it.
    pub(super) fn handle_record(
        &mut self,
        now: Mono,
        record: SessionContext,
        options: &SessionOptions,
        outputs: &mut Outputs,
    ) -> Result<bool, RestartReason> {
        self.unanswered = false;
        if record.sequence_id == 0 || record.expected_id > self.next_sequence {
            return Err(RestartReason::InvalidSequence);
        }
        self.acknowledge(now, record.expected_id, options);
        let is_known = record.sequence_id < self.expected || self.incoming.contains_key(&record.sequence_id);
        if is_known {
            // It was not heard that this one has come (R-E2E.25).
            self.ack_due.get_or_insert(now + options.ack_after);
            return Ok(false);
        }
        let asked_for = record.retransmit_id;
        let is_near_end = record.sequence_id >= options.sequence_max.saturating_sub(SEQUENCE_MARGIN);
        self.keep(record, options)?;
        let came = self.take_in_turn(now, options, outputs)?;
        // Also where it is not its turn yet: two ends that each miss a record would wait for each other.
        if asked_for != 0 {
            self.retransmit(asked_for, options, outputs)?;
        }
        if is_near_end {
            return Err(RestartReason::SequenceExhausted);
        }
        self.ask_for_missing(now, options, outputs)?;
        self.check_kept(options)?;
        Ok(came)
    }

    /// A peer that goes on without acknowledging anything may not make us keep acknowledgements without end.
    fn check_kept(&self, options: &SessionOptions) -> Result<(), RestartReason> {
        if self.outgoing.len() > options.outgoing_records_max.saturating_mul(2) {
            return Err(RestartReason::BufferFull);
        }
        Ok(())
    }

    pub(super) fn handle_timeout(
        &mut self,
        now: Mono,
        options: &SessionOptions,
        outputs: &mut Outputs,
    ) -> Result<(), RestartReason> {
        self.ask_for_missing(now, options, outputs)?;
        if self.resend_due.is_some_and(|due| due <= now) {
            self.resend(now, options, outputs);
        }
        if self.ack_due.is_some_and(|due| due <= now) {
            self.transmit(now, Bytes::new(), SarState::None, 0, false, options, outputs);
        }
        self.check_kept(options)
    }

    /// Clears what the peer has got (R-E2E.16).
    fn acknowledge(&mut self, now: Mono, expected_id: u64, options: &SessionOptions) {
        if expected_id <= self.peer_expected {
            return;
        }
        self.peer_expected = expected_id;
        let kept = self.outgoing.split_off(&expected_id);
        let gone = std::mem::replace(&mut self.outgoing, kept);
        self.outgoing_bytes -= gone.values().map(|sent| payload_bytes(&sent.record)).sum::<usize>();
        self.resend_due = self.next_resend(now, options);
    }

    fn keep(&mut self, record: SessionContext, options: &SessionOptions) -> Result<(), RestartReason> {
        let ahead = record.sequence_id - self.expected;
        let bytes = payload_bytes(&record);
        if usize::try_from(ahead).map_or(true, |ahead| ahead > options.incoming_records_max)
            || self.incoming_bytes.saturating_add(bytes) > options.incoming_bytes_max
        {
            return Err(RestartReason::BufferFull);
        }
        self.incoming_bytes += bytes;
        self.incoming.insert(record.sequence_id, record);
        Ok(())
    }

    /// Takes whatever is next, and next to that (R-E2E.20).
    fn take_in_turn(
        &mut self,
        now: Mono,
        options: &SessionOptions,
        outputs: &mut Outputs,
    ) -> Result<bool, RestartReason> {
        let mut came = false;
        while let Some(record) = self.incoming.remove(&self.expected) {
            self.incoming_bytes -= payload_bytes(&record);
            let state = record.payload_sar_state();
            if !record.payload.iter().all(Bytes::is_empty) || self.expected == 1 {
                self.ack_due.get_or_insert(now + options.ack_after);
            }
            self.expected += 1;
            let segment = joined(record.payload);
            if segment.is_empty() {
                continue;
            }
            let message = self.reassembly.push(state, segment, options.message_bytes_max);
            if let Some(message) = message.map_err(RestartReason::Reassembly)? {
                outputs.push_back(SessionOutput::Message(message));
                came = true;
            }
        }
        Ok(came)
    }

    /// Asks for what is missing: at once when it is first seen to be, then by the clock.
    fn ask_for_missing(
        &mut self,
        now: Mono,
        options: &SessionOptions,
        outputs: &mut Outputs,
    ) -> Result<(), RestartReason> {
        if self.incoming.is_empty() {
            self.ask = None;
            return Ok(());
        }
        let times = match &self.ask {
            Some(ask) if ask.sequence == self.expected && ask.due > now => return Ok(()),
            Some(ask) if ask.sequence == self.expected => ask.times + 1,
            _ => 1,
        };
        if times > options.retransmits_max {
            return Err(RestartReason::TooManyRetransmits);
        }
        self.ask = Some(Ask { sequence: self.expected, times, due: now + options.retransmit_after });
        self.transmit(now, Bytes::new(), SarState::None, self.expected, false, options, outputs);
        Ok(())
    }

    /// Sends a record again because the peer asked for it.
    fn retransmit(
        &mut self,
        sequence: u64,
        options: &SessionOptions,
        outputs: &mut Outputs,
    ) -> Result<(), RestartReason> {
        if sequence >= self.next_sequence {
            return Err(RestartReason::InvalidSequence);
        }
        // What is not kept any more was acknowledged: the request was overtaken.
        let Some(sent) = self.outgoing.get_mut(&sequence) else { return Ok(()) };
        sent.asked += 1;
        if sent.asked > options.retransmits_max {
            return Err(RestartReason::TooManyRetransmits);
        }
        let again = again(&sent.record, self.expected);
        outputs.push_back(SessionOutput::Transmit(again));
        Ok(())
    }

    /// Sends the oldest record again that matters and was not acknowledged in time.
    fn resend(&mut self, now: Mono, options: &SessionOptions, outputs: &mut Outputs) {
        let oldest = self.outgoing.values_mut().find(|sent| sent.matters && sent.resent < options.resends_max);
        if let Some(sent) = oldest {
            sent.resent += 1;
            outputs.push_back(SessionOutput::Transmit(again(&sent.record, self.expected)));
        }
        self.resend_due = self.next_resend(now, options);
    }

    fn next_resend(&self, now: Mono, options: &SessionOptions) -> Option<Mono> {
        let waits = self.outgoing.values().any(|sent| sent.matters && sent.resent < options.resends_max);
        waits.then(|| now + options.retransmit_after)
    }

    #[expect(clippy::too_many_arguments, reason = "one place where records are made; each argument is a field of it")]
    fn transmit(
        &mut self,
        now: Mono,
        segment: Bytes,
        state: SarState,
        retransmit_id: u64,
        matters: bool,
        options: &SessionOptions,
        outputs: &mut Outputs,
    ) {
        let record = SessionContext {
            session_id: self.id,
            sequence_id: self.next_sequence,
            expected_id: self.expected,
            retransmit_id,
            payload_sar_state: state.into(),
            payloadrec_sar_state: state.into(),
            payload: if segment.is_empty() { Vec::new() } else { vec![segment] },
        };
        self.next_sequence += 1;
        self.ack_due = None;
        if matters {
            self.resend_due.get_or_insert(now + options.retransmit_after);
        }
        self.outgoing_bytes += payload_bytes(&record);
        let sent = Sent { record: record.clone(), matters, asked: 0, resent: 0 };
        self.outgoing.insert(record.sequence_id, sent);
        outputs.push_back(SessionOutput::Transmit(record));
    }
}

/// A record as it is sent again: what it asks for may have come since, what it acknowledges is what has come by now.
fn again(record: &SessionContext, expected: u64) -> SessionContext {
    let retransmit_id = if record.retransmit_id == expected { expected } else { 0 };
    SessionContext { expected_id: expected, retransmit_id, ..record.clone() }
}

fn payload_bytes(record: &SessionContext) -> usize {
    record.payload.iter().map(Bytes::len).sum()
}

fn joined(mut payload: Vec<Bytes>) -> Bytes {
    if payload.len() <= 1 {
        return payload.pop().unwrap_or_default();
    }
    let mut joined = BytesMut::new();
    payload.iter().for_each(|part| joined.extend_from_slice(part));
    joined.freeze()
}
