//! How many bytes pass: of each allocation, and of all together.

use std::num::NonZeroU64;
use std::sync::Arc;

use sangam_types::Mono;

use crate::api::DropReason;
use crate::options::Limits;
use crate::rate::Meter;
use crate::shared_counts::SharedCounts;
use crate::stats::Stats;

/// Which way a payload goes. The two are metered apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToPeer,
    ToClient,
}

/// What one allocation has let pass, each way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Meters([Meter; 2]);

/// The rates in force, and what this server holds of the bytes that all servers of the process may relay.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    /// One look tells a packet that nothing is limited.
    is_limited: bool,
    per_allocation: Option<NonZeroU64>,
    of_all: Option<NonZeroU64>,
    leases: [Lease; 2],
    shared: Arc<SharedCounts>,
}

/// Bytes taken out of what is shared and not yet relayed.
#[derive(Clone, Copy, Debug, Default)]
struct Lease {
    bytes: u64,
    /// Nobody is asked again before.
    refused_until: Mono,
}

/// A lease is this part of a second of the rate. So many are held idle at most as there are servers: they come on top of
/// what the rate lets pass in a burst.
const LEASES_PER_SECOND: u64 = 50;

impl Bandwidth {
    pub(crate) fn new(limits: &Limits, shared: Arc<SharedCounts>) -> Self {
        let mut bandwidth =
            Self { is_limited: false, per_allocation: None, of_all: None, leases: [Lease::default(); 2], shared };
        bandwidth.replace_limits(limits);
        bandwidth
    }

    pub(crate) fn replace_limits(&mut self, limits: &Limits) {
        let Limits { allocation_bytes_per_second: per_allocation, bytes_per_second: of_all, .. } = *limits;
        if self.of_all != of_all {
            self.leases = [Lease::default(); 2];
        }
        (self.per_allocation, self.of_all) = (per_allocation, of_all);
        self.is_limited = per_allocation.is_some() || of_all.is_some();
    }

    /// Lets a payload pass, or says whose rate it exceeds. What one limit stops is not charged to the other.
    pub(crate) fn admit(
        &mut self,
        direction: Direction,
        meters: &mut Meters,
        now: Mono,
        payload_len: usize,
        stats: &mut Stats,
    ) -> Result<(), DropReason> {
        if !self.is_limited {
            return Ok(());
        }
        let bytes = payload_len as u64;
        let meter = &mut meters.0[direction as usize];
        let after = match self.per_allocation {
            None => *meter,
            Some(rate) => meter.after(now, bytes, rate).ok_or_else(|| {
                stats.bytes_over_allocation_rate += bytes;
                DropReason::AllocationRate
            })?,
        };
        if let Some(rate) = self.of_all
            && !self.spend(direction, now, bytes, rate)
        {
            stats.bytes_over_server_rate += bytes;
            return Err(DropReason::ServerRate);
        }
        *meter = after;
        Ok(())
    }

    fn spend(&mut self, direction: Direction, now: Mono, bytes: u64, rate: NonZeroU64) -> bool {
        let lease = &mut self.leases[direction as usize];
        if lease.bytes < bytes {
            if now < lease.refused_until {
                return false;
            }
            let shared = match direction {
                Direction::ToPeer => &self.shared.sent,
                Direction::ToClient => &self.shared.received,
            };
            let asked = bytes.max(rate.get() / LEASES_PER_SECOND);
            if let Err(later) = shared.take(now, asked, rate) {
                lease.refused_until = later;
                return false;
            }
            lease.bytes += asked;
        }
        lease.bytes -= bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn limits(per_allocation: u64, of_all: u64) -> Limits {
        Limits {
            allocation_bytes_per_second: NonZeroU64::new(per_allocation),
            bytes_per_second: NonZeroU64::new(of_all),
            ..Limits::default()
        }
    }

    /// So many servers that share one count.
    fn servers(count: usize, limits: &Limits) -> Vec<Bandwidth> {
        let shared = Arc::new(SharedCounts::new(1));
        (0..count).map(|_| Bandwidth::new(limits, Arc::clone(&shared))).collect()
    }

    fn pass(server: &mut Bandwidth, direction: Direction, now: Mono, len: usize) -> Result<(), DropReason> {
        server.admit(direction, &mut Meters::default(), now, len, &mut Stats::default())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn all_servers_together_relay_no_more_than_the_rate_one_second_of_it_and_a_lease_each(
            rate in 50_000_u64..500_000,
            packets in vec((0_usize..4, 0_u64..2_000, 1_usize..1_500), 1..800),
        ) {
            // Some 750,000 bytes a second are offered.
            let mut servers = servers(4, &limits(0, rate));
            let (mut now, mut passed) = (Mono::ZERO, Vec::new());
            for (server, pause_micros, len) in packets {
                now = now + Duration::from_micros(pause_micros);
                if pass(&mut servers[server], Direction::ToPeer, now, len).is_ok() {
                    passed.push((now, len as u64));
                }
            }
            // What a server holds is less than a lease and the datagram that it asked for.
            let held = 4 * (rate / LEASES_PER_SECOND + 1_500);
            for (first, (begin, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (end, len) in &passed[first..] {
                    sum += len;
                    let window = end.saturating_since(*begin) + Duration::from_secs(1);
                    prop_assert!(u128::from(sum - sum.min(held)) * 1_000_000_000 <= u128::from(rate) * window.as_nanos());
                }
            }
        }

        #[test]
        fn four_servers_that_relay_nine_tenths_of_the_rate_together_lose_nothing(
            rate in 1_000_000_u64..100_000_000,
            packets in vec((0_usize..4, 1_usize..1_500), 1..600),
        ) {
            let mut servers = servers(4, &limits(0, rate));
            let mut sent = 0_u128;
            for (server, len) in packets {
                let now = Mono::from_start(Duration::from_nanos((sent * 10_000_000_000 / (9 * u128::from(rate))) as u64));
                prop_assert_eq!(pass(&mut servers[server], Direction::ToClient, now, len), Ok(()));
                sent += len as u128;
            }
        }
    }

    #[test]
    fn the_two_directions_are_metered_apart() {
        let mut server = servers(1, &limits(0, 1_000)).remove(0);
        assert_eq!(pass(&mut server, Direction::ToPeer, Mono::ZERO, 1_000), Ok(()));
        assert_eq!(pass(&mut server, Direction::ToPeer, Mono::ZERO, 1_000), Err(DropReason::ServerRate));
        assert_eq!(pass(&mut server, Direction::ToClient, Mono::ZERO, 1_000), Ok(()));
    }

    #[test]
    fn what_the_server_stops_is_not_charged_to_the_allocation() {
        let mut server = servers(1, &limits(1_000, 1_000)).remove(0);
        let (mut busy, mut idle) = (Meters::default(), Meters::default());
        let (mut stats, half) = (Stats::default(), Mono::from_start(Duration::from_millis(500)));
        let mut admit = |meters: &mut Meters, now, len| server.admit(Direction::ToPeer, meters, now, len, &mut stats);
        assert_eq!(admit(&mut busy, Mono::ZERO, 900), Ok(()));
        assert_eq!(admit(&mut idle, Mono::ZERO, 900), Err(DropReason::ServerRate));
        assert_eq!(admit(&mut busy, Mono::ZERO, 200), Err(DropReason::AllocationRate));
        assert_eq!(admit(&mut idle, half, 600), Err(DropReason::ServerRate), "which has not asked again");
        assert_eq!(admit(&mut idle, Mono::from_start(Duration::from_millis(900)), 900), Ok(()));
        assert_eq!((stats.bytes_over_allocation_rate, stats.bytes_over_server_rate), (200, 1_500));
    }
}
