//! The CBOR messages of the wire: maps with text keys, definite lengths and shortest integers on the way out; on the way in
//! also what other encoders write (indefinite lengths, long integers, tags, keys in any order, of equal keys the last).
//!
//! Unknown keys are skipped. An absent key and a null are the same where a key may be absent. Every key of every map must be
//! text, exactly one item must stand there, and depth, lengths and counts are bounded by [`Bounds`]. Nothing is allocated by
//! a length that is only claimed. Bodies are slices of the message, not copies.

use bytes::Bytes;

mod error;
mod handshake;
mod names;
mod operation;
mod page;
mod pull;
mod push;
mod reader;
mod writer;

pub use error::{ErrorCode, ErrorResponse};
pub use handshake::{Capabilities, EpochExtension, HandshakeRequest, HandshakeResponse};
pub(crate) use names::Names;
pub use page::PageEncoder;
pub use pull::{DEFAULT_LIMIT, PullRequest, PullResponse};
pub use push::{Conflict, PushRequest, PushResponse};
pub(crate) use reader::{Reader, must};
pub(crate) use writer::Writer;

/// The largest number of the wire: 2^63 - 1.
pub const NUMBER_MAX: u64 = i64::MAX as u64;

/// Limits of what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How deep maps and arrays may lie in each other; the tags in front of one item count as well.
    pub depth_max: usize,
    /// Operations of a push or of a page, and conflicts of an answer.
    pub ops_max: usize,
    /// Longest text, in bytes.
    pub text_bytes_max: usize,
    /// Entries of `collections` and of `metadata`.
    pub entries_max: usize,
}

impl Default for Bounds {
    /// 32 deep, 10,000 operations, 4 KiB of text, 256 entries.
    fn default() -> Self {
        Self { depth_max: 32, ops_max: 10_000, text_bytes_max: 4_096, entries_max: 256 }
    }
}

/// Why bytes are not the message they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// What is wrong, with the key it is about: `"deviceId is not text"`. Nothing of what was sent stands in it.
    pub what: String,
    /// Where, from the beginning of the message.
    pub at: usize,
}

impl Malformed {
    pub(crate) fn new(what: impl Into<String>, at: usize) -> Self {
        Self { what: what.into(), at }
    }

    /// Says in which entry of which array it is.
    pub(crate) fn within(self, array: &str, index: usize) -> Self {
        Self { what: format!("{array}[{index}]: {}", self.what), at: self.at }
    }
}

/// A message of a kind, read and written whole.
pub trait Message: Sized {
    /// Reads exactly one.
    ///
    /// # Errors
    ///
    /// It is not one, or breaks a bound.
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed>;

    /// Writes it in the strict form.
    fn encode(&self) -> Vec<u8>;
}
