use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::fields::{Chars, Fields, Known, Number, Object, plain, value};
use super::text::Text;
use crate::message::{Bounds, Names};
use crate::rows::LogEntry;
use crate::{Kind, Name, Operation};

/// Whether operations have their bodies: those of server-sent events do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bodies {
    With,
    Without,
}

/// Writes a row of the log: `cursor` as `opId`, `entityCbor` last.
pub(super) fn write_entry(text: &mut Text, db: &str, entry: &LogEntry, bodies: Bodies) {
    let of = (&*entry.of.collection, &*entry.of.entity);
    let numbers = (entry.cursor, entry.version, entry.timestamp_ms);
    let body = entry.body.as_ref().filter(|_| bodies == Bodies::With);
    write(text, (db, &entry.device), of, entry.kind, numbers, body);
}

/// Writes an operation as a client sends it.
pub(super) fn write_operation(text: &mut Text, op: &Operation) {
    let numbers = (op.op_id, op.version, op.timestamp_ms);
    write(text, (&op.db, &op.device), (&op.collection, &op.entity), op.kind, numbers, op.body.as_ref());
}

fn write(
    text: &mut Text,
    (db, device): (&str, &str),
    (collection, entity): (&str, &str),
    kind: Kind,
    (op_id, version, timestamp_ms): (u64, u64, u64),
    body: Option<&Bytes>,
) {
    text.raw("{\"opId\":").number(op_id).raw(",\"dbId\":").string(db).raw(",\"deviceId\":").string(device);
    text.raw(",\"collection\":").string(collection).raw(",\"entityId\":").string(entity);
    text.raw(",\"opType\":\"").raw(kind.as_str()).raw("\",\"entityVersion\":").number(version);
    text.raw(",\"timestampMs\":").number(timestamp_ms);
    if let Some(body) = body {
        text.raw(",\"entityCbor\":").bytes(body);
    }
    text.raw("}");
}

/// About how many bytes the JSON of an operation takes with a body of `body` bytes and names of `names`.
pub(super) const fn size(names: usize, body: usize) -> usize {
    192 + names + 4 * body
}

/// Names of collections, bounded.
pub(super) fn collections(json: Option<&RawValue>, bounds: &Bounds) -> Result<Option<Vec<Name>>, String> {
    let Some(json) = json else { return Ok(None) };
    let each = |Chars(text): Chars<'_>| name(&text, "it", bounds).map(|()| Name::from(&*text));
    entries(json, "collections", bounds.entries_max, each).map(Some)
}

/// Operations, bounded.
pub(super) fn operations(json: Option<&RawValue>, bodies: Bodies, bounds: &Bounds) -> Result<Vec<Operation>, String> {
    let json = json.ok_or("operations is missing")?;
    let mut names = Names::default();
    let each = |Object(op): Object<Partial<'_>>| op.whole(bodies, bounds, &mut names);
    entries(json, "operations", bounds.ops_max, each)
}

/// An array of at most `max` entries, each made of what is read by `each`.
pub(super) fn entries<'de, I: Deserialize<'de>, T>(
    json: &'de RawValue,
    what: &'static str,
    max: usize,
    each: impl FnMut(I) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut reader = serde_json::Deserializer::from_str(json.get());
    let seed = Entries { what, max, each, of: PhantomData };
    seed.deserialize(&mut reader).map_err(|error| plain(&error))
}

struct Entries<I, F> {
    what: &'static str,
    max: usize,
    each: F,
    of: PhantomData<I>,
}

impl<'de, I: Deserialize<'de>, T, F: FnMut(I) -> Result<T, String>> DeserializeSeed<'de> for Entries<I, F> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, I: Deserialize<'de>, T, F: FnMut(I) -> Result<T, String>> Visitor<'de> for Entries<I, F> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to be an array", self.what)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Vec<T>, A::Error> {
        let (what, max) = (self.what, self.max);
        let mut all = Vec::new();
        loop {
            let index = all.len();
            let refuse = |why: &str| A::Error::custom(format_args!("{what}[{index}]: {why}"));
            let Some(item) = items.next_element().map_err(|error| refuse(&plain(&error)))? else { return Ok(all) };
            if index == max {
                return Err(A::Error::custom(format_args!("{what} has more than {max} entries")));
            }
            all.push((self.each)(item).map_err(|why| refuse(&why))?);
        }
    }
}

fn name(text: &str, key: &str, bounds: &Bounds) -> Result<(), String> {
    let (len, max) = (text.len(), bounds.text_bytes_max);
    if len <= max { Ok(()) } else { Err(format!("{key} has {len} bytes, at most {max} are taken")) }
}

/// An operation while its keys are read.
#[derive(Default)]
struct Partial<'a> {
    op_id: Option<Number>,
    db: Option<Chars<'a>>,
    device: Option<Chars<'a>>,
    collection: Option<Chars<'a>>,
    entity: Option<Chars<'a>>,
    kind: Option<Chars<'a>>,
    version: Option<Number>,
    body: Option<Body>,
    timestamp_ms: Option<Number>,
}

impl<'de> Fields<'de> for Partial<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Known, A::Error> {
        match key {
            "opId" => value(map, key, &mut self.op_id),
            "dbId" => value(map, key, &mut self.db),
            "deviceId" => value(map, key, &mut self.device),
            "collection" => value(map, key, &mut self.collection),
            "entityId" => value(map, key, &mut self.entity),
            "opType" => value(map, key, &mut self.kind),
            "entityVersion" => value(map, key, &mut self.version),
            "entityCbor" => value(map, key, &mut self.body),
            "timestampMs" => value(map, key, &mut self.timestamp_ms),
            _ => Ok(Known::No),
        }
    }
}

impl Partial<'_> {
    /// An upsert must have a body where there are bodies; that of a delete is dropped.
    fn whole(self, bodies: Bodies, bounds: &Bounds, names: &mut Names) -> Result<Operation, String> {
        let kind = Kind::parse(&must(self.kind, "opType")?.0).ok_or("opType is neither upsert nor delete")?;
        let body = match (kind, bodies) {
            (Kind::Upsert, Bodies::With) => Some(must(self.body, "entityCbor")?.0.into()),
            (Kind::Upsert, Bodies::Without) | (Kind::Delete, _) => None,
        };
        let text = |chars: Option<Chars<'_>>, key| {
            let Chars(text) = must(chars, key)?;
            name(&text, key, bounds).map(|()| text.into_owned())
        };
        Ok(Operation {
            op_id: must(self.op_id, "opId")?.0,
            db: names.db(&text(self.db, "dbId")?),
            device: names.device(&text(self.device, "deviceId")?),
            collection: names.collection(&text(self.collection, "collection")?),
            entity: Name::from(text(self.entity, "entityId")?),
            kind,
            version: must(self.version, "entityVersion")?.0,
            body,
            timestamp_ms: must(self.timestamp_ms, "timestampMs")?.0,
        })
    }
}

/// The value of a key that must be there.
pub(super) fn must<T>(value: Option<T>, key: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("{key} is missing"))
}

/// Bytes as an array of their numbers.
struct Body(Vec<u8>);

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers from 0 to 255")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Body, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(Body(bytes))
    }
}
