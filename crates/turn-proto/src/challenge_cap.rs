use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use sangam_types::Mono;

/// Counts challenges per second and source network in a table of fixed size: a flood with forged addresses is not
/// amplified beyond the limit towards any one network, and costs no memory. Networks that share a place share its
/// count, which the generous default makes harmless. Every server of the process counts here.
#[derive(Debug)]
pub(crate) struct ChallengeCap {
    hasher: FixedState,
    /// The second in the upper half, how many there were in it in the lower.
    places: Box<[AtomicU64; PLACES]>,
}

/// 8 bytes each: 8 KiB.
const PLACES: usize = 1_024;

impl ChallengeCap {
    pub(crate) fn new(hasher: FixedState) -> Self {
        Self { hasher, places: Box::new([const { AtomicU64::new(0) }; PLACES]) }
    }

    /// Counts one challenge to this source; `false` if it would be one too many in this second.
    pub(crate) fn admit(&self, source: IpAddr, per_second: u32, now: Mono) -> bool {
        if source.is_loopback() {
            return true;
        }
        let network = match source {
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
            IpAddr::V6(v6) => (v6.to_bits() >> 72) as u64 | 1 << 63,
        };
        let place = &self.places[self.hasher.hash_one(network) as usize % PLACES];
        // Seconds since the start; wraps after 136 years.
        let second = now.since_start().as_secs() as u32;
        let counted = |counted: u64| Some(count(counted, second));
        let before = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted).unwrap_or_else(|before| before);
        count(before, second) as u32 <= per_second
    }
}

/// A place's number after one more. Threads read the clock each by itself: one that is still in the second before counts
/// in the second that has begun.
fn count(counted: u64, second: u32) -> u64 {
    let counted_in = (counted >> 32) as u32;
    if counted_in < second {
        return u64::from(second) << 32 | 1;
    }
    if counted as u32 == u32::MAX { counted } else { counted + 1 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));

    fn cap() -> ChallengeCap {
        ChallengeCap::new(FixedState::with_seed(7))
    }

    #[test]
    fn the_limit_holds_for_a_network_within_a_second_and_not_for_loopback() {
        let cap = cap();
        let neighbours = [SOURCE, IpAddr::from([203, 0, 113, 2])];
        assert!(neighbours.iter().all(|&source| cap.admit(source, 2, Mono::ZERO)));
        assert!(!cap.admit(neighbours[0], 2, Mono::ZERO));
        assert!(cap.admit(neighbours[0], 2, Mono::ZERO + Duration::from_secs(1)));
        assert!((0..9).all(|_| cap.admit(IpAddr::from([127, 0, 0, 1]), 2, Mono::ZERO)));
    }

    #[test]
    fn threads_that_challenge_at_once_stay_within_the_limit_together() {
        let cap = cap();
        let admitted = || (0..1_000).filter(|_| cap.admit(SOURCE, 1_000, Mono::ZERO)).count();
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(admitted)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(total, 1_000);
    }

    #[test]
    fn a_thread_whose_clock_is_a_moment_behind_does_not_begin_the_last_second_anew() {
        let cap = cap();
        let next = Mono::ZERO + Duration::from_secs(1);
        assert!(cap.admit(SOURCE, 1, next));
        assert!(!cap.admit(SOURCE, 1, Mono::ZERO));
        assert!(!cap.admit(SOURCE, 1, next));
    }
}
