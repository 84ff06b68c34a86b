/// Makes a type a value that is written as text in files, variables and flags: read by its `parse`, written by its
/// `Display`, described by this JSON schema. What cannot be read is told in these words behind the text.
macro_rules! text_value {
    ($value:ident: $schema:tt $complaint:literal) => {
        impl serde::Serialize for $value {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $value {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                $value::parse(&text).ok_or_else(|| serde::de::Error::custom(format_args!("`{text}` {}", $complaint)))
            }
        }

        impl schemars::JsonSchema for $value {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($value).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

pub(crate) use text_value;
