use std::time::Duration;

/// Longest wait that is ever answered, whatever the parameters say.
const WAIT_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// From this attempt on the range stays as it is.
const ATTEMPTS_GROWING: u32 = 10;

/// How long to wait before something is tried again: the one algorithm that TR-369 uses for WebSocket sessions (R-WS.19),
/// session contexts (R-E2E.10) and notifications (R-NOT.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The least wait of the first attempt. Default 5 s.
    pub minimum: Duration,
    /// By how much the range grows with each attempt, in thousandths. Default 2000: it doubles.
    pub multiplier_thousandths: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { minimum: Duration::from_secs(5), multiplier_thousandths: 2_000 }
    }
}

impl Retry {
    /// Shortest and longest wait before attempt `attempt`, the first of which is 1. From the tenth on they stay.
    #[must_use]
    pub fn range(&self, attempt: u32) -> (Duration, Duration) {
        let factor = f64::from(self.multiplier_thousandths) / 1_000.0;
        let from = i32::try_from(attempt.clamp(1, ATTEMPTS_GROWING)).unwrap_or(1) - 1;
        let at = |power: i32| {
            let seconds = self.minimum.as_secs_f64() * factor.powi(power);
            Duration::try_from_secs_f64(seconds).unwrap_or(WAIT_MAX).min(WAIT_MAX)
        };
        let (one, other) = (at(from), at(from + 1));
        (one.min(other), one.max(other))
    }

    /// A wait within [`Retry::range`].
    #[must_use]
    pub fn wait(&self, attempt: u32, jitter: &mut Jitter) -> Duration {
        let (least, most) = self.range(attempt);
        least + jitter.within(most.saturating_sub(least))
    }
}

/// Spreads waits. Not for secrets: whoever knows the seed knows all of it.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// From a seed that its driver picked at random.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (SplitMix64).
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A duration from zero to `most`.
    pub fn within(&mut self, most: Duration) -> Duration {
        let thousandths = u32::try_from(self.next_u64() % 1_001).unwrap_or(0);
        most / 1_000 * thousandths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_table() {
        let retry = Retry::default();
        let table = [(1, 5, 10), (2, 10, 20), (5, 80, 160), (9, 1_280, 2_560), (10, 2_560, 5_120), (99, 2_560, 5_120)];
        for (attempt, least, most) in table {
            assert_eq!(retry.range(attempt), (Duration::from_secs(least), Duration::from_secs(most)), "{attempt}");
        }
        assert_eq!(retry.range(0), retry.range(1));
    }

    #[test]
    fn waits_lie_within_their_range_whatever_the_parameters() {
        let mut jitter = Jitter::new(7);
        for (minimum, multiplier_thousandths) in [(5, 2_000), (0, 0), (65_535, 65_535), (5, 500)] {
            let retry = Retry { minimum: Duration::from_secs(minimum), multiplier_thousandths };
            for attempt in 0..40 {
                let (least, most) = retry.range(attempt);
                let wait = retry.wait(attempt, &mut jitter);
                assert!(least <= wait && wait <= most && most <= WAIT_MAX, "{retry:?} {attempt} {wait:?}");
            }
        }
    }
}
