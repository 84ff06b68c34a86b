use std::time::Duration;

use sangam_types::Mono;

/// A token bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    filled_at: Mono,
}

/// How fast buckets fill, and how much they hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling {
    per_sec: f64,
    burst: f64,
}

impl Filling {
    /// So many tokens each second, and `burst` at most. Both are at least one.
    pub(crate) fn new(per_sec: u32, burst: u32) -> Self {
        Self { per_sec: f64::from(per_sec.max(1)), burst: f64::from(burst.max(1)) }
    }

    pub(crate) fn full(self, now: Mono) -> Bucket {
        Bucket { tokens: self.burst, filled_at: now }
    }

    /// Whether it is as good as a new one.
    pub(crate) fn is_full(self, bucket: &Bucket, now: Mono) -> bool {
        self.tokens(bucket, now) >= self.burst
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long to wait for the next, if there is none.
    pub(crate) fn take(self, bucket: &mut Bucket, now: Mono) -> Result<(), Duration> {
        *bucket = Bucket { tokens: self.tokens(bucket, now), filled_at: bucket.filled_at.max(now) };
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_sec));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn tokens(self, bucket: &Bucket, now: Mono) -> f64 {
        let earned = now.saturating_since(bucket.filled_at).as_secs_f64() * self.per_sec;
        (bucket.tokens + earned).min(self.burst)
    }
}
