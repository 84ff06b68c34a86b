use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Malformed;

/// How deep objects and arrays may be nested.
pub const JSON_DEPTH_MAX: usize = 64;

/// Members of an object that are looked at.
const MEMBERS_MAX: usize = 64;

/// The members of one JSON object, their values as they were written. Of a member named twice the last counts, as in Python
/// and JavaScript.
pub(super) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Malformed> {
        check_depth(text.as_bytes())?;
        serde_json::from_str(text).map_err(|_| Malformed::Json)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// A string of at most `bytes_max`.
    pub(super) fn text(&self, name: &str, bytes_max: usize) -> Result<String, Malformed> {
        let raw = self.raw(name).ok_or(Malformed::Member)?.get();
        // An escape makes one byte of up to six: what is longer cannot be short enough.
        if raw.len() > bytes_max * 6 + 2 {
            return Err(Malformed::Name);
        }
        let text: String = serde_json::from_str(raw).map_err(|_| Malformed::Member)?;
        if text.len() > bytes_max { Err(Malformed::Name) } else { Ok(text) }
    }

    pub(super) fn number(&self, name: &str) -> Result<f64, Malformed> {
        let raw = self.raw(name).ok_or(Malformed::Member)?;
        serde_json::from_str(raw.get()).map_err(|_| Malformed::Member)
    }

    /// A value as it was written, shared with the text it stands in.
    pub(super) fn shared(&self, name: &str, whole: &Bytes) -> Result<Bytes, Malformed> {
        let raw = self.raw(name).ok_or(Malformed::Member)?;
        Ok(whole.slice_ref(raw.get().as_bytes()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Self::Value = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    match members.iter().position(|(known, _)| *known == name) {
                        Some(at) => members[at].1 = value,
                        None if members.len() < MEMBERS_MAX => members.push((name, value)),
                        None => return Err(A::Error::custom("too many members")),
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Object).map(Self)
    }
}

/// One JSON value of bounded depth, without the white space around it.
pub(crate) fn raw(bytes: &[u8]) -> Result<&str, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
    check_depth(bytes)?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| Malformed::Json)?;
    Ok(raw.get())
}

/// Whether brackets outside of strings are nested as deep as they may be. Says nothing of whether it is JSON.
fn check_depth(bytes: &[u8]) -> Result<(), Malformed> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in bytes {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return Err(Malformed::Depth);
        }
    }
    Ok(())
}
