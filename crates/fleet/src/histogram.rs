use std::time::Duration;

use serde::Serialize;

/// How many of each duration there were, to 1.6 %, in fixed memory.
///
/// A bucket is one of 64 equal parts of a power of two of microseconds:
///
/// ```text
/// microseconds   0 … 63  64 … 127  128,129 … 254,255   256..260 …
/// bucket         0 … 63  64 … 127  128     … 191       192      …
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: Duration,
}

/// Of a power of two.
const PARTS: u64 = 64;
/// Powers of two above the first 64 microseconds: up to 2^37 µs, a day and a half.
const POWERS: u64 = 31;
const BUCKETS: usize = (PARTS * (POWERS + 1)) as usize;

/// Percentiles of durations, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are as short or shorter.
    pub p50_ms: f64,
    /// Nine in ten are.
    pub p90_ms: f64,
    /// 99 in 100 are.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get_mut(bucket_of(micros)) {
            *bucket += 1;
        }
        self.count += 1;
        self.max = self.max.max(duration);
    }

    /// Counts all of another.
    pub fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(count, more)| *count += more);
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// By nearest rank. `None` of nothing.
    #[must_use]
    pub fn percentiles(&self) -> Option<Percentiles> {
        let max_ms = milliseconds(self.max);
        let at = |percent| self.at(percent).map(|duration| milliseconds(duration).min(max_ms));
        Some(Percentiles { p50_ms: at(50)?, p90_ms: at(90)?, p99_ms: at(99)?, max_ms })
    }

    fn at(&self, percent: u64) -> Option<Duration> {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(Duration::from_micros(upper_end(bucket as u64)))
    }
}

fn bucket_of(micros: u64) -> usize {
    let power = (micros / PARTS).checked_ilog2().map_or(0, |log| u64::from(log) + 1);
    let part = if power == 0 { micros } else { (micros >> (power - 1)) - PARTS };
    usize::try_from(power * PARTS + part).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The longest duration that a bucket counts, in microseconds.
fn upper_end(bucket: u64) -> u64 {
    let (power, part) = (bucket / PARTS, bucket % PARTS);
    if power == 0 { part } else { ((PARTS + part + 1) << (power - 1)) - 1 }
}

/// Rounded to a microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_a_bucket_that_ends_at_most_a_64th_above_it() {
        for micros in (0..5_000).chain((1..36).map(|power| (1 << power) + 17)) {
            let bucket = bucket_of(micros);
            let end = upper_end(bucket as u64);
            assert!(end >= micros && end - micros <= micros / 64, "{micros} is in {bucket}, which ends at {end}");
            assert!(bucket_of(end) == bucket && bucket_of(end + 1) == bucket + 1, "{micros}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), None);
        for ms in 1..=100 {
            histogram.record(Duration::from_millis(ms));
        }
        let found = histogram.percentiles().unwrap();
        for (value, exact) in [(found.p50_ms, 50.0), (found.p90_ms, 90.0), (found.p99_ms, 99.0), (found.max_ms, 100.0)]
        {
            assert!(value >= exact && value <= exact * 1.016, "{value} for {exact}");
        }
        assert_eq!(histogram.count(), 100);
        let mut both = Histogram::default();
        both.record(Duration::from_millis(100));
        both.add(&histogram);
        assert_eq!((both.count(), both.percentiles().unwrap().max_ms), (101, 100.0));
    }
}
