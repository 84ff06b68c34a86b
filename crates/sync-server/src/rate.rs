use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use sangam_sync_proto::Name;
use sangam_types::{Mono, Principal};

use crate::access::Caller;

/// How many requests may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// In the long run.
    pub(crate) per_sec: u32,
    /// At once.
    pub(crate) burst: u32,
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Requests at once.
    pub(crate) limit: u32,
    /// Requests that may still be made now.
    pub(crate) remaining: u32,
    /// Until all of them may be made again, whole seconds.
    pub(crate) reset_secs: u64,
    /// It may not be made: how long to wait, whole seconds from 1.
    pub(crate) wait_secs: Option<u64>,
}

/// Counts requests for each principal and device, and for each address of those who have shown no good token.
#[derive(Debug)]
pub(crate) struct Limiter {
    start: Instant,
    principals: Mutex<Table<(Principal, Option<Name>)>>,
    addresses: Mutex<Table<Source>>,
}

/// Entries of either table. A principal costs about 200 bytes. Who finds no place shares one bucket with all others who find none.
const ENTRIES_MAX: usize = 65_536;

/// How often a full table is searched for entries that are as good as none.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

impl Default for Limiter {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            principals: Mutex::new(Table::new(ENTRIES_MAX)),
            addresses: Mutex::new(Table::new(ENTRIES_MAX)),
        }
    }
}

impl Limiter {
    /// Counts a request of somebody who may call.
    pub(crate) fn of_caller(&self, caller: &Caller, address: IpAddr, rate: Rate) -> Verdict {
        // Without a token nobody proves to be anybody.
        if caller.until.is_none() {
            return self.of_address(address, rate);
        }
        let key = (caller.principal.clone(), caller.device.clone());
        self.principals.lock().unwrap_or_else(PoisonError::into_inner).take(key, self.now(), rate)
    }

    /// Counts a request of somebody who may not.
    pub(crate) fn of_address(&self, address: IpAddr, rate: Rate) -> Verdict {
        let key = Source::of(address);
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).take(key, self.now(), rate)
    }

    fn now(&self) -> Mono {
        Mono::from_start(self.start.elapsed())
    }
}

/// One IPv4 address, or one IPv6 /64, the least a customer is given (RFC 6177 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    V4(Ipv4Addr),
    V6Network([u16; 4]),
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6Network([a, b, c, d])
            }
        }
    }
}

#[derive(Debug)]
struct Table<K> {
    buckets: HashMap<K, Bucket>,
    /// Of all who find no place.
    shared: Bucket,
    entries_max: usize,
    swept_at: Option<Mono>,
}

impl<K: std::hash::Hash + Eq> Table<K> {
    fn new(entries_max: usize) -> Self {
        Self { buckets: HashMap::new(), shared: Bucket::default(), entries_max, swept_at: None }
    }

    fn take(&mut self, key: K, now: Mono, rate: Rate) -> Verdict {
        if let Some(bucket) = self.buckets.get_mut(&key) {
            return bucket.take(now, rate);
        }
        if self.buckets.len() >= self.entries_max {
            self.sweep(now);
        }
        if self.buckets.len() >= self.entries_max {
            return self.shared.take(now, rate);
        }
        self.buckets.entry(key).or_default().take(now, rate)
    }

    /// A bucket that is full again is the same as none.
    fn sweep(&mut self, now: Mono) {
        if self.swept_at.is_some_and(|at| now.saturating_since(at) < SWEEP_INTERVAL) {
            return;
        }
        self.swept_at = Some(now);
        self.buckets.retain(|_, bucket| bucket.full_at > now);
    }
}

/// A token bucket, told by the moment at which it will be full.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    full_at: Mono,
}

impl Bucket {
    fn take(&mut self, now: Mono, rate: Rate) -> Verdict {
        let burst = rate.burst.max(1);
        let step = Duration::from_nanos(1_000_000_000 / u64::from(rate.per_sec.clamp(1, 1_000_000_000)));
        let window = step.saturating_mul(burst);
        // After a reload with a smaller burst nobody waits longer than the new one takes.
        let missing = self.full_at.saturating_since(now).min(window);
        let with_this = missing.saturating_add(step);
        if with_this > window {
            self.full_at = now + missing;
            let wait = secs_rounded_up(with_this.saturating_sub(window)).max(1);
            let reset_secs = secs_rounded_up(missing);
            return Verdict { limit: burst, remaining: 0, reset_secs, wait_secs: Some(wait) };
        }
        self.full_at = now + with_this;
        let left = (window - with_this).as_nanos() / step.as_nanos().max(1);
        let remaining = u32::try_from(left).unwrap_or(u32::MAX);
        Verdict { limit: burst, remaining, reset_secs: secs_rounded_up(with_this), wait_secs: None }
    }
}

fn secs_rounded_up(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_sec: 2, burst: 3 };

    fn at(millis: u64) -> Mono {
        Mono::from_start(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds_for_ever() {
        let mut bucket = Bucket::default();
        let told: Vec<_> = (0..4).map(|_| bucket.take(at(0), RATE)).collect();
        let verdict = |remaining, reset_secs, wait_secs| Verdict { limit: 3, remaining, reset_secs, wait_secs };
        assert_eq!(told, [verdict(2, 1, None), verdict(1, 1, None), verdict(0, 2, None), verdict(0, 2, Some(1))]);
        // The original let one pass each minute from here on.
        let passed = (1..=20).filter(|second| bucket.take(at(second * 500), RATE).wait_secs.is_none()).count();
        assert_eq!(passed, 20);
        assert_eq!(bucket.take(at(60_000), RATE), verdict(2, 1, None));
    }

    #[test]
    fn who_waits_as_long_as_told_is_served() {
        let slow = Rate { per_sec: 1, burst: 1 };
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(at(0), slow).wait_secs, None);
        let wait = bucket.take(at(100), slow).wait_secs.unwrap();
        assert_eq!(bucket.take(at(100 + wait * 1_000), slow).wait_secs, None);
    }

    #[test]
    fn a_smaller_burst_after_a_reload_does_not_lock_anybody_out() {
        let mut bucket = Bucket::default();
        for _ in 0..1_000 {
            bucket.take(at(0), Rate { per_sec: 1, burst: 1_000 });
        }
        let wait = bucket.take(at(0), RATE).wait_secs.unwrap();
        assert!(wait <= 2, "{wait}");
    }

    #[test]
    fn a_full_table_lets_go_of_idle_ones_and_never_of_busy_ones() {
        let mut table = Table::new(2);
        for key in [1, 2] {
            for _ in 0..3 {
                table.take(key, at(0), RATE);
            }
        }
        let third = table.take(3, at(0), RATE);
        assert_eq!((third.wait_secs, table.buckets.len()), (None, 2), "served from the bucket that all others share");
        assert!(table.take(1, at(0), RATE).wait_secs.is_some(), "still counted");
        assert_eq!(table.take(3, at(3_000), RATE).remaining, 2);
        assert_eq!(table.buckets.len(), 1, "the idle ones are gone");
    }

    #[test]
    fn a_network_of_ipv6_addresses_is_one_client() {
        let of = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.2"), of("192.0.2.1"));
    }
}
