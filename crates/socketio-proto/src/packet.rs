use sangam_types::Text;
use thiserror::Error;

use crate::arguments::{Arguments, ArgumentsError};

/// What a packet is. Whether it has binary arguments is told by the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketKind {
    /// 0: asks for a namespace, or says that it is entered.
    Connect,
    /// 1: leaves a namespace.
    Disconnect,
    /// 2, and 5 with attachments.
    Event,
    /// 3, and 6 with attachments: answers an event that asked for it.
    Ack,
    /// 4: a namespace is refused.
    ConnectError,
}

impl PacketKind {
    /// The number on the wire of a packet without attachments.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number, 0 to 4.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Connect,
            1 => Self::Disconnect,
            2 => Self::Event,
            3 => Self::Ack,
            4 => Self::ConnectError,
            _ => return None,
        })
    }
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it is.
    pub kind: PacketKind,
    /// Which namespace it belongs to: `/`, or `/` and a name.
    pub namespace: Text,
    /// Of an event that asks to be answered, and of its answer.
    pub id: Option<u64>,
    /// Of an event or answer a list, else an object or text.
    pub arguments: Option<Arguments>,
}

/// How much one packet may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Binary attachments: 10, as in Node's parser.
    pub attachments_max: usize,
    /// Bytes of a namespace's name: 256.
    pub namespace_bytes_max: usize,
    /// Lists and objects inside each other in a MessagePack packet: 64.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attachments_max: 10, namespace_bytes_max: 256, depth_max: 64 }
    }
}

/// Why something is no packet. Whoever sent it is disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacketError {
    /// Not a number of a kind.
    #[error("unknown packet type")]
    Kind,
    /// No number of attachments, zero of them, or a placeholder for one that is not there.
    #[error("illegal attachments")]
    Attachments,
    /// More attachments than may be.
    #[error("too many attachments")]
    TooManyAttachments,
    /// The name is too long, or none.
    #[error("invalid namespace")]
    Namespace,
    /// A number beyond 2^53 - 1, or none.
    #[error("invalid packet id")]
    Id,
    /// The arguments are not of the kind that the packet has.
    #[error("invalid payload")]
    Payload,
    /// A text while attachments are awaited.
    #[error("got plaintext data when reconstructing a packet")]
    TextAwaitingAttachment,
    /// A binary message that is no attachment.
    #[error("got binary data when not reconstructing a packet")]
    UnawaitedAttachment,
    /// Lists and objects too deep inside each other.
    #[error("nested too deeply")]
    TooDeep,
    /// MessagePack that ends too soon, has something behind it, or uses what no Socket.IO client does.
    #[error("malformed MessagePack")]
    MessagePack,
}

impl From<ArgumentsError> for PacketError {
    fn from(error: ArgumentsError) -> Self {
        match error {
            ArgumentsError::NotJson | ArgumentsError::Shape => Self::Payload,
            ArgumentsError::Placeholder => Self::Attachments,
        }
    }
}

/// Events that the client library makes up itself: one from the wire would be taken for one of those.
const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

impl Packet {
    /// Whether the arguments are of the kind that the packet has.
    pub(crate) fn check(&self) -> Result<(), PacketError> {
        let Some(arguments) = &self.arguments else { return Ok(()) };
        let is_fine = match self.kind {
            PacketKind::Connect => arguments.is_object(),
            PacketKind::Disconnect => false,
            PacketKind::ConnectError => arguments.is_object() || arguments.is_text(),
            PacketKind::Ack => arguments.is_list(),
            PacketKind::Event => {
                let name = arguments.event_name()?;
                name.is_none_or(|name| !RESERVED_EVENTS.contains(&&*name))
            }
        };
        if is_fine { Ok(()) } else { Err(PacketError::Payload) }
    }
}
