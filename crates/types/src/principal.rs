use std::fmt;

/// The customer whose data something is. Always `default` for now; it stands in every key from the
/// first day so that a second tenant needs no migration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(String);

impl Default for Tenant {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// By a signed token.
    Token,
    /// By a time-limited or long-term TURN credential.
    TurnUser,
    /// By a socket that registered an agent id with the signaling server.
    Agent,
    /// By nothing but a trusted loopback connection.
    Loopback,
}

/// Everything authenticated becomes one of these; quotas, audit and rate limits use nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    /// Whose.
    pub tenant: Tenant,
    /// Proved how.
    pub kind: PrincipalKind,
    /// The name inside tenant and kind: a token's `sub`, a TURN user name without its expiry, an agent id.
    pub id: String,
}
