//! Bodies of HTTP long polling: packets with U+001E between them, a binary message as `b` and its Base64.
//!
//! ```text
//! 4hello U+001E 2 U+001E bAQIDBA==
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::packet::{Packet, PacketError, decode_base64};
use sangam_types::{Frame, Text};

/// ASCII record separator.
const SEPARATOR: u8 = 0x1E;

/// Reads a body. The first packet that cannot be read is the last of the iteration.
///
/// # Errors
/// [`PacketError::NotUtf8`] for the whole body.
pub fn decode_payload(body: Bytes) -> Result<impl Iterator<Item = Result<Packet, PacketError>>, PacketError> {
    let body = Text::try_from(body).map_err(|_| PacketError::NotUtf8)?.into_bytes();
    let mut rest = Some(body);
    Ok(std::iter::from_fn(move || {
        let mut body = rest.take()?;
        let packet = match body.iter().position(|&byte| byte == SEPARATOR) {
            Some(at) => {
                let packet = body.split_to(at);
                rest = Some(body.slice(1..));
                packet
            }
            None => body,
        };
        let packet = decode_one(packet);
        if packet.is_err() {
            rest = None;
        }
        Some(packet)
    }))
}

fn decode_one(packet: Bytes) -> Result<Packet, PacketError> {
    if let Some(text) = packet.strip_prefix(b"b") {
        return decode_base64(text).map(Packet::from);
    }
    // Cut at an ASCII byte, so it is UTF-8 as the whole was.
    let text = Text::try_from(packet).map_err(|_| PacketError::NotUtf8)?;
    Packet::decode_text(&text)
}

/// Writes a body from packets that are encoded as WebSocket messages.
#[must_use]
pub fn encode_payload<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Vec<u8> {
    let mut body = String::new();
    for frame in frames {
        if !body.is_empty() {
            body.push(char::from(SEPARATOR));
        }
        match frame {
            Frame::Text(text) => body.push_str(text.as_str()),
            Frame::Binary(bytes) => push_base64(bytes, &mut body),
        }
    }
    body.into_bytes()
}

/// An encoded packet for a client that asked for text alone (`b64=1`): a binary message as `b` and its Base64.
#[must_use]
pub fn encode_as_text(frame: Frame) -> Frame {
    match frame {
        Frame::Text(_) => frame,
        Frame::Binary(bytes) => {
            let mut text = String::new();
            push_base64(&bytes, &mut text);
            Frame::Text(Text::from(text))
        }
    }
}

fn push_base64(bytes: &[u8], text: &mut String) {
    text.push('b');
    STANDARD.encode_string(bytes, text);
}
