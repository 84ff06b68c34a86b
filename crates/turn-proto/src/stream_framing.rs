use thiserror::Error;

use crate::channel_data::ChannelData;
use crate::message::{HEADER_LEN, MAGIC_COOKIE, padded};

/// One message at the head of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of the message itself.
    pub message: usize,
    /// Bytes it takes up on the stream: with the padding of ChannelData (RFC 8656 §12.5), up to three more.
    pub total: usize,
}

/// Why a stream cannot be read any further: where its next message begins is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum FramingError {
    /// Neither STUN nor ChannelData.
    #[error("neither STUN nor ChannelData")]
    Garbage,
    /// A message longer than is taken.
    #[error("a message longer than is taken")]
    TooLong,
}

/// Measures the message at the head of `bytes`, which need not hold the whole of it; `None` while too few are there to
/// tell. Of no use to a stream after an error.
///
/// Streams have no boundaries (RFC 8489 §6.2.2, RFC 8656 §12.5): STUN tells its length in its header, and so does
/// ChannelData, which is padded to a multiple of four bytes that its length does not count.
///
/// # Errors
/// [`FramingError`] as soon as the bytes can be no message of at most `max` bytes.
pub fn next_frame(bytes: &[u8], max: usize) -> Result<Option<Frame>, FramingError> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let length = bytes.get(2..4).map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])));
    let frame = match first {
        0x00..=0x3F => {
            let cookie = MAGIC_COOKIE.to_be_bytes();
            let seen = bytes.get(4..bytes.len().min(8)).unwrap_or_default();
            if !cookie.starts_with(seen) || length.is_some_and(|length| length % 4 != 0) {
                return Err(FramingError::Garbage);
            }
            length.map(|length| Frame { message: HEADER_LEN + length, total: HEADER_LEN + length })
        }
        0x40..=0x7F => length.map(|length| {
            let message = ChannelData::HEADER_LEN + length;
            Frame { message, total: padded(message) }
        }),
        0x80..=0xFF => return Err(FramingError::Garbage),
    };
    match frame {
        Some(frame) if frame.total > max => Err(FramingError::TooLong),
        frame => Ok(frame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUN: [u8; 24] = [0, 1, 0, 4, 0x21, 0x12, 0xA4, 0x42, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0x80, 0x22, 0, 0];

    #[test]
    fn a_message_is_measured_from_its_first_four_bytes() {
        for len in 0..4 {
            assert_eq!(next_frame(&STUN[..len], 100), Ok(None));
        }
        for len in 4..=STUN.len() {
            assert_eq!(next_frame(&STUN[..len], 100), Ok(Some(Frame { message: 24, total: 24 })));
        }
    }

    #[test]
    fn channel_data_takes_up_its_padding_too() {
        for (len, total) in [(0_u8, 4), (1, 8), (3, 8), (4, 8), (5, 12)] {
            let expected = Frame { message: 4 + usize::from(len), total };
            assert_eq!(next_frame(&[0x40, 0, 0, len], 100), Ok(Some(expected)));
        }
    }

    #[test]
    fn what_can_be_no_message_is_refused_as_soon_as_that_shows() {
        for garbage in [&b"\x80"[..], b"\xFF\xFF", b"\0\x01\0\x05", b"\0\x01\0\x04\x21\x13", b"GET / HTTP/1.1\r\n"] {
            let refused = next_frame(garbage, 9_000);
            assert!(matches!(refused, Err(_) | Ok(Some(Frame { total: 8_196.., .. }))), "{garbage:?} {refused:?}");
        }
        assert_eq!(next_frame(&[0x16, 3, 1, 2, 0, 1, 0, 1], 9_000), Err(FramingError::Garbage), "TLS on a plain port");
    }

    #[test]
    fn a_message_has_so_many_bytes_with_its_padding() {
        assert_eq!(next_frame(&[0x40, 0, 0, 9], 16), Ok(Some(Frame { message: 13, total: 16 })));
        assert_eq!(next_frame(&[0x40, 0, 0, 13], 16), Err(FramingError::TooLong));
        assert_eq!(next_frame(&[0, 1, 0xFF, 0xFC], 9_000), Err(FramingError::TooLong));
    }
}
