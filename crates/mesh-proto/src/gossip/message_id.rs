use std::fmt;

use sha2::{Digest as _, Sha256};

/// Names a message everywhere: the text of a UUID where an original node shall read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    /// A UUID of version 4 (RFC 9562 §5.4) of these random bytes.
    #[must_use]
    pub fn random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// Reads a UUID: 32 hexadecimal digits, in groups of 8, 4, 4, 4 and 12.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut groups = text.split('-');
        let mut bytes = [0; 16];
        let mut rest: &mut [u8] = &mut bytes;
        for digits in [8, 4, 4, 4, 12] {
            let group = groups.next().filter(|group| group.len() == digits)?;
            let (now, later) = rest.split_at_mut(digits / 2);
            for (byte, pair) in now.iter_mut().zip(group.as_bytes().chunks(2)) {
                let [high, low] = pair else { return None };
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                *byte = digit(*high)? << 4 | digit(*low)?;
            }
            rest = later;
        }
        groups.next().is_none().then_some(Self(bytes))
    }

    /// The UUID of a text; any other text stands for the first half of its SHA-256.
    #[must_use]
    pub fn named(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| {
            let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            Self(bytes)
        })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
