//! What one poll of the stack encrypts leaves it at once.
//!
//! For each packet the stack gives out it looks through all that is on the way, so that a link with much on the way would be
//! busy with looking. So of the records that one poll encrypts only the first goes the stack's own way, and shows which path
//! they take; the others are kept here and follow it.
//!
//! ```text
//! SCTP ─► packets ─► DTLS ─► records ─┬─ first ──► stack ──► path, record
//!                                     └─ others ─► Burst ──────────► record, record, …
//! ```

use std::cell::RefCell;
use std::time::Instant;

use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, ProtocolVersion};

use super::record::Record;

/// The records of one link that follow the one which is on its way through the stack.
#[derive(Debug, Default)]
pub(super) struct Burst {
    is_led: bool,
    followers: Vec<Vec<u8>>,
}

thread_local! {
    /// Of the link that is being polled, if one is.
    static POLLED: RefCell<Option<Burst>> = const { RefCell::new(None) };
}

impl Burst {
    /// Does what polls the link's stack. It does not unwind.
    pub(super) fn gather<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        POLLED.replace(Some(std::mem::take(self)));
        let polled = poll();
        *self = POLLED.take().unwrap_or_default();
        polled
    }

    /// The packet came out of the stack: what follows it, if it is the first of them.
    pub(super) fn after(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        if !self.is_led || !is_data(packet) {
            return Vec::new();
        }
        self.is_led = false;
        std::mem::take(&mut self.followers)
    }
}

/// The same session, whose records are gathered.
pub(super) fn gathering(session: Box<dyn DtlsInstance>, made: Instant) -> Box<dyn DtlsInstance> {
    Box::new(Session { inner: session, made })
}

#[derive(Debug)]
struct Session {
    inner: Box<dyn DtlsInstance>,
    made: Instant,
}

impl DtlsInstance for Session {
    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        match self.inner.poll_output(buffer) {
            // A moment that has passed has the stack go on at once, as it does after each packet.
            DtlsOutput::Packet(packet) if follows(packet) => DtlsOutput::Timeout(self.made),
            other => other,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}

/// Whether a record follows one that is on its way through the stack; then it is kept. What is not data goes the stack's way.
fn follows(packet: &[u8]) -> bool {
    let is_data = is_data(packet);
    POLLED.with_borrow_mut(|polled| match polled {
        Some(burst) if is_data && burst.is_led => {
            burst.followers.push(packet.to_vec());
            true
        }
        Some(burst) => {
            burst.is_led |= is_data;
            false
        }
        None => false,
    })
}

fn is_data(packet: &[u8]) -> bool {
    Record::first(packet).is_some_and(|record| record.protected && record.data)
}
