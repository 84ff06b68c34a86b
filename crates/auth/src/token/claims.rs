use sangam_types::{Principal, PrincipalKind, Tenant, Wall};
use serde::{Deserialize, Serialize};

use super::{Grant, Grants};
use crate::scope::ScopeSet;

/// What a token says (RFC 7519 §4.1 and our own). Unknown claims are ignored, a claim named twice makes the
/// token malformed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whose token it is. Required and not empty: it becomes [`Principal::id`].
    pub sub: String,
    /// From when on the token is refused; written as whole seconds. [`Claims::NEVER`] of a token that does not say, which a
    /// keyring takes only if it may be missing ([`super::TokenOptions::exp_optional`]).
    #[serde(default = "never", with = "numeric_date")]
    pub exp: Wall,
    /// When it was minted.
    #[serde(default, with = "optional_numeric_date", skip_serializing_if = "Option::is_none")]
    pub iat: Option<Wall>,
    /// Until when it is refused.
    #[serde(default, with = "optional_numeric_date", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Wall>,
    /// For whom it is meant: one text or a list on the wire.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// Names this token in logs and in the list of revoked ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// What it allows on the admin API: words separated by spaces (RFC 8693 §4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The one room it is good for on signaling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// What it allows in rooms on signaling, by name; see [`Claims::room_grants`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<String>>,
    /// What others in the room see as the name of whoever shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The `jti` of the first token of the line that this one was renewed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_jti: Option<String>,
    /// When the first token of that line was minted; without `origin_jti` it says nothing to us.
    #[serde(default, with = "optional_numeric_date", skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Wall>,
    /// The one database it is good for on sync.
    #[serde(default, rename = "dbId", skip_serializing_if = "Option::is_none")]
    pub db_id: Option<String>,
    /// The one replica it is good for on sync.
    #[serde(default, rename = "deviceId", skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

impl Claims {
    /// The end of a token that has none.
    pub const NEVER: Wall = Wall::from_unix_millis(u64::MAX);

    /// Claims that say whose and until when, and nothing else.
    #[must_use]
    pub fn new(sub: impl Into<String>, exp: Wall) -> Self {
        Self { sub: sub.into(), exp, ..Self::default() }
    }

    /// Who it is for quotas, audit and rate limits.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal { tenant: Tenant::default(), kind: PrincipalKind::Token, id: self.sub.clone() }
    }

    /// What it allows in rooms: the grants it names, or [`Grants::UNNAMED`] if it has no such claim. A name that is no
    /// grant of ours allows nothing; an empty list neither.
    #[must_use]
    pub fn room_grants(&self) -> Grants {
        let named = |names: &Vec<String>| Grants::of_known(names.iter().map(String::as_str));
        self.grants.as_ref().map_or(Grants::UNNAMED, named)
    }

    /// The names among its grants that are none of ours.
    pub fn unknown_grants(&self) -> impl Iterator<Item = &str> {
        self.grants.iter().flatten().map(String::as_str).filter(|name| Grant::named(name).is_none())
    }

    /// Whether it is good for a room: the one it names exactly, or any if it names none.
    #[must_use]
    pub fn is_for_room(&self, room: &str) -> bool {
        self.room.as_deref().is_none_or(|only| only == room)
    }

    /// What it allows on the admin API; words that are no scope of ours allow nothing.
    #[must_use]
    pub fn scopes(&self) -> ScopeSet {
        ScopeSet::parse_known(self.scope.as_deref().unwrap_or_default())
    }
}

fn never() -> Wall {
    Claims::NEVER
}

/// RFC 7519 §2: NumericDate is seconds since the Unix epoch, possibly with a fraction.
mod numeric_date {
    use super::{Deserialize, Wall};

    pub(super) fn serialize<S: serde::Serializer>(wall: &Wall, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(wall.unix_secs())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Wall, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum NumericDate {
            Whole(u64),
            Fraction(f64),
        }
        match NumericDate::deserialize(from)? {
            NumericDate::Whole(secs) => Ok(Wall::from_unix_secs(secs)),
            // A float beyond the range of u64 saturates, and one below zero becomes zero: 1970, long expired.
            NumericDate::Fraction(secs) => Ok(Wall::from_unix_millis((secs * 1_000.0) as u64)),
        }
    }
}

mod optional_numeric_date {
    use super::{Deserialize, Wall, numeric_date};

    pub(super) fn serialize<S: serde::Serializer>(wall: &Option<Wall>, to: S) -> Result<S::Ok, S::Error> {
        match wall {
            Some(wall) => numeric_date::serialize(wall, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Wall>, D::Error> {
        #[derive(Deserialize)]
        struct Present(#[serde(with = "numeric_date")] Wall);
        Ok(Option::<Present>::deserialize(from)?.map(|Present(wall)| wall))
    }
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<Claims>) {
        assert_eq!(serde_json::from_str::<Claims>(json).ok(), expected, "{json}");
    }

    #[test]
    fn claims_are_read_in_every_spelling_that_the_standard_allows() {
        let claims = Claims::new("a", Wall::from_unix_secs(10));
        check(r#"{"sub":"a","exp":10}"#, Some(claims.clone()));
        check(r#"{"sub":"a","exp":10.0,"other":{"x":[1]}}"#, Some(claims.clone()));
        check(r#"{"sub":"a","exp":10.5}"#, Some(Claims { exp: Wall::from_unix_millis(10_500), ..claims.clone() }));
        check(r#"{"sub":"a","exp":-1}"#, Some(Claims { exp: Wall::default(), ..claims.clone() }));
        check(r#"{"sub":"a","exp":1e300}"#, Some(Claims { exp: Wall::from_unix_millis(u64::MAX), ..claims.clone() }));
        check(r#"{"sub":"a","exp":10,"aud":"x"}"#, Some(Claims { aud: vec!["x".into()], ..claims.clone() }));
        check(r#"{"sub":"a","exp":10,"aud":["x"]}"#, Some(Claims { aud: vec!["x".into()], ..claims.clone() }));
        check(r#"{"sub":"a"}"#, Some(Claims::new("a", Claims::NEVER)));
        check(r#"{"sub":"a","exp":10,"iat":null}"#, Some(claims));
    }

    #[test]
    fn claims_of_another_type_or_named_twice_are_refused() {
        for json in [
            r#"{"sub":"a","exp":"10"}"#,
            r#"{"sub":1,"exp":10}"#,
            r#"{"sub":"a","exp":10,"exp":20}"#,
            r#"{"sub":"a","exp":10,"iat":"now"}"#,
            r#"{"sub":"a","exp":10,"dbId":7}"#,
            r#"{"sub":"a","exp":10,"aud":{}}"#,
            r#"{"sub":"a","exp":null}"#,
            r#"{"exp":10}"#,
            "[]",
        ] {
            check(json, None);
        }
    }

    #[test]
    fn claims_survive_being_written_and_read() {
        let claims = Claims {
            iat: Some(Wall::from_unix_secs(1)),
            nbf: Some(Wall::from_unix_secs(2)),
            aud: vec!["sangam".into()],
            jti: Some("j".into()),
            scope: Some("admin:read".into()),
            room: Some("r".into()),
            grants: Some(vec!["publish".into()]),
            name: Some("Alice".into()),
            origin_jti: Some("i".into()),
            auth_time: Some(Wall::from_unix_secs(1)),
            db_id: Some("d".into()),
            device_id: Some("v".into()),
            ..Claims::new("a", Wall::from_unix_secs(3))
        };
        let json = serde_json::to_string(&claims).unwrap();
        assert!(json.contains(r#""dbId":"d","deviceId":"v""#), "{json}");
        check(&json, Some(claims));
    }

    #[test]
    fn without_grants_a_token_joins_and_signals_and_with_them_it_does_what_they_say() {
        let read = |json: &str| serde_json::from_str::<Claims>(json).unwrap();
        let allowed = |claims: &Claims| Grant::ALL.map(|grant| claims.room_grants().allow(grant));
        for (grants, expected) in [
            ("", [true, true, false, false]),
            (r#","grants":null"#, [true, true, false, false]),
            (r#","grants":[]"#, [false; 4]),
            (r#","grants":["moderate","fly"]"#, [false, false, false, true]),
            (r#","grants":["join","signal","timer","moderate"]"#, [true; 4]),
        ] {
            let claims = read(&format!(r#"{{"sub":"a","exp":10{grants}}}"#));
            assert_eq!(allowed(&claims), expected, "{grants}");
        }
        let claims = read(r#"{"sub":"a","exp":10,"grants":["join","fly"],"room":"Hall"}"#);
        assert_eq!(claims.unknown_grants().collect::<Vec<_>>(), ["fly"]);
        assert!(claims.is_for_room("Hall") && !claims.is_for_room("hall"));
        assert!(Claims::default().is_for_room("any"));
    }
}
