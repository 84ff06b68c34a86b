use bytes::{Bytes, BytesMut};

use crate::record::SarState;

/// Puts segments together, in the order in which they are handed over.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    begun: Option<BytesMut>,
}

/// Why segments make no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReassemblyFault {
    /// A message began before the one before it was complete.
    #[error("a message begins within another")]
    Interrupted,
    /// A segment that is not the first, of a message that did not begin.
    #[error("a segment without a beginning")]
    NotBegun,
    /// The message is larger than it may be.
    #[error("the message is too large")]
    TooLarge,
}

impl Reassembly {
    /// Takes the next segment; answers the message once it is whole.
    pub(super) fn push(
        &mut self,
        state: SarState,
        segment: Bytes,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, ReassemblyFault> {
        let held = self.begun.as_ref().map_or(0, BytesMut::len);
        if held.saturating_add(segment.len()) > bytes_max {
            return Err(ReassemblyFault::TooLarge);
        }
        match (state, self.begun.take()) {
            (SarState::None, None) => Ok(Some(segment)),
            (SarState::Begin, None) => {
                self.begun = Some(BytesMut::from(segment));
                Ok(None)
            }
            (SarState::None | SarState::Begin, Some(_)) => Err(ReassemblyFault::Interrupted),
            (SarState::InProcess | SarState::Complete, None) => Err(ReassemblyFault::NotBegun),
            (SarState::InProcess, Some(mut begun)) => {
                begun.extend_from_slice(&segment);
                self.begun = Some(begun);
                Ok(None)
            }
            (SarState::Complete, Some(mut begun)) => {
                begun.extend_from_slice(&segment);
                Ok(Some(begun.freeze()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(parts: &[(SarState, &'static str)], bytes_max: usize) -> Result<Vec<Bytes>, ReassemblyFault> {
        let mut reassembly = Reassembly::default();
        let mut messages = Vec::new();
        for (state, part) in parts {
            messages.extend(reassembly.push(*state, Bytes::from_static(part.as_bytes()), bytes_max)?);
        }
        Ok(messages)
    }

    #[test]
    fn segments_make_a_message_and_a_whole_one_is_one() {
        use SarState::{Begin, Complete, InProcess, None};
        let parts = [(None, "a"), (Begin, "b"), (InProcess, "c"), (Complete, "d"), (Begin, "e"), (Complete, "f")];
        assert_eq!(run(&parts, 10), Ok(vec!["a".into(), "bcd".into(), "ef".into()]));
    }

    #[test]
    fn segments_out_of_turn_or_too_many_bytes_make_none() {
        use SarState::{Begin, Complete, InProcess, None};
        assert_eq!(run(&[(Begin, "a"), (None, "b")], 10), Err(ReassemblyFault::Interrupted));
        assert_eq!(run(&[(Begin, "a"), (Begin, "b")], 10), Err(ReassemblyFault::Interrupted));
        assert_eq!(run(&[(InProcess, "a")], 10), Err(ReassemblyFault::NotBegun));
        assert_eq!(run(&[(Complete, "a")], 10), Err(ReassemblyFault::NotBegun));
        assert_eq!(run(&[(Begin, "abc"), (Complete, "de")], 4), Err(ReassemblyFault::TooLarge));
        assert_eq!(run(&[(None, "abcde")], 4), Err(ReassemblyFault::TooLarge));
    }
}
