use bytes::Bytes;
use sangam_mesh_proto::gossip::{Delivery, MessageId, PublishError};
use sangam_mesh_proto::mesh::PeerView;
use sangam_mesh_proto::state::{Packet, PacketError};
use sangam_mesh_proto::{PeerId, Signal};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{LinkView, NodeView, TopicsView};

/// What became of a signal that was posted to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalOutcome {
    /// It was handled; an answer to an offer has left by now.
    Processed,
    /// It was of no use: late, or from somebody who may not.
    Dropped,
}

/// What became of a signal that the node was asked to pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayOutcome {
    /// It went over the link with the receiver.
    ByLink,
    /// It was posted to the receiver's HTTP API, which took it.
    ByHttp,
    /// Neither is there.
    Unreachable,
}

/// What became of a signed packet.
#[derive(Clone, Debug)]
pub enum GossipOutcome {
    /// It was merged: the signed packet of the same channel in return.
    Merged(Packet),
    /// Its channel is none of ours.
    Unsubscribed,
    /// It is not taken.
    Refused(PacketError),
}

/// A question to the task that owns the node. Each is answered soon; a dropped answer means that the node has stopped.
#[derive(Debug)]
pub enum Command {
    /// Who are you.
    Us(oneshot::Sender<NodeView>),
    /// Links, tried ones among them.
    Links(oneshot::Sender<Vec<LinkView>>),
    /// Peers, linked or not.
    Peers(oneshot::Sender<Vec<PeerView>>),
    /// The ICE metrics as `/webrtc/ice-metrics` shows them.
    IceMetrics(oneshot::Sender<Value>),
    /// Topics.
    Topics(oneshot::Sender<TopicsView>),
    /// The state document.
    State(oneshot::Sender<Value>),
    /// A signed packet came by HTTP.
    Gossip {
        /// It, unchecked.
        packet: Packet,
        /// The answer.
        reply: oneshot::Sender<GossipOutcome>,
    },
    /// A node says hello: it has this id at this URL.
    Handshake {
        /// Its id.
        peer: PeerId,
        /// Its URL.
        url: String,
        /// Up to ten URLs of nodes known here.
        reply: oneshot::Sender<Vec<String>>,
    },
    /// A signal came by HTTP.
    Signal {
        /// From whom, as it says.
        from: PeerId,
        /// It.
        signal: Signal,
        /// The answer.
        reply: oneshot::Sender<SignalOutcome>,
    },
    /// A signal came by HTTP that is for somebody else.
    Relay {
        /// From whom, as it says.
        from: PeerId,
        /// For whom.
        to: PeerId,
        /// It.
        signal: Signal,
        /// The answer.
        reply: oneshot::Sender<RelayOutcome>,
    },
    /// Publish a message.
    Publish {
        /// Its topic.
        topic: String,
        /// What it says.
        payload: Bytes,
        /// Its id.
        reply: oneshot::Sender<Result<MessageId, PublishError>>,
    },
    /// Hear of a topic, until the receiver is dropped. A receiver that is full loses messages; it can count them by nothing, so
    /// it should be read.
    Subscribe {
        /// Its name.
        topic: String,
        /// Where its messages go.
        to: mpsc::Sender<Delivery>,
        /// Told as soon as it holds: what comes from then on is heard.
        reply: oneshot::Sender<()>,
    },
    /// Send a signed message to an agent.
    SendIf {
        /// To whom; `*` is everybody linked.
        to: String,
        /// The message's own members: `payload`, `performative`, `conversation_id`, `level`, …
        message: Value,
        /// How many it was given to.
        reply: oneshot::Sender<usize>,
    },
    /// Seek a link with a peer.
    Dial(PeerId),
    /// End the link with a peer.
    Hang(PeerId),
    /// End at once and say goodbye to nobody, as a process that is killed: for simulations and tests.
    Vanish,
    /// Stop: links are closed with a goodbye, LAN and servers are told.
    Stop(oneshot::Sender<()>),
}
