use bytes::Bytes;

use super::must;
use super::{Bounds, Malformed, Message, Names, Reader, Writer, operation};
use crate::{Name, Operation};

/// POST `/v1/push`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRequest {
    /// `dbId`.
    pub db: Name,
    /// `deviceId`.
    pub device: Name,
    /// `ops`.
    pub ops: Vec<Operation>,
}

impl Message for PushRequest {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut db, mut device, mut ops) = (None, None, None);
        let mut names = Names::default();
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the message", |reader, key| {
            match key {
                "dbId" => db = reader.text(key)?.map(|text| names.db(&text)),
                "deviceId" => device = reader.text(key)?.map(|text| names.device(&text)),
                "ops" => ops = operation::read_all(reader, key, &mut names)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the message", 0)?;
        reader.end()?;
        Ok(Self { db: must(db, "dbId", 0)?, device: must(device, "deviceId", 0)?, ops: must(ops, "ops", 0)? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(128 + self.ops.iter().map(operation::size).sum::<usize>());
        writer.map(3);
        writer.key_text("dbId", &self.db);
        writer.key_text("deviceId", &self.device);
        operation::write_all(&mut writer, "ops", &self.ops);
        writer.0
    }
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushResponse {
    /// `acknowledgedUpToOpId`.
    pub acknowledged: u64,
    /// `conflicts`.
    pub conflicts: Vec<Conflict>,
}

impl Message for PushResponse {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut acknowledged, mut conflicts) = (None, None);
        let mut names = Names::default();
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the message", |reader, key| {
            match key {
                "acknowledgedUpToOpId" => acknowledged = reader.number(key)?,
                "conflicts" => conflicts = read_conflicts(reader, key, &mut names)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the message", 0)?;
        reader.end()?;
        Ok(Self {
            acknowledged: must(acknowledged, "acknowledgedUpToOpId", 0)?,
            conflicts: must(conflicts, "conflicts", 0)?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let size = |conflict: &Conflict| 128 + operation::size(&conflict.op) + conflict.body.len();
        let mut writer = Writer::with_capacity(64 + self.conflicts.iter().map(size).sum::<usize>());
        writer.map(2);
        writer.key_number("acknowledgedUpToOpId", self.acknowledged);
        writer.key_array("conflicts", self.conflicts.len());
        self.conflicts.iter().for_each(|conflict| conflict.write(&mut writer));
        writer.0
    }
}

/// An operation that was refused, and what stands in its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// `clientOp`; its `collection` and `entityId` stand beside it as well.
    pub op: Operation,
    /// `serverState.entityVersion`.
    pub version: u64,
    /// `serverState.entityCbor`: empty of a deleted entity, never null.
    pub body: Bytes,
    /// `serverState.lastModified`, milliseconds since 1970.
    pub modified_ms: Option<u64>,
}

impl Conflict {
    fn write(&self, writer: &mut Writer) {
        writer.map(4);
        writer.key_text("collection", &self.op.collection);
        writer.key_text("entityId", &self.op.entity);
        writer.text("clientOp");
        operation::write(writer, &self.op);
        writer.text("serverState");
        writer.map(2 + usize::from(self.modified_ms.is_some()));
        writer.key_number("entityVersion", self.version);
        writer.key_bytes("entityCbor", &self.body);
        if let Some(modified_ms) = self.modified_ms {
            writer.key_number("lastModified", modified_ms);
        }
    }

    fn read(reader: &mut Reader<'_>, names: &mut Names) -> Result<Self, Malformed> {
        let at = reader.at();
        let (mut collection, mut entity, mut op, mut state) = (None, None, None, None);
        let map = reader.fields("the conflict", |reader, key| {
            match key {
                "collection" => collection = reader.text(key)?,
                "entityId" => entity = reader.text(key)?,
                "clientOp" => op = Some(operation::read(reader, names)?),
                "serverState" => state = ServerState::read(reader, key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the conflict", at)?;
        let (op, state) = (must(op, "clientOp", at)?, must(state, "serverState", at)?);
        same(&must(collection, "collection", at)?, &op.collection, "collection", at)?;
        same(&must(entity, "entityId", at)?, &op.entity, "entityId", at)?;
        Ok(Self { op, version: state.version, body: state.body, modified_ms: state.modified_ms })
    }
}

fn same(beside: &str, name: &Name, key: &str, at: usize) -> Result<(), Malformed> {
    if *beside == **name { Ok(()) } else { Err(Malformed::new(format!("{key} is not that of clientOp"), at)) }
}

fn read_conflicts(reader: &mut Reader<'_>, key: &str, names: &mut Names) -> Result<Option<Vec<Conflict>>, Malformed> {
    let mut conflicts = Vec::new();
    let max = reader.bounds().ops_max;
    let array = reader.items(key, max, |reader, index| {
        conflicts.push(Conflict::read(reader, names).map_err(|malformed| malformed.within(key, index))?);
        Ok(())
    })?;
    Ok(array.map(|()| conflicts))
}

/// `serverState` of a conflict.
struct ServerState {
    version: u64,
    body: Bytes,
    modified_ms: Option<u64>,
}

impl ServerState {
    fn read(reader: &mut Reader<'_>, key: &str) -> Result<Option<Self>, Malformed> {
        let at = reader.at();
        let (mut version, mut body, mut modified_ms) = (None, None, None);
        let map = reader.fields(key, |reader, key| {
            match key {
                "entityVersion" => version = reader.number(key)?,
                "entityCbor" => body = reader.bytes(key)?,
                "lastModified" => modified_ms = reader.number(key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        if map.is_none() {
            return Ok(None);
        }
        let version = must(version, "serverState.entityVersion", at)?;
        Ok(Some(Self { version, body: must(body, "serverState.entityCbor", at)?, modified_ms }))
    }
}
