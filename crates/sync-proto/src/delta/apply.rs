use bytes::Bytes;

use super::{DeltaPatch, Edit, Map, Value};
use crate::message::{Bounds, Malformed};

/// Why a patch does not fit a body. Nothing of it is applied then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotApplied {
    /// The body cannot be read.
    #[error("the body: {0}")]
    Body(#[from] Malformed),
    /// On the way to a field there is something that is no map, or nothing.
    #[error("edit {0}: there is no map on the way to its field")]
    NoParent(usize),
    /// What is to be counted up is no number, or with what it is counted up by it would be none that can be written.
    #[error("edit {0}: it does not make a number")]
    NoNumber(usize),
    /// `replace` is for the whole body, and alone.
    #[error("edit {0}: it replaces a part")]
    PartReplaced(usize),
}

impl DeltaPatch {
    /// The body after it, as the clients' own library makes it: a field that is counted up and is not there stays so, if by an
    /// integer; what is no array gets no element and loses none. Whose version the body has is for the caller to compare.
    /// Takes time with the number of edits times that of keys.
    ///
    /// # Errors
    ///
    /// It does not fit.
    pub fn apply(&self, body: &Bytes, bounds: &Bounds) -> Result<Vec<u8>, NotApplied> {
        if let [(path, Edit::Replace(value))] = &self.edits[..]
            && path.is_empty()
        {
            return Ok(value.encode());
        }
        let mut root = Value::decode(body, bounds)?;
        for (index, (path, edit)) in self.edits.iter().enumerate() {
            let (map, key) = parent(&mut root, path).ok_or(NotApplied::NoParent(index))?;
            match edit {
                Edit::Set(value) => map.set(key, value.clone()),
                Edit::Remove => map.remove(key),
                Edit::Increment(by) => increment(map, key, by).ok_or(NotApplied::NoNumber(index))?,
                Edit::ArrayAppend(value) => append(map, key, value),
                Edit::ArrayRemove(value) => remove(map, key, value),
                Edit::Replace(_) => return Err(NotApplied::PartReplaced(index)),
            }
        }
        Ok(root.encode())
    }
}

/// The map that holds a field, and the field's key in it.
fn parent<'a, 'b>(root: &'a mut Value, path: &'b str) -> Option<(&'a mut Map, &'b str)> {
    let (way, key) = match path.rsplit_once('.') {
        Some((way, key)) => (Some(way), key),
        None => (None, path),
    };
    let mut at = root;
    for step in way.into_iter().flat_map(|way| way.split('.')) {
        let Value::Map(map) = at else { return None };
        at = map.get_mut(step)?;
    }
    match at {
        Value::Map(map) => Some((map, key)),
        _ => None,
    }
}

/// Integers stay integers, any float makes a float. What is not there stays so, unless a float is to be added.
fn increment(map: &mut Map, key: &str, by: &Value) -> Option<()> {
    let sum = match (map.get(key), by) {
        (None, Value::Integer(_)) => return Some(()),
        (Some(Value::Integer(number)), Value::Integer(by)) => {
            let sum = number.checked_add(*by).filter(|sum| (-(1 << 64)..1 << 64).contains(sum));
            Value::Integer(sum?)
        }
        (Some(number), by) => Value::Float(float(number)? + float(by)?),
        (None, _) => return None,
    };
    map.set(key, sum);
    Some(())
}

fn float(number: &Value) -> Option<f64> {
    match number {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn append(map: &mut Map, key: &str, value: &Value) {
    if let Some(Value::Array(items)) = map.get_mut(key) {
        items.push(value.clone());
    }
}

fn remove(map: &mut Map, key: &str, value: &Value) {
    if let Some(Value::Array(items)) = map.get_mut(key) {
        let gone = value.to_string();
        items.retain(|item| item.to_string() != gone);
    }
}
