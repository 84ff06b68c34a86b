use std::time::Duration;

/// Limits and times of the core. Every bound has its [`crate::DropReason`], [`crate::Refusal`] or
/// [`crate::CloseReason`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Silence after which a socket is pinged.
    pub ping_interval: Duration,
    /// How long a pinged socket may stay silent before it is closed.
    pub ping_timeout: Duration,
    /// How long the holder of an id has to answer the ping that a claim from elsewhere causes.
    pub claim_timeout: Duration,
    /// How long an id stays its owner's after its socket left.
    pub grace: Duration,
    /// Ids remembered for their grace period; past it an id that leaves is free at once.
    pub graces_max: usize,
    /// Ids (held or claimed) of one socket.
    pub ids_per_socket_max: usize,
    /// Participants that one participant may have signaled to while both are there.
    pub peers_max: usize,
    /// Messages held back for one ordered pair of participants.
    pub held_len_max: usize,
    /// Bytes held back for one ordered pair of participants.
    pub held_bytes_max: usize,
    /// Bytes held back in the room: the pairs' bounds multiply, this one does not.
    pub held_total_bytes_max: usize,
    /// How long candidates wait for the description they belong to.
    pub hold_time: Duration,
    /// How long an offer waits for one that may be on its way in the other direction. Zero turns waiting off.
    pub glare_window: Duration,
    /// How long an unanswered offer keeps one in the other direction out.
    pub glare_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Under the 30 s after which common NATs and proxies forget an idle connection.
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            claim_timeout: Duration::from_secs(2),
            grace: Duration::from_secs(10),
            graces_max: 65_536,
            ids_per_socket_max: 8,
            peers_max: 1_024,
            held_len_max: 64,
            held_bytes_max: 128 * 1_024,
            held_total_bytes_max: 64 * 1_024 * 1_024,
            hold_time: Duration::from_secs(10),
            glare_window: Duration::from_millis(100),
            glare_timeout: Duration::from_secs(10),
        }
    }
}
