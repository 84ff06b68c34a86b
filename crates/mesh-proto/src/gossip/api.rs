use bytes::Bytes;
use sangam_types::{Mono, Wall};

use super::MessageId;
use crate::channel::Incoming;
use crate::{LinkId, PeerId, Profile};

/// One message of a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Binary, else text.
    pub binary: bool,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A link is open.
    Up {
        /// Which.
        link: LinkId,
        /// With whom.
        peer: PeerId,
        /// What it speaks.
        profile: Profile,
        /// The largest frame it takes.
        frame_bytes_max: usize,
    },
    /// A link is gone; what waited for it is dropped.
    Down {
        /// Which.
        link: LinkId,
    },
    /// A message of the link's data channel came, whatever it is: what is not of topics comes out as [`Output::Other`].
    Frame {
        /// On which link.
        link: LinkId,
        /// It.
        frame: Frame,
    },
    /// The link's queue has so much room, in bytes. Until the first time it is taken to be [`Options::room_at_first`](super::Options).
    Room {
        /// Which.
        link: LinkId,
        /// How much.
        bytes: usize,
    },
    /// We want to hear of a topic.
    Subscribe {
        /// Its name.
        topic: String,
    },
    /// We want no more.
    Unsubscribe {
        /// Its name.
        topic: String,
    },
    /// A deadline has come.
    Timeout,
}

/// A message for the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its topic.
    pub topic: String,
    /// Who published it, as it says.
    pub origin: PeerId,
    /// Its id.
    pub id: MessageId,
    /// Links it came over, from 1.
    pub hops: u8,
    /// What it says: JSON towards original nodes.
    pub payload: Bytes,
    /// When it was published, by the origin's clock.
    pub published: Wall,
    /// Whether the origin's signature is there and right. Else anybody on the way may have written it.
    pub proven: bool,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A frame for a link. It is in the link's queue then, its bytes are taken from the room.
    Send {
        /// Which.
        link: LinkId,
        /// It.
        frame: Frame,
    },
    /// A message for us.
    Deliver(Delivery),
    /// Something came that is not of topics: a hello, a relayed signal, a message of an agent or of an original node. Whole:
    /// chunks are put together.
    Other {
        /// On which link.
        link: LinkId,
        /// It.
        incoming: Incoming,
    },
    /// Something a peer sent was refused.
    Refused {
        /// On which link.
        link: LinkId,
        /// Why.
        why: RefuseReason,
    },
    /// Drained; to be called again at that time at the latest, or with the next input.
    Wait(Option<Mono>),
}

/// Why something a peer sent was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefuseReason {
    /// It could not be read.
    Malformed,
    /// It is larger than a message may be.
    TooLarge,
    /// Too much of too many messages is still coming in.
    TooManyPartial,
    /// It has come too far.
    TooManyHops,
    /// More topics than one peer may name.
    TooManyTopics,
    /// Its signature is wrong.
    Signature,
    /// Nobody asked for it: ids beyond what may be told, frames before a hello.
    Unasked,
    /// It is older than ids are remembered for: it may have been delivered.
    Stale,
}

impl RefuseReason {
    /// The word for it in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::TooManyPartial => "too_many_partial",
            Self::TooManyHops => "too_many_hops",
            Self::TooManyTopics => "too_many_topics",
            Self::Signature => "signature",
            Self::Unasked => "unasked",
            Self::Stale => "stale",
        }
    }
}

/// Why a message was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It is too large.
    #[error("a message has at most {max} bytes")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// The topic's name is empty, longer than 255 bytes, or holds control characters.
    #[error("a topic has 1 to 255 bytes without control characters")]
    Topic,
}

/// Why a frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no such link.
    #[error("the link is gone")]
    NoLink,
    /// Too much waits for the link.
    #[error("too much waits for the link")]
    Full,
    /// It is too large for the peer.
    #[error("the peer takes at most {max} bytes")]
    TooLarge {
        /// The bound.
        max: usize,
    },
}

/// What there is of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicStats {
    /// Its name.
    pub topic: String,
    /// Peers that want it.
    pub peers: usize,
    /// Ids remembered of it.
    pub seen: usize,
}

/// Figures since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Published by us.
    pub published: u64,
    /// Given to the application.
    pub delivered: u64,
    /// Came again.
    pub duplicates: u64,
    /// Passed on.
    pub forwarded: u64,
    /// Asked for by id, and got.
    pub recovered: u64,
    /// Bytes kept for those who missed them.
    pub cached_bytes: usize,
    /// Messages that did not fit a link's queue: told by id instead.
    pub held_back: u64,
    /// Told of, asked for several times, and never got.
    pub lost: u64,
    /// Left out towards original nodes: no JSON, or larger than they take.
    pub unsuited: u64,
    /// Refused: malformed, too large, forged.
    pub refused: u64,
    /// Bytes of frames handed to links.
    pub sent_bytes: u64,
    /// Of these, what nodes need to tell each other for messages to come: ids, hellos, topics.
    pub sent_control_bytes: u64,
    /// Of these, what is not of topics.
    pub sent_other_bytes: u64,
    /// Bytes of messages that are still coming in.
    pub partial_bytes: usize,
    /// Ids remembered.
    pub seen: usize,
    /// Ids that were told of, are missing, and asked for.
    pub wanted: usize,
    /// Bytes that wait for links.
    pub waiting_bytes: usize,
}
