/// Why somebody is not believed. Holds nothing that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No `Authorization` header: the way every first request comes.
    #[error("the request carries no credentials")]
    Missing,
    /// Longer than is read.
    #[error("the Authorization header is too long")]
    TooLong,
    /// Another scheme than Digest and Basic, or one that is not allowed here.
    #[error("the scheme of the Authorization header is not accepted here")]
    WrongScheme,
    /// Cannot be read, or lacks a field it must have.
    #[error("the Authorization header cannot be read")]
    Malformed,
    /// An algorithm that was not offered, or of which no key is held.
    #[error("the algorithm was not offered")]
    WrongAlgorithm,
    /// Another `qop` than `auth`.
    #[error("the quality of protection was not offered")]
    WrongQop,
    /// No `qop` (RFC 2069), where that is not allowed.
    #[error("the answer has no quality of protection")]
    WithoutQop,
    /// Made for another realm.
    #[error("the answer is for another realm")]
    WrongRealm,
    /// Made for another request.
    #[error("the answer is for another request target")]
    WrongUri,
    /// No credential of that name is held.
    #[error("nobody of that name is known")]
    UnknownUser,
    /// Does not fit the password.
    #[error("the answer does not fit the password")]
    WrongResponse,
    /// Right, but for a nonce that is too old, not ours, or no longer followed.
    #[error("the nonce is no longer valid")]
    StaleNonce,
    /// Right, but seen before.
    #[error("the nonce count has been seen before")]
    Replayed,
}

impl Refusal {
    /// Every reason there is: the bound of the label.
    pub const ALL: [Self; 13] = [
        Self::Missing,
        Self::TooLong,
        Self::WrongScheme,
        Self::Malformed,
        Self::WrongAlgorithm,
        Self::WrongQop,
        Self::WithoutQop,
        Self::WrongRealm,
        Self::WrongUri,
        Self::UnknownUser,
        Self::WrongResponse,
        Self::StaleNonce,
        Self::Replayed,
    ];

    /// The label of its counter.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too_long",
            Self::WrongScheme => "wrong_scheme",
            Self::Malformed => "malformed",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::WrongQop => "wrong_qop",
            Self::WithoutQop => "without_qop",
            Self::WrongRealm => "wrong_realm",
            Self::WrongUri => "wrong_uri",
            Self::UnknownUser => "unknown_user",
            Self::WrongResponse => "wrong_response",
            Self::StaleNonce => "stale_nonce",
            Self::Replayed => "replayed",
        }
    }

    /// Whether the client proved that it has the password, so that the next challenge says `stale=true` and it tries
    /// again by itself (RFC 7616 §3.3).
    #[must_use]
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::StaleNonce | Self::Replayed)
    }

    /// Whether it speaks of a wrong name or password: what counts towards a lock-out.
    #[must_use]
    pub const fn is_guess(self) -> bool {
        matches!(self, Self::UnknownUser | Self::WrongResponse)
    }
}
