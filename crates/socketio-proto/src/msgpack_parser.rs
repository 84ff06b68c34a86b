//! The MessagePack parser: one binary message for each packet, a map of `type`, `nsp`, `id` and `data`.

use bytes::Bytes;
use sangam_types::{Frame, Text};
use serde_json::Number;

use crate::arguments::Arguments;
use crate::msgpack::{Reader, write};
use crate::ordered::Ordered;
use crate::packet::{Limits, Packet, PacketError, PacketKind};

/// Reads one message.
///
/// # Errors
/// [`PacketError`] if it is no packet.
pub fn decode_msgpack(message: &Frame, limits: &Limits) -> Result<Packet, PacketError> {
    let Frame::Binary(bytes) = message else { return Err(PacketError::MessagePack) };
    let mut reader = Reader::new(bytes.clone(), limits.attachments_max);
    let value = reader.value(limits.depth_max)?;
    let (Some(members @ Ordered::Map(_)), true) = (value, reader.is_at_end()) else {
        return Err(PacketError::MessagePack);
    };
    let kind = members.member("type").and_then(Ordered::as_u64).and_then(PacketKind::from_number);
    let packet = Packet {
        kind: kind.ok_or(PacketError::Kind)?,
        namespace: namespace(&members, limits)?,
        id: match members.member("id") {
            None => None,
            Some(id) => Some(id.as_u64().ok_or(PacketError::Id)?),
        },
        arguments: match members.member("data") {
            None => None,
            Some(data) => {
                let json = serde_json::to_string(data).map_err(|_| PacketError::MessagePack)?;
                Some(Arguments::received(Text::from(json), reader.attachments, limits.attachments_max)?)
            }
        },
    };
    // Unlike the default parser, Node's asks for the list also if there is none.
    if packet.arguments.is_none() && matches!(packet.kind, PacketKind::Event | PacketKind::Ack) {
        return Err(PacketError::Payload);
    }
    packet.check().map(|()| packet)
}

fn namespace(members: &Ordered, limits: &Limits) -> Result<Text, PacketError> {
    let name = members.member("nsp").and_then(Ordered::as_text).ok_or(PacketError::Namespace)?;
    let is_fine = name.starts_with('/') && name.len() <= limits.namespace_bytes_max;
    is_fine.then(|| Text::from(name)).ok_or(PacketError::Namespace)
}

/// Writes a packet as one message.
#[must_use]
pub fn encode_msgpack(packet: &Packet) -> Frame {
    let number = |number: u64| Ordered::Number(Number::from(number));
    let mut members = vec![("type".to_owned(), number(packet.kind.number().into()))];
    let mut attachments = &[][..];
    if let Some(arguments) = &packet.arguments {
        // It was JSON when it was made.
        members.push(("data".to_owned(), serde_json::from_str(arguments.json()).unwrap_or(Ordered::Null)));
        attachments = arguments.attachments();
    }
    members.push(("nsp".to_owned(), Ordered::Text(packet.namespace.as_str().to_owned())));
    members.extend(packet.id.map(|id| ("id".to_owned(), number(id))));
    let mut out = Vec::new();
    write(&Ordered::Map(members), attachments, &mut out);
    Frame::Binary(Bytes::from(out))
}
