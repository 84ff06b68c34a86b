use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sangam_signal_proto::Owner;
use sangam_types::Mono;

/// Counts anonymous requests for each client address within a minute that is the same for all.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    began: Mono,
    counts: BTreeMap<Owner, u32>,
}

const WINDOW: Duration = Duration::from_secs(60);

impl Quota {
    /// Counts one request, or says how long to wait before the next.
    pub(crate) fn take(&self, addr: IpAddr, now: Mono, per_window: u32, addresses_max: usize) -> Result<(), Duration> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_since(window.began);
        if age >= WINDOW {
            *window = Window { began: now, counts: BTreeMap::new() };
        }
        let wait = WINDOW.saturating_sub(now.saturating_since(window.began));
        let address = Owner::of_address(addr);
        if window.counts.len() >= addresses_max && !window.counts.contains_key(&address) {
            return Err(wait);
        }
        let count = window.counts.entry(address).or_default();
        if *count >= per_window {
            return Err(wait);
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_share_of_each_minute() {
        let quota = Quota::default();
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let take = |addr, secs| quota.take(addr, Mono::from_start(Duration::from_secs(secs)), 2, 2);
        assert_eq!(take(here, 0), Ok(()));
        assert_eq!(take(here, 0), Ok(()));
        assert_eq!(take(here, 20), Err(Duration::from_secs(40)));
        assert_eq!(take(there, 20), Ok(()));
        assert_eq!(take([192, 0, 2, 3].into(), 30), Err(Duration::from_secs(30)));
        assert_eq!(take(here, 60), Ok(()));
    }
}
