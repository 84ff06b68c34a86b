use std::ops::Range;

use thiserror::Error;

use crate::attribute::AttributeType;
use crate::integrity;

/// RFC 8489 §5: sets STUN apart from what else may share a port.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// Bytes before the first attribute (RFC 8489 §5).
pub(crate) const HEADER_LEN: usize = 20;

/// Joins a response to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// What a message wants (RFC 8489 §18.2, RFC 8656 §17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(pub u16);

impl Method {
    /// RFC 8489 §2
    pub const BINDING: Self = Self(0x001);
    /// RFC 8656 §7
    pub const ALLOCATE: Self = Self(0x003);
    /// RFC 8656 §8
    pub const REFRESH: Self = Self(0x004);
    /// RFC 8656 §11
    pub const SEND: Self = Self(0x006);
    /// RFC 8656 §11
    pub const DATA: Self = Self(0x007);
    /// RFC 8656 §10
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// RFC 8656 §12
    pub const CHANNEL_BIND: Self = Self(0x009);
}

/// The part of a message in an exchange (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none.
    Indication,
    /// Success response.
    Success,
    /// Error response.
    Error,
}

/// One STUN message whose header, attribute bounds and (if there is one) fingerprint have been checked.
/// Borrows the bytes it came in.
///
/// ```text
///  0                 2                 4                 8              20
/// +-----------------+-----------------+-----------------+--------------+------------+
/// | 00, method and  | bytes after     | cookie          | transaction  | attributes |
/// | class, mingled  | byte 20         | 0x2112A442      | id           |            |
/// +-----------------+-----------------+-----------------+--------------+------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    class: Class,
    method: Method,
    /// Where attributes end that count: at the first integrity, FINGERPRINT or the end of the message.
    attributes_end: usize,
    integrity_at: Option<usize>,
    integrity_sha256_at: Option<usize>,
    has_fingerprint: bool,
}

/// An attribute as it lies in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttribute<'a> {
    /// Its number.
    pub kind: AttributeType,
    /// Its value without padding.
    pub value: &'a [u8],
    /// Where its value begins in the message.
    pub offset: usize,
}

impl RawAttribute<'_> {
    /// Where its value lies in the message.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.value.len()
    }
}

/// Why bytes are no STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer bytes than a header.
    #[error("{actual} bytes are too few for a header")]
    Truncated {
        /// How many there are.
        actual: usize,
    },
    /// The first two bits are not zero, or the cookie is not there.
    #[error("not STUN")]
    NotStun,
    /// The length field disagrees with the number of bytes, or is no multiple of four.
    #[error("length field says {declared}, there are {actual} bytes after the header")]
    Length {
        /// The length field.
        declared: usize,
        /// Bytes after the header.
        actual: usize,
    },
    /// An attribute reaches past the end, or one whose length is fixed has another.
    #[error("the attribute at byte {at} does not fit")]
    Attribute {
        /// Where its header begins.
        at: usize,
    },
    /// FINGERPRINT is not the last attribute or its value is wrong (RFC 8489 §14.7).
    #[error("the fingerprint is wrong")]
    Fingerprint,
}

impl<'a> Message<'a> {
    /// Checks header, the bounds of all attributes, and FINGERPRINT if there is one. Never panics.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not exactly one well-formed message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(DecodeError::Truncated { actual: bytes.len() });
        };
        let [t0, t1, l0, l1, c0, c1, c2, c3, ..] = *header;
        if t0 & 0xC0 != 0 || u32::from_be_bytes([c0, c1, c2, c3]) != MAGIC_COOKIE {
            return Err(DecodeError::NotStun);
        }
        let declared = usize::from(u16::from_be_bytes([l0, l1]));
        if declared != body.len() || declared % 4 != 0 {
            return Err(DecodeError::Length { declared, actual: body.len() });
        }
        let (class, method) = split_type(u16::from_be_bytes([t0, t1]));
        let mut message = Self {
            bytes,
            class,
            method,
            attributes_end: bytes.len(),
            integrity_at: None,
            integrity_sha256_at: None,
            has_fingerprint: false,
        };
        message.walk()?;
        Ok(message)
    }

    fn walk(&mut self) -> Result<(), DecodeError> {
        let mut at = HEADER_LEN;
        while at < self.bytes.len() {
            if self.has_fingerprint {
                return Err(DecodeError::Fingerprint);
            }
            let attribute = read_attribute(self.bytes, at).ok_or(DecodeError::Attribute { at })?;
            match attribute.kind {
                // RFC 8489 §14.5, §14.6: the one with SHA-256 may follow the other, but not the other way round.
                AttributeType::MESSAGE_INTEGRITY_SHA256 if self.integrity_sha256_at.is_none() => {
                    if attribute.value.len() != integrity::SHA256_LEN {
                        return Err(DecodeError::Attribute { at });
                    }
                    self.integrity_sha256_at = Some(at);
                    self.attributes_end = self.attributes_end.min(at);
                }
                AttributeType::MESSAGE_INTEGRITY
                    if self.integrity_at.is_none() && self.integrity_sha256_at.is_none() =>
                {
                    if attribute.value.len() != integrity::SHA1_LEN {
                        return Err(DecodeError::Attribute { at });
                    }
                    self.integrity_at = Some(at);
                    self.attributes_end = at;
                }
                AttributeType::FINGERPRINT => {
                    if attribute.value != integrity::fingerprint(&self.bytes[..at]).to_be_bytes() {
                        return Err(DecodeError::Fingerprint);
                    }
                    self.has_fingerprint = true;
                    self.attributes_end = self.attributes_end.min(at);
                }
                AttributeType(_) => {}
            }
            at = padded(attribute.range().end);
        }
        Ok(())
    }

    /// Its part in an exchange.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// What it wants.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// Joins a response to its request.
    #[must_use]
    pub fn transaction(&self) -> TransactionId {
        let mut id = [0; 12];
        id.copy_from_slice(&self.bytes[8..HEADER_LEN]);
        TransactionId(id)
    }

    /// Its attributes in order, up to MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 or FINGERPRINT: what follows integrity does not count
    /// (RFC 8489 §14.5).
    pub fn attributes(&self) -> impl Iterator<Item = RawAttribute<'a>> + use<'a> {
        let bytes = &self.bytes[..self.attributes_end];
        let mut at = HEADER_LEN;
        std::iter::from_fn(move || {
            let attribute = read_attribute(bytes, at)?;
            at = padded(attribute.range().end);
            Some(attribute)
        })
    }

    /// The value of the first attribute of this kind: later ones do not count (RFC 8489 §14).
    #[must_use]
    pub fn find(&self, kind: AttributeType) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }

    /// Whether it ends with a FINGERPRINT (which is right, else there would be no `Message`).
    #[must_use]
    pub fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// Whether it has a MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256, right or wrong.
    #[must_use]
    pub fn has_integrity(&self) -> bool {
        self.integrity_at.is_some() || self.integrity_sha256_at.is_some()
    }

    /// Whether its MESSAGE-INTEGRITY-SHA256, or if it has none its MESSAGE-INTEGRITY, was made with this key: the stronger
    /// one decides, so that nobody gains by adding the weaker (RFC 8489 §9.2.4). Takes the same time for each wrong one.
    #[must_use]
    pub fn is_signed_by(&self, key: &[u8]) -> bool {
        if self.integrity_sha256_at.is_some() { self.is_integrity_sha256_by(key) } else { self.is_integrity_by(key) }
    }

    /// Whether its MESSAGE-INTEGRITY-SHA256 was made with this key (RFC 8489 §14.6). Takes the same time for each wrong one.
    #[must_use]
    pub fn is_integrity_sha256_by(&self, key: &[u8]) -> bool {
        let Some(at) = self.integrity_sha256_at else { return false };
        let value = &self.bytes[at + 4..at + 4 + integrity::SHA256_LEN];
        integrity::is_sha256(key, &self.bytes[..at], value)
    }

    /// Whether its MESSAGE-INTEGRITY was made with this key (RFC 8489 §14.5). Takes the same time for each wrong one.
    #[must_use]
    pub fn is_integrity_by(&self, key: &[u8]) -> bool {
        let Some(at) = self.integrity_at else { return false };
        let value = &self.bytes[at + 4..at + 4 + integrity::SHA1_LEN];
        integrity::is_sha1(key, &self.bytes[..at], value)
    }

    /// The bytes it was decoded from.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

pub(crate) fn read_attribute(bytes: &[u8], at: usize) -> Option<RawAttribute<'_>> {
    let [k0, k1, l0, l1] = *bytes.get(at..)?.first_chunk()?;
    let offset = at + 4;
    let value = bytes.get(offset..offset + usize::from(u16::from_be_bytes([l0, l1])))?;
    Some(RawAttribute { kind: AttributeType(u16::from_be_bytes([k0, k1])), value, offset })
}

/// The next multiple of four: attributes begin on one.
pub(crate) const fn padded(len: usize) -> usize {
    (len + 3) & !3
}

/// RFC 8489 §5: bits 8 and 4 of the type are the class, the other twelve below bit 14 the method.
fn split_type(kind: u16) -> (Class, Method) {
    let class = match (kind >> 7 & 0b10) | (kind >> 4 & 0b01) {
        0b00 => Class::Request,
        0b01 => Class::Indication,
        0b10 => Class::Success,
        _ => Class::Error,
    };
    (class, Method(kind & 0xF | kind >> 1 & 0x70 | kind >> 2 & 0xF80))
}

/// The reverse of [`split_type`].
pub(crate) const fn join_type(class: Class, method: Method) -> u16 {
    let class = match class {
        Class::Request => 0x000,
        Class::Indication => 0x010,
        Class::Success => 0x100,
        Class::Error => 0x110,
    };
    let Method(method) = method;
    class | method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Attribute;
    use crate::builder::MessageBuilder;

    fn binding() -> MessageBuilder {
        MessageBuilder::new(Class::Request, Method::BINDING, TransactionId([7; 12]))
    }

    /// With the length field set to what there is.
    fn sized(mut bytes: Vec<u8>) -> Vec<u8> {
        let len = (bytes.len() - HEADER_LEN) as u16;
        bytes[2..4].copy_from_slice(&len.to_be_bytes());
        bytes
    }

    #[test]
    fn class_and_method_survive_their_mingling() {
        for class in [Class::Request, Class::Indication, Class::Success, Class::Error] {
            for method in (0..0x1000).map(Method) {
                let kind = join_type(class, method);
                assert!(kind < 0x4000, "the first two bits stay clear");
                assert_eq!(split_type(kind), (class, method));
            }
        }
    }

    #[test]
    fn what_is_not_one_whole_message_says_why() {
        let whole = binding().attribute(&Attribute::Lifetime(1)).finish();
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            bytes
        };
        for (bytes, error) in [
            (whole[..19].to_vec(), DecodeError::Truncated { actual: 19 }),
            (with(0, 0x40), DecodeError::NotStun),
            (with(0, 0x80), DecodeError::NotStun),
            (with(4, 0x20), DecodeError::NotStun),
            (whole[..24].to_vec(), DecodeError::Length { declared: 8, actual: 4 }),
            ([&whole[..], &[0; 4]].concat(), DecodeError::Length { declared: 8, actual: 12 }),
            (sized(whole[..27].to_vec()), DecodeError::Length { declared: 7, actual: 7 }),
            (with(23, 5), DecodeError::Attribute { at: 20 }),
            (sized([&whole[..], &[0, 8, 0, 4, 0, 0, 0, 0]].concat()), DecodeError::Attribute { at: 28 }),
        ] {
            assert_eq!(Message::decode(&bytes).map(|message| message.method()), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn nothing_may_follow_the_fingerprint() {
        let before = sized([&binding().finish()[..], &[0; 16]].concat());
        let fingerprint = integrity::fingerprint(&before[..HEADER_LEN]).to_be_bytes();
        let bytes = [&before[..HEADER_LEN], &[0x80, 0x28, 0, 4], &fingerprint, &[0x80, 0x22, 0, 4], b"more"].concat();
        assert_eq!(Message::decode(&bytes).map(|message| message.method()), Err(DecodeError::Fingerprint));
    }

    #[test]
    fn of_an_attribute_that_comes_twice_the_first_counts() {
        let bytes = binding().attribute(&Attribute::Lifetime(1)).attribute(&Attribute::Lifetime(2)).finish();
        let message = Message::decode(&bytes).unwrap();
        assert_eq!(message.find(AttributeType::LIFETIME), Some(&[0, 0, 0, 1][..]));
        assert_eq!(message.attributes().count(), 2);
    }
}
