use std::borrow::Cow;

use bytes::Bytes;
use sangam_types::Text;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::packet::PacketError;
use crate::places::arrange;

/// What a packet carries: JSON as its sender wrote it, and the binary values that stand in it as placeholders.
///
/// ```text
/// ["photo",{"name":"a.png","bytes":{"_placeholder":true,"num":0}}]      attachments: [0x89 0x50 …]
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    json: Text,
    attachments: Vec<Bytes>,
}

/// Why something is no argument list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArgumentsError {
    /// Not JSON.
    #[error("not JSON")]
    NotJson,
    /// An event is a list that begins with its name or a number.
    #[error("not a list that begins with a name")]
    Shape,
    /// A placeholder for an attachment that is not there.
    #[error("a placeholder for an attachment that is not there")]
    Placeholder,
}

/// Marks a place in the JSON where a binary value stands.
pub(crate) const PLACEHOLDER: &str = "_placeholder";

impl Arguments {
    /// Arguments without binary values.
    ///
    /// # Errors
    /// [`ArgumentsError::NotJson`]
    pub fn new(json: Text) -> Result<Self, ArgumentsError> {
        Self::with_attachments(json, Vec::new())
    }

    /// Arguments with binary values. Without attachments nothing is a placeholder.
    ///
    /// # Errors
    /// [`ArgumentsError::NotJson`], and [`ArgumentsError::Placeholder`] for a placeholder that names none of them.
    pub fn with_attachments(json: Text, attachments: Vec<Bytes>) -> Result<Self, ArgumentsError> {
        if attachments.is_empty() {
            serde_json::from_str::<&RawValue>(json.as_str()).map_err(|_| ArgumentsError::NotJson)?;
        } else {
            let value = serde_json::from_str(json.as_str()).map_err(|_| ArgumentsError::NotJson)?;
            check_placeholders(&value, attachments.len())?;
        }
        Ok(Self { json, attachments })
    }

    /// Arguments as they came, with their attachments in the order of their places.
    ///
    /// # Errors
    /// As [`Self::with_attachments`]; [`PacketError::TooManyAttachments`] if more than `places_max` places are there: one
    /// attachment in very many places would make a large message of a small one.
    pub(crate) fn received(json: Text, attachments: Vec<Bytes>, places_max: usize) -> Result<Self, PacketError> {
        if attachments.is_empty() {
            return Ok(Self::new(json)?);
        }
        let (json, attachments) = arrange(json, attachments)?;
        if attachments.len() > places_max {
            return Err(PacketError::TooManyAttachments);
        }
        Ok(Self { json, attachments })
    }

    /// The JSON, with placeholders.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.as_str()
    }

    /// The binary values, in the order of their numbers.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The arguments one by one, an event's name first.
    ///
    /// # Errors
    /// [`ArgumentsError::Shape`] if it is no list.
    pub fn items(&self) -> Result<Vec<&RawValue>, ArgumentsError> {
        serde_json::from_str(self.json()).map_err(|_| ArgumentsError::Shape)
    }

    /// An event's name and further arguments, each JSON. Placeholders among them stand for `attachments`.
    #[must_use]
    pub fn event(name: &str, items: &[&RawValue], attachments: Vec<Bytes>) -> Self {
        let name = Value::from(name).to_string();
        Self::join(std::iter::once(name.as_str()).chain(items.iter().map(|item| item.get())), attachments)
    }

    /// A list of JSON values, as answers have it. Placeholders among them stand for `attachments`.
    #[must_use]
    pub fn list(items: &[&RawValue], attachments: Vec<Bytes>) -> Self {
        Self::join(items.iter().map(|item| item.get()), attachments)
    }

    /// The same with each placeholder's number greater by `by`: for a list that is put together of several.
    #[must_use]
    pub fn shifted(&self, by: usize) -> Self {
        if self.attachments.is_empty() || by == 0 {
            return self.clone();
        }
        let mut value = serde_json::from_str(self.json()).unwrap_or_default();
        shift_placeholders(&mut value, by);
        Self { json: Text::from(value.to_string()), attachments: self.attachments.clone() }
    }

    fn join<'a>(items: impl Iterator<Item = &'a str>, attachments: Vec<Bytes>) -> Self {
        let mut json = String::from("[");
        for (at, item) in items.enumerate() {
            if at > 0 {
                json.push(',');
            }
            json.push_str(item);
        }
        json.push(']');
        Self { json: Text::from(json), attachments }
    }

    /// The name of an event; `None` for a number in its place, which Node's parser lets pass.
    ///
    /// # Errors
    /// [`ArgumentsError::Shape`] if it is no event.
    pub fn event_name(&self) -> Result<Option<Cow<'_, str>>, ArgumentsError> {
        let first = self.first()?;
        match first.as_bytes() {
            [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => Ok(Some(Cow::Borrowed(&first[1..first.len() - 1]))),
            [b'"', ..] => serde_json::from_str(first)
                .map(|name: String| Some(Cow::Owned(name)))
                .map_err(|_| ArgumentsError::Shape),
            [b'-' | b'0'..=b'9', ..] => Ok(None),
            _ => Err(ArgumentsError::Shape),
        }
    }

    /// The same event under another name; what follows the name is not looked at.
    ///
    /// # Errors
    /// [`ArgumentsError::Shape`] if it is no list with something in it.
    pub fn renamed(&self, name: &str) -> Result<Self, ArgumentsError> {
        let name = Value::from(name).to_string();
        let json = ["[", &name, self.behind_first()?].concat();
        Ok(Self { json: Text::from(json), attachments: self.attachments.clone() })
    }

    /// The arguments of an event without its name: what answers an event with its own arguments.
    ///
    /// # Errors
    /// [`ArgumentsError::Shape`] if it is no list with something in it.
    pub fn without_name(&self) -> Result<Self, ArgumentsError> {
        let rest = self.behind_first()?.trim_start();
        let json = ["[", rest.strip_prefix(',').unwrap_or(rest)].concat();
        Ok(Self { json: Text::from(json), attachments: self.attachments.clone() })
    }

    /// The first item. A name without escapes is found without reading what follows: all of it is known to be JSON.
    fn first(&self) -> Result<&str, ArgumentsError> {
        let json = self.json();
        if let Some(text) = json.strip_prefix("[\"") {
            match text.bytes().position(|byte| matches!(byte, b'"' | b'\\')) {
                Some(end) if text.as_bytes()[end] == b'"' => return Ok(&json[1..end + 3]),
                _ => {}
            }
        }
        Ok(self.items()?.first().ok_or(ArgumentsError::Shape)?.get())
    }

    fn behind_first(&self) -> Result<&str, ArgumentsError> {
        let first = self.first()?;
        let json = self.json();
        let start = json.find(first).ok_or(ArgumentsError::Shape)?;
        Ok(&json[start + first.len()..])
    }

    /// The same list with one text more at its end, as connection state recovery tells its offset.
    ///
    /// # Errors
    /// [`ArgumentsError::Shape`] if it is no list.
    pub fn with_last(&self, text: &str) -> Result<Self, ArgumentsError> {
        let list = self.json().trim_end().strip_suffix(']').filter(|_| self.is_list()).ok_or(ArgumentsError::Shape)?;
        let comma = if list.trim_end().ends_with('[') { "" } else { "," };
        let json = format!("{list}{comma}{}]", Value::from(text));
        Ok(Self { json: Text::from(json), attachments: self.attachments.clone() })
    }

    pub(crate) fn is_list(&self) -> bool {
        self.first_byte() == Some(b'[')
    }

    pub(crate) fn is_object(&self) -> bool {
        self.first_byte() == Some(b'{')
    }

    pub(crate) fn is_text(&self) -> bool {
        self.first_byte() == Some(b'"')
    }

    fn first_byte(&self) -> Option<u8> {
        self.json().trim_start().bytes().next()
    }
}

/// The number of a placeholder; `None` if the object is none.
pub(crate) fn placeholder(value: &Value) -> Option<Option<usize>> {
    let object = value.as_object()?;
    if object.get(PLACEHOLDER) != Some(&Value::Bool(true)) {
        return None;
    }
    let number = object.get("num").and_then(Value::as_u64);
    Some(number.and_then(|number| usize::try_from(number).ok()))
}

fn shift_placeholders(value: &mut Value, by: usize) {
    match (placeholder(value), value) {
        (Some(Some(number)), Value::Object(members)) => {
            members.insert("num".to_owned(), Value::from(number + by));
        }
        (_, Value::Array(items)) => items.iter_mut().for_each(|item| shift_placeholders(item, by)),
        (_, Value::Object(members)) => members.values_mut().for_each(|member| shift_placeholders(member, by)),
        (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {}
    }
}

fn check_placeholders(value: &Value, count: usize) -> Result<(), ArgumentsError> {
    match (placeholder(value), value) {
        (Some(Some(number)), _) if number < count => Ok(()),
        (Some(_), _) => Err(ArgumentsError::Placeholder),
        (None, Value::Array(items)) => items.iter().try_for_each(|item| check_placeholders(item, count)),
        (None, Value::Object(members)) => members.values().try_for_each(|member| check_placeholders(member, count)),
        (None, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Ok(()),
    }
}
