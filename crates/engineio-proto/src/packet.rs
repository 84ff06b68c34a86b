use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use thiserror::Error;

use sangam_types::{Frame, Text};

/// One packet.
///
/// ```text
/// 0 open    text: the handshake      4 message   text; a binary message has no type
/// 1 close                            5 upgrade
/// 2 ping    text: "probe" or none    6 noop
/// 3 pong    text: "probe" or none     b message   bytes as Base64, where only text goes
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The server's first, with the handshake.
    Open(Text),
    /// The sender closes the session.
    Close,
    /// Asks for a pong; with `probe` on a transport that wants to take over.
    Ping(Text),
    /// Answers a ping.
    Pong(Text),
    /// What the session is for.
    Message(Frame),
    /// The client changes to the transport that this comes on.
    Upgrade,
    /// Nothing: it ends a long poll.
    Noop,
}

/// Why a frame is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacketError {
    /// It has no type.
    #[error("a packet without a type")]
    Empty,
    /// Its type is none.
    #[error("no packet begins like this")]
    Type,
    /// A binary message that comes as text is not Base64.
    #[error("a binary message that is not Base64")]
    Base64,
    /// A body of long polling is not UTF-8.
    #[error("a body that is not UTF-8")]
    NotUtf8,
}

impl Packet {
    /// Reads a WebSocket message.
    ///
    /// # Errors
    /// [`PacketError`] if it is no packet.
    pub fn decode(frame: &Frame) -> Result<Self, PacketError> {
        match frame {
            Frame::Binary(bytes) => Ok(Self::Message(Frame::Binary(bytes.clone()))),
            Frame::Text(text) => Self::decode_text(text),
        }
    }

    pub(crate) fn decode_text(text: &Text) -> Result<Self, PacketError> {
        if text.as_str().is_empty() {
            return Err(PacketError::Empty);
        }
        let (kind, rest) = text.split_ascii().ok_or(PacketError::Type)?;
        Ok(match kind {
            b'0' => Self::Open(rest),
            b'1' => Self::Close,
            b'2' => Self::Ping(rest),
            b'3' => Self::Pong(rest),
            b'4' => Self::Message(Frame::Text(rest)),
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            b'b' => Self::from(decode_base64(rest.as_str().as_bytes())?),
            _ => return Err(PacketError::Type),
        })
    }

    /// Writes it as a WebSocket message.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let text = |kind: char, rest: &Text| {
            let rest = rest.as_str();
            let mut text = String::with_capacity(1 + rest.len());
            text.push(kind);
            text.push_str(rest);
            Frame::Text(text.into())
        };
        match self {
            Self::Open(rest) => text('0', rest),
            Self::Close => CLOSE,
            Self::Ping(rest) if rest.as_str().is_empty() => PING,
            Self::Ping(rest) => text('2', rest),
            Self::Pong(rest) => text('3', rest),
            Self::Message(Frame::Text(rest)) => text('4', rest),
            Self::Message(Frame::Binary(bytes)) => Frame::Binary(bytes.clone()),
            Self::Upgrade => Frame::Text(Text::from_static("5")),
            Self::Noop => NOOP,
        }
    }
}

/// The bytes of a binary message that comes as text.
pub(crate) fn decode_base64(text: &[u8]) -> Result<Bytes, PacketError> {
    LENIENT.decode(text).map(Bytes::from).map_err(|_| PacketError::Base64)
}

/// Clients of browsers and Node pad; others may not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// [`Packet::Ping`] without text, as a frame.
pub(crate) const PING: Frame = Frame::Text(Text::from_static("2"));
/// [`Packet::Pong`] that answers a probe, as a frame.
pub(crate) const PROBE_PONG: Frame = Frame::Text(Text::from_static("3probe"));
/// [`Packet::Close`] as a frame.
pub(crate) const CLOSE: Frame = Frame::Text(Text::from_static("1"));
/// [`Packet::Noop`] as a frame.
pub(crate) const NOOP: Frame = Frame::Text(Text::from_static("6"));

impl From<Bytes> for Packet {
    fn from(bytes: Bytes) -> Self {
        Self::Message(Frame::Binary(bytes))
    }
}
