use sangam_types::Wall;

use super::Use;

/// Why a token is refused. Holds nothing of the token but its times and nothing of any key, so that it may
/// be logged and shown to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// Not looked at.
    #[error("the token has {bytes} bytes, at most {max} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Not three parts of base64url with JSON inside.
    #[error("the token is not a well-formed JWT: {part} cannot be read")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// The header asks for something else than our keys do, `none` included.
    #[error("the token's alg is not that of its key")]
    WrongAlgorithm,
    /// The header demands an extension that must be understood (RFC 7515 §4.1.11).
    #[error("the token's header has a crit extension, and none is supported")]
    CriticalExtension,
    /// No key has that `kid`, or no key at all serves that use.
    #[error("no key of that kid serves {wanted} tokens here")]
    UnknownKey {
        /// What it was presented for.
        wanted: Use,
    },
    /// Its key serves something else.
    #[error("the token's key does not serve {wanted} tokens")]
    WrongUse {
        /// What it was presented for.
        wanted: Use,
    },
    /// Signed by somebody else, or changed since.
    #[error("the token's signature does not fit")]
    BadSignature,
    /// Its time is over.
    #[error("the token expired at {} s since 1970", .at.unix_secs())]
    Expired {
        /// When.
        at: Wall,
    },
    /// Its time has not come.
    #[error("the token is not valid before {} s since 1970", .from.unix_secs())]
    NotYetValid {
        /// From when on it is.
        from: Wall,
    },
    /// Meant for another server (RFC 7519 §4.1.3).
    #[error("the token's aud names another server")]
    WrongAudience,
    /// Taken back before its time.
    #[error("the token was revoked")]
    Revoked,
    /// A claim that must be there is not.
    #[error("the token lacks the claim {claim}")]
    MissingClaim {
        /// Which.
        claim: &'static str,
    },
}

impl TokenRefusal {
    /// One stable word, for a metric's label and an API's `code`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "token_too_long",
            Self::Malformed { .. } => "token_malformed",
            Self::WrongAlgorithm => "token_wrong_algorithm",
            Self::CriticalExtension => "token_critical_extension",
            Self::UnknownKey { .. } => "token_unknown_key",
            Self::WrongUse { .. } => "token_wrong_use",
            Self::BadSignature => "token_bad_signature",
            Self::Expired { .. } => "token_expired",
            Self::NotYetValid { .. } => "token_not_yet_valid",
            Self::WrongAudience => "token_wrong_audience",
            Self::Revoked => "token_revoked",
            Self::MissingClaim { .. } => "token_missing_claim",
        }
    }
}
