use std::ops::Add;

use serde_json::{Value, json};

/// Who began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// We offered.
    Outbound,
    /// We answered.
    Inbound,
}

/// Attempts to link, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Begun.
    pub attempted: u64,
    /// Ended with an open data channel.
    pub established: u64,
    /// Ended by a fault.
    pub failed: u64,
    /// Ended by something ordinary: given up for another, or closed.
    pub abandoned: u64,
}

impl Attempts {
    /// Not ended yet.
    #[must_use]
    pub fn in_progress(&self) -> u64 {
        self.attempted.saturating_sub(self.established + self.failed + self.abandoned)
    }

    /// The share that was established of those that were established or failed, from 0 to 100.
    #[must_use]
    pub fn success_percent(&self) -> Option<f64> {
        percent(self.established, self.established + self.failed)
    }

    /// The share that failed of those, from 0 to 100.
    #[must_use]
    pub fn failed_percent(&self) -> Option<f64> {
        percent(self.failed, self.established + self.failed)
    }

    pub(super) fn to_json(self) -> Value {
        json!({
            "attempted": self.attempted,
            "established": self.established,
            "failed": self.failed,
            "abandoned": self.abandoned,
            "in_progress": self.in_progress(),
            "success_rate_percent": super::percent_or_zero(self.success_percent()),
        })
    }
}

impl Add for Attempts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            attempted: self.attempted + other.attempted,
            established: self.established + other.established,
            failed: self.failed + other.failed,
            abandoned: self.abandoned + other.abandoned,
        }
    }
}

/// `part` of `all` in percent; nothing of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of links fit 53 bits")]
pub(super) fn percent(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 * 100.0 / all as f64)
}
