use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a message that mean something, as they were written. Of a member named twice the last counts, as in
/// JavaScript.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) r#type: Option<&'a RawValue>,
    pub(crate) agent_id: Option<&'a RawValue>,
    pub(crate) want: Option<&'a RawValue>,
    pub(crate) from: Option<&'a RawValue>,
    pub(crate) to: Option<&'a RawValue>,
    pub(crate) offer: Option<&'a RawValue>,
    pub(crate) answer: Option<&'a RawValue>,
    pub(crate) candidate: Option<&'a RawValue>,
}

enum Name {
    Type,
    AgentId,
    Want,
    From,
    To,
    Offer,
    Answer,
    Candidate,
    Other,
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
                Ok(match text {
                    "type" => Name::Type,
                    "agent_id" => Name::AgentId,
                    "want" => Name::Want,
                    "from" => Name::From,
                    "to" => Name::To,
                    "offer" => Name::Offer,
                    "answer" => Name::Answer,
                    "candidate" => Name::Candidate,
                    _ => Name::Other,
                })
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
                while let Some(name) = map.next_key()? {
                    let member = match name {
                        Name::Type => &mut fields.r#type,
                        Name::AgentId => &mut fields.agent_id,
                        Name::Want => &mut fields.want,
                        Name::From => &mut fields.from,
                        Name::To => &mut fields.to,
                        Name::Offer => &mut fields.offer,
                        Name::Answer => &mut fields.answer,
                        Name::Candidate => &mut fields.candidate,
                        Name::Other => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *member = Some(map.next_value()?);
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
