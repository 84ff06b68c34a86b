//! As much of JavaScript's values as the original's handlers show.

use serde_json::value::RawValue;

use crate::dialect::json::fields::truthy;
use crate::dialect::object::{Object, ObjectWriter, quoted, text};

/// A value used as the name of a session or participant, equal as keys of a JavaScript map are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A member that is not there.
    Undefined,
    /// Text, number, `true`, `false` or `null`, as JSON.
    Plain(String),
    /// A list or object is equal to itself alone: with the number of the event it came in.
    Reference(u64, String),
}

impl Key {
    pub(super) fn of(value: Option<&RawValue>, event: u64) -> Self {
        let Some(value) = value else { return Self::Undefined };
        match value.get().as_bytes().first() {
            Some(b'{' | b'[') => Self::Reference(event, value.get().to_owned()),
            Some(b'"') => Self::Plain(text(value).map_or_else(|| value.get().to_owned(), |text| quoted(&text))),
            _ => Self::Plain(number(value.get()).map_or_else(|| value.get().to_owned(), number_json)),
        }
    }

    /// As `JSON.stringify` writes it; `None` if it would leave the member out.
    pub(super) fn json(&self) -> Option<&str> {
        match self {
            Self::Undefined => None,
            Self::Plain(json) | Self::Reference(_, json) => Some(json),
        }
    }

    pub(super) fn is_truthy(&self) -> bool {
        let value = self.json().and_then(|json| serde_json::from_str::<&RawValue>(json).ok());
        value.is_some_and(truthy)
    }

    /// The rooms that `join` and `to` take it for: a list names several.
    pub(super) fn rooms(&self, event: u64) -> Vec<Self> {
        let items = match self {
            Self::Reference(_, json) => serde_json::from_str::<Vec<&RawValue>>(json).ok(),
            Self::Undefined | Self::Plain(_) => None,
        };
        match items {
            Some(items) => items.into_iter().map(|item| Self::of(Some(item), event)).collect(),
            None => vec![self.clone()],
        }
    }

    /// As in a template string, which makes the name of a Redis key.
    pub(super) fn in_template(&self) -> String {
        match self {
            Self::Undefined => "undefined".to_owned(),
            Self::Plain(json) => serde_json::from_str(json).unwrap_or_else(|_| json.clone()),
            Self::Reference(_, json) if json.starts_with('{') => "[object Object]".to_owned(),
            Self::Reference(_, json) => json.trim_matches(['[', ']']).replace('"', ""),
        }
    }
}

/// `data`, from which a handler takes its members.
#[derive(Debug)]
pub(super) enum Data<'a> {
    /// An object.
    Object(Object<'a>),
    /// A list, text, number or truth value: has none of the members that are asked for.
    Other(&'a RawValue),
}

impl<'a> Data<'a> {
    /// `None` for `null` and nothing at all, from which nothing can be taken.
    pub(super) fn of(value: Option<&'a RawValue>) -> Option<Self> {
        let value = value.filter(|value| value.get() != "null")?;
        Some(Object::parse(value.get()).map_or(Self::Other(value), Self::Object))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        match self {
            Self::Object(object) => object.get(name),
            Self::Other(_) => None,
        }
    }

    /// `{...data, timestamp}`
    pub(super) fn spread(&self, now: &str) -> String {
        let mut has_stamp = false;
        let mut writer = ObjectWriter::new();
        match self {
            Self::Object(object) => {
                for (name, value) in object.iter() {
                    let is_stamp = name == "timestamp";
                    has_stamp |= is_stamp;
                    writer = writer.raw(name, if is_stamp { now } else { value.get() });
                }
            }
            Self::Other(value) => {
                for (at, item) in items(value).into_iter().enumerate() {
                    writer = writer.raw(&at.to_string(), &item);
                }
            }
        }
        if has_stamp { writer.end() } else { writer.raw("timestamp", now).end() }
    }
}

/// What stands under numbers in a value: the items of a list, the UTF-16 units of a text.
fn items(value: &RawValue) -> Vec<String> {
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value.get()) {
        return items.into_iter().map(|item| item.get().to_owned()).collect();
    }
    let unit = |unit: u16| char::from_u32(unit.into()).map_or(format!("\"\\u{unit:04x}\""), |c| quoted(&c.to_string()));
    text(value).map(|text| text.encode_utf16().map(unit).collect()).unwrap_or_default()
}

/// A JSON number.
pub(super) fn number(json: &str) -> Option<f64> {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then(|| json.parse().ok()).flatten()
}

/// `Number(value)`, as arithmetic takes it; not a number for what is none.
pub(super) fn to_number(json: Option<&str>) -> f64 {
    match json {
        None => f64::NAN,
        Some("null" | "false") => 0.0,
        Some("true") => 1.0,
        Some(json) => match serde_json::from_str::<String>(json) {
            Ok(text) if text.trim().is_empty() => 0.0,
            Ok(text) => number(text.trim().trim_start_matches('+')).unwrap_or(f64::NAN),
            Err(_) => number(json).unwrap_or(f64::NAN),
        },
    }
}

/// As `JSON.stringify` writes a number.
pub(super) fn number_json(number: f64) -> String {
    if !number.is_finite() {
        return "null".to_owned();
    }
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return (number as i64).to_string();
    }
    serde_json::Value::from(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_javascript() {
        for (json, expected) in [
            (r#""60""#, "60"),
            ("60.0", "60"),
            ("null", "0"),
            ("true", "1"),
            (r#""abc""#, "null"),
            ("{}", "null"),
            (r#""""#, "0"),
        ] {
            assert_eq!(number_json(to_number(Some(json))), expected, "{json}");
        }
        assert_eq!(number_json(to_number(None)), "null");
    }

    #[test]
    fn a_spread_text_is_its_characters() {
        let value: &RawValue = serde_json::from_str(r#""a😀""#).unwrap();
        let spread = Data::of(Some(value)).unwrap().spread("5");
        assert_eq!(spread, r#"{"0":"a","1":"\ud83d","2":"\ude00","timestamp":5}"#);
    }
}
