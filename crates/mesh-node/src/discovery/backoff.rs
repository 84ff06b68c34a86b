use std::time::Duration;

use rand::RngExt as _;

/// Pauses between attempts: doubled each time up to a bound, each spread over half to one and a half of itself.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, failures: 0 }
    }

    /// It worked: the next pause is the first again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait now.
    pub(super) fn fail(&mut self) -> Duration {
        let pause = self.first.saturating_mul(1 << self.failures.min(16)).min(self.max);
        self.failures = self.failures.saturating_add(1);
        pause.mul_f64(rand::rng().random_range(0.5..1.5)).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        for exact in [200, 400, 800, 1_600] {
            let pause = backoff.fail().as_millis();
            assert!((exact / 2..=exact * 3 / 2).contains(&pause), "{pause} for {exact}");
        }
        for _ in 0..100 {
            assert!(backoff.fail() <= Duration::from_secs(10));
        }
        backoff.reset();
        assert!(backoff.fail() <= Duration::from_millis(300));
    }
}
