use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::message::NUMBER_MAX;

/// Longest text of an error, in bytes: what a client sent may stand in it.
const ERROR_BYTES_MAX: usize = 200;

/// An object read key by key, of equal keys the last.
pub(super) trait Fields<'de>: Default {
    /// Reads the value of a key with [`value`], or says that the key is none of its own.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Known, A::Error>;
}

/// Whether a key was one that is known, and so its value was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Yes,
    No,
}

/// The value of a key into its place; null leaves nothing there.
pub(super) fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    key: &str,
    place: &mut Option<T>,
) -> Result<Known, A::Error> {
    *place = map.next_value().map_err(|error| A::Error::custom(format_args!("{key}: {}", plain(&error))))?;
    Ok(Known::Yes)
}

/// Reads such an object.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Fields<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Fields<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = T::default();
        while let Some(Chars(key)) = map.next_key()? {
            if fields.field(&key, &mut map)? == Known::No {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Object(fields))
    }
}

/// Text, borrowed where it has no escapes.
pub(super) struct Chars<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Chars<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CharsVisitor)
    }
}

struct CharsVisitor;

impl<'de> Visitor<'de> for CharsVisitor {
    type Value = Chars<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Chars(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Chars(Cow::Owned(text.to_owned())))
    }
}

/// A whole number from 0 to 2^63 - 1.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) u64);

/// As [`Number`], but what is below 0 is 0.
#[derive(Clone, Copy)]
pub(super) struct NumberFromZero(pub(super) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor { negative: None }).map(Self)
    }
}

impl<'de> Deserialize<'de> for NumberFromZero {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor { negative: Some(0) }).map(Self)
    }
}

struct NumberVisitor {
    negative: Option<u64>,
}

impl Visitor<'_> for NumberVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 to 2^63 - 1")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u64, E> {
        if number <= NUMBER_MAX { Ok(number) } else { Err(E::custom("it is above 2^63 - 1")) }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<u64, E> {
        match (u64::try_from(number), self.negative) {
            (Ok(number), _) | (Err(_), Some(number)) => Ok(number),
            (Err(_), None) => Err(E::custom("it is negative")),
        }
    }
}

/// What serde says, without its place in a text that may be part of another, and not longer than it may be.
pub(super) fn plain(error: &impl fmt::Display) -> String {
    let mut text = error.to_string();
    if let Some(at) = text.rfind(" at line ") {
        text.truncate(at);
    }
    bounded(&text).to_owned()
}

/// The beginning of a text that may be long.
pub(super) fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(ERROR_BYTES_MAX)]
}

/// Refuses JSON whose arrays and objects lie deeper in each other than `max`.
pub(super) fn check_depth(text: &str, max: usize) -> Result<(), String> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' if depth == max => return Err(format!("nested deeper than {max} levels")),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}
