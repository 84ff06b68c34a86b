/// What became of a connection request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The CPE will begin a session.
    Accepted,
    /// It did not believe us: name or password is wrong, or it wants what we cannot give.
    AuthenticationRefused,
    /// It takes no more requests for now (HTTP 503; `resource-constraint` of XMPP).
    Busy {
        /// Seconds it asked us to wait, if it did.
        retry_after_secs: Option<u32>,
    },
    /// No answer from it: nothing listens, nothing came in time, it is not logged in.
    Unreachable,
    /// It sent us elsewhere; that is never followed.
    Redirected,
    /// It, or a server between, has no such address: what we know of the CPE is old.
    NotFound,
    /// Another answer.
    Refused,
}

impl Verdict {
    /// One of a fixed set of words: a label for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AuthenticationRefused => "authentication_refused",
            Self::Busy { .. } => "busy",
            Self::Unreachable => "unreachable",
            Self::Redirected => "redirected",
            Self::NotFound => "not_found",
            Self::Refused => "refused",
        }
    }

    /// Whether the same request may fare better in a while.
    #[must_use]
    pub const fn is_worth_retrying(self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable)
    }
}
