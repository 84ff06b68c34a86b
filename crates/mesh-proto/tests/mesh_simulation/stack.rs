//! Peer connections as they are between two hosts: two ends fit or they do not.

use std::sync::Arc;
use std::time::Duration;

use sangam_mesh_proto::{Description, DescriptionKind};

/// What one end says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) fingerprint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PcState {
    Connecting,
    Open,
    Interrupted,
}

/// Where a peer connection stands: node, the node's life, its number there.
pub(crate) type Place = (usize, u32, u64);

#[derive(Clone, Debug)]
pub(crate) struct Pc {
    pub(crate) local: Credentials,
    pub(crate) remote: Option<Credentials>,
    /// An ICE restart that was offered, not answered.
    pub(crate) offered: Option<Credentials>,
    pub(crate) state: PcState,
    pub(crate) candidates: usize,
    /// The other end of the DTLS session: for ever.
    pub(crate) partner: Option<Place>,
    pub(crate) heard_at: Duration,
    pub(crate) fits: u32,
}

impl Pc {
    pub(crate) fn new(local: Credentials, remote: Option<Credentials>, now: Duration) -> Self {
        let state = PcState::Connecting;
        Self { local, remote, offered: None, state, candidates: 0, partner: None, heard_at: now, fits: 0 }
    }
}

pub(crate) fn write(kind: DescriptionKind, credentials: &Credentials) -> Description {
    let head = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
    let Credentials { ufrag, fingerprint } = credentials;
    let sdp = format!("{head}a=ice-ufrag:{ufrag}\r\na=fingerprint:sha-256 {fingerprint}\r\n");
    Description { kind, sdp: Arc::from(sdp) }
}

pub(crate) fn read(description: &Description) -> Credentials {
    let value = |name: &str| description.sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    Credentials { ufrag: value("a=ice-ufrag:"), fingerprint: value("a=fingerprint:sha-256 ") }
}
