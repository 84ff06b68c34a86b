use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, written with its unit: `250ms`, `30s`, `5m`, `1h 30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(Duration);

impl HumanDuration {
    /// Whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&humantime::format_duration(self.0), f)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = deserializer.deserialize_any(Text)?;
        humantime::parse_duration(&text).map(Self).map_err(|_| not_a_duration(&format!("`{text}`")))
    }
}

/// Reads the text, and answers a bare number with the same sentence as a wrong text.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"30s\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Err(not_a_duration(&format!("the number {number}")))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Err(not_a_duration(&format!("the number {number}")))
    }
}

fn not_a_duration<E: de::Error>(written: &str) -> E {
    E::custom(format_args!("{written} is not a duration; write a number with its unit, such as \"30s\" or \"5m\""))
}

impl JsonSchema for HumanDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration", "examples": ["250ms", "30s", "5m", "1h 30m"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<HumanDuration, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn durations_are_read_with_their_unit_and_written_back_the_same() {
        for (text, millis) in [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("1h 30m", 5_400_000), ("0s", 0)] {
            let duration = read(&format!("\"{text}\"")).unwrap();
            assert_eq!(duration.get(), Duration::from_millis(millis));
            assert_eq!(duration.to_string(), text);
        }
    }

    #[test]
    fn a_number_without_unit_is_refused_with_the_mend() {
        for json in ["30", "\"30\"", "\"soon\"", "-1", "\"\""] {
            let error = read(json).unwrap_err();
            assert!(error.contains("write a number with its unit"), "{json}: {error}");
        }
    }
}
