use std::borrow::Cow;

use bytes::Bytes;
use sangam_types::Text;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

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

    /// The name of an event; `None` for a number in its place, which Node's parser lets pass.
    ///
    /// # Errors
    /// [`ArgumentsError::Shape`] if it is no event.
    pub fn event_name(&self) -> Result<Option<Cow<'_, str>>, ArgumentsError> {
        let items = self.items()?;
        let first = items.first().ok_or(ArgumentsError::Shape)?.get();
        match first.as_bytes() {
            [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => Ok(Some(Cow::Borrowed(&first[1..first.len() - 1]))),
            [b'"', ..] => serde_json::from_str(first)
                .map(|name: String| Some(Cow::Owned(name)))
                .map_err(|_| ArgumentsError::Shape),
            [b'-' | b'0'..=b'9', ..] => Ok(None),
            _ => Err(ArgumentsError::Shape),
        }
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

fn check_placeholders(value: &Value, count: usize) -> Result<(), ArgumentsError> {
    match (placeholder(value), value) {
        (Some(Some(number)), _) if number < count => Ok(()),
        (Some(_), _) => Err(ArgumentsError::Placeholder),
        (None, Value::Array(items)) => items.iter().try_for_each(|item| check_placeholders(item, count)),
        (None, Value::Object(members)) => members.values().try_for_each(|member| check_placeholders(member, count)),
        (None, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Ok(()),
    }
}
