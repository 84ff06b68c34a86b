use std::collections::HashMap;

use sangam_types::Wall;

use super::Claims;

/// Who a token is for revocation. A server keeps it beside what it let in with the token, and asks again when the revoked
/// ones have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIdentity {
    /// Its name.
    pub jti: Option<String>,
    /// The name of the token that it was renewed from at first.
    pub origin_jti: Option<String>,
    /// Whose it is.
    pub sub: String,
    /// When the first of its line was minted.
    pub minted: Option<Wall>,
}

/// The tokens that are good no longer though they have not expired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    tokens: HashMap<String, Option<Wall>>,
    subjects: HashMap<String, Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    since: Wall,
    until: Option<Wall>,
}

impl Revoked {
    /// Adds a token, with those that were renewed from it, until a time or for ever.
    pub fn add_token(&mut self, jti: impl Into<String>, until: Option<Wall>) {
        self.tokens.insert(jti.into(), until);
    }

    /// Adds all tokens of a subject that were minted until `since`, and those that do not say when they were.
    pub fn add_subject(&mut self, sub: impl Into<String>, since: Wall, until: Option<Wall>) {
        self.subjects.insert(sub.into(), Span { since, until });
    }

    /// Whether this token is among them at `now`.
    #[must_use]
    pub fn cover(&self, token: &TokenIdentity, now: Wall) -> bool {
        let in_force = |until: Option<Wall>| until.is_none_or(|until| now < until);
        let named =
            |jti: &Option<String>| jti.as_ref().and_then(|jti| self.tokens.get(jti)).copied().is_some_and(in_force);
        let of_subject = self.subjects.get(&token.sub).is_some_and(|span| {
            // A token says whole seconds: one of the same second counts as minted before.
            in_force(span.until) && token.minted.is_none_or(|minted| minted.unix_secs() <= span.since.unix_secs())
        });
        of_subject || named(&token.jti) || named(&token.origin_jti)
    }
}

impl Claims {
    /// Who the token is for revocation.
    #[must_use]
    pub fn identity(&self) -> TokenIdentity {
        TokenIdentity {
            jti: self.jti.clone(),
            origin_jti: self.origin_jti.clone(),
            sub: self.sub.clone(),
            minted: self.line_began(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall::from_unix_secs(1_000);

    fn token(jti: &str, sub: &str, iat: u64) -> Claims {
        let iat = Some(Wall::from_unix_secs(iat));
        Claims { jti: Some(jti.to_owned()), iat, ..Claims::new(sub, Wall::from_unix_secs(9_000)) }
    }

    #[test]
    fn a_token_is_revoked_with_all_that_were_renewed_from_it_until_the_time() {
        let mut revoked = Revoked::default();
        revoked.add_token("a", Some(Wall::from_unix_secs(2_000)));
        let renewed = Claims { origin_jti: Some("a".to_owned()), ..token("b", "alice", 900) };
        for claims in [token("a", "alice", 900), renewed] {
            assert!(revoked.cover(&claims.identity(), NOW));
            assert!(!revoked.cover(&claims.identity(), Wall::from_unix_secs(2_000)));
        }
        assert!(!revoked.cover(&token("b", "alice", 900).identity(), NOW));
        assert!(!revoked.cover(&Claims::new("a", NOW).identity(), NOW));
    }

    #[test]
    fn of_a_subject_those_minted_until_then_are_revoked_and_those_that_do_not_say() {
        let mut revoked = Revoked::default();
        revoked.add_subject("alice", Wall::from_unix_millis(1_000_500), None);
        let later_renewed =
            Claims { origin_jti: Some("b".to_owned()), auth_time: Some(NOW), ..token("c", "alice", 1_500) };
        // What others mean by `auth_time` is no line of ours.
        let foreign = Claims { auth_time: Some(NOW), ..token("d", "alice", 1_500) };
        for (claims, expected) in [
            (token("a", "alice", 1_000), true),
            (token("b", "alice", 1_001), false),
            (later_renewed, true),
            (foreign, false),
            (Claims::new("alice", NOW), true),
            (token("a", "bob", 900), false),
        ] {
            assert_eq!(revoked.cover(&claims.identity(), NOW), expected, "{claims:?}");
        }
    }
}
