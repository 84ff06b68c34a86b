use serde::{Deserialize, Serialize};

/// What an end is told, one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Make a link with one ordered, reliable channel and describe it, every candidate in it.
    Offer { link: u64 },
    /// Answer one.
    Answer { link: u64, sdp: String },
    /// Take the answer.
    Accept { link: u64, sdp: String },
    /// Send messages of this size from now on, as fast as the link takes them.
    Send { link: u64, message_bytes: usize },
    /// Say how much was received.
    Count,
    /// End a link.
    Close { link: u64 },
}

/// What an end says, one line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub(crate) enum Said {
    /// Orders can be taken.
    Ready,
    /// A description: an offer or an answer.
    Described { link: u64, sdp: String },
    /// The channel of a link is open.
    Opened { link: u64 },
    /// Bytes of messages received on all links so far.
    Counted { bytes: u64 },
    /// A link was ended as ordered.
    Closed { link: u64 },
    /// A link ended that nobody ended.
    Lost { link: u64, why: String },
}
