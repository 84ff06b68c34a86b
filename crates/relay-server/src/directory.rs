use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::incarnation::Owner;
use crate::port_use::PortUse;

/// Which thread owns which live relayed address: one number for each port of each relay address, written by the
/// thread that opens or closes it, read by threads whose clients send to addresses of ours.
///
/// A reading may be a moment old. Then the datagram meets no allocation at the thread it is handed to, and is dropped
/// as if it had come a moment later or earlier.
///
/// Each entry tells which life of the thread made it, and only that life takes it back.
#[derive(Debug)]
pub(crate) struct Directory {
    addresses: Vec<RelayPorts>,
    first_port: u16,
}

/// The ports of one relay address.
#[derive(Debug)]
struct RelayPorts {
    address: IpAddr,
    owners: Box<[AtomicU32]>,
    in_use: PortUse,
}

/// What a port holds that nobody owns; thread `n` is written as `n + 1`, with the number of its life above.
const FREE: u32 = 0;

fn entry(owner: Owner) -> u32 {
    u32::from(owner.life) << 16 | (u32::from(owner.thread) + 1)
}

impl Directory {
    pub(crate) fn new(addresses: impl IntoIterator<Item = IpAddr>, ports: &RangeInclusive<u16>) -> Self {
        let of_address = |address| {
            let owners: Box<[AtomicU32]> = ports.clone().map(|_| AtomicU32::new(FREE)).collect();
            RelayPorts { address, in_use: PortUse::new(address, owners.len()), owners }
        };
        Self { addresses: addresses.into_iter().map(of_address).collect(), first_port: *ports.start() }
    }

    /// The thread that owns this relayed address.
    pub(crate) fn owner(&self, addr: SocketAddr) -> Option<usize> {
        match self.cell(addr)?.0.load(Ordering::Relaxed) {
            FREE => None,
            entry => Some((entry & 0xFFFF) as usize - 1),
        }
    }

    /// Whoever calls holds the socket of that address.
    pub(crate) fn claim(&self, addr: SocketAddr, owner: Owner) {
        if let Some((cell, in_use)) = self.cell(addr)
            && cell.swap(entry(owner), Ordering::Relaxed) == FREE
        {
            in_use.take();
        }
    }

    /// Takes back what `owner` claimed; nothing happens if somebody else has claimed it since.
    pub(crate) fn release(&self, addr: SocketAddr, owner: Owner) {
        if let Some((cell, in_use)) = self.cell(addr) {
            Self::free(cell, in_use, owner);
        }
    }

    /// Takes back everything that `owner` claimed.
    pub(crate) fn release_all(&self, owner: Owner) {
        for RelayPorts { owners, in_use, .. } in &self.addresses {
            owners.iter().for_each(|cell| Self::free(cell, in_use, owner));
        }
    }

    fn free(cell: &AtomicU32, in_use: &PortUse, owner: Owner) {
        // It fails if the entry is not theirs, which is what was asked.
        if cell.compare_exchange(entry(owner), FREE, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            in_use.free();
        }
    }

    /// How many addresses there are to claim.
    pub(crate) fn capacity(&self) -> usize {
        self.addresses.iter().map(|ports| ports.owners.len()).sum()
    }

    /// The first relay address; none in a server that has none.
    pub(crate) fn first_ip(&self) -> Option<IpAddr> {
        self.addresses.first().map(|ports| ports.address)
    }

    /// What to tell an operator of relay addresses whose ports are scarce.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.addresses.iter().filter_map(|ports| ports.in_use.complaint()).collect()
    }

    fn cell(&self, addr: SocketAddr) -> Option<(&AtomicU32, &PortUse)> {
        let ports = self.addresses.iter().find(|ports| ports.address == addr.ip())?;
        let owner = ports.owners.get(usize::from(addr.port().checked_sub(self.first_port)?))?;
        Some((owner, &ports.in_use))
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
        let owner = |thread| Owner { thread, life: 5 };
        directory.claim(addr("127.0.0.1:50009"), owner(3));
        directory.claim(addr("[::1]:50000"), owner(0));
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
        directory.release(addr("127.0.0.1:50009"), owner(3));
        assert_eq!(directory.owner(addr("127.0.0.1:50009")), None);
    }

    #[test]
    fn what_another_life_claimed_is_released_by_that_life_alone() {
        let directory = Directory::new(["127.0.0.1".parse().unwrap()], &(50_000..=50_009));
        let addr = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let [old, new] = [u16::MAX, 0].map(|life| Owner { thread: 65_534, life });
        directory.claim(addr(50_000), old);
        directory.claim(addr(50_001), old);
        directory.claim(addr(50_001), new);
        directory.release(addr(50_001), old);
        directory.release_all(old);
        assert_eq!(directory.owner(addr(50_000)), None);
        assert_eq!(directory.owner(addr(50_001)), Some(65_534));
    }

    #[test]
    fn ports_that_a_lost_life_had_are_no_longer_in_use() {
        let directory = Directory::new(["127.0.0.1".parse().unwrap()], &(50_000..=50_009));
        let addr = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let [old, new] = [1, 2].map(|life| Owner { thread: 0, life });
        (50_000..50_007).for_each(|port| directory.claim(addr(port), old));
        directory.claim(addr(50_000), new);
        assert!(directory.complaints().is_empty(), "a port that two lives claimed is one");
        directory.claim(addr(50_007), old);
        assert_eq!(directory.complaints(), ["8 of 10 relay ports of 127.0.0.1 are in use"]);
        directory.release_all(old);
        assert!(directory.complaints().is_empty());
    }
}
