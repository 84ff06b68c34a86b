//! The little of protocol buffers that is needed to read what the server sends: nothing of it is the server's.

use crate::notation::bytes;

/// The server's endpoint id.
pub(crate) const US: &str = "self::sangam";

/// A field: its number, and its bytes if it has a length, or its number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// The fields of a message, in order.
pub(crate) fn fields(mut rest: &[u8]) -> Vec<(u64, Value)> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut rest)),
            2 => {
                let len = varint(&mut rest) as usize;
                let (inner, after) = rest.split_at(len);
                rest = after;
                Value::Bytes(inner.to_vec())
            }
            5 => {
                let (four, after) = rest.split_at(4);
                rest = after;
                Value::Number(u64::from(u32::from_le_bytes(four.try_into().unwrap())))
            }
            other => panic!("wire type {other}"),
        };
        all.push((tag >> 3, value));
    }
    all
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in 0.. {
        let byte = rest[0];
        *rest = &rest[1..];
        value |= u64::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// All fields with a length of that number.
pub(crate) fn all(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    let of = |(field, value): (u64, Value)| match value {
        Value::Bytes(bytes) if field == number => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(of).collect()
}

/// What lies at the end of that way of fields; `None`: it is not there.
pub(crate) fn at(message: &[u8], way: &[u64]) -> Option<Vec<u8>> {
    let mut here = message.to_vec();
    for number in way {
        here = all(&here, *number).into_iter().next()?;
    }
    Some(here)
}

/// The same as text.
pub(crate) fn text(message: &[u8], way: &[u64]) -> String {
    at(message, way).map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default()
}

/// The number at the end of that way; 0: it is not there, or is zero.
pub(crate) fn number(message: &[u8], way: &[u64]) -> u64 {
    let (last, before) = way.split_last().unwrap();
    let inner = at(message, before).unwrap_or_default();
    let found = fields(&inner).into_iter().find(|(field, _)| field == last);
    match found {
        Some((_, Value::Number(number))) => number,
        _ => 0,
    }
}

/// The entries of a `map<string, string>`.
pub(crate) fn map(message: &[u8], field: u64) -> Vec<(String, String)> {
    all(message, field).iter().map(|entry| (text(entry, &[1]), text(entry, &[2]))).collect()
}

/// A text within the notation.
pub(crate) fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("'{text}'") }
}

/// A record without session that carries a message: `version`, `to_id`, `from_id`, `no_session_context.payload`.
pub(crate) fn record(to: &str, from: &str, message: &str) -> Vec<u8> {
    bytes(&format!("0a('1.3') 12('{to}') 1a('{from}') 3a(12({message}))"))
}

/// A message: `header { msg_id, msg_type }`, `body`.
pub(crate) fn message(id: &str, msg_type: u8, body: &str) -> String {
    format!("0a(0a('{id}') 10 {msg_type:02x}) 12({body})")
}

/// `map` entries of field `tag`.
pub(crate) fn entries(tag: &str, values: &[(&str, &str)]) -> String {
    values.iter().map(|(key, value)| format!("{tag}(0a('{key}') 12({}))", quoted(value))).collect()
}
