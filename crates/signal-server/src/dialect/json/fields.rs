use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A struct of the members that mean something, each as it was written, read from an object in one pass.
macro_rules! members {
    ($($field:ident = $name:literal),+ $(,)?) => {
        /// The members of a message that mean something, as they were written. Of a member named twice the last counts,
        /// as in JavaScript.
        #[derive(Debug, Default)]
        pub(crate) struct Fields<'a> {
            $(pub(crate) $field: Option<&'a RawValue>,)+
        }

        #[allow(non_camel_case_types, reason = "each is named after its field")]
        enum Name {
            $($field,)+
            Other,
        }

        impl Name {
            fn of(text: &str) -> Self {
                match text {
                    $($name => Self::$field,)+
                    _ => Self::Other,
                }
            }
        }

        impl<'a> Fields<'a> {
            fn set(&mut self, member: &Name, value: &'a RawValue) {
                match member {
                    $(Name::$field => self.$field = Some(value),)+
                    Name::Other => {}
                }
            }
        }
    };
}

members! {
    r#type = "type",
    agent_id = "agent_id",
    name = "name",
    want = "want",
    from = "from",
    to = "to",
    offer = "offer",
    answer = "answer",
    candidate = "candidate",
    topic = "topic",
    value = "value",
    order = "order",
    seconds = "seconds",
    reason = "reason",
    locked = "locked",
    received = "received",
    links = "links",
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_str<E>(self, text: &str) -> Result<Name, E> {
                Ok(Name::of(text))
            }
        }
        from.deserialize_str(Text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(member) = map.next_key()? {
                    if matches!(member, Name::Other) {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        fields.set(&member, map.next_value()?);
                    }
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Members)
    }
}

/// Whether JavaScript takes the value for true: not `null`, `false`, zero or the empty string.
pub(crate) fn truthy(value: &RawValue) -> bool {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'n' | b'f') | None => false,
        Some(b'"') => text.len() > 2,
        Some(b'-' | b'0'..=b'9') => text.parse::<f64>().is_ok_and(|number| number != 0.0),
        Some(_) => true,
    }
}

/// The value if it is a string.
pub(crate) fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// The value if it is a string, or the text of a number: ids are text in every dialect, and a number keeps its own.
pub(crate) fn text_or_number(value: &RawValue) -> Option<String> {
    match value.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Some(value.get().to_owned()),
        _ => text(value),
    }
}
