use std::time::Duration;

use sangam_types::Mono;

/// How fast one socket may send: a token bucket that lends, so that one large message is late rather than impossible.
#[derive(Debug)]
pub struct Pace {
    per_sec: f64,
    burst: f64,
    tokens: f64,
    filled_at: Mono,
}

impl Pace {
    /// A message costs one token for each started 4 KiB.
    const BYTES_PER_TOKEN: usize = 4 * 1_024;

    /// A pace of `per_sec` messages, and `burst` at once. Both are at least one.
    #[must_use]
    pub fn new(per_sec: u32, burst: u32, now: Mono) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_sec: f64::from(per_sec.max(1)), burst, tokens: burst, filled_at: now }
    }

    /// Pays for a message, and says until when to wait before the next is read.
    pub fn pay(&mut self, bytes: usize, now: Mono) -> Option<Mono> {
        let earned = now.saturating_since(self.filled_at).as_secs_f64() * self.per_sec;
        self.tokens = (self.tokens + earned).min(self.burst) - bytes.div_ceil(Self::BYTES_PER_TOKEN).max(1) as f64;
        self.filled_at = now;
        (self.tokens < 0.0).then(|| now + Duration::from_secs_f64(-self.tokens / self.per_sec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut pace = Pace::new(10, 5, Mono::ZERO);
        for _ in 0..5 {
            assert_eq!(pace.pay(1, Mono::ZERO), None);
        }
        assert_eq!(pace.pay(1, Mono::ZERO), Some(Mono::ZERO + SECOND / 10));
        assert_eq!(pace.pay(1, Mono::ZERO + SECOND), None);
    }

    #[test]
    fn a_large_message_costs_more() {
        let mut pace = Pace::new(1, 2, Mono::ZERO);
        assert_eq!(pace.pay(4 * 4_096, Mono::ZERO), Some(Mono::ZERO + 2 * SECOND));
    }
}
