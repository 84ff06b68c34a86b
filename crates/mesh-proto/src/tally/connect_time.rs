use std::time::Duration;

use serde_json::{Value, json};

use super::Verdict;

/// How long attempts took that succeeded: from their beginning to the open data channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectTime {
    /// How many took at most [`ConnectTime::BOUNDS`], each counted once; the last slot: longer than all.
    counts: [u64; 10],
    sum: Duration,
    longest: Duration,
}

impl ConnectTime {
    /// The upper bounds of the histogram's buckets. 2 s and 5 s part good, warning and critical.
    pub const BOUNDS: [Duration; 9] = [
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(3),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
    ];

    pub(super) fn add(&mut self, took: Duration) {
        let place = Self::BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(Self::BOUNDS.len());
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(took);
        self.longest = self.longest.max(took);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The mean, if there are any.
    #[must_use]
    pub fn average(&self) -> Option<Duration> {
        let count = u32::try_from(self.count()).unwrap_or(u32::MAX);
        self.sum.checked_div(count)
    }

    /// `histogram` counts as Prometheus does: each bucket holds all that took at most `le` seconds.
    pub(super) fn to_json(&self) -> Value {
        let bounds = Self::BOUNDS.iter().map(|bound| json!(bound.as_secs_f64())).chain([json!("+Inf")]);
        let mut below = 0;
        let buckets = bounds.zip(self.counts).map(|(bound, count)| {
            below += count;
            json!({ "le": bound, "count": below })
        });
        let histogram: Vec<Value> = buckets.collect();
        json!({
            "count": self.count(),
            "average_seconds": self.average().map(seconds),
            "max_seconds": (self.count() > 0).then(|| seconds(self.longest)),
            "histogram": histogram,
            "verdict": self.average().map(|average| Verdict::of_connect_time(average).as_str()),
        })
    }
}

/// Seconds, rounded to milliseconds.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
