//! MessagePack and back: as much of it as JavaScript values need.
//!
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>

use bytes::Bytes;
use serde_json::Number;

use crate::ordered::Ordered;
use crate::packet::PacketError;

/// Reads one value. Binary values become placeholders, and stand in `attachments` in their order.
pub(crate) struct Reader {
    bytes: Bytes,
    at: usize,
    pub(crate) attachments: Vec<Bytes>,
    attachments_max: usize,
}

const MALFORMED: PacketError = PacketError::MessagePack;

/// A length is believed so far before its items are seen: lists lie within lists, and each may lie.
const BELIEVED_MAX: usize = 16;

/// An extension of this type and one byte is JavaScript's `undefined`, of eight bytes a date.
const EXTENSION_OF_NOTEPACK: u8 = 0;

impl Reader {
    pub(crate) fn new(bytes: Bytes, attachments_max: usize) -> Self {
        Self { bytes, at: 0, attachments: Vec::new(), attachments_max }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The next value; `None` for `undefined`.
    pub(crate) fn value(&mut self, depth_left: usize) -> Result<Option<Ordered>, PacketError> {
        let head = self.byte()?;
        Ok(Some(match head {
            0x00..=0x7F => Ordered::Number(Number::from(head)),
            0x80..=0x8F => self.map(usize::from(head & 0x0F), depth_left)?,
            0x90..=0x9F => self.list(usize::from(head & 0x0F), depth_left)?,
            0xA0..=0xBF => self.text(usize::from(head & 0x1F))?,
            0xC0 => Ordered::Null,
            0xC2 => Ordered::Bool(false),
            0xC3 => Ordered::Bool(true),
            0xC4..=0xC6 => self.binary(1 << (head - 0xC4))?,
            0xCA => Ordered::float(f32::from_bits(u32::from_be_bytes(self.fixed()?)).into()),
            0xCB => Ordered::float(f64::from_bits(u64::from_be_bytes(self.fixed()?))),
            0xCC..=0xCF => Ordered::Number(Number::from(self.unsigned(1 << (head - 0xCC))?)),
            0xD0..=0xD3 => Ordered::Number(Number::from(self.signed(1 << (head - 0xD0))?)),
            0xC7..=0xC9 => self.array_buffer(1 << (head - 0xC7))?,
            0xD4 | 0xD7 => return self.extension(1 << (head - 0xD4)),
            0xD9..=0xDB => {
                let len = self.len(1 << (head - 0xD9))?;
                self.text(len)?
            }
            0xDC | 0xDD => {
                let len = self.len(2 << (head - 0xDC))?;
                self.list(len, depth_left)?
            }
            0xDE | 0xDF => {
                let len = self.len(2 << (head - 0xDE))?;
                self.map(len, depth_left)?
            }
            0xE0..=0xFF => Ordered::Number(Number::from(head as i8)),
            0xC1 | 0xD5 | 0xD6 | 0xD8 => return Err(MALFORMED),
        }))
    }

    fn list(&mut self, len: usize, depth_left: usize) -> Result<Ordered, PacketError> {
        let depth_left = depth_left.checked_sub(1).ok_or(PacketError::TooDeep)?;
        let mut items = Vec::with_capacity(len.min(BELIEVED_MAX));
        for _ in 0..len {
            items.push(self.value(depth_left)?.unwrap_or(Ordered::Null));
        }
        Ok(Ordered::List(items))
    }

    /// A member that is `undefined` is left out, as JSON does.
    fn map(&mut self, len: usize, depth_left: usize) -> Result<Ordered, PacketError> {
        let depth_left = depth_left.checked_sub(1).ok_or(PacketError::TooDeep)?;
        let mut members = Vec::with_capacity(len.min(BELIEVED_MAX));
        for _ in 0..len {
            let Some(Ordered::Text(name)) = self.value(depth_left)? else { return Err(MALFORMED) };
            if let Some(value) = self.value(depth_left)? {
                members.push((name, value));
            }
        }
        Ok(Ordered::Map(members))
    }

    fn text(&mut self, len: usize) -> Result<Ordered, PacketError> {
        let bytes = self.take(len)?;
        std::str::from_utf8(&bytes).map(|text| Ordered::Text(text.to_owned())).map_err(|_| MALFORMED)
    }

    fn binary(&mut self, width: usize) -> Result<Ordered, PacketError> {
        let len = self.len(width)?;
        self.attachment(len)
    }

    /// notepack.io writes an `ArrayBuffer` as an extension, whatever its length; any other is nobody's.
    fn array_buffer(&mut self, width: usize) -> Result<Ordered, PacketError> {
        let len = self.len(width)?;
        if self.byte()? != EXTENSION_OF_NOTEPACK {
            return Err(MALFORMED);
        }
        self.attachment(len)
    }

    fn attachment(&mut self, len: usize) -> Result<Ordered, PacketError> {
        let bytes = self.take(len)?;
        if self.attachments.len() == self.attachments_max {
            return Err(PacketError::TooManyAttachments);
        }
        let number = self.attachments.len();
        self.attachments.push(bytes);
        Ok(Ordered::placeholder(number))
    }

    fn extension(&mut self, len: usize) -> Result<Option<Ordered>, PacketError> {
        let kind = self.byte()?;
        match (kind, len) {
            (EXTENSION_OF_NOTEPACK, 1) => self.take(1).map(|_| None),
            // A date as JSON writes it would have to be spelled out; its milliseconds serve `new Date` as well.
            (EXTENSION_OF_NOTEPACK, 8) => Ok(Some(Ordered::Number(Number::from(i64::from_be_bytes(self.fixed()?))))),
            _ => Err(MALFORMED),
        }
    }

    fn unsigned(&mut self, width: usize) -> Result<u64, PacketError> {
        Ok(self.take(width)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn signed(&mut self, width: usize) -> Result<i64, PacketError> {
        let unused = 64 - 8 * width;
        Ok((self.unsigned(width)? << unused) as i64 >> unused)
    }

    fn len(&mut self, width: usize) -> Result<usize, PacketError> {
        usize::try_from(self.unsigned(width)?).map_err(|_| MALFORMED)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], PacketError> {
        self.take(N)?.as_ref().try_into().map_err(|_| MALFORMED)
    }

    fn byte(&mut self) -> Result<u8, PacketError> {
        let byte = *self.bytes.get(self.at).ok_or(MALFORMED)?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, len: usize) -> Result<Bytes, PacketError> {
        if len > self.left() {
            return Err(MALFORMED);
        }
        let bytes = self.bytes.slice(self.at..self.at + len);
        self.at += len;
        Ok(bytes)
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }
}

/// Writes a value; placeholders become the binary values they stand for.
pub(crate) fn write(value: &Ordered, attachments: &[Bytes], out: &mut Vec<u8>) {
    match value {
        Ordered::Null => out.push(0xC0),
        Ordered::Bool(is_true) => out.push(if *is_true { 0xC3 } else { 0xC2 }),
        Ordered::Number(number) => write_number(number, out),
        Ordered::Text(text) => write_text(text, out),
        Ordered::List(items) => {
            write_head(items.len(), [0x90, 0xDC, 0xDD], out);
            items.iter().for_each(|item| write(item, attachments, out));
        }
        Ordered::Map(members) => {
            if let Some(bytes) = value.as_placeholder().and_then(|number| attachments.get(number)) {
                return write_binary(bytes, out);
            }
            write_head(members.len(), [0x80, 0xDE, 0xDF], out);
            for (name, member) in members {
                write_text(name, out);
                write(member, attachments, out);
            }
        }
    }
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    match (number.as_u64(), number.as_i64()) {
        (Some(small @ 0..=0x7F), _) => out.push(small as u8),
        (Some(number), _) => write_sized(number, 0xCC, out),
        (None, Some(small @ -0x20..=-1)) => out.push(small as u8),
        (None, Some(number)) => {
            out.push(0xD3);
            out.extend_from_slice(&number.to_be_bytes());
        }
        (None, None) => {
            out.push(0xCB);
            out.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_be_bytes());
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..=0x1F => out.push(0xA0 | len as u8),
        len => write_sized_len(len, 0xD9, out),
    }
    out.extend_from_slice(text.as_bytes());
}

fn write_binary(bytes: &[u8], out: &mut Vec<u8>) {
    write_sized_len(bytes.len(), 0xC4, out);
    out.extend_from_slice(bytes);
}

/// The length of a list or map: in the head itself, or 16 or 32 bits behind it.
fn write_head(len: usize, [fixed, two_bytes, four_bytes]: [u8; 3], out: &mut Vec<u8>) {
    match len {
        0..=0x0F => out.push(fixed | len as u8),
        0x10..=0xFFFF => {
            out.push(two_bytes);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(four_bytes);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

/// A length of 8, 16 or 32 bits behind `head`, `head + 1` or `head + 2`. No message has 2^32 bytes.
fn write_sized_len(len: usize, head: u8, out: &mut Vec<u8>) {
    write_sized((len as u32).into(), head, out);
}

/// A number of 8, 16, 32 or 64 bits behind `head` to `head + 3`.
fn write_sized(number: u64, head: u8, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let (step, skip) = match number {
        0..=0xFF => (0, 7),
        0x100..=0xFFFF => (1, 6),
        0x1_0000..=0xFFFF_FFFF => (2, 4),
        _ => (3, 0),
    };
    out.push(head + step);
    out.extend_from_slice(&bytes[skip..]);
}
