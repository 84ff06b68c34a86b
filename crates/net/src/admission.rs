use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::source::Source;

/// Counts open sockets, in all and for each client address (IPv6: one /64), and says when the last is gone.
#[derive(Debug)]
pub struct Admission {
    open: Mutex<Open>,
    emptied: Notify,
    max: usize,
    per_address_max: usize,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<Source, usize>,
    draining: bool,
}

/// Why a socket may not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// There are too many.
    Full,
    /// There are too many from that address.
    AddressFull,
    /// The server is stopping.
    Draining,
}

/// One open socket; dropping it counts it out.
#[derive(Debug)]
pub struct Place {
    admission: Arc<Admission>,
    address: Source,
}

impl Admission {
    /// Admits so many sockets, and so many of one address.
    #[must_use]
    pub fn new(max: usize, per_address_max: usize) -> Self {
        Self { open: Mutex::default(), emptied: Notify::new(), max, per_address_max }
    }

    /// Counts one more socket of a client in.
    ///
    /// # Errors
    /// Why it may not open.
    pub fn admit(self: &Arc<Self>, addr: IpAddr) -> Result<Place, NotAdmitted> {
        let address = Source::of(addr);
        let mut open = self.lock();
        if open.draining {
            return Err(NotAdmitted::Draining);
        }
        if open.total >= self.max {
            return Err(NotAdmitted::Full);
        }
        let from_there = open.by_address.get(&address).copied().unwrap_or_default();
        if from_there >= self.per_address_max {
            return Err(NotAdmitted::AddressFull);
        }
        open.by_address.insert(address, from_there + 1);
        open.total += 1;
        Ok(Place { admission: Arc::clone(self), address })
    }

    /// Admits nobody from now on.
    pub fn begin_drain(&self) {
        self.lock().draining = true;
    }

    /// Whether it admits nobody any more.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.lock().draining
    }

    /// Sockets open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().total
    }

    /// Waits until no socket is open.
    pub async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.lock().total == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.admission.lock();
        open.total -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
        if open.total == 0 {
            self.admission.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sockets_are_counted_in_and_out() {
        let admission = Arc::new(Admission::new(3, 2));
        let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let first = admission.admit(here).unwrap();
        let _second = admission.admit(here).unwrap();
        assert_eq!(admission.admit(here).unwrap_err(), NotAdmitted::AddressFull);
        let _third = admission.admit(there).unwrap();
        assert_eq!(admission.admit(there).unwrap_err(), NotAdmitted::Full);
        drop(first);
        assert!(admission.admit(here).is_ok());
    }

    #[tokio::test]
    async fn a_drain_admits_nobody_and_ends_with_the_last_socket() {
        let admission = Arc::new(Admission::new(3, 2));
        let place = admission.admit([192, 0, 2, 1].into()).unwrap();
        admission.begin_drain();
        assert_eq!(admission.admit([192, 0, 2, 2].into()).unwrap_err(), NotAdmitted::Draining);
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.emptied().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(place);
        waiting.await.unwrap();
    }
}
