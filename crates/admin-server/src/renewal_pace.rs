use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sangam_types::Mono;

/// How many renewals an address asks for in a minute, an IPv6 address being its /64. More are refused until the minute
/// that began with the first has passed.
#[derive(Debug)]
pub(crate) struct RenewalPace {
    per_minute: u32,
    minutes: Mutex<HashMap<IpAddr, Minute>>,
}

#[derive(Clone, Copy, Debug)]
struct Minute {
    began: Mono,
    count: u32,
}

const MINUTE: Duration = Duration::from_secs(60);

/// Addresses that are counted at once; those beyond share one place.
const ADDRESSES_MAX: usize = 16_384;

impl RenewalPace {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, minutes: Mutex::default() }
    }

    /// Counts one; an error says how long to wait.
    pub(crate) fn count(&self, address: Option<IpAddr>, now: Mono) -> Result<(), Duration> {
        // Nothing panics while it is held.
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = address.map_or(SHARED, network);
        if minutes.len() >= ADDRESSES_MAX && !minutes.contains_key(&place) {
            minutes.retain(|_, minute| now.saturating_since(minute.began) < MINUTE);
            if minutes.len() >= ADDRESSES_MAX {
                place = SHARED;
            }
        }
        let minute = minutes.entry(place).or_insert(Minute { began: now, count: 0 });
        let passed = now.saturating_since(minute.began);
        if passed >= MINUTE {
            *minute = Minute { began: now, count: 0 };
        } else if minute.count >= self.per_minute {
            return Err(MINUTE.saturating_sub(passed));
        }
        minute.count += 1;
        Ok(())
    }
}

/// The place of all that have none of their own.
const SHARED: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_so_many_in_a_minute_and_others_their_own() {
        let pace = RenewalPace::new(2);
        let second = Duration::from_secs(1);
        for _ in 0..2 {
            assert_eq!(pace.count(ip("192.0.2.1"), Mono::ZERO), Ok(()));
            assert_eq!(pace.count(ip("2001:db8::1"), Mono::ZERO), Ok(()));
        }
        assert_eq!(pace.count(ip("192.0.2.1"), Mono::ZERO + second), Err(MINUTE - second));
        assert!(pace.count(ip("2001:db8::2"), Mono::ZERO).is_err());
        assert_eq!(pace.count(ip("192.0.2.2"), Mono::ZERO), Ok(()));
        assert_eq!(pace.count(ip("192.0.2.1"), Mono::ZERO + MINUTE), Ok(()));
    }

    #[test]
    fn what_is_counted_is_bounded_and_those_beyond_share() {
        let pace = RenewalPace::new(1);
        for number in 0..ADDRESSES_MAX as u32 {
            pace.count(Some(IpAddr::V4(number.into())), Mono::ZERO).unwrap();
        }
        assert_eq!(pace.count(ip("203.0.113.1"), Mono::ZERO), Ok(()));
        assert!(pace.count(ip("203.0.113.2"), Mono::ZERO).is_err());
        assert_eq!(pace.count(ip("203.0.113.2"), Mono::ZERO + MINUTE), Ok(()));
    }
}
