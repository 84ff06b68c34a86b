//! Times in JSON: RFC 3339 in UTC with milliseconds, as JavaScript's `toISOString` writes it.

use std::time::{Duration, UNIX_EPOCH};

use sangam_types::Wall;
use serde::{Deserialize as _, Deserializer, Serializer, de};

/// The last second that four digits of year can write.
const YEAR_9999_ENDS: u64 = 253_402_300_799;

pub(crate) fn serialize<S: Serializer>(wall: &Wall, to: S) -> Result<S::Ok, S::Error> {
    let wall = (*wall).min(Wall::from_unix_secs(YEAR_9999_ENDS));
    to.collect_str(&humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(wall.unix_millis())))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Wall, D::Error> {
    parse(&String::deserialize(from)?).ok_or_else(|| de::Error::custom("not a time of RFC 3339"))
}

fn parse(text: &str) -> Option<Wall> {
    let since = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok().map(Wall::from_unix_millis)
}

/// The same where there may be none: `null`.
pub(crate) mod option {
    use super::{Deserializer, Serializer, Wall, de, parse};
    use serde::Deserialize as _;

    #[derive(serde::Serialize)]
    #[serde(transparent)]
    struct Written<'a>(#[serde(with = "super")] &'a Wall);

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(wall: &Option<Wall>, to: S) -> Result<S::Ok, S::Error> {
        match wall {
            Some(wall) => to.serialize_some(&Written(wall)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Wall>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let wall = text.map(|text| parse(&text).ok_or_else(|| de::Error::custom("not a time of RFC 3339")));
        wall.transpose()
    }
}
