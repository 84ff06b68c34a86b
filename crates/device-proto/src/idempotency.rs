//! Requests of the API that come again are answered as before (`Idempotency-Key`).

use bytes::Bytes;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whose, and the key that came with it; at most [`Answered::KEY_CHARS_MAX`] characters.
    pub key: Box<str>,
    /// SHA-256 of method, path and body: the same key with another request is refused.
    pub request: [u8; 32],
    /// The status of the answer.
    pub status: u16,
    /// Its body, at most [`Answered::BODY_BYTES_MAX`].
    pub body: Bytes,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

impl Answered {
    /// Of a key, with who sent it.
    pub const KEY_CHARS_MAX: usize = 256;
    /// Of a body that is kept.
    pub const BODY_BYTES_MAX: usize = 64 * 1024;
}
