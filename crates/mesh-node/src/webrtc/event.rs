use std::net::SocketAddr;
use std::time::Instant;

use sangam_mesh_proto::gossip::Frame;
use sangam_mesh_proto::{LinkId, LinkState, SelectedPair};

/// What to do next.
#[derive(Debug)]
pub enum LinksOutput {
    /// Send a packet.
    Transmit {
        /// By the socket or relayed address of this base.
        local: SocketAddr,
        /// To there.
        to: SocketAddr,
        /// It.
        bytes: Vec<u8>,
    },
    /// Something happened to a link.
    Event(LinkId, LinkEvent),
    /// Nothing, until a packet comes or this moment, if any.
    Wait(Option<Instant>),
}

/// What happened to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// It is so now. After `Closed` nothing more comes, and its name is forgotten.
    State(LinkState),
    /// A data channel is open. The newest one carries what we send.
    Opened {
        /// Its label, at most 256 bytes.
        label: String,
        /// The largest message that may be sent.
        message_bytes_max: usize,
    },
    /// A message came.
    Message(Frame),
    /// After [`super::SendError::Full`], or when what [`super::Links::room`] and the last word said is nearly used up: so many bytes
    /// may be sent.
    Room(usize),
    /// This pair carries the link from now on.
    Pair(SelectedPair),
    /// So many candidates with addresses were in the peer's description.
    RemoteCandidates(usize),
}

/// What one link has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkFigures {
    /// Payload sent, bytes.
    pub bytes_sent: u64,
    /// Payload received, bytes.
    pub bytes_received: u64,
    /// Messages sent.
    pub messages_sent: u64,
    /// Messages received.
    pub messages_received: u64,
    /// How often it was interrupted.
    pub interruptions: u64,
}

/// What happened to all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinksFigures {
    /// Links now.
    pub links: usize,
    /// Packets that belong to no link.
    pub packets_unknown: u64,
    /// Packets of a link that it could not take.
    pub packets_refused: u64,
    /// Candidates of peers beyond the bound, or that could not be read.
    pub candidates_refused: u64,
    /// Data channels beyond the bound.
    pub channels_refused: u64,
    /// Links that ended because the stack underneath could not go on.
    pub broken: u64,
}
