use bytes::Bytes;

use super::reader::Reader;
use super::{Kind, Malformed};
use crate::gossip::Frame;

/// A part of a message that is larger than a frame may be. The parts of one transfer come in order, from its front; those
/// of several may alternate.
///
/// ```text
/// 0x09 | flags 1 | transfer 4 | total 4 | offset 4 | bytes
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Whether the whole is a text message, else binary.
    pub text: bool,
    /// Which transfer of its sender's, among those that have not ended.
    pub transfer: u32,
    /// Bytes of the whole.
    pub total: u32,
    /// Bytes of it before this part.
    pub offset: u32,
    /// This part, not empty.
    pub bytes: Bytes,
}

/// The one flag of a chunk: the whole is text.
const TEXT: u8 = 0x01;

impl Chunk {
    /// Bytes before a part.
    pub const HEADER_BYTES: usize = 1 + 1 + 4 + 4 + 4;

    /// Cuts a message into frames of at most `frame_bytes_max`. `None`: it is 4 GiB or larger, or a frame holds nothing.
    #[must_use]
    pub fn cut(whole: &Frame, transfer: u32, frame_bytes_max: usize) -> Option<Vec<Bytes>> {
        let total = u32::try_from(whole.bytes.len()).ok()?;
        let room = frame_bytes_max.checked_sub(Self::HEADER_BYTES).filter(|room| *room > 0)?;
        let parts = whole.bytes.chunks(room).scan(0_u32, |offset, part| {
            let mut out = Vec::with_capacity(Self::HEADER_BYTES + part.len());
            out.push(Kind::Chunk as u8);
            out.push(if whole.binary { 0 } else { TEXT });
            out.extend_from_slice(&transfer.to_be_bytes());
            out.extend_from_slice(&total.to_be_bytes());
            out.extend_from_slice(&offset.to_be_bytes());
            out.extend_from_slice(part);
            // No part is larger than the whole, which has 32 bits.
            *offset = offset.wrapping_add(part.len() as u32);
            Some(Bytes::from(out))
        });
        Some(parts.collect())
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.u8()?;
        let transfer = reader.u32()?;
        let total = reader.u32()?;
        let offset = reader.u32()?;
        let bytes = reader.rest();
        let end = u64::from(offset) + bytes.len() as u64;
        if bytes.is_empty() || end > u64::from(total) || flags & !TEXT != 0 {
            return Err(Malformed::Number);
        }
        Ok(Self { text: flags & TEXT != 0, transfer, total, offset, bytes })
    }
}
