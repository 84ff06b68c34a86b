use std::sync::Arc;

use bytes::Bytes;

/// The name of a database, replica, collection or entity: shared, as the same few stand in many operations.
pub type Name = Arc<str>;

/// What an operation does to its entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The entity is now this.
    Upsert,
    /// The entity is no more.
    Delete,
}

impl Kind {
    /// As written in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Delete => "delete",
        }
    }

    /// Reads it; `PUT` and `DELETE`, as some documents have them, mean the same.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "upsert" | "PUT" => Some(Self::Upsert),
            "delete" | "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// One change of one entity, as a message carries it. All numbers are below 2^63.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// In a push the replica's own counter, in a pull the cursor.
    pub op_id: u64,
    /// Its database.
    pub db: Name,
    /// The replica that made it.
    pub device: Name,
    /// The collection of the entity.
    pub collection: Name,
    /// The entity in its collection.
    pub entity: Name,
    /// What it does.
    pub kind: Kind,
    /// The version that the entity has after it, as its replica says.
    pub version: u64,
    /// The entity as opaque CBOR: always of an upsert, never of a delete.
    pub body: Option<Bytes>,
    /// Milliseconds since 1970: in a push the replica's clock, in a pull the server's when it was accepted.
    pub timestamp_ms: u64,
}
