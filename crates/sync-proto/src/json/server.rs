use super::client::open;
use super::operation::{Bodies, size, write_entry};
use super::text::Text;
use crate::message::{Conflict, NUMBER_MAX};
use crate::rows::LogEntry;

/// What the server says on a WebSocket, each one text frame.
#[derive(Clone, Debug)]
pub enum ServerMessage<'a> {
    /// First, and after each `subscribe`.
    Subscribed {
        /// `connectionId`.
        connection: &'a str,
        /// The head.
        cursor: u64,
    },
    /// The answer to a pull.
    PullResponse {
        /// Of the request.
        id: Option<&'a str>,
        /// Its database.
        db: &'a str,
        /// With bodies.
        operations: &'a [LogEntry],
        /// Where the next pull begins.
        next: u64,
        /// Whether there is more.
        has_more: bool,
    },
    /// The answer to a push.
    PushResponse {
        /// Of the request.
        id: Option<&'a str>,
        /// `acknowledgedUpToOpId`.
        acknowledged: u64,
        /// Without bodies on this wire.
        conflicts: &'a [Conflict],
    },
    /// Operations that were committed, with bodies; none: a hint to pull up to the cursor.
    Operations {
        /// Its database.
        db: &'a str,
        /// The cursor of the last one, or the head.
        cursor: u64,
        /// Numbers such messages.
        counter: u64,
        /// In order of cursors.
        operations: &'a [LogEntry],
    },
    /// The answer to a ping.
    Pong {
        /// As it came.
        timestamp: u64,
        /// The server's clock, milliseconds since 1970.
        server_time: u64,
    },
    /// Something was not done.
    Error {
        /// Of the request, if it had one.
        id: Option<&'a str>,
        /// What and why.
        message: &'a str,
        /// One word.
        code: &'a str,
    },
}

impl ServerMessage<'_> {
    /// As one text frame.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = Text::with_capacity(self.size());
        match self {
            Self::Subscribed { connection, cursor } => {
                open(&mut text, "subscribed", None);
                text.raw("\"connectionId\":").string(connection).raw(",\"cursor\":").number(*cursor);
            }
            Self::PullResponse { id, db, operations, next, has_more } => {
                open(&mut text, "pullResponse", *id);
                write_entries(&mut text, db, operations, Bodies::With);
                text.raw(",\"nextCursor\":").number(*next).raw(",\"hasMore\":").bool(*has_more);
            }
            Self::PushResponse { id, acknowledged, conflicts } => {
                open(&mut text, "pushResponse", *id);
                text.raw("\"acknowledgedUpToOpId\":").number(*acknowledged);
                text.raw(",\"conflicts\":").array(*conflicts, write_conflict);
            }
            Self::Operations { db, cursor, counter, operations } => {
                open(&mut text, "operations", Some(&event_id(*cursor, *counter)));
                write_committed(&mut text, db, *cursor, operations, Bodies::With);
            }
            Self::Pong { timestamp, server_time } => {
                open(&mut text, "pong", None);
                text.raw("\"timestamp\":").number(*timestamp).raw(",\"serverTime\":").number(*server_time);
            }
            Self::Error { id, message, code } => {
                open(&mut text, "error", *id);
                text.raw("\"message\":").string(message).raw(",\"code\":").string(code);
            }
        }
        text.raw("}}");
        text.finish()
    }

    fn size(&self) -> usize {
        match self {
            Self::PullResponse { operations, db, .. } | Self::Operations { operations, db, .. } => {
                entries_size(db, operations, Bodies::With)
            }
            Self::PushResponse { conflicts, .. } => {
                let names = |conflict: &Conflict| 64 + conflict.op.collection.len() + conflict.op.entity.len();
                128 + conflicts.iter().map(names).sum::<usize>()
            }
            Self::Subscribed { .. } | Self::Pong { .. } | Self::Error { .. } => 128,
        }
    }
}

/// What the server says on an event stream, each to be written at once.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// First.
    Connected {
        /// `subscriptionId`.
        subscription: &'a str,
        /// The head.
        cursor: u64,
    },
    /// Operations that were committed, without bodies: the client must pull. None: a hint to pull up to the cursor.
    Operations {
        /// Its database.
        db: &'a str,
        /// The cursor of the last one, or the head.
        cursor: u64,
        /// Numbers such events.
        counter: u64,
        /// In order of cursors.
        operations: &'a [LogEntry],
    },
    /// The server is there.
    Ping {
        /// Milliseconds since 1970.
        timestamp: u64,
    },
    /// Something is wrong.
    Error {
        /// What.
        message: &'a str,
        /// One word.
        code: Option<&'a str>,
    },
}

impl Event<'_> {
    /// As a block of the stream, with its blank line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = Text::with_capacity(self.size());
        match self {
            Self::Connected { subscription, cursor } => {
                text.raw("event: connected\ndata: {\"subscriptionId\":").string(subscription);
                text.raw(",\"cursor\":").number(*cursor);
            }
            Self::Operations { db, cursor, counter, operations } => {
                text.raw("event: operations\nid: ").raw(&event_id(*cursor, *counter)).raw("\ndata: {");
                write_committed(&mut text, db, *cursor, operations, Bodies::Without);
            }
            Self::Ping { timestamp } => {
                text.raw("event: ping\ndata: {\"timestamp\":").number(*timestamp);
            }
            Self::Error { message, code } => {
                text.raw("event: error\ndata: {\"message\":").string(message);
                if let Some(code) = code {
                    text.raw(",\"code\":").string(code);
                }
            }
        }
        text.raw("}\n\n");
        text.finish()
    }

    fn size(&self) -> usize {
        match self {
            Self::Operations { operations, db, .. } => entries_size(db, operations, Bodies::Without),
            Self::Connected { .. } | Self::Ping { .. } | Self::Error { .. } => 128,
        }
    }
}

fn event_id(cursor: u64, counter: u64) -> String {
    format!("{cursor}-{counter}")
}

/// `cursor`, `operations` and `count` of operations that were committed.
fn write_committed(text: &mut Text, db: &str, cursor: u64, operations: &[LogEntry], bodies: Bodies) {
    text.raw("\"cursor\":").number(cursor).raw(",");
    write_entries(text, db, operations, bodies);
    text.raw(",\"count\":").number(operations.len() as u64);
}

fn write_entries(text: &mut Text, db: &str, operations: &[LogEntry], bodies: Bodies) {
    text.raw("\"operations\":").array(operations, |text, entry| write_entry(text, db, entry, bodies));
}

fn write_conflict(text: &mut Text, conflict: &Conflict) {
    text.raw("{\"collection\":").string(&conflict.op.collection).raw(",\"entityId\":").string(&conflict.op.entity);
    text.raw(",\"serverVersion\":").number(conflict.version).raw("}");
}

fn entries_size(db: &str, operations: &[LogEntry], bodies: Bodies) -> usize {
    let of = |entry: &LogEntry| {
        let names = db.len() + entry.device.len() + entry.of.collection.len() + entry.of.entity.len();
        let body = entry.body.as_ref().filter(|_| bodies == Bodies::With);
        size(names, body.map_or(0, |body| body.len()))
    };
    128 + operations.iter().map(of).sum::<usize>()
}

/// The cursor in a `Last-Event-ID`, `43-7` or `43`; `None` if it is none of ours.
#[must_use]
pub fn cursor_of_event_id(id: &str) -> Option<u64> {
    let id = id.trim_ascii();
    let (cursor, counter) = id.split_once('-').unwrap_or((id, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(cursor) || !digits(counter) {
        return None;
    }
    cursor.parse().ok().filter(|cursor| *cursor <= NUMBER_MAX)
}
