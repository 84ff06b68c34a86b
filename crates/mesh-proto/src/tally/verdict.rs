use std::time::Duration;

/// How a figure stands against the thresholds of Synapse-NG's production guide. The worse, the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// To be looked at.
    Warning,
    /// To be mended.
    Critical,
}

impl Verdict {
    /// Success: above 90 % good, from 70 to 90 % warning, below 70 % critical.
    #[must_use]
    pub fn of_success_percent(percent: f64) -> Self {
        if percent > 90.0 {
            Self::Good
        } else if percent >= 70.0 {
            Self::Warning
        } else {
            Self::Critical
        }
    }

    /// Failures: below 10 % good, from 10 to 30 % warning, above 30 % critical.
    #[must_use]
    pub fn of_failed_percent(percent: f64) -> Self {
        if percent < 10.0 {
            Self::Good
        } else if percent <= 30.0 {
            Self::Warning
        } else {
            Self::Critical
        }
    }

    /// Average connect time: below 2 s good, from 2 to 5 s warning, above 5 s critical.
    #[must_use]
    pub fn of_connect_time(average: Duration) -> Self {
        if average < Duration::from_secs(2) {
            Self::Good
        } else if average <= Duration::from_secs(5) {
            Self::Warning
        } else {
            Self::Critical
        }
    }

    /// The word for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
