use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::source::Source;
use crate::stats::{FrontStats, Refused};

/// How many connections a listener holds, in all and per client address.
///
/// The map has at most one entry per open connection, so the total bounds it.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    total_max: usize,
    per_address_max: usize,
    held: Mutex<Held>,
    freed: Notify,
    stats: Arc<FrontStats>,
}

#[derive(Debug, Default)]
struct Held {
    total: usize,
    by_source: HashMap<Source, usize>,
}

impl ConnectionLimits {
    pub(crate) fn new(total_max: usize, per_address_max: usize, stats: Arc<FrontStats>) -> Arc<Self> {
        Arc::new(Self { total_max, per_address_max, held: Mutex::default(), freed: Notify::new(), stats })
    }

    /// Counts one more connection of the listener; [`ConnectionPermit::charge`] then names whose it is.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<ConnectionPermit, Refused> {
        let mut held = self.lock();
        if held.total >= self.total_max {
            return Err(Refused::TooMany);
        }
        held.total += 1;
        self.stats.active.add();
        Ok(ConnectionPermit { limits: Arc::clone(self), source: None })
    }

    /// Waits until a connection closes. A close before the call is not seen; callers bound the wait.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // The numbers are consistent at every point where a holder could panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one open connection; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    limits: Arc<ConnectionLimits>,
    source: Option<Source>,
}

impl ConnectionPermit {
    /// Counts the connection for `client`, once its address is known, and no longer for whom it was counted before.
    pub(crate) fn charge(&mut self, client: IpAddr) -> Result<(), Refused> {
        let source = Source::of(client);
        let mut held = self.limits.lock();
        held.release(self.source.take());
        let count = held.by_source.get(&source).copied().unwrap_or_default();
        if count >= self.limits.per_address_max {
            return Err(Refused::TooManyFromAddress);
        }
        held.by_source.insert(source, count + 1);
        self.source = Some(source);
        Ok(())
    }
}

impl Held {
    fn release(&mut self, source: Option<Source>) {
        if let Some(Entry::Occupied(mut count)) = source.map(|source| self.by_source.entry(source)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut held = self.limits.lock();
        held.total -= 1;
        held.release(self.source.take());
        drop(held);
        self.limits.stats.active.remove();
        self.limits.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn limits(total: usize, per_address: usize) -> Arc<ConnectionLimits> {
        ConnectionLimits::new(total, per_address, Arc::default())
    }

    #[test]
    fn the_total_is_held_until_a_permit_is_dropped() {
        let limits = limits(2, 9);
        let first = limits.admit().unwrap();
        let _second = limits.admit().unwrap();
        assert_eq!(limits.admit().unwrap_err(), Refused::TooMany);
        assert_eq!(limits.stats.snapshot().active, 2);
        drop(first);
        assert!(limits.admit().is_ok());
    }

    #[test]
    fn an_address_is_held_to_its_share_and_forgotten_when_it_leaves() {
        let limits = limits(9, 1);
        let alice = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        let bob = IpAddr::from(Ipv4Addr::new(192, 0, 2, 2));
        let mut first = limits.admit().unwrap();
        first.charge(alice).unwrap();
        assert_eq!(limits.admit().unwrap().charge(alice), Err(Refused::TooManyFromAddress));
        limits.admit().unwrap().charge(bob).unwrap();
        drop(first);
        limits.admit().unwrap().charge(alice).unwrap();
        assert!(limits.lock().by_source.is_empty());
        assert_eq!(limits.lock().total, 0);
    }

    #[test]
    fn a_connection_counts_for_the_client_named_last() {
        let limits = limits(9, 1);
        let proxy = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        let client = IpAddr::from(Ipv4Addr::new(192, 0, 2, 2));
        let mut first = limits.admit().unwrap();
        first.charge(proxy).unwrap();
        first.charge(client).unwrap();
        limits.admit().unwrap().charge(proxy).unwrap();
        assert_eq!(limits.admit().unwrap().charge(client), Err(Refused::TooManyFromAddress));
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_allowance() {
        let limits = limits(9, 1);
        let mut first = limits.admit().unwrap();
        first.charge(IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1))).unwrap();
        let neighbour = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9));
        assert_eq!(limits.admit().unwrap().charge(neighbour), Err(Refused::TooManyFromAddress));
    }

    #[test]
    fn an_allowance_of_none_leaves_no_trace() {
        let limits = limits(9, 0);
        let mut permit = limits.admit().unwrap();
        assert!(permit.charge(IpAddr::from(Ipv4Addr::LOCALHOST)).is_err());
        assert!(limits.lock().by_source.is_empty());
    }
}
