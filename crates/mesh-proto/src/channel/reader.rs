use std::str;
use std::sync::Arc;

use bytes::Bytes;

use super::{Malformed, is_topic};
use crate::PeerId;
use crate::gossip::MessageId;

/// Reads a binary frame from its front. Numbers are big-endian.
pub(super) struct Reader<'a> {
    whole: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(whole: &'a Bytes) -> Self {
        Self { whole, at: 0 }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(Malformed::Truncated)?;
        let taken = self.whole.get(self.at..end).ok_or(Malformed::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed::Truncated)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn id(&mut self) -> Result<MessageId, Malformed> {
        self.array().map(MessageId)
    }

    /// A text after its length in one byte.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.u8()?;
        str::from_utf8(self.take(length.into())?).map_err(|_| Malformed::Utf8)
    }

    pub(super) fn peer(&mut self) -> Result<PeerId, Malformed> {
        PeerId::new(self.text()?).map_err(|_| Malformed::Name)
    }

    pub(super) fn topic(&mut self) -> Result<Arc<str>, Malformed> {
        let name = self.text()?;
        if is_topic(name) { Ok(name.into()) } else { Err(Malformed::Name) }
    }

    /// Where it stands, bytes from the front.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.whole.len() - self.at
    }

    /// All from `start` on, shared; it stands at the end then.
    pub(super) fn rest_from(&mut self, start: usize) -> Bytes {
        self.at = self.whole.len();
        self.whole.slice(start.min(self.whole.len())..)
    }

    pub(super) fn rest(&mut self) -> Bytes {
        self.rest_from(self.at)
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.left() == 0 { Ok(()) } else { Err(Malformed::Excess) }
    }
}

/// Writes a text after its length in one byte. What is longer than 255 bytes is cut: callers have bounded it.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    let end = text.floor_char_boundary(usize::from(u8::MAX));
    out.push(u8::try_from(end).unwrap_or(u8::MAX));
    out.extend_from_slice(&text.as_bytes()[..end]);
}
