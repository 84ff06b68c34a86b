//! What a token allows on the admin API.

use std::fmt;

/// One word of a token's `scope` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Scrape `/metrics`.
    MetricsRead,
    /// Read everything of the admin API, `/ready` in detail and `/metrics`.
    AdminRead,
    /// Change things through the admin API; includes [`Scope::AdminRead`].
    AdminWrite,
}

impl Scope {
    /// All there are, from least to most.
    pub const ALL: [Self; 3] = [Self::MetricsRead, Self::AdminRead, Self::AdminWrite];

    /// As written in a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MetricsRead => "metrics:read",
            Self::AdminRead => "admin:read",
            Self::AdminWrite => "admin:write",
        }
    }

    /// This scope and the ones it includes, as bits.
    const fn bits(self) -> u8 {
        match self {
            Self::MetricsRead => 0b001,
            Self::AdminRead => 0b011,
            Self::AdminWrite => 0b111,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No scope of ours has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no scope: use metrics:read, admin:read or admin:write")]
pub struct UnknownScope {
    /// What was written.
    pub word: String,
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(u8);

impl ScopeSet {
    /// Reads words separated by spaces (RFC 8693 §4.2), for whoever mints.
    ///
    /// # Errors
    ///
    /// The first word that is no scope.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        text.split_ascii_whitespace().map(scope).collect()
    }

    /// Reads words separated by spaces and leaves out those that are no scope of ours: a token may carry
    /// other people's.
    #[must_use]
    pub fn parse_known(text: &str) -> Self {
        text.split_ascii_whitespace().filter_map(|word| scope(word).ok()).collect()
    }

    /// Whether the set has `scope` or one that includes it.
    #[must_use]
    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & scope.bits() == scope.bits()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bits()))
    }
}

fn scope(word: &str) -> Result<Scope, UnknownScope> {
    Scope::ALL.into_iter().find(|scope| scope.as_str() == word).ok_or_else(|| UnknownScope { word: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_allows_itself_and_what_it_includes() {
        for (text, expected) in [
            ("", [false, false, false]),
            ("metrics:read", [true, false, false]),
            ("admin:read", [true, true, false]),
            ("admin:write", [true, true, true]),
            ("  metrics:read \t openid admin:read ", [true, true, false]),
            ("Admin:Write admin:* admin", [false, false, false]),
        ] {
            let set = ScopeSet::parse_known(text);
            assert_eq!(Scope::ALL.map(|scope| set.allows(scope)), expected, "{text:?}");
        }
    }

    #[test]
    fn whoever_mints_is_told_of_a_word_that_is_no_scope() {
        assert_eq!(ScopeSet::parse("admin:read metrics"), Err(UnknownScope { word: "metrics".into() }));
        assert_eq!(ScopeSet::parse("admin:read"), Ok(ScopeSet::from_iter([Scope::AdminRead])));
    }
}
