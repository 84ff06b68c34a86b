use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::properties::Properties;
use crate::record::MqttVersion;

/// Bounds of what is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttLimits {
    /// Bytes of a packet, its header included. Default 1 MiB + 80 KiB: a record, a topic, and properties.
    pub packet_bytes_max: usize,
    /// User properties of a packet. Default 64.
    pub user_properties_max: usize,
}

impl Default for MqttLimits {
    fn default() -> Self {
        Self { packet_bytes_max: (1 << 20) + (80 << 10), user_properties_max: 64 }
    }
}

/// Why bytes are no packets. What follows cannot be read either: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MqttFault {
    /// Larger than it may be.
    #[error("the packet is too large")]
    TooLarge,
    /// A length of more than four bytes (MQTT 5 §1.5.5).
    #[error("the packet's length is malformed")]
    BadLength,
    /// It ends before what it says is in it, or goes on behind.
    #[error("the packet is malformed")]
    Malformed,
    /// A text that is not UTF-8.
    #[error("the packet holds a text that is not UTF-8")]
    NotUtf8,
    /// A property that does not exist, or more of them than may be.
    #[error("the packet holds a property that is not known")]
    BadProperty,
    /// A packet that servers do not send, or of a quality of service that was not asked for.
    #[error("the packet is not expected from a server")]
    Unexpected,
}

impl MqttFault {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "packet_too_large",
            Self::BadLength => "bad_length",
            Self::Malformed => "malformed",
            Self::NotUtf8 => "not_utf8",
            Self::BadProperty => "bad_property",
            Self::Unexpected => "unexpected_packet",
        }
    }
}

/// What a server sends to a client that publishes and subscribes with a quality of service of 1 at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Whether it let the client in.
    ConnAck { code: u8, properties: Properties },
    /// A message. `packet_id`: it is to be acknowledged.
    Publish { topic: String, packet_id: Option<u16>, retained: bool, properties: Properties, payload: Bytes },
    /// It has a message of the client.
    PubAck { packet_id: u16, code: u8 },
    /// What it made of subscriptions.
    SubAck { packet_id: u16, codes: Vec<u8> },
    /// An answer to a sign of life.
    PingResp,
    /// It ends the connection; of 5.0.
    Disconnect { code: u8, properties: Properties },
}

/// Reads packets from bytes as they come.
#[derive(Debug)]
pub(super) struct PacketDecoder {
    version: MqttVersion,
    limits: MqttLimits,
    buffer: BytesMut,
}

impl PacketDecoder {
    pub(super) fn new(version: MqttVersion, limits: MqttLimits) -> Self {
        Self { version, limits, buffer: BytesMut::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next packet; `None` until more bytes come.
    pub(super) fn next_packet(&mut self) -> Result<Option<Packet>, MqttFault> {
        let Some(&first) = self.buffer.first() else { return Ok(None) };
        let Some((length, length_bytes)) = variable_int(&self.buffer[1..])? else { return Ok(None) };
        let head = 1 + length_bytes;
        let total = head + length as usize;
        if total > self.limits.packet_bytes_max {
            return Err(MqttFault::TooLarge);
        }
        if self.buffer.len() < total {
            self.buffer.reserve(total - self.buffer.len());
            return Ok(None);
        }
        let mut body = self.buffer.split_to(total).freeze();
        body.advance(head);
        read(self.version, &self.limits, first, Fields(body)).map(Some)
    }
}

/// A variable byte integer and its length in bytes (MQTT 5 §1.5.5); `None`: it is not all there.
pub(super) fn variable_int(bytes: &[u8]) -> Result<Option<(u32, usize)>, MqttFault> {
    let mut value = 0_u32;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((value, index + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(MqttFault::BadLength) }
}

fn read(version: MqttVersion, limits: &MqttLimits, first: u8, mut fields: Fields) -> Result<Packet, MqttFault> {
    let is_5 = version == MqttVersion::V5;
    let packet = match (first >> 4, first & 0x0f) {
        (2, 0) => {
            let _session_present = fields.u8()?;
            let code = fields.u8()?;
            let properties = if is_5 { Properties::read(&mut fields, limits)? } else { Properties::default() };
            Packet::ConnAck { code, properties }
        }
        (3, flags) => {
            let quality = (flags >> 1) & 3;
            if quality > 1 {
                return Err(MqttFault::Unexpected);
            }
            let topic = fields.text()?;
            let packet_id = if quality == 1 { Some(fields.u16()?) } else { None };
            let properties = if is_5 { Properties::read(&mut fields, limits)? } else { Properties::default() };
            // No topic alias was allowed, and a packet id is never 0 (MQTT 5 §2.2.1, §3.3.2.3.4).
            if !super::is_topic(&topic) || packet_id == Some(0) {
                return Err(MqttFault::Malformed);
            }
            return Ok(Packet::Publish { topic, packet_id, retained: flags & 1 == 1, properties, payload: fields.0 });
        }
        (4, 0) => {
            let packet_id = fields.u16()?;
            // Of 5.0 the rest may be left out, which says that all is well (MQTT 5 §3.4.2.1).
            let code = if fields.is_empty() { 0 } else { fields.u8()? };
            if !fields.is_empty() {
                Properties::read(&mut fields, limits)?;
            }
            Packet::PubAck { packet_id, code }
        }
        (9, 0) => {
            let packet_id = fields.u16()?;
            if is_5 {
                Properties::read(&mut fields, limits)?;
            }
            return Ok(Packet::SubAck { packet_id, codes: fields.0.to_vec() });
        }
        (13, 0) => Packet::PingResp,
        (14, 0) if is_5 => {
            let code = if fields.is_empty() { 0 } else { fields.u8()? };
            let properties =
                if fields.is_empty() { Properties::default() } else { Properties::read(&mut fields, limits)? };
            Packet::Disconnect { code, properties }
        }
        _ => return Err(MqttFault::Unexpected),
    };
    if fields.is_empty() { Ok(packet) } else { Err(MqttFault::Malformed) }
}

/// What is left of a packet.
pub(super) struct Fields(pub(super) Bytes);

impl Fields {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> Result<u8, MqttFault> {
        self.0.try_get_u8().map_err(|_| MqttFault::Malformed)
    }

    pub(super) fn u16(&mut self) -> Result<u16, MqttFault> {
        self.0.try_get_u16().map_err(|_| MqttFault::Malformed)
    }

    pub(super) fn u32(&mut self) -> Result<u32, MqttFault> {
        self.0.try_get_u32().map_err(|_| MqttFault::Malformed)
    }

    pub(super) fn variable_int(&mut self) -> Result<u32, MqttFault> {
        let (value, length) = variable_int(&self.0)?.ok_or(MqttFault::Malformed)?;
        self.0.advance(length);
        Ok(value)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<Bytes, MqttFault> {
        if self.0.len() < length { Err(MqttFault::Malformed) } else { Ok(self.0.split_to(length)) }
    }

    /// Bytes with a length of two bytes before them.
    pub(super) fn binary(&mut self) -> Result<Bytes, MqttFault> {
        let length = self.u16()?;
        self.take(length.into())
    }

    pub(super) fn text(&mut self) -> Result<String, MqttFault> {
        let bytes = self.binary()?;
        let text = std::str::from_utf8(&bytes).map_err(|_| MqttFault::NotUtf8)?;
        if text.contains('\0') { Err(MqttFault::NotUtf8) } else { Ok(text.to_owned()) }
    }
}

/// What a client says when it connects.
pub(super) struct Connect<'a> {
    pub(super) version: MqttVersion,
    pub(super) client_id: &'a str,
    pub(super) credentials: Option<(&'a str, &'a str)>,
    pub(super) keep_alive_secs: u16,
    pub(super) endpoint: (&'a str, &'a str),
    pub(super) receive_max: u16,
    pub(super) packet_bytes_max: u32,
}

impl Connect<'_> {
    /// CONNECT (MQTT 5 §3.1): a clean start, as nothing of ours is said twice.
    pub(super) fn encode(&self) -> Bytes {
        let is_5 = self.version == MqttVersion::V5;
        let mut body = BytesMut::new();
        push_text(&mut body, "MQTT");
        body.put_u8(if is_5 { 5 } else { 4 });
        let login = if self.credentials.is_some() { 0xc0 } else { 0 };
        body.put_u8(0x02 | login);
        body.put_u16(self.keep_alive_secs);
        if is_5 {
            let mut properties = BytesMut::new();
            properties.put_u8(0x19);
            properties.put_u8(1);
            properties.put_u8(0x21);
            properties.put_u16(self.receive_max);
            properties.put_u8(0x27);
            properties.put_u32(self.packet_bytes_max);
            push_user_property(&mut properties, self.endpoint);
            push_sized(&mut body, &properties);
        }
        push_text(&mut body, self.client_id);
        if let Some((user, password)) = self.credentials {
            push_text(&mut body, user);
            push_text(&mut body, password);
        }
        packet(0x10, &body)
    }
}

/// SUBSCRIBE with quality of service 1; of 5.0 without what is retained (MQTT 5 §3.8.3.1).
pub(super) fn subscribe(version: MqttVersion, packet_id: u16, filters: &[String]) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u16(packet_id);
    let options = match version {
        MqttVersion::V5 => {
            body.put_u8(0);
            0x21
        }
        MqttVersion::V311 => 0x01,
    };
    for filter in filters {
        push_text(&mut body, filter);
        body.put_u8(options);
    }
    packet(0x82, &body)
}

/// PUBLISH with quality of service 1; the properties are of 5.0 alone.
pub(super) fn publish(
    version: MqttVersion,
    packet_id: u16,
    topic: &str,
    (content_type, response_topic): (&str, &str),
    payload: &[u8],
) -> Bytes {
    let mut body = BytesMut::with_capacity(topic.len() + response_topic.len() + payload.len() + 64);
    push_text(&mut body, topic);
    body.put_u16(packet_id);
    if version == MqttVersion::V5 {
        let mut properties = BytesMut::new();
        properties.put_u8(0x03);
        push_text(&mut properties, content_type);
        properties.put_u8(0x08);
        push_text(&mut properties, response_topic);
        push_sized(&mut body, &properties);
    }
    body.put_slice(payload);
    packet(0x32, &body)
}

/// PUBACK: the message was taken.
pub(super) fn publish_ack(packet_id: u16) -> Bytes {
    packet(0x40, &packet_id.to_be_bytes())
}

/// PINGREQ
pub(super) const PING: [u8; 2] = [0xc0, 0];

/// DISCONNECT, all being well.
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

fn packet(first: u8, body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(body.len() + 5);
    bytes.put_u8(first);
    push_sized(&mut bytes, body);
    bytes.freeze()
}

/// A variable byte integer and as many bytes.
fn push_sized(to: &mut BytesMut, body: &[u8]) {
    let mut rest = body.len();
    loop {
        let byte = (rest % 0x80) as u8;
        rest /= 0x80;
        to.put_u8(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    to.put_slice(body);
}

fn push_user_property(to: &mut BytesMut, (name, value): (&str, &str)) {
    to.put_u8(0x26);
    push_text(to, name);
    push_text(to, value);
}

/// A text of at most 65,535 bytes; what is longer is cut, as configuration and topics are bounded before.
fn push_text(to: &mut BytesMut, text: &str) {
    let text = &text[..text.floor_char_boundary(text.len().min(usize::from(u16::MAX)))];
    to.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
    to.put_slice(text.as_bytes());
}
