//! Where one message ends and the next begins on a stream.
//!
//! ```text
//!  0 0 | type, length, cookie, transaction | attributes     a STUN message: 20 bytes and length     RFC 8489 §5
//!  0 1 | channel, length | data | padding                   ChannelData: 4 bytes and length,        RFC 8656 §12.5
//!                                                           padded to a multiple of four
//! ```

use bytes::{Buf as _, Bytes, BytesMut};

/// The bytes are neither a STUN message nor ChannelData.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotStun;

/// RFC 8489 §5.
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Takes the next whole message off the front of `buffer` and cuts its padding. `None`: more must come.
pub(crate) fn next_message(buffer: &mut BytesMut) -> Result<Option<Bytes>, NotStun> {
    let Some(&[first, _, high, low]) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (whole, padded) = match first {
        0x00..=0x3f => (20 + length, 20 + length),
        // Of channels 0x4000 to 0x4FFF a probe binds the first few, so that HTTP is not taken for one.
        0x40 => (4 + length, 4 + length.next_multiple_of(4)),
        0x41..=0xff => return Err(NotStun),
    };
    if first <= 0x3f && buffer.iter().skip(4).zip(MAGIC_COOKIE).any(|(byte, cookie)| *byte != cookie) {
        return Err(NotStun);
    }
    if buffer.len() < padded {
        return Ok(None);
    }
    let message = buffer.split_to(whole).freeze();
    buffer.advance(padded - whole);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: [u8; 20] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    #[test]
    fn messages_and_channel_data_are_cut_wherever_the_stream_was() {
        let stream = [&BINDING[..], &[0x40, 0, 0, 5, b'h', b'e', b'l', b'l', b'o', 0, 0, 0], &BINDING].concat();
        for cut in 0..stream.len() {
            let mut buffer = BytesMut::new();
            let mut messages = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                buffer.extend_from_slice(part);
                while let Some(message) = next_message(&mut buffer).unwrap() {
                    messages.push(message);
                }
            }
            assert_eq!(messages, [&BINDING[..], b"\x40\0\0\x05hello", &BINDING], "cut at {cut}");
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn other_protocols_are_told_at_once() {
        for other in [&b"HTTP/1.1 400 Bad Request"[..], b"SSH-2.0-x", b"\x15\x03\x03\x00\x02\x02\x28", b"\0\0\0\0\0"] {
            assert_eq!(next_message(&mut BytesMut::from(other)), Err(NotStun), "{other:?}");
        }
    }
}
