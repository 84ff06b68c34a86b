use std::time::Duration;

use super::Payload;

/// Bounds and times of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskRules {
    /// Bytes of what a task needs.
    pub payload_bytes_max: usize,
    /// Bytes kept of what a device answers.
    pub report_bytes_max: usize,
    /// Of one device, tasks that are not over.
    pub per_device_max: usize,
    /// How often a task is sent that is safe to repeat or whose fault says that it may be tried again.
    pub attempts_max: u32,
    /// Before the second attempt; twice as long before each one after.
    pub backoff_first: Duration,
    /// The longest of these.
    pub backoff_max: Duration,
    /// How long a transfer is waited for.
    pub transfer_wait: Duration,
    /// How long a diagnostic is waited for.
    pub diagnostics_wait: Duration,
    /// How long an operation is waited for.
    pub operation_wait: Duration,
}

impl Default for TaskRules {
    /// 64 KiB, 256 KiB, 256 tasks, 5 attempts, 10 seconds to an hour, an hour, 10 minutes, an hour.
    fn default() -> Self {
        Self {
            payload_bytes_max: 64 << 10,
            report_bytes_max: 256 << 10,
            per_device_max: 256,
            attempts_max: 5,
            backoff_first: Duration::from_secs(10),
            backoff_max: Duration::from_secs(3_600),
            transfer_wait: Duration::from_secs(3_600),
            diagnostics_wait: Duration::from_secs(600),
            operation_wait: Duration::from_secs(3_600),
        }
    }
}

/// Why a task is not taken: a label of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NotTaken {
    /// Its device has as many that are not over as it may.
    #[error("the device has as many tasks as it may have")]
    TooMany,
    /// What it needs is too long.
    #[error("the task's payload is longer than it may be")]
    TooLong,
}

impl TaskRules {
    /// Whether a device that has `live` tasks may have one more, with this payload.
    ///
    /// # Errors
    ///
    /// It may not.
    pub fn take(&self, live: usize, payload: &Payload) -> Result<(), NotTaken> {
        if payload.bytes.len() > self.payload_bytes_max {
            return Err(NotTaken::TooLong);
        }
        if live >= self.per_device_max { Err(NotTaken::TooMany) } else { Ok(()) }
    }

    /// Milliseconds from a failed attempt to the next one; `attempts` is how many there were.
    pub(super) fn backoff_ms(&self, attempts: u32) -> u64 {
        let doubled = self.backoff_first.saturating_mul(1 << attempts.saturating_sub(1).min(30));
        millis(doubled.min(self.backoff_max))
    }
}

/// In milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_too_many_or_too_long_is_not_taken() {
        let rules = TaskRules { per_device_max: 2, payload_bytes_max: 3, ..TaskRules::default() };
        let payload = |len| Payload { bytes: vec![0; len].into(), ..Payload::default() };
        assert_eq!(rules.take(1, &payload(3)), Ok(()));
        assert_eq!(rules.take(2, &payload(3)), Err(NotTaken::TooMany));
        assert_eq!(rules.take(1, &payload(4)), Err(NotTaken::TooLong));
    }

    #[test]
    fn each_wait_is_twice_as_long_up_to_the_longest() {
        let rules = TaskRules::default();
        let waits = [1, 2, 3, 9, 10, u32::MAX].map(|attempts| rules.backoff_ms(attempts));
        assert_eq!(waits, [10_000, 20_000, 40_000, 2_560_000, 3_600_000, 3_600_000]);
    }
}
