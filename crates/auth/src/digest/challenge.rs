use std::fmt;

use super::Algorithm;
use super::fields::{Fields, field, skip_separators, token};

/// The challenges of a 401 that can be answered (RFC 9110 §11.6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenges {
    /// Those of Digest, in their order.
    pub digest: Vec<DigestChallenge>,
    /// The first of Basic.
    pub basic: Option<BasicChallenge>,
}

/// A challenge of Digest that we can answer (RFC 7616 §3.3).
#[derive(Clone, PartialEq, Eq)]
pub struct DigestChallenge {
    /// For whom the password is.
    pub realm: String,
    /// To be hashed and sent back.
    pub nonce: String,
    /// To be sent back.
    pub opaque: Option<String>,
    /// MD5 where none is named.
    pub algorithm: Algorithm,
    /// Whether it was named: only then is it named in the answer, as old servers know it not.
    pub names_algorithm: bool,
    /// Whether `qop=auth` is offered; otherwise the answer is that of RFC 2069.
    pub has_qop: bool,
    /// The last answer was right, but for its nonce.
    pub stale: bool,
}

/// A challenge of Basic (RFC 7617 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicChallenge {
    /// For whom the password is.
    pub realm: String,
}

impl Challenges {
    /// Longer headers are not looked at.
    pub const BYTES_MAX: usize = 4_096;

    /// More challenges than this are not looked at.
    pub const MAX: usize = 16;

    /// Reads the values of all `WWW-Authenticate` headers, each of which may hold several challenges. What cannot be read or
    /// answered (other schemes, other algorithms, `auth-int` alone) is passed over.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut challenges = Self::default();
        let mut seen = 0;
        for value in values.into_iter().take(Self::MAX).filter(|value| value.len() <= Self::BYTES_MAX) {
            for (scheme, fields) in split(value) {
                seen += 1;
                if seen <= Self::MAX {
                    challenges.take(scheme, &fields);
                }
            }
        }
        challenges
    }

    /// The Digest challenge to answer: the strongest algorithm, of those the one named first.
    #[must_use]
    pub fn strongest(&self) -> Option<&DigestChallenge> {
        // `max_by_key` would give the last of equals.
        self.digest.iter().rev().max_by_key(|challenge| challenge.algorithm)
    }

    fn take(&mut self, scheme: &str, fields: &Fields<'_>) {
        if scheme.eq_ignore_ascii_case("Digest") {
            self.digest.extend(DigestChallenge::read(fields));
        } else if scheme.eq_ignore_ascii_case("Basic") && self.basic.is_none() {
            self.basic = Some(BasicChallenge { realm: fields.get("realm").unwrap_or_default().to_owned() });
        }
    }
}

impl DigestChallenge {
    fn read(fields: &Fields<'_>) -> Option<Self> {
        let named = fields.get("algorithm").filter(|name| !name.is_empty());
        let algorithm = match named {
            Some(name) => name.parse().ok()?,
            None => Algorithm::Md5,
        };
        let qop = fields.get("qop").filter(|qop| !qop.trim().is_empty());
        let offers_auth = |list: &str| {
            list.split(|c: char| c == ',' || c.is_ascii_whitespace()).any(|qop| qop.eq_ignore_ascii_case("auth"))
        };
        let has_qop = match qop {
            Some(list) if !offers_auth(list) => return None,
            other => other.is_some(),
        };
        Some(Self {
            realm: fields.get("realm").unwrap_or_default().to_owned(),
            nonce: fields.get("nonce")?.to_owned(),
            opaque: fields.get("opaque").map(str::to_owned),
            algorithm,
            names_algorithm: named.is_some(),
            has_qop,
            stale: fields.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

impl fmt::Debug for DigestChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestChallenge")
            .field("realm", &self.realm)
            .field("algorithm", &self.algorithm)
            .field("has_qop", &self.has_qop)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

/// The challenges of one header: a word that no `=` follows begins one. Ends at what cannot be read.
fn split(value: &str) -> Vec<(&str, Fields<'_>)> {
    let mut challenges: Vec<(&str, Fields<'_>)> = Vec::new();
    let mut rest = skip_separators(value);
    while let Some((word, after)) = token(rest) {
        if !after.trim_start().starts_with('=') {
            challenges.push((word, Fields::default()));
            rest = skip_separators(after);
            continue;
        }
        let (Some((name, value, after)), Some((_, fields))) = (field(rest), challenges.last_mut()) else {
            break;
        };
        if !fields.push(name, value) {
            challenges.pop();
            break;
        }
        rest = skip_separators(after);
    }
    challenges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_challenges_are_read_from_one_header_or_several() {
        let digest = r#"Digest realm="a, b", nonce="n1", qop="auth-int, auth", algorithm=SHA-256, opaque="o""#;
        let old = r#"Digest realm="c",nonce="n2""#;
        let together = format!(r#"NTLM, {digest}, Basic realm="d", {old}"#);
        for values in [vec![together.as_str()], vec!["NTLM", digest, "Basic realm=d", old]] {
            let challenges = Challenges::parse(values);
            let [first, second] = challenges.digest.as_slice() else { panic!("{challenges:?}") };
            assert_eq!((first.realm.as_str(), first.nonce.as_str()), ("a, b", "n1"));
            assert_eq!((first.algorithm, first.has_qop, first.opaque.as_deref()), (Algorithm::Sha256, true, Some("o")));
            assert_eq!((second.nonce.as_str(), second.algorithm, second.has_qop), ("n2", Algorithm::Md5, false));
            assert_eq!(challenges.basic.as_ref().map(|basic| basic.realm.as_str()), Some("d"));
            assert_eq!(challenges.strongest(), Some(first));
        }
    }

    #[test]
    fn the_first_of_equally_strong_challenges_is_answered() {
        let challenges = Challenges::parse(["Digest nonce=1", "Digest nonce=2, stale=TRUE"]);
        assert_eq!(challenges.strongest().map(|challenge| challenge.nonce.as_str()), Some("1"));
        assert!(!challenges.digest[0].stale && challenges.digest[1].stale);
    }

    #[test]
    fn what_cannot_be_answered_is_passed_over() {
        for value in [
            "",
            "Digest realm=x",
            "Digest nonce=n, algorithm=MD5-sess",
            r#"Digest nonce=n, qop="auth-int""#,
            "Digest nonce=n, nonce=m",
            "nonce=n",
            r#"Digest nonce="n"#,
            "Negotiate YII=",
        ] {
            assert_eq!(Challenges::parse([value]).digest, [], "{value}");
        }
        let many = "Digest nonce=n, ".repeat(100);
        assert_eq!(Challenges::parse([many.as_str()]).digest.len(), Challenges::MAX);
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic(text in "(Digest|Basic|nonce|[=\", \\\\a])*|\\PC*") {
            let challenges = Challenges::parse([text.as_str()]);
            prop_assert!(challenges.digest.len() <= Challenges::MAX);
        }
    }
}
