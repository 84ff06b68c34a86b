use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sangam_types::Wall;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::json;

use super::json::{Members, raw};
use super::{Incoming, Malformed, is_topic};
use crate::PeerId;
use crate::gossip::{Frame, MessageId};

/// A SynapseSub envelope: a JSON object of exactly six members, or an original node drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its `type`, with what is read of the payload.
    pub kind: EnvelopeKind,
    /// Its topic.
    pub topic: Arc<str>,
    /// Who sends it, as it says.
    pub sender: PeerId,
    /// When, by its clock; on the wire in seconds since the Unix epoch, with a fraction.
    pub timestamp: Wall,
    /// Its id: a UUID; any other text stands for the first half of its SHA-256.
    pub id: MessageId,
}

/// What an envelope is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvelopeKind {
    /// Topics the sender wants.
    Announce(Vec<Arc<str>>),
    /// A message: its JSON, as it was written.
    Message(Bytes),
    /// Ids the sender has.
    IHave(Vec<MessageId>),
    /// Ids the sender wants.
    IWant(Vec<MessageId>),
    /// Is anybody there?
    Ping,
    /// Yes: the id of the ping.
    Pong(MessageId),
}

/// Topics or ids named in one envelope that are looked at; those after them are not.
const LIST_MAX: usize = 1_024;

/// The longest id of a message, bytes.
const ID_BYTES_MAX: usize = 128;

#[derive(Deserialize)]
struct Channels {
    channels: First,
}

#[derive(Deserialize)]
struct Ids {
    message_ids: First,
}

/// The first texts of a list, as many as are looked at. What follows them is read over and not kept: it would be many times as
/// large as it is written.
struct First(Vec<String>);

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut first = Vec::new();
                while first.len() < LIST_MAX {
                    match list.next_element()? {
                        Some(text) => first.push(text),
                        None => return Ok(first),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(first)
            }
        }
        deserializer.deserialize_seq(List).map(Self)
    }
}

#[derive(Deserialize)]
struct PingId {
    ping_id: String,
}

impl Envelope {
    pub(super) fn read(word: &str, members: &Members<'_>, whole: &Bytes) -> Result<Incoming, Malformed> {
        if !["ANNOUNCE", "MESSAGE", "I_HAVE", "I_WANT", "PING", "PONG"].contains(&word) {
            return Ok(Incoming::Unknown);
        }
        // The type is one of them; the other five are asked for below.
        if members.len() != 6 {
            return Err(Malformed::Member);
        }
        let topic = members.text("topic", super::TOPIC_BYTES_MAX)?;
        if !is_topic(&topic) {
            return Err(Malformed::Name);
        }
        let sender = PeerId::new(&members.text("sender_id", PeerId::BYTES_MAX)?).map_err(|_| Malformed::Name)?;
        // A cast of what is no time at all saturates: it is only shown.
        let timestamp = Wall::from_unix_millis((members.number("timestamp")? * 1_000.0).round() as u64);
        let id = MessageId::named(&members.text("message_id", ID_BYTES_MAX)?);
        let kind = kind(word, members.shared("payload", whole)?)?;
        Ok(Incoming::Envelope(Self { kind, topic: topic.into(), sender, timestamp, id }))
    }

    /// As original nodes write it. `None`: the payload is no JSON, which they cannot carry.
    #[must_use]
    pub fn encode(&self) -> Option<Frame> {
        let list = |name: &str, ids: &[MessageId]| {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            json!({ name: ids }).to_string()
        };
        let (word, payload) = match &self.kind {
            EnvelopeKind::Announce(topics) => {
                let topics: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
                ("ANNOUNCE", json!({ "channels": topics }).to_string())
            }
            EnvelopeKind::Message(payload) => ("MESSAGE", raw(payload).ok()?.to_owned()),
            EnvelopeKind::IHave(ids) => ("I_HAVE", list("message_ids", ids)),
            EnvelopeKind::IWant(ids) => ("I_WANT", list("message_ids", ids)),
            EnvelopeKind::Ping => ("PING", "{}".to_owned()),
            EnvelopeKind::Pong(id) => ("PONG", json!({ "ping_id": id.to_string() }).to_string()),
        };
        let topic = json!(&*self.topic);
        let sender = json!(self.sender.as_str());
        let timestamp = json!(self.timestamp.unix_millis() as f64 / 1_000.0);
        let id = self.id;
        let text = format!(
            r#"{{"type":"{word}","topic":{topic},"payload":{payload},"sender_id":{sender},"timestamp":{timestamp},"message_id":"{id}"}}"#
        );
        Some(Frame { binary: false, bytes: Bytes::from(text) })
    }
}

fn kind(word: &str, payload: Bytes) -> Result<EnvelopeKind, Malformed> {
    let ids = |payload: &Bytes| -> Result<Vec<MessageId>, Malformed> {
        let ids: Ids = serde_json::from_slice(payload).map_err(|_| Malformed::Member)?;
        // Only a UUID can be asked for by its text.
        Ok(ids.message_ids.0.iter().filter_map(|id| MessageId::parse(id)).collect())
    };
    Ok(match word {
        "ANNOUNCE" => {
            let announced: Channels = serde_json::from_slice(&payload).map_err(|_| Malformed::Member)?;
            let topics = announced.channels.0.iter().filter(|name| is_topic(name));
            EnvelopeKind::Announce(topics.map(|name| name.as_str().into()).collect())
        }
        "MESSAGE" => EnvelopeKind::Message(payload),
        "I_HAVE" => EnvelopeKind::IHave(ids(&payload)?),
        "I_WANT" => EnvelopeKind::IWant(ids(&payload)?),
        "PING" => EnvelopeKind::Ping,
        _ => {
            let pong: PingId = serde_json::from_slice(&payload).map_err(|_| Malformed::Member)?;
            EnvelopeKind::Pong(MessageId::named(&pong.ping_id))
        }
    })
}
