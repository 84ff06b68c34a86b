//! What one message of a data channel is.
//!
//! Between two nodes like ours: frames in binary, the first byte their [kind](Kind), after a [`Hello`] from each side. With
//! everybody else: one JSON object in a text message. `docs/protocols/mesh-messages.md` has them byte by byte.
//!
//! Everything here is a pure function of its bytes. [`decode`] shares payloads with the bytes it is given; lists and names that it
//! copies have bounds of their own.

mod chunk;
mod envelope;
mod hello;
mod ids;
mod json;
mod kind;
mod message;
mod reader;
mod relay;
mod text;
mod topic;

pub use chunk::Chunk;
pub use envelope::{Envelope, EnvelopeKind};
pub use hello::Hello;
pub use ids::{Ask, Told, heard, i_have, i_want, prune};
pub(crate) use ids::{asked_fitting, told_fitting};
pub use json::JSON_DEPTH_MAX;
pub use kind::Kind;
pub use message::{Body, Header, Message};
pub use relay::Relay;
pub use text::legacy_gossip;
pub use topic::{TOPIC_BYTES_MAX, is_topic, subscribe, topics_fitting, unsubscribe};

use std::sync::Arc;

use bytes::Bytes;

use crate::Profile;
use crate::gossip::Frame;
use reader::Reader;

/// The version of our frames. A node says the highest it knows ([`Hello::version`]); the lower of two is spoken.
pub const VERSION: u8 = 1;

/// One message of a data channel, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Who the node is and what it takes: the first frame of each side.
    Hello(Hello),
    /// Topics it wants from now on.
    Subscribe(Vec<Arc<str>>),
    /// Topics it wants no longer.
    Unsubscribe(Vec<Arc<str>>),
    /// A message of a topic.
    Message(Message),
    /// Ids of messages it has.
    IHave(Vec<Told>),
    /// Ids of messages it wants.
    IWant(Ask),
    /// So many more of the ids it was told are dealt with.
    Heard(u32),
    /// It has messages from elsewhere sooner: it wants only their ids.
    Prune,
    /// A part of a larger message.
    Chunk(Chunk),
    /// A signal that another peer passes on.
    Relay(Relay),
    /// A SynapseSub envelope of an original node.
    Envelope(Envelope),
    /// The signed packet of `{"type":"gossip","packet":…}`, as it was written.
    LegacyGossip(Bytes),
    /// A message of an IF agent, whole: an object with `level`, `source` and `destination`.
    IfMessage(Bytes),
    /// A JSON object of no known kind, or a frame of a later version.
    Unknown,
}

/// Why a message of a data channel could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A binary message from a peer that only writes text.
    #[error("a binary message where only text is spoken")]
    Binary,
    /// It ends too early.
    #[error("it ends too early")]
    Truncated,
    /// Something follows its end.
    #[error("something follows its end")]
    Excess,
    /// Text that is not UTF-8.
    #[error("its text is not UTF-8")]
    Utf8,
    /// Text that is no JSON object, or has more than 64 members.
    #[error("it is no JSON object")]
    Json,
    /// JSON deeper than [`JSON_DEPTH_MAX`].
    #[error("its JSON is nested too deeply")]
    Depth,
    /// A member is missing, of the wrong type, or one too many.
    #[error("a member is missing, of the wrong type, or one too many")]
    Member,
    /// A name of a topic, a peer or a kind that may not be: empty, too long, or with control characters.
    #[error("a name is empty, too long, or holds control characters")]
    Name,
    /// A number outside its range.
    #[error("a number is out of range")]
    Number,
}

/// Reads one message of a data channel with a peer of that profile.
///
/// # Errors
/// It could not be read: see [`Malformed`]. A kind that is only unknown is [`Incoming::Unknown`].
pub fn decode(profile: Profile, frame: &Frame) -> Result<Incoming, Malformed> {
    if !frame.binary {
        return text::decode(&frame.bytes);
    }
    match profile {
        Profile::Sangam | Profile::Unknown => binary(&frame.bytes),
        Profile::Synapse | Profile::Agent => Err(Malformed::Binary),
    }
}

fn binary(bytes: &Bytes) -> Result<Incoming, Malformed> {
    let mut reader = Reader::new(bytes);
    let Some(kind) = Kind::of(reader.u8()?) else { return Ok(Incoming::Unknown) };
    Ok(match kind {
        Kind::Hello => Incoming::Hello(Hello::decode(&mut reader)?),
        Kind::Subscribe => Incoming::Subscribe(topic::decode(&mut reader)?),
        Kind::Unsubscribe => Incoming::Unsubscribe(topic::decode(&mut reader)?),
        Kind::Message => Incoming::Message(Message::decode(&mut reader)?),
        Kind::IHave => Incoming::IHave(ids::decode_told(&mut reader)?),
        Kind::IWant => Incoming::IWant(Ask::decode(&mut reader)?),
        Kind::Heard => Incoming::Heard(ids::decode_heard(&mut reader)?),
        Kind::Prune => {
            reader.end()?;
            Incoming::Prune
        }
        Kind::Chunk => Incoming::Chunk(Chunk::decode(&mut reader)?),
        Kind::Relay => Incoming::Relay(Relay::decode(&mut reader)?),
    })
}

#[cfg(test)]
mod tests;
