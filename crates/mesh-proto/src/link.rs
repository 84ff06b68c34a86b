use std::net::SocketAddr;
use std::time::Duration;

/// One peer connection of ours, from its first description to its end. Never used twice in a process; an ICE restart
/// keeps it, a new DTLS session has a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// How a link is, as the WebRTC stack tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Made; candidates are being checked.
    Connecting,
    /// The data channel is open: messages pass.
    Open,
    /// Nothing has been heard for some seconds (consent, RFC 7675); it may come back by itself.
    Interrupted,
    /// Over. The connection is gone.
    Closed(Failure),
}

impl LinkState {
    /// The word for it in our own JSON and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Interrupted => "interrupted",
            Self::Closed(_) => "closed",
        }
    }

    /// The word that `RTCPeerConnection.connectionState` has for it (W3C WebRTC, `RTCPeerConnectionState`), which originals use.
    #[must_use]
    pub fn connection_state(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "connected",
            Self::Interrupted => "disconnected",
            Self::Closed(why) if why.is_fault() => "failed",
            Self::Closed(_) => "closed",
        }
    }
}

/// Why there is no link, or no longer: the reason shown in metrics, bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// No answer came to our offer.
    NoAnswer,
    /// Descriptions were exchanged, but no pair of candidates worked.
    NoPath,
    /// A path was found, the DTLS or SCTP handshake did not end.
    Handshake,
    /// It was open; the peer fell silent and did not come back.
    Silence,
    /// The peer closed it.
    ClosedByPeer,
    /// We closed it: too many links, the application, or the node stops.
    ClosedByUs,
    /// A newer link with the same peer took its place.
    Replaced,
    /// A description could not be understood or made.
    Description,
    /// The peer did not prove who it is, or is not on the list of those who may.
    Identity,
    /// No route carries signals to the peer.
    Unreachable,
}

impl Failure {
    /// Every one of them, for metrics.
    pub const ALL: [Self; 10] = [
        Self::NoAnswer,
        Self::NoPath,
        Self::Handshake,
        Self::Silence,
        Self::ClosedByPeer,
        Self::ClosedByUs,
        Self::Replaced,
        Self::Description,
        Self::Identity,
        Self::Unreachable,
    ];

    /// The word for it in metrics, logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::NoPath => "no_path",
            Self::Handshake => "handshake",
            Self::Silence => "silence",
            Self::ClosedByPeer => "closed_by_peer",
            Self::ClosedByUs => "closed_by_us",
            Self::Replaced => "replaced",
            Self::Description => "description",
            Self::Identity => "identity",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether it counts as a failure of the link rather than its ordinary end.
    #[must_use]
    pub fn is_fault(self) -> bool {
        !matches!(self, Self::ClosedByPeer | Self::ClosedByUs | Self::Replaced)
    }
}

/// Where a candidate's address comes from (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateKind {
    /// An interface of the host.
    Host,
    /// As a STUN server saw us.
    ServerReflexive,
    /// As the peer saw us.
    PeerReflexive,
    /// On a relay.
    Relayed,
}

impl CandidateKind {
    /// The word of SDP's `typ`: `host`, `srflx`, `prflx`, `relay`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }
}

/// What a path runs over, on our side: for a relayed one the leg to the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathProtocol {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl PathProtocol {
    /// The word for it in metrics, logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// The pair of candidates that carries a link now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedPair {
    /// Our candidate's kind.
    pub local_kind: CandidateKind,
    /// Our candidate's address.
    pub local: SocketAddr,
    /// The peer's candidate's kind, as far as we know it.
    pub remote_kind: CandidateKind,
    /// The peer's candidate's address.
    pub remote: SocketAddr,
    /// What our side of it runs over.
    pub protocol: PathProtocol,
    /// The last measured round trip.
    pub round_trip: Option<Duration>,
}

impl SelectedPair {
    /// Whether a relay is on the way, at either end.
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        self.local_kind == CandidateKind::Relayed || self.remote_kind == CandidateKind::Relayed
    }
}
