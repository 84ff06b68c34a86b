use std::time::Duration;

use sangam_mesh_proto::gossip::{Stats, TopicStats};
use sangam_mesh_proto::{LinkId, LinkState, PeerId, Profile, SelectedPair};

/// ICE's state in the words of the W3C's API, which the originals' endpoints use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    /// Nothing to check yet.
    New,
    /// Pairs are being checked.
    Checking,
    /// A pair works.
    Connected,
    /// A pair works and nothing better is looked for.
    Completed,
    /// The pair fell silent.
    Disconnected,
    /// Over.
    Closed,
}

impl IceState {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Checking => "checking",
            Self::Connected => "connected",
            Self::Completed => "completed",
            Self::Disconnected => "disconnected",
            Self::Closed => "closed",
        }
    }
}

/// A link as it is now.
#[derive(Clone, Debug)]
pub struct LinkView {
    /// Which.
    pub link: LinkId,
    /// With whom.
    pub peer: PeerId,
    /// What the peer is.
    pub profile: Profile,
    /// How it is.
    pub state: LinkState,
    /// How its ICE is.
    pub ice: IceState,
    /// Whether its data channel is open.
    pub channel_open: bool,
    /// What carries it.
    pub pair: Option<SelectedPair>,
    /// How long it has been open.
    pub open_for: Option<Duration>,
    /// How long it took from the first attempt's beginning to the open channel.
    pub connect_time: Option<Duration>,
    /// Bytes of messages sent and received.
    pub bytes: (u64, u64),
    /// Messages sent and received.
    pub messages: (u64, u64),
    /// Times it was interrupted.
    pub interruptions: u32,
}

/// Who a node is.
#[derive(Clone, Debug)]
pub struct NodeView {
    /// Its id.
    pub id: PeerId,
    /// Where its HTTP API is reached, as it tells others; `None` if it knows no address others could use.
    pub url: Option<String>,
    /// Channels it takes part in; `global` is among them.
    pub channels: Vec<String>,
}

/// What its topics are.
#[derive(Clone, Debug)]
pub struct TopicsView {
    /// Those it wants to hear of.
    pub topics: Vec<TopicStats>,
    /// Figures over all of them.
    pub stats: Stats,
}
