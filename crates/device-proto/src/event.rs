//! What happened with a device, for operators and for those who listen.

use bytes::Bytes;

use crate::task::CommandKey;
use crate::{DeviceId, EventId};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub id: EventId,
    /// Whose.
    pub device: DeviceId,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What: a code of CWMP (`1 BOOT`, `M Download`), of USP (`Event`, `OperationComplete`) or a word of ours; at most
    /// [`EventRow::KIND_CHARS_MAX`] characters.
    pub kind: Box<str>,
    /// The CommandKey that came with it; empty: none. At most 32 characters.
    pub command_key: Box<str>,
    /// More of it, JSON; empty: nothing. At most [`EventRow::DETAIL_BYTES_MAX`].
    pub detail: Bytes,
}

impl EventRow {
    /// An event without more than its code and CommandKey, both cut to what they may be.
    #[must_use]
    pub fn new(id: EventId, device: DeviceId, at_ms: u64, kind: &str, command_key: &str) -> Self {
        let kind = crate::text::cut(kind, Self::KIND_CHARS_MAX);
        let command_key = crate::text::cut(command_key, CommandKey::CHARS_MAX);
        Self { id, device, at_ms, kind, command_key, detail: Bytes::new() }
    }

    /// TR-069 Table 37 has 64.
    pub const KIND_CHARS_MAX: usize = 64;
    /// Of what is kept beside the kind.
    pub const DETAIL_BYTES_MAX: usize = 16 * 1024;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_cut_to_what_it_may_be() {
        let event = EventRow::new(EventId(1), DeviceId(1), 5, &"x".repeat(99), &"k\n".repeat(99));
        assert_eq!((event.kind.len(), event.command_key.len()), (64, 32));
        assert!(!event.command_key.contains('\n'));
    }
}
