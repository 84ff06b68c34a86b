use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many ports of one relay address are taken. Says once in the log when they become scarce, and again only after
/// many of them were free meanwhile.
#[derive(Debug)]
pub(crate) struct PortUse {
    address: IpAddr,
    ports: usize,
    taken: AtomicUsize,
    is_scarce: AtomicBool,
}

/// Parts of a hundred that are taken when ports are scarce.
const SCARCE: usize = 80;

/// Parts of a hundred below which they are no longer scarce.
const PLENTY: usize = 70;

impl PortUse {
    pub(crate) fn new(address: IpAddr, ports: usize) -> Self {
        Self { address, ports, taken: AtomicUsize::new(0), is_scarce: AtomicBool::new(false) }
    }

    /// One more is taken. True if that has just made them scarce.
    pub(crate) fn take(&self) -> bool {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        let begins = taken * 100 >= self.ports * SCARCE && !self.is_scarce.swap(true, Ordering::Relaxed);
        if begins {
            tracing::warn!(
                "{}: widen `relay.min_port` to `relay.max_port`, or add a `relay.relay_ip`",
                self.sentence(taken)
            );
        }
        begins
    }

    /// One is free again.
    pub(crate) fn free(&self) {
        let taken = self.taken.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        if taken * 100 < self.ports * PLENTY {
            self.is_scarce.store(false, Ordering::Relaxed);
        }
    }

    /// What to tell an operator, while they are scarce.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.is_scarce.load(Ordering::Relaxed).then(|| self.sentence(self.taken.load(Ordering::Relaxed)))
    }

    fn sentence(&self, taken: usize) -> String {
        format!("{taken} of {} relay ports of {} are in use", self.ports, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scarce_ports_are_told_of_once_and_again_only_after_there_were_plenty() {
        let ports = PortUse::new([192, 0, 2, 1].into(), 10);
        let take = |count: usize| (0..count).filter(|_| ports.take()).count();
        assert_eq!((take(7), ports.complaint()), (0, None));
        assert_eq!(take(1), 1);
        assert_eq!(ports.complaint().as_deref(), Some("8 of 10 relay ports of 192.0.2.1 are in use"));
        ports.free();
        assert_eq!(take(2), 0, "it is still the same shortage");
        (0..2).for_each(|_| ports.free());
        assert!(ports.complaint().is_some(), "7 of 10 is not below 70 %");
        ports.free();
        assert_eq!(ports.complaint(), None);
        assert_eq!(take(2), 1);
    }
}
