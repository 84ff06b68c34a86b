//! The MessagePack parser: one binary message for each packet, a map of `type`, `nsp`, `id` and `data`.

use bytes::Bytes;
use sangam_types::{Frame, Text};
use serde_json::{Map, Value};

use crate::arguments::Arguments;
use crate::msgpack::{Reader, write};
use crate::packet::{Limits, Packet, PacketError, PacketKind};

/// Reads one message.
///
/// # Errors
/// [`PacketError`] if it is no packet.
pub fn decode_msgpack(message: &Frame, limits: &Limits) -> Result<Packet, PacketError> {
    let Frame::Binary(bytes) = message else { return Err(PacketError::MessagePack) };
    let mut reader = Reader::new(bytes.clone(), limits.attachments_max);
    let value = reader.value(limits.depth_max)?;
    let (Some(Value::Object(mut members)), true) = (value, reader.is_at_end()) else {
        return Err(PacketError::MessagePack);
    };
    let kind = members.get("type").and_then(Value::as_u64).and_then(PacketKind::from_number);
    let packet = Packet {
        kind: kind.ok_or(PacketError::Kind)?,
        namespace: namespace(&members, limits)?,
        id: match members.get("id") {
            None => None,
            Some(id) => Some(id.as_u64().ok_or(PacketError::Id)?),
        },
        arguments: match members.remove("data") {
            None => None,
            Some(data) => Some(Arguments::with_attachments(Text::from(data.to_string()), reader.attachments)?),
        },
    };
    packet.check().map(|()| packet)
}

fn namespace(members: &Map<String, Value>, limits: &Limits) -> Result<Text, PacketError> {
    let name = members.get("nsp").and_then(Value::as_str).ok_or(PacketError::Namespace)?;
    let is_fine = name.starts_with('/') && name.len() <= limits.namespace_bytes_max;
    is_fine.then(|| Text::from(name)).ok_or(PacketError::Namespace)
}

/// Writes a packet as one message.
#[must_use]
pub fn encode_msgpack(packet: &Packet) -> Frame {
    let mut members = Map::new();
    members.insert("type".to_owned(), Value::from(packet.kind.number()));
    let mut attachments = &[][..];
    if let Some(arguments) = &packet.arguments {
        // It was JSON when it was made.
        members.insert("data".to_owned(), serde_json::from_str(arguments.json()).unwrap_or_default());
        attachments = arguments.attachments();
    }
    members.insert("nsp".to_owned(), Value::from(packet.namespace.as_str()));
    if let Some(id) = packet.id {
        members.insert("id".to_owned(), Value::from(id));
    }
    let mut out = Vec::new();
    write(&Value::Object(members), attachments, &mut out);
    Frame::Binary(Bytes::from(out))
}
