use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::message::{Bounds, Malformed, Reader, Writer};

/// Any CBOR item without tags whose keys are text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, and `undefined`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// From -2^64 to 2^64 - 1.
    Integer(i128),
    /// Of any width; written in the shortest that loses nothing.
    Float(f64),
    /// Text.
    Text(String),
    /// A byte string.
    Bytes(Bytes),
    /// An array.
    Array(Vec<Self>),
    /// A map, in its order.
    Map(Map),
}

/// A map that keeps the order in which its keys came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(String, Value)>);

impl Map {
    /// What a key has.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Gives a key its value, in the place it has, or at the end.
    pub fn set(&mut self, key: &str, value: Value) {
        match self.get_mut(key) {
            Some(place) => *place = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Takes a key away, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// The keys with their values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }
}

/// A map while it is read, which may have many keys: of equal ones the place of the first and the value of the last.
#[derive(Default)]
pub(crate) struct Pairs {
    map: Map,
    places: BTreeMap<String, usize>,
}

impl Pairs {
    pub(crate) fn push(&mut self, key: &str, value: Value) {
        if let Some(place) = self.places.get(key) {
            self.map.0[*place].1 = value;
        } else {
            self.places.insert(key.to_owned(), self.map.0.len());
            self.map.0.push((key.to_owned(), value));
        }
    }
}

impl From<Pairs> for Map {
    fn from(pairs: Pairs) -> Self {
        pairs.map
    }
}

impl Value {
    /// Reads exactly one item.
    ///
    /// # Errors
    ///
    /// It is none, has a key that is not text, or lies too deep.
    pub fn decode(bytes: &Bytes, bounds: &Bounds) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, bounds);
        let value = reader.value()?;
        reader.end()?;
        Ok(value)
    }

    /// Writes it in the strict form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.0
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Null => writer.0.push(0xF6),
            Self::Bool(value) => writer.bool(*value),
            Self::Integer(number) => writer.integer(*number),
            Self::Float(number) => writer.float(*number),
            Self::Text(text) => writer.text(text),
            Self::Bytes(bytes) => writer.bytes(bytes),
            Self::Array(items) => {
                writer.array(items.len());
                items.iter().for_each(|item| item.write(writer));
            }
            Self::Map(map) => {
                writer.map(map.0.len());
                for (key, value) in map.iter() {
                    writer.text(key);
                    value.write(writer);
                }
            }
        }
    }
}

/// As the original prints it, by which elements of arrays are found.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => list(f, bytes.iter()),
            Self::Array(items) => list(f, items.iter()),
            Self::Map(map) => {
                for (index, (key, value)) in map.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index == 0 { "{" } else { ", " })?;
                }
                f.write_str(if map.0.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = T>) -> fmt::Result {
    f.write_str("[")?;
    for (index, item) in items.enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    f.write_str("]")
}
