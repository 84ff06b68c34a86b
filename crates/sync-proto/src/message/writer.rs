/// Writes CBOR in the strict form: definite lengths, shortest integers, no tags (RFC 8949 §4.2.1 but for the order of keys,
/// which is the message's own).
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

const UNSIGNED: u8 = 0x00;
const BYTES: u8 = 0x40;
const TEXT: u8 = 0x60;
const ARRAY: u8 = 0x80;
const MAP: u8 = 0xA0;

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// A major type, in the upper three bits, and its argument in the shortest form.
    pub(crate) fn head(&mut self, major: u8, argument: u64) {
        let (bytes, from) = head(major, argument);
        self.0.extend_from_slice(&bytes[from..]);
    }

    pub(crate) fn map(&mut self, pairs: usize) {
        self.head(MAP, pairs as u64);
    }

    pub(crate) fn array(&mut self, items: usize) {
        self.head(ARRAY, items as u64);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.head(UNSIGNED, number);
    }

    /// From -2^64 to 2^64 - 1; what lies beyond becomes the nearest of these.
    pub(crate) fn integer(&mut self, number: i128) {
        const NEGATIVE: u8 = 0x20;
        let clamped = |number: i128| u64::try_from(number).unwrap_or(u64::MAX);
        if number < 0 { self.head(NEGATIVE, clamped(-1 - number)) } else { self.number(clamped(number)) }
    }

    /// In the shortest width that loses nothing; what is no number is `f97e00`.
    pub(crate) fn float(&mut self, number: f64) {
        let single = number as f32;
        if number.is_nan() {
            self.0.extend_from_slice(b"\xF9\x7E\x00");
        } else if f64::from(single) != number {
            self.0.push(0xFB);
            self.0.extend_from_slice(&number.to_be_bytes());
        } else if let Some(half) = half(single) {
            self.0.push(0xF9);
            self.0.extend_from_slice(&half.to_be_bytes());
        } else {
            self.0.push(0xFA);
            self.0.extend_from_slice(&single.to_be_bytes());
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.0.push(if value { 0xF5 } else { 0xF4 });
    }

    pub(crate) fn key_text(&mut self, key: &str, text: &str) {
        self.text(key);
        self.text(text);
    }

    pub(crate) fn key_bytes(&mut self, key: &str, bytes: &[u8]) {
        self.text(key);
        self.bytes(bytes);
    }

    pub(crate) fn key_number(&mut self, key: &str, number: u64) {
        self.text(key);
        self.number(number);
    }

    pub(crate) fn key_bool(&mut self, key: &str, value: bool) {
        self.text(key);
        self.bool(value);
    }

    pub(crate) fn key_array(&mut self, key: &str, items: usize) {
        self.text(key);
        self.array(items);
    }
}

/// The bits of a float of two bytes, if that loses nothing. For what is a number, or infinite.
fn half(single: f32) -> Option<u16> {
    let bits = single.to_bits();
    let (sign, exponent, fraction) = ((bits >> 16 & 0x8000) as u16, (bits >> 23 & 0xFF) as i32 - 127, bits & 0x7F_FFFF);
    let lost = |width: u32| fraction.trailing_zeros() < 23 - width && fraction != 0;
    let size = match exponent {
        -127 if fraction == 0 => 0,
        128 => 0x7C00,
        -14..=15 if !lost(10) => ((exponent + 15) as u32) << 10 | fraction >> 13,
        // Without the leading one, which a small one has in its fraction.
        -24..=-15 if !lost((24 + exponent) as u32) => (fraction | 0x80_0000) >> (-1 - exponent),
        _ => return None,
    };
    Some(sign | size as u16)
}

/// A head, at the end of nine bytes, and where in them it begins.
fn head(major: u8, argument: u64) -> ([u8; 9], usize) {
    let mut bytes = [0; 9];
    bytes[1..].copy_from_slice(&argument.to_be_bytes());
    let (low, from) = match argument {
        // Below 24, so that it fits.
        0..=23 => (argument as u8, 8),
        24..=0xFF => (24, 7),
        0x100..=0xFFFF => (25, 6),
        0x1_0000..=0xFFFF_FFFF => (26, 4),
        _ => (27, 0),
    };
    bytes[from] = major | low;
    (bytes, from)
}

/// The head of an array, for who learns only at its end how long it is: at the end of nine bytes, and where it begins.
pub(crate) fn array_head(items: usize) -> ([u8; 9], usize) {
    head(ARRAY, items as u64)
}
