use bytes::Bytes;

use super::Writer;
use super::writer::array_head;
use crate::{Kind, Name};

/// What stands before the operations: `{"ops": [` with room for the longest head of an array.
const FRONT: &[u8] = b"\xA3\x63ops";
const ROOM: usize = FRONT.len() + 9;

/// What stands between the values of an operation, as the wire has it.
const UPSERT: &[u8] = b"\xA9\x64opId";
const DELETE: &[u8] = b"\xA8\x64opId";
const COLLECTION: &[u8] = b"\x6Acollection";
const ENTITY: &[u8] = b"\x68entityId";
const UPSERT_VERSION: &[u8] = b"\x66opType\x66upsert\x6DentityVersion";
const DELETE_VERSION: &[u8] = b"\x66opType\x66delete\x6DentityVersion";
const BODY: &[u8] = b"\x6AentityCbor";
const TIMESTAMP: &[u8] = b"\x6BtimestampMs";

/// Bytes of an operation besides its names and body, at most.
const FRAME: usize = 160;

/// Writes the answer to a pull row by row, without a copy of any row beside it. What it writes is what
/// [`super::PullResponse`] reads: `ops`, `nextCursor`, `hasMore`.
#[derive(Debug)]
pub struct PageEncoder {
    writer: Writer,
    /// `dbId` with its value and the key that follows: the same in every operation.
    db: Vec<u8>,
    len: usize,
}

impl PageEncoder {
    /// Begins a page of a database.
    #[must_use]
    pub fn new(db: &Name) -> Self {
        Self::with_capacity(db, 4_096)
    }

    /// As [`Self::new`], with room for a page of about `bytes`.
    #[must_use]
    pub fn with_capacity(db: &Name, bytes: usize) -> Self {
        let mut constant = Writer::with_capacity(db.len() + 32);
        constant.key_text("dbId", db);
        constant.text("deviceId");
        let mut writer = Writer::with_capacity(ROOM + bytes);
        writer.0.resize(ROOM, 0);
        Self { writer, db: constant.0, len: 0 }
    }

    /// Adds an operation. `cursor` becomes its `opId`. A delete has no body, whatever is given.
    #[expect(clippy::too_many_arguments, reason = "the columns of a row, in the order of the message")]
    pub fn push(
        &mut self,
        cursor: u64,
        device: &str,
        collection: &str,
        entity: &str,
        kind: Kind,
        version: u64,
        body: Option<&[u8]>,
        timestamp_ms: u64,
    ) {
        let body = match kind {
            Kind::Upsert => Some(body.unwrap_or_default()),
            Kind::Delete => None,
        };
        let names = self.db.len() + device.len() + collection.len() + entity.len();
        let out = &mut self.writer;
        out.0.reserve(FRAME + names + body.map_or(0, <[u8]>::len));
        out.0.extend_from_slice(if body.is_some() { UPSERT } else { DELETE });
        out.number(cursor);
        out.0.extend_from_slice(&self.db);
        out.text(device);
        out.0.extend_from_slice(COLLECTION);
        out.text(collection);
        out.0.extend_from_slice(ENTITY);
        out.text(entity);
        out.0.extend_from_slice(if body.is_some() { UPSERT_VERSION } else { DELETE_VERSION });
        out.number(version);
        if let Some(body) = body {
            out.0.extend_from_slice(BODY);
            out.bytes(body);
        }
        out.0.extend_from_slice(TIMESTAMP);
        out.number(timestamp_ms);
        self.len += 1;
    }

    /// Operations so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the operations so far.
    #[must_use]
    pub fn bytes_len(&self) -> usize {
        self.writer.0.len() - ROOM
    }

    /// The whole answer.
    #[must_use]
    pub fn finish(mut self, next: u64, has_more: bool) -> Bytes {
        self.writer.key_number("nextCursor", next);
        self.writer.key_bool("hasMore", has_more);
        let mut bytes = self.writer.0;
        // Now that the count is known, what stands in front of the operations is put right before them.
        let (head, from) = array_head(self.len);
        let front = from;
        bytes[front..front + FRONT.len()].copy_from_slice(FRONT);
        bytes[front + FRONT.len()..ROOM].copy_from_slice(&head[from..]);
        Bytes::from(bytes).slice(front..)
    }
}
