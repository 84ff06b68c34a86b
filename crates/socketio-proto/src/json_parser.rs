//! The default parser: a text, and a binary message for each attachment behind it.
//!
//! ```text
//! kind [attachments -] [namespace ,] [id] [JSON]        51-/chat,12["photo",{"_placeholder":true,"num":0}]
//! ```

use bytes::Bytes;
use sangam_types::{Frame, Text};

use crate::arguments::Arguments;
use crate::packet::{Limits, Packet, PacketError, PacketKind};

/// Reads the packets of one connection.
#[derive(Debug)]
pub struct JsonDecoder {
    limits: Limits,
    /// A packet some of whose attachments have not come. Rare, so an idle connection pays one word for it.
    begun: Option<Box<Begun>>,
}

#[derive(Debug)]
struct Begun {
    head: Head,
    json: Text,
    attachments: Vec<Bytes>,
}

/// What stands before the JSON.
#[derive(Debug)]
struct Head {
    kind: PacketKind,
    namespace: Text,
    id: Option<u64>,
    attachments: usize,
}

/// The largest whole number that JavaScript tells from its neighbours.
const ID_MAX: u64 = (1 << 53) - 1;

impl JsonDecoder {
    /// A decoder that awaits no attachment.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, begun: None }
    }

    /// Reads one message. `None`: attachments are to follow.
    ///
    /// # Errors
    /// [`PacketError`] if it is no packet, nor an attachment that is awaited. The decoder is of no use then.
    pub fn decode(&mut self, message: Frame) -> Result<Option<Packet>, PacketError> {
        match (message, self.begun.take()) {
            (Frame::Text(text), None) => self.begin(&text),
            (Frame::Text(_), Some(_)) => Err(PacketError::TextAwaitingAttachment),
            (Frame::Binary(_), None) => Err(PacketError::UnawaitedAttachment),
            (Frame::Binary(bytes), Some(mut begun)) => {
                begun.attachments.push(bytes);
                if begun.attachments.len() < begun.head.attachments {
                    self.begun = Some(begun);
                    return Ok(None);
                }
                let Begun { head, json, attachments } = *begun;
                let arguments = Arguments::received(json, attachments, self.limits.attachments_max)?;
                head.into_packet(Some(arguments)).map(Some)
            }
        }
    }

    fn begin(&mut self, text: &Text) -> Result<Option<Packet>, PacketError> {
        let (head, rest) = Head::decode(text.as_str(), &self.limits)?;
        let json = || Text::from(rest);
        if head.attachments > 0 {
            self.begun = Some(Box::new(Begun { json: json(), head, attachments: Vec::new() }));
            return Ok(None);
        }
        let arguments = if rest.is_empty() { None } else { Some(Arguments::new(json())?) };
        head.into_packet(arguments).map(Some)
    }
}

impl Head {
    fn decode<'a>(text: &'a str, limits: &Limits) -> Result<(Self, &'a str), PacketError> {
        let (kind, rest) = match text.as_bytes().first() {
            Some(number @ b'0'..=b'6') => (number - b'0', &text[1..]),
            // As Node's parser reads it: no digit at all is a zero.
            None => (0, text),
            Some(_) => return Err(PacketError::Kind),
        };
        let (kind, attachments, rest) = match kind {
            5 | 6 => {
                let (attachments, rest) = decode_attachments(rest, limits)?;
                (if kind == 5 { PacketKind::Event } else { PacketKind::Ack }, attachments, rest)
            }
            _ => (PacketKind::from_number(kind.into()).ok_or(PacketError::Kind)?, 0, rest),
        };
        let (namespace, rest) = decode_namespace(rest, limits)?;
        let (id, rest) = decode_id(rest)?;
        Ok((Self { kind, namespace, id, attachments }, rest))
    }

    fn into_packet(self, arguments: Option<Arguments>) -> Result<Packet, PacketError> {
        let Self { kind, namespace, id, attachments: _ } = self;
        let packet = Packet { kind, namespace, id, arguments };
        packet.check().map(|()| packet)
    }
}

fn decode_attachments<'a>(rest: &'a str, limits: &Limits) -> Result<(usize, &'a str), PacketError> {
    let (count, rest) = rest.split_once('-').ok_or(PacketError::Attachments)?;
    let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let count = if is_number { count.parse().unwrap_or(usize::MAX) } else { 0 };
    match count {
        0 => Err(PacketError::Attachments),
        count if count > limits.attachments_max => Err(PacketError::TooManyAttachments),
        count => Ok((count, rest)),
    }
}

fn decode_namespace<'a>(rest: &'a str, limits: &Limits) -> Result<(Text, &'a str), PacketError> {
    if !rest.starts_with('/') {
        return Ok((ROOT, rest));
    }
    let (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    match namespace.len() {
        1 => Ok((ROOT, rest)),
        len if len > limits.namespace_bytes_max => Err(PacketError::Namespace),
        _ => Ok((Text::from(namespace), rest)),
    }
}

fn decode_id(rest: &str) -> Result<(Option<u64>, &str), PacketError> {
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let id = digits.parse().ok().filter(|&id| id <= ID_MAX).ok_or(PacketError::Id)?;
    Ok((Some(id), rest))
}

/// The namespace that every client has.
const ROOT: Text = Text::from_static("/");

/// Writes a packet: a text, then its attachments.
#[must_use]
pub fn encode_json(packet: &Packet) -> Vec<Frame> {
    encode_json_behind("", packet)
}

/// As [`encode_json`], with `prefix` before the text.
pub(crate) fn encode_json_behind(prefix: &str, packet: &Packet) -> Vec<Frame> {
    let (json, attachments) = match &packet.arguments {
        Some(arguments) => (arguments.json(), arguments.attachments()),
        None => ("", &[][..]),
    };
    let namespace = packet.namespace.as_str();
    let mut text = String::with_capacity(8 + prefix.len() + namespace.len() + json.len());
    text.push_str(prefix);
    if attachments.is_empty() {
        text.push(char::from(b'0' + packet.kind.number()));
    } else {
        text.push(if packet.kind == PacketKind::Ack { '6' } else { '5' });
        text.push_str(&attachments.len().to_string());
        text.push('-');
    }
    if namespace != "/" {
        text.push_str(namespace);
        text.push(',');
    }
    if let Some(id) = packet.id {
        text.push_str(&id.to_string());
    }
    text.push_str(json);
    let attachments = attachments.iter().cloned().map(Frame::Binary);
    std::iter::once(Frame::Text(Text::from(text))).chain(attachments).collect()
}
