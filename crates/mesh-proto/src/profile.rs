use std::time::Duration;

/// What a peer is, as far as it has shown: it decides how it is dialled and what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// One of us: its descriptions carry `a=sangam-mesh`, or its node record says so.
    Sangam,
    /// A Synapse-NG node (aiortc): whole descriptions only; replaces its connection with every offer that comes; never tries
    /// again by itself; answers within two of its polls.
    Synapse,
    /// An IF.swarm agent, or something that signals like one: takes candidates by themselves; keeps its one connection with
    /// a peer for ever, and dies of what it does not expect.
    Agent,
    /// Nothing is known yet.
    Unknown,
}

/// Who begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialling {
    /// Whoever has the smaller id, the other after a while.
    ByOrder,
    /// We do, at once: it does not find us, or never tries twice.
    Ours,
    /// It does; we only after this long.
    TheirsFor(Duration),
}

impl Profile {
    /// Whether it may be sent candidates by themselves. A Synapse-NG node loses a whole batch of signals over one.
    #[must_use]
    pub fn takes_candidates(self) -> bool {
        matches!(self, Self::Sangam | Self::Agent)
    }

    /// Whether a new DTLS session may be offered where an older one may be remembered. An agent answers it out of its
    /// old connection, which never works; with it only ICE is restarted.
    #[must_use]
    pub fn takes_new_sessions(self) -> bool {
        self != Self::Agent
    }

    /// The word for it in metrics, logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sangam => "sangam",
            Self::Synapse => "synapse",
            Self::Agent => "agent",
            Self::Unknown => "unknown",
        }
    }
}
