use bytes::Bytes;

use super::must;
use super::{Bounds, Malformed, Message, Names, Reader, Writer, operation};
use crate::{Name, Operation};

/// `limit` of a pull that says none.
pub const DEFAULT_LIMIT: u64 = 100;

/// POST `/v1/pull`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// `dbId`.
    pub db: Name,
    /// `sinceCursor`, exclusive.
    pub since: u64,
    /// `limit`; the wire's default is 100. As sent, not clamped: negative becomes 0.
    pub limit: u64,
    /// `collections`.
    pub collections: Option<Vec<Name>>,
    /// `epoch`, of clients that know it.
    pub epoch: Option<String>,
}

impl Message for PullRequest {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut db, mut since, mut limit, mut collections, mut epoch) = (None, None, None, None, None);
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the message", |reader, key| {
            match key {
                "dbId" => db = reader.text(key)?,
                "sinceCursor" => since = reader.number(key)?,
                "limit" => limit = reader.number_from_zero(key)?,
                "collections" => collections = read_collections(reader, key)?,
                "epoch" => epoch = reader.string(key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the message", 0)?;
        reader.end()?;
        Ok(Self {
            db: Name::from(&*must(db, "dbId", 0)?),
            since: must(since, "sinceCursor", 0)?,
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            collections,
            epoch,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(3 + usize::from(self.collections.is_some()) + usize::from(self.epoch.is_some()));
        writer.key_text("dbId", &self.db);
        writer.key_number("sinceCursor", self.since);
        writer.key_number("limit", self.limit);
        if let Some(collections) = &self.collections {
            writer.key_array("collections", collections.len());
            collections.iter().for_each(|name| writer.text(name));
        }
        if let Some(epoch) = &self.epoch {
            writer.key_text("epoch", epoch);
        }
        writer.0
    }
}

fn read_collections(reader: &mut Reader<'_>, key: &str) -> Result<Option<Vec<Name>>, Malformed> {
    let mut names = Vec::new();
    let max = reader.bounds().entries_max;
    let array = reader.items(key, max, |reader, index| {
        let at = reader.at();
        let what = format!("{key}[{index}]");
        names.push(Name::from(&*must(reader.text(&what)?, &what, at)?));
        Ok(())
    })?;
    Ok(array.map(|()| names))
}

/// Its answer, as a client reads it. A server writes it with [`super::PageEncoder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullResponse {
    /// `ops`.
    pub ops: Vec<Operation>,
    /// `nextCursor`.
    pub next: u64,
    /// `hasMore`.
    pub has_more: bool,
}

impl Message for PullResponse {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut ops, mut next, mut has_more) = (None, None, None);
        let mut names = Names::default();
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the message", |reader, key| {
            match key {
                "ops" => ops = operation::read_all(reader, key, &mut names)?,
                "nextCursor" => next = reader.number(key)?,
                "hasMore" => has_more = reader.bool(key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the message", 0)?;
        reader.end()?;
        Ok(Self {
            ops: must(ops, "ops", 0)?,
            next: must(next, "nextCursor", 0)?,
            has_more: must(has_more, "hasMore", 0)?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(64 + self.ops.iter().map(operation::size).sum::<usize>());
        writer.map(3);
        operation::write_all(&mut writer, "ops", &self.ops);
        writer.key_number("nextCursor", self.next);
        writer.key_bool("hasMore", self.has_more);
        writer.0
    }
}
