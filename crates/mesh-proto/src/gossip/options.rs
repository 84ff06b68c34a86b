use std::time::Duration;

/// How far messages go, and what is kept of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Links that a message is sent on at once; the others are told its id.
    pub fan_out: usize,
    /// Hops of a message at most.
    pub hops_max: u8,
    /// How long a message's id is remembered, so that it is delivered once.
    pub seen_time: Duration,
    /// Ids remembered at most.
    pub seen_max: usize,
    /// How long a message is kept for those who missed it.
    pub cache_time: Duration,
    /// Bytes of messages kept at most.
    pub cache_bytes_max: usize,
    /// How long after a message came its id is told to links that it was not sent on, at most: ids of that time go together,
    /// and by the tree it should have come everywhere meanwhile.
    pub tell_after: Duration,
    /// How old a message is at most of which we heard by its id, for the link that told it to become a branch of the tree.
    pub graft_time: Duration,
    /// The largest message, in bytes.
    pub message_bytes_max: usize,
    /// The largest frame, at least 1024 bytes: what is larger goes in chunks. Peers that take less said so in their description.
    pub frame_bytes_max: usize,
    /// Bytes of messages that are still coming in, in all; of one link half of that, or one message if that is more.
    pub partial_bytes_max: usize,
    /// How long the next chunk is waited for.
    pub partial_time: Duration,
    /// Bytes that wait for one link; beyond, a message is told by its id only, and fetched when there is room.
    pub waiting_bytes_max: usize,
    /// Topics of this node at most, and of one peer.
    pub topics_max: usize,
    /// Ids named in one I_HAVE or I_WANT, and asked of one link at a time; four times as many may be told ahead.
    pub ids_max: usize,
    /// How long a message that was asked for is waited for, while nothing comes, before another holder is asked. What fits
    /// a frame is waited for an eighth of that at first, then twice as long each time, up to twice that.
    pub want_time: Duration,
    /// Room of a link's queue until the driver tells it, in bytes.
    pub room_at_first: usize,
    /// Whether messages without their origin's signature are refused. What original nodes say has none: it is delivered
    /// where it comes in, and goes no further.
    pub signature_required: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fan_out: 12,
            hops_max: 32,
            seen_time: Duration::from_secs(300),
            seen_max: 100_000,
            cache_time: Duration::from_secs(120),
            cache_bytes_max: 16 << 20,
            tell_after: Duration::from_millis(500),
            graft_time: Duration::from_secs(4),
            message_bytes_max: 4 << 20,
            frame_bytes_max: 16 << 10,
            partial_bytes_max: 16 << 20,
            partial_time: Duration::from_secs(30),
            waiting_bytes_max: 1 << 20,
            topics_max: 1024,
            ids_max: 512,
            want_time: Duration::from_secs(4),
            room_at_first: 64 << 10,
            signature_required: false,
        }
    }
}
