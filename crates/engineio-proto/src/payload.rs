//! Bodies of HTTP long polling: packets with U+001E between them, a binary message as `b` and its Base64.
//!
//! ```text
//! 4hello U+001E 2 U+001E bAQIDBA==
//! ```

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;

use crate::packet::{Packet, PacketError};
use sangam_types::{Frame, Text};

/// ASCII record separator.
const SEPARATOR: u8 = 0x1E;

/// Clients of browsers and Node pad; others may not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
        let bytes = LENIENT.decode(text).map_err(|_| PacketError::Base64)?;
        return Ok(Packet::from(Bytes::from(bytes)));
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
            Frame::Binary(bytes) => {
                body.push('b');
                STANDARD.encode_string(bytes, &mut body);
            }
        }
    }
    body.into_bytes()
}
