use std::time::Duration;

use sangam_types::Wall;

use super::Claims;

/// Why a good token is not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalRefusal {
    /// Nobody could revoke what came of it, or its age is not known.
    #[error("the token lacks the claim {claim}, without which none is renewed")]
    MissingClaim {
        /// Which.
        claim: &'static str,
    },
    /// The line of tokens would live longer than may be.
    #[error("the first token of this line was minted too long ago: sign in again")]
    TooOld,
}

impl RenewalRefusal {
    /// One stable word, for a metric's label and an API's `code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingClaim { .. } => "token_not_renewable",
            Self::TooOld => "token_too_old",
        }
    }
}

impl Claims {
    /// When the first token of its line was minted; of a token that was not renewed, when it was itself.
    #[must_use]
    pub fn line_began(&self) -> Option<Wall> {
        self.origin_jti.as_ref().and(self.auth_time).or(self.iat)
    }

    /// The claims of the token that follows this one: another name and times, all else alike. It lasts as long as this one
    /// did, but no longer than `age_max` after the first of the line was minted.
    ///
    /// # Errors
    ///
    /// It does not name itself or its age, or no token of the line may last longer than this one.
    pub fn renewed(&self, jti: String, now: Wall, age_max: Duration) -> Result<Self, RenewalRefusal> {
        let missing = |claim| RenewalRefusal::MissingClaim { claim };
        let name = self.jti.as_ref().ok_or(missing("jti"))?;
        let iat = self.iat.ok_or(missing("iat"))?;
        let first = self.line_began().unwrap_or(iat);
        let lifetime = Duration::from_millis(self.exp.unix_millis().saturating_sub(iat.unix_millis()));
        let last = first + age_max;
        if last <= now || last.unix_secs() <= self.exp.unix_secs() {
            return Err(RenewalRefusal::TooOld);
        }
        let exp = (now + lifetime).min(last).max(self.exp);
        Ok(Self {
            exp,
            iat: Some(now),
            jti: Some(jti),
            origin_jti: Some(self.origin_jti.as_ref().unwrap_or(name).clone()),
            auth_time: Some(first),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(secs: u64) -> Wall {
        Wall::from_unix_secs(1_700_000_000 + secs)
    }

    fn minted() -> Claims {
        Claims {
            iat: Some(at(0)),
            jti: Some("first".to_owned()),
            room: Some("r".to_owned()),
            ..Claims::new("alice", at(3_600))
        }
    }

    #[test]
    fn a_renewed_token_lasts_as_long_again_and_names_the_first_of_its_line() {
        let second = minted().renewed("second".to_owned(), at(3_000), DAY).unwrap();
        assert_eq!((second.exp, second.iat, second.jti.as_deref()), (at(6_600), Some(at(3_000)), Some("second")));
        let third = second.renewed("third".to_owned(), at(6_000), DAY).unwrap();
        assert_eq!(third.exp, at(9_600));
        for claims in [second, third] {
            assert_eq!((claims.origin_jti.as_deref(), claims.auth_time), (Some("first"), Some(at(0))));
            assert_eq!((claims.sub.as_str(), claims.room.as_deref()), ("alice", Some("r")));
        }
    }

    #[test]
    fn no_line_of_tokens_is_older_than_it_may_be() {
        let age_max = Duration::from_secs(5_000);
        let second = minted().renewed("second".to_owned(), at(3_000), age_max).unwrap();
        assert_eq!(second.exp, at(5_000));
        assert_eq!(second.renewed("third".to_owned(), at(4_000), age_max), Err(RenewalRefusal::TooOld));
        assert_eq!(minted().renewed("x".to_owned(), at(3_000), Duration::ZERO), Err(RenewalRefusal::TooOld));
    }

    #[test]
    fn a_token_that_nobody_could_revoke_or_that_has_no_age_is_not_renewed() {
        for (claims, claim) in [(Claims { jti: None, ..minted() }, "jti"), (Claims { iat: None, ..minted() }, "iat")] {
            let refused = claims.renewed("x".to_owned(), at(1), DAY);
            assert_eq!(refused, Err(RenewalRefusal::MissingClaim { claim }));
        }
    }
}
