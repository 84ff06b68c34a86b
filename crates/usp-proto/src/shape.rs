//! What the bytes of a protocol buffer are before anything of them is decoded.
//!
//! Two bytes on the wire may become two hundred in memory, so counting after decoding is too late. [`Shape::check`] walks the
//! bytes along the schema, allocates nothing, and says whether decoding them stays within bounds and whether the
//! rules hold that a decoder cannot see any more afterwards: one member of a `oneof` (TR-369 R-ENC.3), known enumeration
//! values (R-ENC.2), no field twice that may stand once (R-MSG.6, R-MSG.7).

use crate::limits::UspLimits;

/// A message of the schema: its fields, those not listed are unknown and skipped.
pub(crate) struct Shape(pub(crate) &'static [Field]);

/// A field: number, what it holds, and whether it may come again.
pub(crate) struct Field {
    number: u32,
    kind: Kind,
    repeated: bool,
    oneof: bool,
}

/// What a field holds.
pub(crate) enum Kind {
    /// `bool`, `uint64`: wire type 0.
    Number,
    /// An enumeration whose values run from 0 to this one.
    Enumeration(u64),
    /// `fixed32`: wire type 5.
    Fixed32,
    /// `string`, `bytes`: wire type 2.
    Text,
    /// Another message.
    Message(&'static Shape),
}

/// A field that stands at most once.
pub(crate) const fn one(number: u32, kind: Kind) -> Field {
    Field { number, kind, repeated: false, oneof: false }
}

/// A `repeated` or `map` field.
pub(crate) const fn many(number: u32, kind: Kind) -> Field {
    Field { number, kind, repeated: true, oneof: false }
}

/// A member of the one `oneof` that a message has.
pub(crate) const fn choice(number: u32, kind: Kind) -> Field {
    Field { number, kind, repeated: false, oneof: true }
}

/// An entry of a `map<string, string>`.
pub(crate) static MAP_ENTRY: Shape = Shape(&[one(1, Kind::Text), one(2, Kind::Text)]);

/// What is wrong with bytes as a protocol buffer of this schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WireFault {
    /// It ends inside a field.
    #[error("it ends inside a field")]
    Truncated,
    /// A number of more than ten bytes, or a field number that cannot be.
    #[error("a number is not one")]
    BadNumber,
    /// A field is not of the type that the schema gives it, or of a type that proto3 does not have.
    #[error("a field is of the wrong type")]
    WrongType,
    /// A field stands twice that may stand once.
    #[error("a field stands twice")]
    Repeated,
    /// Two members of a `oneof` (R-ENC.3).
    #[error("two members of a oneof")]
    TwoOfOneof,
    /// An enumeration value that the schema does not know (R-ENC.2).
    #[error("an enumeration value is unknown")]
    UnknownValue,
    /// More fields than [`UspLimits::elements_max`].
    #[error("too many fields")]
    TooManyElements,
    /// Deeper than [`UspLimits::depth_max`].
    #[error("too deep")]
    TooDeep,
    /// A `string` that is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
}

impl WireFault {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::BadNumber => "bad_number",
            Self::WrongType => "wrong_type",
            Self::Repeated => "repeated_field",
            Self::TwoOfOneof => "two_of_oneof",
            Self::UnknownValue => "unknown_value",
            Self::TooManyElements => "too_many_elements",
            Self::TooDeep => "too_deep",
            Self::NotUtf8 => "not_utf8",
        }
    }
}

impl Shape {
    /// Whether `bytes` may be decoded as this message.
    pub(crate) fn check(&self, bytes: &[u8], limits: &UspLimits) -> Result<(), WireFault> {
        let mut left = limits.elements_max;
        self.walk(bytes, limits.depth_max, &mut left)
    }

    fn walk(&self, mut rest: &[u8], depth: usize, left: &mut usize) -> Result<(), WireFault> {
        // One bit for each field; no message of the schema has more than 13.
        let mut seen = 0_u32;
        let mut chosen = false;
        while !rest.is_empty() {
            *left = left.checked_sub(1).ok_or(WireFault::TooManyElements)?;
            let (number, value) = next_field(&mut rest)?;
            let Some((index, field)) = self.0.iter().enumerate().find(|(_, field)| field.number == number) else {
                continue;
            };
            if field.oneof && std::mem::replace(&mut chosen, true) {
                return Err(WireFault::TwoOfOneof);
            }
            let bit = 1_u32.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
            if !field.repeated && seen & bit != 0 {
                return Err(WireFault::Repeated);
            }
            seen |= bit;
            match (&field.kind, value) {
                (Kind::Number, Value::Varint(_)) | (Kind::Fixed32, Value::Four) | (Kind::Text, Value::Bytes(_)) => {}
                (Kind::Enumeration(max), Value::Varint(value)) if value <= *max => {}
                (Kind::Enumeration(_), Value::Varint(_)) => return Err(WireFault::UnknownValue),
                (Kind::Message(shape), Value::Bytes(inner)) => {
                    shape.walk(inner, depth.checked_sub(1).ok_or(WireFault::TooDeep)?, left)?;
                }
                _ => return Err(WireFault::WrongType),
            }
        }
        Ok(())
    }
}

/// A field's value as it lies on the wire.
pub(crate) enum Value<'a> {
    Varint(u64),
    Eight,
    Four,
    Bytes(&'a [u8]),
}

/// Takes the next field off `rest`: its number and value.
pub(crate) fn next_field<'a>(rest: &mut &'a [u8]) -> Result<(u32, Value<'a>), WireFault> {
    let tag = varint(rest)?;
    let number = u32::try_from(tag >> 3).map_err(|_| WireFault::BadNumber)?;
    if number == 0 || number > 0x1fff_ffff {
        return Err(WireFault::BadNumber);
    }
    let value = match tag & 7 {
        0 => Value::Varint(varint(rest)?),
        1 => take(rest, 8).map(|_| Value::Eight)?,
        2 => {
            let len = usize::try_from(varint(rest)?).map_err(|_| WireFault::Truncated)?;
            Value::Bytes(take(rest, len)?)
        }
        5 => take(rest, 4).map(|_| Value::Four)?,
        _ => return Err(WireFault::WrongType),
    };
    Ok((number, value))
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], WireFault> {
    let (taken, after) = rest.split_at_checked(len).ok_or(WireFault::Truncated)?;
    *rest = after;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, WireFault> {
    let mut value = 0_u64;
    for shift in 0..10 {
        let (byte, after) = rest.split_first().ok_or(WireFault::Truncated)?;
        *rest = after;
        // The tenth byte has room for one bit.
        if shift == 9 && *byte > 1 {
            return Err(WireFault::BadNumber);
        }
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(WireFault::BadNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    static INNER: Shape = Shape(&[one(1, Kind::Text), one(2, Kind::Enumeration(3))]);
    static OUTER: Shape = Shape(&[many(1, Kind::Message(&INNER)), choice(2, Kind::Number), choice(3, Kind::Fixed32)]);

    fn check(bytes: &[u8], elements_max: usize) -> Result<(), WireFault> {
        OUTER.check(bytes, &UspLimits { elements_max, depth_max: 1, ..UspLimits::default() })
    }

    #[test]
    fn a_bomb_of_empty_messages_is_refused_before_it_is_decoded() {
        let bomb = [0x0a, 0x00].repeat(1_000);
        assert_eq!(check(&bomb, 1_000), Ok(()));
        assert_eq!(check(&bomb, 999), Err(WireFault::TooManyElements));
    }

    #[test]
    fn unknown_fields_are_skipped_and_counted() {
        // Field 15 as each of the four wire types that proto3 has.
        let bytes = [0x78, 0x01, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0x7a, 0x01, 0xff, 0x7d, 0, 0, 0, 0];
        assert_eq!(check(&bytes, 4), Ok(()));
        assert_eq!(check(&bytes, 3), Err(WireFault::TooManyElements));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        let table: [(&[u8], WireFault); 11] = [
            (&[0x0a], WireFault::Truncated),
            (&[0x0a, 0x05, 0x00], WireFault::Truncated),
            (&[0x1d, 0x00, 0x00], WireFault::Truncated),
            (&[0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], WireFault::BadNumber),
            (&[0x00, 0x00], WireFault::BadNumber),
            (&[0x08, 0x01], WireFault::WrongType),
            (&[0x0b], WireFault::WrongType),
            (&[0x10, 0x01, 0x1d, 0, 0, 0, 0], WireFault::TwoOfOneof),
            (&[0x10, 0x01, 0x10, 0x01], WireFault::TwoOfOneof),
            (&[0x0a, 0x04, 0x0a, 0x00, 0x0a, 0x00], WireFault::Repeated),
            (&[0x0a, 0x02, 0x10, 0x04], WireFault::UnknownValue),
        ];
        for (bytes, fault) in table {
            assert_eq!(check(bytes, 100), Err(fault), "{bytes:02x?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let limits = UspLimits { depth_max: 0, ..UspLimits::default() };
        assert_eq!(OUTER.check(&[0x0a, 0x00], &limits), Err(WireFault::TooDeep));
    }
}
