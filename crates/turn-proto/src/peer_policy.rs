use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ip_range::IpRange;

/// Which peers clients may reach. Our own live relayed addresses are always reachable, inside the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerPolicy {
    /// Reachable although denied below or by default.
    pub allowed: Vec<IpRange>,
    /// Unreachable, besides everything that is not the public Internet.
    pub denied: Vec<IpRange>,
    /// Addresses this host and its listeners have. Unreachable, unless an allow rule names that very address:
    /// a wide rule for a private network must not open this machine.
    pub own_addresses: Vec<IpAddr>,
    /// Whether 127.0.0.0/8 and ::1 are reachable: for a server that listens on loopback alone.
    pub allow_loopback: bool,
}

impl PeerPolicy {
    /// Whether a peer at this address may be reached. An IPv6 address that carries IPv4 addresses is reachable only if
    /// it and each of those is: a denied address stays denied in every spelling. Loopback has no other spelling.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allows_as_written(address)
            && embedded_v4(address)
                .into_iter()
                .flatten()
                .all(|v4| !v4.is_loopback() && self.allows_as_written(IpAddr::V4(v4)))
    }

    /// Whether an allow rule names this one address.
    pub(crate) fn names(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|range| range.is_exactly(address))
    }

    fn allows_as_written(&self, address: IpAddr) -> bool {
        if self.own_addresses.contains(&address) && !(self.allow_loopback && address.is_loopback()) {
            return self.names(address);
        }
        if self.allowed.iter().any(|range| range.contains(address)) {
            return true;
        }
        if self.denied.iter().any(|range| range.contains(address)) {
            return false;
        }
        if address.is_loopback() {
            return self.allow_loopback;
        }
        match address {
            IpAddr::V4(v4) => is_public_v4(v4),
            IpAddr::V6(v6) => is_public_v6(v6),
        }
    }
}

/// The prefixes of the IANA registry of special-purpose IPv4 addresses that no peer can have (RFC 6890), and multicast.
const SPECIAL_V4: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network, unspecified
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // behind a carrier's NAT, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, with the clouds' metadata servers
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relay anycast, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private, RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// Special-purpose prefixes inside 2000::/3, the only block of IPv6 that peers can have addresses of.
const SPECIAL_V6: [(Ipv6Addr, u8); 5] = [
    (Ipv6Addr::new(0x2001, 0x2, 0, 0, 0, 0, 0, 0), 48), // benchmarks, RFC 5180
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28), // ORCHID, RFC 4843
    (Ipv6Addr::new(0x2001, 0x20, 0, 0, 0, 0, 0, 0), 28), // ORCHIDv2, RFC 7343
    (Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x3FFF, 0, 0, 0, 0, 0, 0, 0), 20),   // documentation, RFC 9637
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|&(prefix, length)| shares_prefix_v4(address, prefix, length))
}

/// Everything outside 2000::/3 but the well-known NAT64 prefix is loopback, unspecified, IPv4 in disguise (::/16),
/// unique local (fc00::/7), link-local (fe80::/10), site-local (fec0::/10), multicast (ff00::/8) or reserved.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_global_unicast = address.segments()[0] >> 13 == 0b001;
    (is_global_unicast || is_nat64(address))
        && !SPECIAL_V6.iter().any(|&(prefix, length)| shares_prefix_v6(address, prefix, length))
}

fn shares_prefix_v4(address: Ipv4Addr, prefix: Ipv4Addr, length: u8) -> bool {
    (address.to_bits() ^ prefix.to_bits()).leading_zeros() >= u32::from(length)
}

fn shares_prefix_v6(address: Ipv6Addr, prefix: Ipv6Addr, length: u8) -> bool {
    (address.to_bits() ^ prefix.to_bits()).leading_zeros() >= u32::from(length)
}

/// RFC 6052 §2.1: 64:ff9b::/96.
fn is_nat64(address: Ipv6Addr) -> bool {
    shares_prefix_v6(address, Ipv6Addr::new(0x64, 0xFF9B, 0, 0, 0, 0, 0, 0), 96)
}

/// The IPv4 addresses that an IPv6 address leads to, wherever a translator or tunnel would look for them.
fn embedded_v4(address: IpAddr) -> [Option<Ipv4Addr>; 2] {
    let IpAddr::V6(v6) = address else { return [None, None] };
    let bits = v6.to_bits();
    let low = Ipv4Addr::from_bits(bits as u32);
    match v6.segments() {
        _ if v6.is_loopback() => [None, None],
        // v4-mapped ::ffff:a.b.c.d, v4-compatible ::a.b.c.d, translated ::ffff:0:a.b.c.d; NAT64 64:ff9b::a.b.c.d.
        [0, 0, 0, 0, ..] => [Some(low), None],
        _ if is_nat64(v6) => [Some(low), None],
        // 6to4 (RFC 3056): 2002:aabb:ccdd::/48.
        [0x2002, high, low, ..] => [Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))), None],
        // Teredo (RFC 4380): 2001:0:server:server:flags:port:!client:!client.
        [0x2001, 0, ..] => [Some(Ipv4Addr::from_bits((bits >> 64) as u32)), Some(Ipv4Addr::from_bits(!bits as u32))],
        // ISATAP (RFC 5214): any prefix, then [02]00:5efe:a.b.c.d.
        [_, _, _, _, 0 | 0x200, 0x5EFE, ..] => [Some(low), None],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests;
