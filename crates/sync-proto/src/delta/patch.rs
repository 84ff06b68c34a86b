use bytes::Bytes;

use super::Value;
use crate::message::{Bounds, Malformed, Message, NUMBER_MAX, Reader, Writer, must};

/// What turns one body into another: `baseVersion` and `ops`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeltaPatch {
    /// `baseVersion`: the version of the entity that it is for.
    pub base_version: u64,
    /// `ops`: each the `path` of a field and what becomes of it, in order.
    pub edits: Vec<(String, Edit)>,
}

/// What becomes of a field: `op` with its `value`.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// `set`: it is this now, in its place or at the end.
    Set(Value),
    /// `remove`: it is no more.
    Remove,
    /// `increment`: as much more, or less.
    Increment(Value),
    /// `arrayAppend`: one element more at its end.
    ArrayAppend(Value),
    /// `arrayRemove`: without all elements that look like this.
    ArrayRemove(Value),
    /// `replace`, with an empty path: the whole body is this now.
    Replace(Value),
}

impl Edit {
    fn word_and_value(&self) -> (&'static str, Option<&Value>) {
        match self {
            Self::Set(value) => ("set", Some(value)),
            Self::Remove => ("remove", None),
            Self::Increment(value) => ("increment", Some(value)),
            Self::ArrayAppend(value) => ("arrayAppend", Some(value)),
            Self::ArrayRemove(value) => ("arrayRemove", Some(value)),
            Self::Replace(value) => ("replace", Some(value)),
        }
    }

    /// A value that is absent is null, but for `remove`, which has none.
    fn new(word: &str, value: Option<Value>) -> Option<Self> {
        let value = value.unwrap_or(Value::Null);
        Some(match word {
            "set" => Self::Set(value),
            "remove" => Self::Remove,
            "increment" => Self::Increment(value),
            "arrayAppend" => Self::ArrayAppend(value),
            "arrayRemove" => Self::ArrayRemove(value),
            "replace" => Self::Replace(value),
            _ => return None,
        })
    }
}

impl Message for DeltaPatch {
    fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let (mut base_version, mut edits) = (None, None);
        let mut reader = Reader::new(bytes, bounds);
        let map = reader.fields("the patch", |reader, key| {
            match key {
                "baseVersion" => base_version = reader.number(key)?,
                "ops" => edits = read_edits(reader, key)?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        must(map, "the patch", 0)?;
        reader.end()?;
        Ok(Self { base_version: must(base_version, "baseVersion", 0)?, edits: must(edits, "ops", 0)? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.map(2);
        writer.key_number("baseVersion", self.base_version.min(NUMBER_MAX));
        writer.key_array("ops", self.edits.len());
        for (path, edit) in &self.edits {
            let (word, value) = edit.word_and_value();
            writer.map(2 + usize::from(value.is_some()));
            writer.key_text("path", path);
            writer.key_text("op", word);
            if let Some(value) = value {
                writer.text("value");
                value.write(&mut writer);
            }
        }
        writer.0
    }
}

fn read_edits(reader: &mut Reader<'_>, key: &str) -> Result<Option<Vec<(String, Edit)>>, Malformed> {
    let mut edits = Vec::new();
    let max = reader.bounds().ops_max;
    let array = reader.items(key, max, |reader, index| {
        edits.push(read_edit(reader).map_err(|malformed| malformed.within(key, index))?);
        Ok(())
    })?;
    Ok(array.map(|()| edits))
}

fn read_edit(reader: &mut Reader<'_>) -> Result<(String, Edit), Malformed> {
    let at = reader.at();
    let (mut path, mut word, mut value) = (None, None, None);
    let map = reader.fields("the edit", |reader, key| {
        match key {
            "path" => path = reader.string(key)?,
            "op" => word = reader.text(key)?,
            "value" => value = Some(reader.value()?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    must(map, "the edit", at)?;
    let edit = Edit::new(&must(word, "op", at)?, value);
    Ok((must(path, "path", at)?, edit.ok_or_else(|| Malformed::new("op is none that is known", at))?))
}
