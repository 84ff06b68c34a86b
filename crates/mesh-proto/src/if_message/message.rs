use std::fmt;

use sangam_types::Wall;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{PeerId, timestamp};

/// A message as it came or is to be sent. Members that are not known are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct IfMessage {
    pub(super) members: Map<String, Value>,
    source: PeerId,
    destination: PeerId,
    at: Wall,
}

/// Why a text is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// It is larger than it may be.
    #[error("the message has more than {0} bytes")]
    TooLarge(usize),
    /// It is no object of JSON. Numbers beyond a double, and halves of surrogate pairs, are refused as well, which
    /// JavaScript takes.
    #[error("not an object of JSON")]
    NotJson,
    /// `id` is missing, empty, no text, or longer than 256 bytes.
    #[error("a message needs an id of 1 to 256 bytes")]
    Id,
    /// `source` or `destination` is missing or no id.
    #[error("a message needs a source and a destination")]
    Address,
    /// `timestamp` is missing or no time (RFC 3339).
    #[error("a message needs a timestamp")]
    Timestamp,
}

impl IfMessage {
    /// The largest `id`, in bytes.
    pub const ID_BYTES_MAX: usize = 256;

    /// Reads a message.
    ///
    /// # Errors
    /// It is too large, no object, or without the members that say which, whose, for whom, and when.
    pub fn parse(text: &str, bytes_max: usize) -> Result<Self, Malformed> {
        if text.len() > bytes_max {
            return Err(Malformed::TooLarge(bytes_max));
        }
        let members: Map<String, Value> = serde_json::from_str(text).map_err(|_| Malformed::NotJson)?;
        Self::from_members(members)
    }

    pub(super) fn from_members(members: Map<String, Value>) -> Result<Self, Malformed> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let id = text("id").ok_or(Malformed::Id)?;
        if id.is_empty() || id.len() > Self::ID_BYTES_MAX {
            return Err(Malformed::Id);
        }
        let peer = |name| text(name).and_then(|id| PeerId::new(id).ok()).ok_or(Malformed::Address);
        let (source, destination) = (peer("source")?, peer("destination")?);
        let at = text("timestamp").and_then(timestamp::parse).ok_or(Malformed::Timestamp)?;
        Ok(Self { members, source, destination, at })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.members.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whose it is, as it says.
    #[must_use]
    pub fn source(&self) -> &PeerId {
        &self.source
    }

    /// For whom.
    #[must_use]
    pub fn destination(&self) -> &PeerId {
        &self.destination
    }

    /// Whether it is for everybody: its destination is `*`.
    #[must_use]
    pub fn is_broadcast(&self) -> bool {
        self.destination.as_str() == "*"
    }

    /// When it was sent, as it says.
    #[must_use]
    pub fn at(&self) -> Wall {
        self.at
    }

    /// Its place among its sender's messages to anybody; gaps towards one peer are ordinary.
    #[must_use]
    pub fn sequence_num(&self) -> Option<u64> {
        self.members.get("sequence_num")?.as_u64()
    }

    /// What it says.
    #[must_use]
    pub fn payload(&self) -> Option<&Value> {
        self.members.get("payload")
    }

    /// Any member.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }
}

/// The text of its frame.
impl fmt::Display for IfMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.members).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}
