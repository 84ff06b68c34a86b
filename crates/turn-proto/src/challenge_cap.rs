use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::fast::FixedState;
use sangam_types::Mono;

/// Counts challenges per second and source network in a table of fixed size: a flood with forged addresses is not
/// amplified beyond the limit towards any one network, and costs no memory. Networks that share a place share its
/// count, which the generous default makes harmless.
#[derive(Debug)]
pub(crate) struct ChallengeCap {
    hasher: FixedState,
    places: Box<[Place; PLACES]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    second: u32,
    count: u32,
}

/// 8 bytes each: 8 KiB.
const PLACES: usize = 1_024;

impl ChallengeCap {
    pub(crate) fn new(hasher: FixedState) -> Self {
        Self { hasher, places: Box::new([Place::default(); PLACES]) }
    }

    /// Counts one challenge to this source; `false` if it would be one too many in this second.
    pub(crate) fn admit(&mut self, source: IpAddr, per_second: u32, now: Mono) -> bool {
        if source.is_loopback() {
            return true;
        }
        let network = match source {
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
            IpAddr::V6(v6) => (v6.to_bits() >> 72) as u64 | 1 << 63,
        };
        let place = &mut self.places[self.hasher.hash_one(network) as usize % PLACES];
        // Seconds since the start; wraps after 136 years.
        let second = now.since_start().as_secs() as u32;
        if place.second != second {
            *place = Place { second, count: 0 };
        }
        place.count = place.count.saturating_add(1);
        place.count <= per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_limit_holds_for_a_network_within_a_second_and_not_for_loopback() {
        let mut cap = ChallengeCap::new(FixedState::with_seed(7));
        let neighbours = [IpAddr::from([203, 0, 113, 1]), IpAddr::from([203, 0, 113, 2])];
        assert!(neighbours.iter().all(|&source| cap.admit(source, 2, Mono::ZERO)));
        assert!(!cap.admit(neighbours[0], 2, Mono::ZERO));
        assert!(cap.admit(neighbours[0], 2, Mono::ZERO + Duration::from_secs(1)));
        assert!((0..9).all(|_| cap.admit(IpAddr::from([127, 0, 0, 1]), 2, Mono::ZERO)));
    }
}
