use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sangam_types::Mono;

use crate::bucket::{Bucket, Filling};
use crate::source::Source;

/// How often each client address (IPv6: one /64) may do something: a token bucket for each.
#[derive(Debug)]
pub struct AddressRates {
    filling: Filling,
    addresses_max: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    buckets: HashMap<Source, Bucket>,
    /// Of all who find no place of their own.
    shared: Option<Bucket>,
    swept_at: Option<Mono>,
}

/// How often a full table is searched for buckets that are full again.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

impl AddressRates {
    /// So many each second for long, and `burst` at once; both are at least one. Addresses beyond `addresses_max` share one
    /// bucket. One address costs about 100 bytes.
    #[must_use]
    pub fn new(per_sec: u32, burst: u32, addresses_max: usize) -> Self {
        Self { filling: Filling::new(per_sec, burst), addresses_max, table: Mutex::default() }
    }

    /// Takes one token of an address.
    ///
    /// # Errors
    /// How long to wait for the next, if there is none.
    pub fn take(&self, address: IpAddr, now: Mono) -> Result<(), Duration> {
        let source = Source::of(address);
        // Nothing panics while it is held.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.buckets.len() >= self.addresses_max && !table.buckets.contains_key(&source) {
            self.sweep(&mut table, now);
        }
        let new = self.filling.full(now);
        let has_place = table.buckets.len() < self.addresses_max || table.buckets.contains_key(&source);
        let bucket =
            if has_place { table.buckets.entry(source).or_insert(new) } else { table.shared.get_or_insert(new) };
        self.filling.take(bucket, now)
    }

    /// Forgets buckets that are as good as new.
    fn sweep(&self, table: &mut Table, now: Mono) {
        if table.swept_at.is_some_and(|at| now.saturating_since(at) < SWEEP_INTERVAL) {
            return;
        }
        table.swept_at = Some(now);
        table.buckets.retain(|_, bucket| !self.filling.is_full(bucket, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_a_burst_and_then_its_rate_and_others_have_their_own() {
        let rates = AddressRates::new(2, 3, 10);
        for _ in 0..3 {
            assert_eq!(rates.take(ip("192.0.2.1"), Mono::ZERO), Ok(()));
        }
        assert_eq!(rates.take(ip("192.0.2.1"), Mono::ZERO), Err(Duration::from_millis(500)));
        assert_eq!(rates.take(ip("192.0.2.2"), Mono::ZERO), Ok(()));
        assert_eq!(rates.take(ip("192.0.2.1"), Mono::ZERO + Duration::from_millis(500)), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_addresses_is_one_client() {
        let rates = AddressRates::new(1, 1, 10);
        assert_eq!(rates.take(ip("2001:db8:1:2::1"), Mono::ZERO), Ok(()));
        assert!(rates.take(ip("2001:db8:1:2:ffff::9"), Mono::ZERO).is_err());
        assert_eq!(rates.take(ip("2001:db8:1:3::1"), Mono::ZERO), Ok(()));
    }

    #[test]
    fn what_is_counted_is_bounded_and_those_beyond_share() {
        let rates = AddressRates::new(1, 1, 2);
        for last in 1..=2 {
            rates.take(IpAddr::from([192, 0, 2, last]), Mono::ZERO).unwrap();
        }
        assert_eq!(rates.take(ip("203.0.113.1"), Mono::ZERO), Ok(()));
        assert!(rates.take(ip("203.0.113.2"), Mono::ZERO).is_err());
        // Those of before are as good as new by now, and forgotten.
        let later = Mono::ZERO + Duration::from_secs(2);
        assert_eq!(rates.take(ip("203.0.113.2"), later), Ok(()));
        assert_eq!(rates.take(ip("203.0.113.3"), later), Ok(()));
    }
}
