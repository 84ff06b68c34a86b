//! As much of DER (X.690) as certificates need.

/// Tags of X.690 §8 as X.509 uses them.
pub(super) mod tag {
    pub(in crate::certificate) const BOOLEAN: u8 = 0x01;
    pub(in crate::certificate) const INTEGER: u8 = 0x02;
    pub(in crate::certificate) const OCTET_STRING: u8 = 0x04;
    pub(in crate::certificate) const OBJECT_ID: u8 = 0x06;
    pub(in crate::certificate) const UTF8_STRING: u8 = 0x0c;
    pub(in crate::certificate) const PRINTABLE_STRING: u8 = 0x13;
    pub(in crate::certificate) const IA5_STRING: u8 = 0x16;
    pub(in crate::certificate) const UTC_TIME: u8 = 0x17;
    pub(in crate::certificate) const GENERALIZED_TIME: u8 = 0x18;
    pub(in crate::certificate) const SEQUENCE: u8 = 0x30;
    pub(in crate::certificate) const SET: u8 = 0x31;
    /// Context-specific, number 6: `uniformResourceIdentifier` of a GeneralName (RFC 5280 §4.2.1.6).
    pub(in crate::certificate) const URI: u8 = 0x86;
    /// Context-specific, constructed, number 0.
    pub(in crate::certificate) const VERSION: u8 = 0xa0;
    /// The same, number 3.
    pub(in crate::certificate) const EXTENSIONS: u8 = 0xa3;
}

/// The rest of a DER value that has not been read.
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    pub(super) fn next_tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The contents of the next value, which must have this tag.
    pub(super) fn expect(&mut self, expected: u8) -> Option<&'a [u8]> {
        let (tag, contents) = self.next()?;
        (tag == expected).then_some(contents)
    }

    /// The tag and contents of the next value. Lengths of up to four bytes: no certificate needs more.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }
}
