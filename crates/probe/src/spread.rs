use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// How a number of durations spread, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The shortest.
    pub min_ms: f64,
    /// Half are shorter.
    pub median_ms: f64,
    /// 99 in 100 are as short or shorter.
    pub p99_ms: f64,
}

impl Spread {
    /// By nearest rank. `None` of nothing.
    #[must_use]
    pub fn of(mut durations: Vec<Duration>) -> Option<Self> {
        durations.sort_unstable();
        let at = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100).max(1);
            durations.get(rank - 1).map(|duration| milliseconds(*duration))
        };
        Some(Self { min_ms: at(0)?, median_ms: at(50)?, p99_ms: at(99)? })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "min {:.2} ms, median {:.2} ms, p99 {:.2} ms", self.min_ms, self.median_ms, self.p99_ms)
    }
}

/// Rounded to a microsecond, which is more than any of it means.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_nearest() {
        let spread = Spread::of((1..=200).rev().map(Duration::from_millis).collect()).unwrap();
        assert_eq!(spread, Spread { min_ms: 1.0, median_ms: 100.0, p99_ms: 198.0 });
        let one = Spread::of(vec![Duration::from_micros(1_500)]).unwrap();
        assert_eq!(one, Spread { min_ms: 1.5, median_ms: 1.5, p99_ms: 1.5 });
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
