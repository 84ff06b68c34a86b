use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sangam_types::Mono;

use crate::bucket::{Bucket, Filling};

/// How fast sockets or sessions may begin, over all clients: a token bucket. [`Admission`](crate::Admission) bounds how many
/// there are, [`Pace`](crate::Pace) what one of them sends.
#[derive(Debug)]
pub struct OpeningRate {
    filling: Filling,
    bucket: Mutex<Bucket>,
}

impl OpeningRate {
    /// So many each second for long, and `burst` at once. Both are at least one.
    #[must_use]
    pub fn new(per_sec: u32, burst: u32) -> Self {
        let filling = Filling::new(per_sec, burst);
        Self { filling, bucket: Mutex::new(filling.full(Mono::ZERO)) }
    }

    /// Takes one token; false if there is none.
    pub fn take(&self, now: Mono) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        self.filling.take(&mut bucket, now).is_ok()
    }
}

/// When somebody who was not admitted may come back: a whole number of seconds from 1 to `max`, drawn anew each time, so
/// that a storm does not come back as one. For `Retry-After` (RFC 9110 §10.2.3).
#[must_use]
pub fn retry_after(max: Duration) -> Duration {
    Duration::from_secs(rand::random_range(1..=max.as_secs().max(1)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_burst_of_openings_passes_and_then_the_rate_holds() {
        let rate = OpeningRate::new(2, 3);
        let taken = (0..9).filter(|_| rate.take(Mono::ZERO)).count();
        assert_eq!(taken, 3);
        assert!(!rate.take(Mono::ZERO + Duration::from_millis(400)));
        assert!(rate.take(Mono::ZERO + Duration::from_millis(500)));
    }

    #[test]
    fn who_is_to_come_back_is_told_to_within_the_time() {
        let told: BTreeSet<Duration> = (0..200).map(|_| retry_after(Duration::from_secs(5))).collect();
        assert!(told.iter().all(|wait| (1..=5).contains(&wait.as_secs()) && wait.subsec_nanos() == 0));
        assert!(told.len() > 1, "not everybody comes back at once");
        assert_eq!(retry_after(Duration::ZERO), Duration::from_secs(1));
    }
}
