use std::sync::Arc;

use crate::PeerId;

/// What two peers tell each other before there is a link, free of any wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An offer or an answer.
    Description(Description),
    /// One candidate by itself. Never to an original node: see [`crate::Profile::takes_candidates`].
    Candidate(Candidate),
    /// No more candidates follow for this session. `ufrag`: of which ICE generation, if that was said.
    EndOfCandidates {
        /// The ICE user fragment of the descriptions it belongs to.
        ufrag: Option<String>,
    },
}

/// Whether a description asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptionKind {
    /// It asks.
    Offer,
    /// It answers the other side's offer.
    Answer,
}

/// A session description as it travels: its text holds our own attribute (`a=sangam-mesh`) if one of us wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Offer or answer.
    pub kind: DescriptionKind,
    /// The SDP, lines ended by CR LF.
    pub sdp: Arc<str>,
}

/// A candidate by itself (trickle ICE, RFC 8838).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `candidate:…` as in SDP, without `a=`.
    pub line: String,
    /// The media section by its name, as the sender wrote it.
    pub mid: Option<String>,
    /// The media section by its number, as the sender wrote it.
    pub line_index: Option<u16>,
    /// The ICE user fragment it belongs to, if the sender said so.
    pub ufrag: Option<String>,
}

/// The way a signal came, and may be answered on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// A rendezvous, by its place in the configuration.
    Rendezvous(u8),
    /// A JSON signaling server, by its place in the configuration.
    Signaling(u8),
    /// The peer's own HTTP API: `POST /p2p/signal/receive`.
    Http,
    /// Another peer, that passes it on.
    Peer(PeerId),
    /// The link itself, for a renewal while it lasts.
    Link,
}
