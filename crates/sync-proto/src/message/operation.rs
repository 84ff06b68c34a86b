use bytes::Bytes;

use super::must;
use super::{Bounds, Malformed, Names, Reader, Writer};
use crate::{Kind, Name, Operation};

/// Bytes of an operation besides its names, its body and its numbers, about.
const FRAME: usize = 128;

/// The standing alone of an operation, as its clients keep it and the seed's vectors show it: `opId`, `dbId`, `deviceId`,
/// `collection`, `entityId`, `opType`, `entityVersion`, `timestampMs`, and `entityCbor` last.
impl Operation {
    /// Reads one operation that stands alone, with its keys in any order.
    ///
    /// # Errors
    ///
    /// It is not one, or breaks a bound.
    pub fn decode_standalone(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, bounds);
        let operation = read(&mut reader, &mut Names::default())?;
        reader.end()?;
        Ok(operation)
    }

    /// Writes it alone, its body last. In a message the body stands before `timestampMs`.
    #[must_use]
    pub fn encode_standalone(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(size(self));
        write_front(&mut writer, self);
        writer.key_number("timestampMs", self.timestamp_ms);
        write_body(&mut writer, self);
        writer.0
    }
}

/// About how many bytes it takes.
pub(super) fn size(op: &Operation) -> usize {
    let names = op.db.len() + op.device.len() + op.collection.len() + op.entity.len();
    FRAME + names + op.body.as_ref().map_or(0, Bytes::len)
}

/// Writes an operation as it stands in a message.
pub(super) fn write(writer: &mut Writer, op: &Operation) {
    write_front(writer, op);
    write_body(writer, op);
    writer.key_number("timestampMs", op.timestamp_ms);
}

fn write_front(writer: &mut Writer, op: &Operation) {
    writer.map(8 + usize::from(op.body.is_some()));
    writer.key_number("opId", op.op_id);
    writer.key_text("dbId", &op.db);
    writer.key_text("deviceId", &op.device);
    writer.key_text("collection", &op.collection);
    writer.key_text("entityId", &op.entity);
    writer.key_text("opType", op.kind.as_str());
    writer.key_number("entityVersion", op.version);
}

fn write_body(writer: &mut Writer, op: &Operation) {
    if let Some(body) = &op.body {
        writer.key_bytes("entityCbor", body);
    }
}

/// An operation while its keys are read.
#[derive(Default)]
struct Partial {
    op_id: Option<u64>,
    db: Option<Name>,
    device: Option<Name>,
    collection: Option<Name>,
    entity: Option<Name>,
    kind: Option<Kind>,
    version: Option<u64>,
    body: Option<Bytes>,
    timestamp_ms: Option<u64>,
}

/// Reads an operation wherever it stands.
pub(super) fn read(reader: &mut Reader<'_>, names: &mut Names) -> Result<Operation, Malformed> {
    let at = reader.at();
    let mut op = Partial::default();
    let map = reader.fields("the operation", |reader, key| {
        match key {
            "opId" => op.op_id = reader.number(key)?,
            "dbId" => op.db = reader.text(key)?.map(|text| names.db(&text)),
            "deviceId" => op.device = reader.text(key)?.map(|text| names.device(&text)),
            "collection" => op.collection = reader.text(key)?.map(|text| names.collection(&text)),
            "entityId" => op.entity = reader.text(key)?.map(|text| Name::from(&*text)),
            "opType" => op.kind = kind(reader, key)?,
            "entityVersion" => op.version = reader.number(key)?,
            "entityCbor" => op.body = reader.bytes(key)?,
            "timestampMs" => op.timestamp_ms = reader.number(key)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    must(map, "the operation", at)?;
    op.whole(at)
}

fn kind(reader: &mut Reader<'_>, key: &str) -> Result<Option<Kind>, Malformed> {
    let at = reader.at();
    let Some(text) = reader.text(key)? else { return Ok(None) };
    match Kind::parse(&text) {
        Some(kind) => Ok(Some(kind)),
        None => Err(Malformed::new(format!("{key} is neither upsert nor delete"), at)),
    }
}

impl Partial {
    /// An upsert must have a body; that of a delete is dropped.
    fn whole(self, at: usize) -> Result<Operation, Malformed> {
        let kind = must(self.kind, "opType", at)?;
        let body = match kind {
            Kind::Upsert => Some(must(self.body, "entityCbor", at)?),
            Kind::Delete => None,
        };
        Ok(Operation {
            op_id: must(self.op_id, "opId", at)?,
            db: must(self.db, "dbId", at)?,
            device: must(self.device, "deviceId", at)?,
            collection: must(self.collection, "collection", at)?,
            entity: must(self.entity, "entityId", at)?,
            kind,
            version: must(self.version, "entityVersion", at)?,
            body,
            timestamp_ms: must(self.timestamp_ms, "timestampMs", at)?,
        })
    }
}

/// Reads the array of operations in `key`.
pub(super) fn read_all(
    reader: &mut Reader<'_>,
    key: &str,
    names: &mut Names,
) -> Result<Option<Vec<Operation>>, Malformed> {
    let mut ops = Vec::new();
    let max = reader.bounds().ops_max;
    let array = reader.items(key, max, |reader, index| {
        ops.push(read(reader, names).map_err(|malformed| malformed.within(key, index))?);
        Ok(())
    })?;
    Ok(array.map(|()| ops))
}

/// Writes operations with the key they stand in.
pub(super) fn write_all(writer: &mut Writer, key: &str, ops: &[Operation]) {
    writer.key_array(key, ops.len());
    for op in ops {
        write(writer, op);
    }
}
