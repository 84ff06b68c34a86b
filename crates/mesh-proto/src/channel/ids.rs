use std::time::Duration;

use bytes::Bytes;

use super::reader::Reader;
use super::{Kind, Malformed};
use crate::gossip::{Frame, MessageId};

/// A message that a peer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its id.
    pub id: MessageId,
    /// How long ago it was published, in milliseconds on the wire.
    pub age: Duration,
    /// Bytes of its whole frame; 0 if that is not said.
    pub bytes: u32,
}

/// Messages that a peer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whether it wants the next ones whole again, and not only their ids.
    pub graft: bool,
    /// Their ids.
    pub ids: Vec<MessageId>,
}

/// Bytes of one entry of I_HAVE.
const TOLD_BYTES: usize = 16 + 4 + 4;

/// The one flag of I_WANT.
const GRAFT: u8 = 0x01;

/// Bytes before the entries of I_HAVE.
const I_HAVE_HEADER_BYTES: usize = 1 + 2;

/// Bytes before the ids of I_WANT.
const I_WANT_HEADER_BYTES: usize = 1 + 1 + 2;

/// How many ids an I_HAVE of so many bytes holds.
#[must_use]
pub(crate) fn told_fitting(frame_bytes: usize) -> usize {
    (frame_bytes.saturating_sub(I_HAVE_HEADER_BYTES) / TOLD_BYTES).min(usize::from(u16::MAX))
}

/// How many ids an I_WANT of so many bytes holds.
#[must_use]
pub(crate) fn asked_fitting(frame_bytes: usize) -> usize {
    (frame_bytes.saturating_sub(I_WANT_HEADER_BYTES) / 16).min(usize::from(u16::MAX))
}

/// Says which messages are there: 65,535 at most.
#[must_use]
pub fn i_have(told: &[Told]) -> Frame {
    let count = u16::try_from(told.len()).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(I_HAVE_HEADER_BYTES + usize::from(count) * TOLD_BYTES);
    out.push(Kind::IHave as u8);
    out.extend_from_slice(&count.to_be_bytes());
    for entry in &told[..count.into()] {
        out.extend_from_slice(&entry.id.0);
        out.extend_from_slice(&millis(entry.age).to_be_bytes());
        out.extend_from_slice(&entry.bytes.to_be_bytes());
    }
    Frame { binary: true, bytes: Bytes::from(out) }
}

/// Asks for messages: 65,535 at most.
#[must_use]
pub fn i_want(ask: &Ask) -> Frame {
    let count = u16::try_from(ask.ids.len()).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(I_WANT_HEADER_BYTES + usize::from(count) * 16);
    out.push(Kind::IWant as u8);
    out.push(if ask.graft { GRAFT } else { 0 });
    out.extend_from_slice(&count.to_be_bytes());
    for id in &ask.ids[..count.into()] {
        out.extend_from_slice(&id.0);
    }
    Frame { binary: true, bytes: Bytes::from(out) }
}

/// Says that so many more ids are dealt with.
#[must_use]
pub fn heard(count: u32) -> Frame {
    let mut out = vec![Kind::Heard as u8];
    out.extend_from_slice(&count.to_be_bytes());
    Frame { binary: true, bytes: Bytes::from(out) }
}

/// Asks for ids only.
#[must_use]
pub fn prune() -> Frame {
    Frame { binary: true, bytes: Bytes::from_static(&[Kind::Prune as u8]) }
}

/// A time in whole milliseconds, of which 32 bits hold 49 days.
pub(super) fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

pub(super) fn decode_told(reader: &mut Reader<'_>) -> Result<Vec<Told>, Malformed> {
    let count = usize::from(reader.u16()?);
    if count * TOLD_BYTES > reader.left() {
        return Err(Malformed::Truncated);
    }
    let entry = |reader: &mut Reader<'_>| {
        Ok(Told { id: reader.id()?, age: Duration::from_millis(reader.u32()?.into()), bytes: reader.u32()? })
    };
    let told = (0..count).map(|_| entry(reader)).collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(told)
}

impl Ask {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = reader.u8()?;
        let count = usize::from(reader.u16()?);
        if count * 16 > reader.left() {
            return Err(Malformed::Truncated);
        }
        let ids = (0..count).map(|_| reader.id()).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { graft: flags & GRAFT != 0, ids })
    }
}

pub(super) fn decode_heard(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let count = reader.u32()?;
    reader.end()?;
    Ok(count)
}
