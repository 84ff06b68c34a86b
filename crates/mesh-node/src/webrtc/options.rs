use std::time::Duration;

/// How links behave, and how much one may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOptions {
    /// Links at once.
    pub links_max: usize,
    /// The largest message we take, told to the peer as `a=max-message-size` (RFC 8841 §6), and the largest we send even if
    /// the peer takes more. Bytes.
    pub message_bytes_max: usize,
    /// Bytes handed over and not yet acknowledged by the peer, however short the way is.
    pub window_bytes_min: usize,
    /// The same, however long the way is.
    pub window_bytes_max: usize,
    /// The rate that the window is made for, bytes per second: the window is what is on the way at this rate within one round
    /// trip, within the two bounds above. The work per packet grows with what is on the way, so more than needed costs.
    pub window_rate: usize,
    /// How often a path that works is checked.
    pub check_interval: Duration,
    /// The pause before an unanswered check is repeated for the first time; it doubles up to `check_interval`.
    pub check_pause: Duration,
    /// Unanswered checks after which a path is given up.
    pub checks_max: usize,
    /// The pause before a packet that waits for an answer is said again for the first time: a check of a path that the peer was
    /// heard on, a flight of the DTLS handshake, what opens the SCTP association or a channel. 1 ms to a minute.
    pub repeat_pause: Duration,
    /// That pause doubles up to this, and packets with messages are said again each time after this.
    pub repeat_pause_max: Duration,
    /// How often such a packet is said again. A flight is besides said again by the DTLS stack, less and less often for 40 s.
    pub repeats_max: usize,
    /// Without an answer on the path in use for this long, a link is told to be interrupted (consent, RFC 7675 §5.1).
    pub consent: Duration,
    /// How long a link that we close may take to say goodbye.
    pub goodbye: Duration,
    /// Bytes of a peer's description.
    pub description_bytes_max: usize,
    /// Candidates of the peer, per link.
    pub candidates_max: usize,
    /// Pairs of addresses a link may use.
    pub paths_max: usize,
    /// Datagrams of the peer's DTLS handshake kept until our own check of a path has been answered: it sends its first as
    /// soon as its check has, and may say it again only after a second.
    pub early_records_max: usize,
    /// Data channels a peer may open on one link.
    pub channels_max: usize,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            links_max: 1024,
            message_bytes_max: 256 * 1024,
            window_bytes_min: 64 * 1024,
            window_bytes_max: 1024 * 1024,
            window_rate: 16 * 1024 * 1024,
            check_interval: Duration::from_millis(1500),
            // A first check that comes before the peer's own has opened its NAT is lost: the next must not be long.
            check_pause: Duration::from_millis(50),
            checks_max: 8,
            repeat_pause: Duration::from_millis(150),
            repeat_pause_max: Duration::from_millis(400),
            repeats_max: 9,
            consent: Duration::from_millis(4000),
            goodbye: Duration::from_secs(2),
            description_bytes_max: 64 * 1024,
            candidates_max: 64,
            paths_max: 256,
            early_records_max: 8,
            channels_max: 8,
        }
    }
}
