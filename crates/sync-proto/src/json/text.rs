/// Writes JSON without spaces, members in the order in which they are called.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: Vec<u8>,
}

/// A byte as a number and the comma behind it, and how many of these four bytes that takes.
const BYTE_NUMBERS: [([u8; 4], usize); 256] = byte_numbers();

const fn byte_numbers() -> [([u8; 4], usize); 256] {
    let mut table = [([0; 4], 0); 256];
    let mut byte = 0;
    while byte < 256 {
        let (hundreds, tens, ones) =
            (b'0' + (byte / 100) as u8, b'0' + (byte / 10 % 10) as u8, b'0' + (byte % 10) as u8);
        table[byte] = match byte {
            0..10 => ([ones, b',', 0, 0], 2),
            10..100 => ([tens, ones, b',', 0], 3),
            _ => ([hundreds, tens, ones, b','], 4),
        };
        byte += 1;
    }
    table
}

impl Text {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    /// Takes what must be put down as it is: punctuation and keys.
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    /// A string, with its quotes.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        self.out.push(b'"');
        let mut plain_from = 0;
        for (at, byte) in text.bytes().enumerate() {
            let short = match byte {
                b'"' => b'"',
                b'\\' => b'\\',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x08 => b'b',
                0x0C => b'f',
                0..0x20 => 0,
                _ => continue,
            };
            self.out.extend_from_slice(&text.as_bytes()[plain_from..at]);
            plain_from = at + 1;
            if short == 0 {
                self.out.extend_from_slice(b"\\u00");
                self.out.extend([byte >> 4, byte & 0xF].map(|half| b"0123456789abcdef"[usize::from(half)]));
            } else {
                self.out.extend([b'\\', short]);
            }
        }
        self.out.extend_from_slice(&text.as_bytes()[plain_from..]);
        self.out.push(b'"');
        self
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let (mut from, mut rest) = (digits.len(), number);
        loop {
            from -= 1;
            digits[from] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[from..]);
        self
    }

    pub(super) fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// An array of byte numbers.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.push(b'[');
        let mut end = self.out.len();
        // Four bytes are put down for each and those that are too many written over: no branch on the length.
        self.out.resize(end + 4 * bytes.len(), 0);
        for byte in bytes {
            let (number, len) = &BYTE_NUMBERS[usize::from(*byte)];
            self.out[end..end + 4].copy_from_slice(number);
            end += len;
        }
        self.out.truncate(end - usize::from(!bytes.is_empty()));
        self.out.push(b']');
        self
    }

    /// An array, each entry written by `write`.
    pub(super) fn array<T>(&mut self, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Self, T)) -> &mut Self {
        self.out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            write(self, item);
        }
        self.out.push(b']');
        self
    }

    /// What was written: always text, as it was put together from text and digits.
    pub(super) fn finish(self) -> String {
        String::from_utf8(self.out).unwrap_or_default()
    }
}
