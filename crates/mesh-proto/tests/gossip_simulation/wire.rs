use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use sangam_types::Mono;

/// One direction of a link: a data channel, ordered and reliable. A lost frame comes late, and all behind it.
pub(crate) struct Wire {
    delay: Duration,
    bytes_per_sec: u64,
    /// When the last byte that was handed over has left.
    free_at: Mono,
    /// When the last frame arrives: nothing overtakes.
    last_arrival: Mono,
    /// What has not left yet: when it does, bytes.
    queued: VecDeque<(Mono, usize)>,
    queued_bytes: usize,
}

/// How long until a lost frame is sent again.
const RETRANSMISSION: Duration = Duration::from_millis(200);

impl Wire {
    pub(crate) fn new(rng: &mut StdRng, now: Mono, delay: Option<Duration>) -> Self {
        let (delay, bytes_per_sec) = match delay {
            Some(delay) => (delay, 100_000_000),
            None => (Duration::from_millis(rng.random_range(1..80)), rng.random_range(100_000..4_000_000)),
        };
        Self { delay, bytes_per_sec, free_at: now, last_arrival: now, queued: VecDeque::new(), queued_bytes: 0 }
    }

    /// Takes a frame; when it has left and when it arrives.
    pub(crate) fn send(&mut self, rng: &mut StdRng, now: Mono, bytes: usize, lost: f64) -> (Mono, Mono) {
        let takes = Duration::from_nanos(bytes as u64 * 1_000_000_000 / self.bytes_per_sec);
        self.free_at = self.free_at.max(now) + takes;
        let mut arrival = self.free_at + self.delay;
        while rng.random_bool(lost) {
            arrival = arrival + RETRANSMISSION;
        }
        self.last_arrival = self.last_arrival.max(arrival);
        self.queued.push_back((self.free_at, bytes));
        self.queued_bytes += bytes;
        (self.free_at, self.last_arrival)
    }

    /// Bytes that have not left.
    pub(crate) fn queued_bytes(&mut self, now: Mono) -> usize {
        while let Some((_, bytes)) = self.queued.pop_front_if(|(at, _)| *at <= now) {
            self.queued_bytes -= bytes;
        }
        self.queued_bytes
    }
}
