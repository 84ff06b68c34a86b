use sangam_mesh_proto::Failure;

/// Why there can be no links at all.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StartError {
    /// The DTLS certificate could not be made.
    #[error("no DTLS certificate could be made")]
    Certificate,
}

/// Why a link was not made, described or changed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LinkError {
    /// There is no link of this name.
    #[error("there is no such link")]
    Unknown,
    /// There is one already.
    #[error("the link exists already")]
    Exists,
    /// As many as there may be.
    #[error("there are as many links as there may be")]
    TooMany,
    /// The peer's description is larger than allowed.
    #[error("the description is larger than {0} bytes")]
    TooLarge(usize),
    /// The peer's description is not understood, or lacks what is needed.
    #[error("the description is not usable: {0}")]
    Description(String),
    /// An answer came without an offer of ours that waits for one.
    #[error("no offer waits for an answer")]
    NotOffered,
    /// The description is of another DTLS session: its certificate differs.
    #[error("the description belongs to another session")]
    OtherSession,
    /// The candidate cannot be read.
    #[error("the candidate is not usable")]
    Candidate,
    /// The candidate holds a name instead of an address.
    #[error("the candidate holds a name")]
    Name,
    /// The stack underneath failed; the link is over.
    #[error("the link failed: {0}")]
    Broken(String),
}

impl LinkError {
    /// The reason as links' ends are counted by.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::TooMany => Failure::ClosedByUs,
            Self::Broken(_) => Failure::Handshake,
            Self::Unknown
            | Self::Exists
            | Self::TooLarge(_)
            | Self::Description(_)
            | Self::NotOffered
            | Self::OtherSession
            | Self::Candidate
            | Self::Name => Failure::Description,
        }
    }
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SendError {
    /// As much is on the way as may be; [`super::LinkEvent::Room`] tells when there is room.
    #[error("as much is on the way as may be")]
    Full,
    /// The peer takes no message of this size.
    #[error("the message is larger than {0} bytes")]
    TooLarge(usize),
    /// It holds nothing; the stack sends no empty messages.
    #[error("the message is empty")]
    Empty,
    /// The link is not open, or no longer.
    #[error("the link is not open")]
    Closed,
}
