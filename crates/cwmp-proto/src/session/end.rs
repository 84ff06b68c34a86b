/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// Both sides had nothing more to say.
    Done,
    /// We had more to ask, but a session has only so many requests of ours.
    AcsRequestsMax,
    /// The CPE made more requests than a session has room for.
    CpeRequestsMax,
    /// The CPE was silent for too long.
    Idle,
    /// It lasted for too long.
    Total,
    /// The connection was lost with a request on it: a CPE begins anew then.
    Disconnected,
    /// The CPE began another session: with an Inform in this one, or without its cookie.
    Superseded,
    /// The driver gave it up: shutting down, or the device is deleted.
    Abandoned,
    /// The first message was no Inform.
    NoInform,
    /// An Inform in this session named another device.
    IdentityChanged,
    /// The Inform names no possible device.
    BadIdentity,
    /// No version of CWMP that both sides speak.
    NoCommonVersion,
    /// A request came before the last had its reply.
    Overlap,
    /// A body that could not be read.
    Unreadable,
    /// An answer, and nothing was asked.
    UnexpectedAnswer,
    /// An answer to something else than was asked, by its name or its `ID`.
    WrongAnswer,
    /// Nothing, where an answer was due.
    MissingAnswer,
    /// What the CPE said could not be made durable.
    NotStored,
}

impl EndReason {
    /// Every reason there is: the bound of the label.
    pub const ALL: [Self; 18] = [
        Self::Done,
        Self::AcsRequestsMax,
        Self::CpeRequestsMax,
        Self::Idle,
        Self::Total,
        Self::Disconnected,
        Self::Superseded,
        Self::Abandoned,
        Self::NoInform,
        Self::IdentityChanged,
        Self::BadIdentity,
        Self::NoCommonVersion,
        Self::Overlap,
        Self::Unreadable,
        Self::UnexpectedAnswer,
        Self::WrongAnswer,
        Self::MissingAnswer,
        Self::NotStored,
    ];

    /// The label of its counter.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::AcsRequestsMax => "acs_requests_max",
            Self::CpeRequestsMax => "cpe_requests_max",
            Self::Idle => "idle",
            Self::Total => "total",
            Self::Disconnected => "disconnected",
            Self::Superseded => "superseded",
            Self::Abandoned => "abandoned",
            Self::NoInform => "no_inform",
            Self::IdentityChanged => "identity_changed",
            Self::BadIdentity => "bad_identity",
            Self::NoCommonVersion => "no_common_version",
            Self::Overlap => "overlap",
            Self::Unreadable => "unreadable",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::WrongAnswer => "wrong_answer",
            Self::MissingAnswer => "missing_answer",
            Self::NotStored => "not_stored",
        }
    }

    /// Whether the session went as it should.
    #[must_use]
    pub const fn is_regular(self) -> bool {
        matches!(self, Self::Done | Self::AcsRequestsMax)
    }
}
