use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};

/// Which thread owns which live relayed address: one number for each port of each relay address, written by the
/// thread that opens or closes it, read by threads whose clients send to addresses of ours.
///
/// A reading may be a moment old. Then the datagram meets no allocation at the thread it is handed to, and is dropped
/// as if it had come a moment later or earlier.
#[derive(Debug)]
pub(crate) struct Directory {
    addresses: Vec<(IpAddr, Box<[AtomicU16]>)>,
    first_port: u16,
}

/// What a port holds that nobody owns; owner `n` is written as `n + 1`.
const FREE: u16 = 0;

impl Directory {
    pub(crate) fn new(addresses: impl IntoIterator<Item = IpAddr>, ports: &RangeInclusive<u16>) -> Self {
        let owners = || ports.clone().map(|_| AtomicU16::new(FREE)).collect();
        Self { addresses: addresses.into_iter().map(|ip| (ip, owners())).collect(), first_port: *ports.start() }
    }

    /// The thread that owns this relayed address.
    pub(crate) fn owner(&self, addr: SocketAddr) -> Option<usize> {
        match self.cell(addr)?.load(Ordering::Relaxed) {
            FREE => None,
            owner => Some(usize::from(owner) - 1),
        }
    }

    pub(crate) fn claim(&self, addr: SocketAddr, thread: usize) {
        if let (Some(cell), Ok(thread)) = (self.cell(addr), u16::try_from(thread)) {
            cell.store(thread + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn release(&self, addr: SocketAddr) {
        if let Some(cell) = self.cell(addr) {
            cell.store(FREE, Ordering::Relaxed);
        }
    }

    /// How many addresses there are to claim.
    pub(crate) fn capacity(&self) -> usize {
        self.addresses.iter().map(|(_, owners)| owners.len()).sum()
    }

    fn cell(&self, addr: SocketAddr) -> Option<&AtomicU16> {
        let (_, owners) = self.addresses.iter().find(|(ip, _)| *ip == addr.ip())?;
        owners.get(usize::from(addr.port().checked_sub(self.first_port)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_owned_from_claim_to_release_and_its_neighbours_are_not() {
        let ips = ["127.0.0.1", "::1"].map(|ip| ip.parse().unwrap());
        let directory = Directory::new(ips, &(50_000..=50_009));
        let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(directory.capacity(), 20);
        directory.claim(addr("127.0.0.1:50009"), 3);
        directory.claim(addr("[::1]:50000"), 0);
        for (text, owner) in [
            ("127.0.0.1:50009", Some(3)),
            ("[::1]:50000", Some(0)),
            ("127.0.0.1:50000", None),
            ("[::1]:50009", None),
            ("127.0.0.1:50010", None),
            ("127.0.0.1:49999", None),
            ("127.0.0.2:50009", None),
        ] {
            assert_eq!(directory.owner(addr(text)), owner, "{text}");
        }
        directory.release(addr("127.0.0.1:50009"));
        assert_eq!(directory.owner(addr("127.0.0.1:50009")), None);
    }
}
