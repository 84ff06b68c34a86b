use std::time::Duration;

/// How much of what others say is kept. Sizes are bytes of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The whole document at most, without our own record.
    pub document_bytes_max: usize,
    /// One packet's payload at most.
    pub payload_bytes_max: usize,
    /// Nodes at most; the one longest not heard of makes room.
    pub nodes_max: usize,
    /// One node's record at most.
    pub node_bytes_max: usize,
    /// Channels of this node at most, `global` among them.
    pub channels_max: usize,
    /// Participants of one channel at most.
    pub participants_max: usize,
    /// Entries of one collection of one channel (tasks, proposals, …) at most.
    pub entries_max: usize,
    /// One entry at most.
    pub entry_bytes_max: usize,
    /// How far a time that somebody says may be ahead of our clock.
    pub clock_skew_max: Duration,
    /// A record not renewed for this long is not taken any more.
    pub node_time: Duration,
    /// How long others do not change what a node said of itself.
    pub first_hand_time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            document_bytes_max: 8 << 20,
            payload_bytes_max: 4 << 20,
            nodes_max: 4096,
            node_bytes_max: 4 << 10,
            channels_max: 64,
            participants_max: 4096,
            entries_max: 4096,
            entry_bytes_max: 64 << 10,
            clock_skew_max: Duration::from_secs(600),
            node_time: Duration::from_secs(7 * 86_400),
            first_hand_time: Duration::from_secs(300),
        }
    }
}
