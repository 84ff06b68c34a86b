use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::client::{Envelope, data};
use super::fields::{Chars, Fields, Known, Number, Object, check_depth, plain, value};
use super::operation::{Bodies, entries, must, operations};
use crate::message::Bounds;
use crate::{Name, Operation};

/// What a client hears on a WebSocket. Texts beyond those of the operations are as long as the frame lets them be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// First, and after each `subscribe`.
    Subscribed {
        /// `connectionId`.
        connection: String,
        /// `cursor`: the head.
        cursor: u64,
    },
    /// The answer to a pull.
    PullResponse {
        /// `operations`, with bodies; `opId` is the cursor.
        operations: Vec<Operation>,
        /// `nextCursor`.
        next: u64,
        /// `hasMore`.
        has_more: bool,
    },
    /// The answer to a push.
    PushResponse {
        /// `acknowledgedUpToOpId`.
        acknowledged: u64,
        /// `conflicts`.
        conflicts: Vec<ShortConflict>,
    },
    /// Operations that were committed; none: a hint to pull up to the cursor.
    Operations {
        /// `cursor`.
        cursor: u64,
        /// `operations`, with bodies; `opId` is the cursor.
        operations: Vec<Operation>,
    },
    /// `ping`, of servers that are not ours.
    Ping,
    /// The answer to a ping.
    Pong {
        /// `timestamp`.
        timestamp: u64,
        /// `serverTime`.
        server_time: u64,
    },
    /// Something was not done.
    Error {
        /// `message`.
        message: String,
        /// `code`; empty if there is none.
        code: String,
    },
    /// A type that this client does not know.
    Unknown,
}

/// A conflict as told on a WebSocket: without bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortConflict {
    /// `collection`.
    pub collection: Name,
    /// `entityId`.
    pub entity: Name,
    /// `serverVersion`.
    pub version: u64,
}

/// What a client hears on an event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeardEvent {
    /// First.
    Connected {
        /// `subscriptionId`.
        subscription: String,
        /// `cursor`: the head.
        cursor: u64,
    },
    /// Operations that were committed: the client must pull.
    Operations {
        /// `cursor`.
        cursor: u64,
        /// `operations`, without bodies, also of upserts; `opId` is the cursor.
        operations: Vec<Operation>,
    },
    /// The server is there.
    Ping {
        /// `timestamp`, milliseconds since 1970.
        timestamp: u64,
    },
    /// Something is wrong.
    Error {
        /// `message`.
        message: String,
        /// `code`.
        code: Option<String>,
    },
    /// A name that this client does not know.
    Unknown,
}

/// Why a text is not what a server says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotHeard(
    /// What is wrong with it.
    pub String,
);

/// `data` of every message and event of a server, all its keys together.
#[derive(Default)]
struct Data<'a> {
    connection: Option<Chars<'a>>,
    subscription: Option<Chars<'a>>,
    cursor: Option<Number>,
    operations: Option<&'a RawValue>,
    next: Option<Number>,
    has_more: Option<bool>,
    acknowledged: Option<Number>,
    conflicts: Option<&'a RawValue>,
    timestamp: Option<Number>,
    server_time: Option<Number>,
    message: Option<Chars<'a>>,
    code: Option<Chars<'a>>,
}

impl<'de> Fields<'de> for Data<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Known, A::Error> {
        match key {
            "connectionId" => value(map, key, &mut self.connection),
            "subscriptionId" => value(map, key, &mut self.subscription),
            "cursor" => value(map, key, &mut self.cursor),
            "operations" => value(map, key, &mut self.operations),
            "nextCursor" => value(map, key, &mut self.next),
            "hasMore" => value(map, key, &mut self.has_more),
            "acknowledgedUpToOpId" => value(map, key, &mut self.acknowledged),
            "conflicts" => value(map, key, &mut self.conflicts),
            "timestamp" => value(map, key, &mut self.timestamp),
            "serverTime" => value(map, key, &mut self.server_time),
            "message" => value(map, key, &mut self.message),
            "code" => value(map, key, &mut self.code),
            _ => Ok(Known::No),
        }
    }
}

fn number(value: Option<Number>, key: &str) -> Result<u64, String> {
    must(value, key).map(|Number(number)| number)
}

fn string(value: Option<Chars<'_>>, key: &str) -> Result<String, String> {
    must(value, key).map(|Chars(text)| text.into_owned())
}

impl Heard {
    /// Reads one text frame: its `id` and what it says.
    ///
    /// # Errors
    ///
    /// It is no message of a server, or breaks a bound.
    pub fn read(text: &str, bounds: &Bounds) -> Result<(Option<String>, Self), NotHeard> {
        check_depth(text, bounds.depth_max).map_err(NotHeard)?;
        let parsed = serde_json::from_str::<Object<Envelope<'_>>>(text);
        let Object(envelope) = parsed.map_err(|error| NotHeard(plain(&error)))?;
        let kind = must(envelope.kind, "type").map_err(NotHeard)?;
        let said = Self::of(&kind.0, envelope.data, bounds).map_err(NotHeard)?;
        Ok((envelope.id.map(|Chars(id)| id.into_owned()), said))
    }

    fn of(kind: &str, json: Option<&RawValue>, bounds: &Bounds) -> Result<Self, String> {
        let said: Data<'_> = match kind {
            "subscribed" | "pullResponse" | "pushResponse" | "operations" | "pong" | "error" => data(json)?,
            "ping" => return Ok(Self::Ping),
            _ => return Ok(Self::Unknown),
        };
        Ok(match kind {
            "subscribed" => Self::Subscribed {
                connection: string(said.connection, "connectionId")?,
                cursor: number(said.cursor, "cursor")?,
            },
            "pullResponse" => Self::PullResponse {
                operations: operations(said.operations, Bodies::With, bounds)?,
                next: number(said.next, "nextCursor")?,
                has_more: must(said.has_more, "hasMore")?,
            },
            "pushResponse" => Self::PushResponse {
                acknowledged: number(said.acknowledged, "acknowledgedUpToOpId")?,
                conflicts: short_conflicts(said.conflicts, bounds)?,
            },
            "operations" => Self::Operations {
                cursor: number(said.cursor, "cursor")?,
                operations: operations(said.operations, Bodies::With, bounds)?,
            },
            "pong" => Self::Pong {
                timestamp: number(said.timestamp, "timestamp")?,
                server_time: number(said.server_time, "serverTime")?,
            },
            _ => Self::Error {
                message: string(said.message, "message")?,
                code: said.code.map_or_else(String::new, |Chars(code)| code.into_owned()),
            },
        })
    }
}

impl HeardEvent {
    /// Reads an event of a stream: its `event:` and its `data:`.
    ///
    /// # Errors
    ///
    /// `json` is not what such an event says, or breaks a bound.
    pub fn read(event: &str, json: &str, bounds: &Bounds) -> Result<Self, NotHeard> {
        if !matches!(event, "connected" | "operations" | "ping" | "error") {
            return Ok(Self::Unknown);
        }
        check_depth(json, bounds.depth_max).map_err(NotHeard)?;
        let parsed = serde_json::from_str::<Object<Data<'_>>>(json);
        let Object(said) = parsed.map_err(|error| NotHeard(plain(&error)))?;
        Self::of(event, said, bounds).map_err(NotHeard)
    }

    fn of(event: &str, said: Data<'_>, bounds: &Bounds) -> Result<Self, String> {
        Ok(match event {
            "connected" => Self::Connected {
                subscription: string(said.subscription, "subscriptionId")?,
                cursor: number(said.cursor, "cursor")?,
            },
            "operations" => Self::Operations {
                cursor: number(said.cursor, "cursor")?,
                operations: operations(said.operations, Bodies::Without, bounds)?,
            },
            "ping" => Self::Ping { timestamp: number(said.timestamp, "timestamp")? },
            _ => Self::Error {
                message: string(said.message, "message")?,
                code: said.code.map(|Chars(code)| code.into_owned()),
            },
        })
    }
}

/// An entry of `conflicts` while its keys are read.
#[derive(Default)]
struct PartialConflict<'a> {
    collection: Option<Chars<'a>>,
    entity: Option<Chars<'a>>,
    version: Option<Number>,
}

impl<'de> Fields<'de> for PartialConflict<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Known, A::Error> {
        match key {
            "collection" => value(map, key, &mut self.collection),
            "entityId" => value(map, key, &mut self.entity),
            "serverVersion" => value(map, key, &mut self.version),
            _ => Ok(Known::No),
        }
    }
}

fn short_conflicts(json: Option<&RawValue>, bounds: &Bounds) -> Result<Vec<ShortConflict>, String> {
    let json = must(json, "conflicts")?;
    entries(json, "conflicts", bounds.ops_max, |Object(conflict): Object<PartialConflict<'_>>| {
        Ok(ShortConflict {
            collection: Name::from(string(conflict.collection, "collection")?),
            entity: Name::from(string(conflict.entity, "entityId")?),
            version: number(conflict.version, "serverVersion")?,
        })
    })
}
