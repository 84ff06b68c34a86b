//! Values that arrive as text, from the environment or a flag.

use serde::Deserialize;
use toml::Value;

use crate::catalogue::Kind;

/// Reads `text` as a value of `kind`. A list is `a,b,c` or a TOML array.
///
/// # Errors
///
/// What is wrong and what to write. Holds nothing of `text`, which may be a secret.
pub(crate) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    let text = text.trim();
    match kind {
        Kind::Text => Ok(Value::String(text.to_owned())),
        Kind::Boolean => text.parse().map(Value::Boolean).map_err(|_| Kind::Boolean.mend().to_owned()),
        Kind::Integer => text.parse().map(Value::Integer).map_err(|_| Kind::Integer.mend().to_owned()),
        // An IPv6 address with a port begins with a bracket too.
        Kind::List if text.starts_with('[') && text.ends_with(']') => list_of_toml(text),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
    }
}

fn list_of_toml(text: &str) -> Result<Value, String> {
    // The parser's own message could quote the text.
    let unusable = || "this is not a TOML list; write [\"a\", \"b\"] or a,b".to_owned();
    let list = toml::de::ValueDeserializer::parse(text).map_err(|_| unusable())?;
    Value::deserialize(list).map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_commas_or_as_toml() {
        let expected = Value::Array(vec!["10.0.0.0/8".into(), "::1".into()]);
        assert_eq!(parse(Kind::List, "10.0.0.0/8, ::1").unwrap(), expected);
        assert_eq!(parse(Kind::List, "[\"10.0.0.0/8\", \"::1\"]").unwrap(), expected);
        assert_eq!(parse(Kind::List, "").unwrap(), Value::Array(vec![]));
        assert!(parse(Kind::List, "[\"a\" 1]").is_err());
        assert_eq!(parse(Kind::List, "[::1]:80").unwrap(), Value::Array(vec!["[::1]:80".into()]));
    }

    #[test]
    fn a_text_is_taken_as_it_is_even_if_it_looks_like_something_else() {
        assert_eq!(parse(Kind::Text, "true").unwrap(), Value::String("true".to_owned()));
        assert_eq!(parse(Kind::Text, "64KiB").unwrap(), Value::String("64KiB".to_owned()));
    }

    #[test]
    fn numbers_and_booleans_say_how_they_are_written() {
        assert_eq!(parse(Kind::Integer, "42").unwrap(), Value::Integer(42));
        assert_eq!(parse(Kind::Boolean, "true").unwrap(), Value::Boolean(true));
        assert_eq!(parse(Kind::Boolean, "yes").unwrap_err(), "write true or false");
        assert_eq!(parse(Kind::Integer, "many").unwrap_err(), "write a whole number that is not negative");
    }
}
