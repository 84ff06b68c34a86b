use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::fields::{Chars, Fields, Known, Number, NumberFromZero, Object, bounded, check_depth, plain, value};
use super::operation::{Bodies, collections, must, operations, size, write_operation};
use super::text::Text;
use crate::message::{Bounds, DEFAULT_LIMIT};
use crate::{Name, Operation};

/// What a client says on a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// `subscribe`: from now on operations of these collections alone; `None`: of all.
    Subscribe {
        /// `collections`.
        collections: Option<Vec<Name>>,
    },
    /// `pull`.
    Pull {
        /// `sinceCursor`, 0 if absent.
        since: u64,
        /// `limit`, 100 if absent; what is negative is 0.
        limit: u64,
        /// `collections`.
        collections: Option<Vec<Name>>,
    },
    /// `push`.
    Push {
        /// `operations`.
        operations: Vec<Operation>,
    },
    /// `ack`: it has everything up to here.
    Ack {
        /// `cursor`.
        cursor: u64,
    },
    /// `ping`.
    Ping {
        /// `timestamp`, as it came; 0 if absent.
        timestamp: u64,
    },
    /// `pong`: a sign of life.
    Pong,
}

/// A message that cannot be taken. The connection goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadMessage {
    /// Its `id`, if that much could be read.
    pub id: Option<String>,
    /// `invalid_message`, or `unknown_type`, or `push_error` and `pull_error` for what is wrong in a push or pull.
    pub code: &'static str,
    /// What is wrong; of what was sent at most the beginning stands in it.
    pub message: String,
}

/// What every message has around it.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) kind: Option<Chars<'a>>,
    pub(super) id: Option<Chars<'a>>,
    pub(super) data: Option<&'a RawValue>,
}

impl<'de> Fields<'de> for Envelope<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Known, A::Error> {
        match key {
            "type" => value(map, key, &mut self.kind),
            "id" => value(map, key, &mut self.id),
            "data" => value(map, key, &mut self.data),
            _ => Ok(Known::No),
        }
    }
}

/// `data` of every message of a client, all its keys together.
#[derive(Default)]
struct Data<'a> {
    since: Option<Number>,
    limit: Option<NumberFromZero>,
    collections: Option<&'a RawValue>,
    operations: Option<&'a RawValue>,
    cursor: Option<Number>,
}

impl<'de> Fields<'de> for Data<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Known, A::Error> {
        match key {
            "sinceCursor" => value(map, key, &mut self.since),
            "limit" => value(map, key, &mut self.limit),
            "collections" => value(map, key, &mut self.collections),
            "operations" => value(map, key, &mut self.operations),
            "cursor" => value(map, key, &mut self.cursor),
            _ => Ok(Known::No),
        }
    }
}

/// `data` of a ping: its time is only sent back, so that nothing of it can be wrong.
#[derive(Default)]
struct PingData {
    timestamp: Option<Number>,
}

impl<'de> Fields<'de> for PingData {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Known, A::Error> {
        if key == "timestamp" { value(map, key, &mut self.timestamp) } else { Ok(Known::No) }
    }
}

/// Reads one text frame: its `id` and what it says. Keys of `data` that a type does not have must still be well-formed if
/// another type has them.
///
/// # Errors
///
/// It is no message of the protocol, or breaks a bound.
pub fn read(text: &str, bounds: &Bounds) -> Result<(Option<String>, ClientMessage), BadMessage> {
    let invalid = |message: String| BadMessage { id: None, code: "invalid_message", message };
    check_depth(text, bounds.depth_max).map_err(invalid)?;
    let Object(envelope) =
        serde_json::from_str::<Object<Envelope<'_>>>(text).map_err(|error| invalid(plain(&error)))?;
    let id = envelope.id.map(|Chars(id)| id);
    if let Some(id) = id.as_ref().filter(|id| id.len() > bounds.text_bytes_max) {
        let message = format!("id has {} bytes, at most {} are taken", id.len(), bounds.text_bytes_max);
        return Err(invalid(message));
    }
    let id = id.map(|id| id.into_owned());
    let kind = envelope.kind.map(|Chars(kind)| kind);
    let (code, said) = match kind.as_deref() {
        None => ("invalid_message", Err("type is missing".to_owned())),
        Some("subscribe") => ("invalid_message", subscribe(envelope.data, bounds)),
        Some("pull") => ("pull_error", pull(envelope.data, bounds).map_err(|why| format!("Pull failed: {why}"))),
        Some("push") => ("push_error", push(envelope.data, bounds).map_err(|why| format!("Push failed: {why}"))),
        Some("ack") => ("invalid_message", ack(envelope.data)),
        Some("ping") => ("invalid_message", Ok(ping(envelope.data))),
        Some("pong") => ("invalid_message", Ok(ClientMessage::Pong)),
        Some(other) => ("unknown_type", Err(format!("Unknown message type: {}", bounded(other)))),
    };
    match said {
        Ok(said) => Ok((id, said)),
        Err(message) => Err(BadMessage { id, code, message }),
    }
}

/// `data`; the same as an empty one if it is absent.
pub(super) fn data<'a, T: Fields<'a>>(data: Option<&'a RawValue>) -> Result<T, String> {
    let Some(data) = data else { return Ok(T::default()) };
    match serde_json::from_str(data.get()) {
        Ok(Object(data)) => Ok(data),
        Err(error) => Err(plain(&error)),
    }
}

fn subscribe(json: Option<&RawValue>, bounds: &Bounds) -> Result<ClientMessage, String> {
    let data: Data<'_> = data(json)?;
    Ok(ClientMessage::Subscribe { collections: collections(data.collections, bounds)? })
}

fn pull(json: Option<&RawValue>, bounds: &Bounds) -> Result<ClientMessage, String> {
    let data: Data<'_> = data(json)?;
    Ok(ClientMessage::Pull {
        since: data.since.map_or(0, |Number(since)| since),
        limit: data.limit.map_or(DEFAULT_LIMIT, |NumberFromZero(limit)| limit),
        collections: collections(data.collections, bounds)?,
    })
}

fn push(json: Option<&RawValue>, bounds: &Bounds) -> Result<ClientMessage, String> {
    let data: Data<'_> = data(json)?;
    Ok(ClientMessage::Push { operations: operations(data.operations, Bodies::With, bounds)? })
}

fn ack(json: Option<&RawValue>) -> Result<ClientMessage, String> {
    let data: Data<'_> = data(json)?;
    Ok(ClientMessage::Ack { cursor: must(data.cursor, "cursor")?.0 })
}

fn ping(json: Option<&RawValue>) -> ClientMessage {
    let timestamp = data(json).ok().and_then(|data: PingData| data.timestamp);
    ClientMessage::Ping { timestamp: timestamp.map_or(0, |Number(timestamp)| timestamp) }
}

impl ClientMessage {
    /// As one text frame: `{"type", "id", "data"}`, the second only if there is one.
    #[must_use]
    pub fn text(&self, id: Option<&str>) -> String {
        let mut text = Text::with_capacity(self.size());
        open(&mut text, self.kind(), id);
        match self {
            Self::Subscribe { collections } => write_collections(&mut text, "", collections.as_deref()),
            Self::Pull { since, limit, collections } => {
                text.raw("\"sinceCursor\":").number(*since).raw(",\"limit\":").number(*limit);
                write_collections(&mut text, ",", collections.as_deref());
            }
            Self::Push { operations } => {
                text.raw("\"operations\":").array(operations, write_operation);
            }
            Self::Ack { cursor } => {
                text.raw("\"cursor\":").number(*cursor);
            }
            Self::Ping { timestamp } => {
                text.raw("\"timestamp\":").number(*timestamp);
            }
            Self::Pong => {}
        }
        text.raw("}}");
        text.finish()
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "subscribe",
            Self::Pull { .. } => "pull",
            Self::Push { .. } => "push",
            Self::Ack { .. } => "ack",
            Self::Ping { .. } => "ping",
            Self::Pong => "pong",
        }
    }

    fn size(&self) -> usize {
        let of = |op: &Operation| {
            let names = op.db.len() + op.device.len() + op.collection.len() + op.entity.len();
            size(names, op.body.as_ref().map_or(0, |body| body.len()))
        };
        match self {
            Self::Push { operations } => 128 + operations.iter().map(of).sum::<usize>(),
            Self::Subscribe { .. } | Self::Pull { .. } | Self::Ack { .. } | Self::Ping { .. } | Self::Pong => 128,
        }
    }
}

/// `{"type":…,"id":…,"data":{`, the second only if there is one.
pub(super) fn open(text: &mut Text, kind: &str, id: Option<&str>) {
    text.raw("{\"type\":\"").raw(kind).raw("\"");
    if let Some(id) = id {
        text.raw(",\"id\":").string(id);
    }
    text.raw(",\"data\":{");
}

fn write_collections(text: &mut Text, comma: &str, collections: Option<&[Name]>) {
    if let Some(collections) = collections {
        text.raw(comma).raw("\"collections\":").array(collections, |text, name| {
            text.string(name);
        });
    }
}
