//! Addresses that no relay should lead to: every special-purpose prefix, in every spelling.
//!
//! Written from the registries and RFCs, not from any policy of ours: it is what policies are tested with.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 prefixes that no peer on the Internet has (IANA's registry of special-purpose addresses, RFC 6890; multicast, RFC
/// 5771), and the address of clouds' metadata services.
const SPECIAL_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(169, 254, 169, 254), 32),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The same for IPv6, with blocks that nobody was given any of.
const SPECIAL_V6: [(Ipv6Addr, u32); 18] = [
    (Ipv6Addr::UNSPECIFIED, 128),
    (Ipv6Addr::LOCALHOST, 128),
    (Ipv6Addr::new(0x64, 0xFF9B, 1, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28),
    (Ipv6Addr::new(0x2001, 0x20, 0, 0, 0, 0, 0, 0), 28),
    (Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3FFF, 0, 0, 0, 0, 0, 0, 0), 20),
    (Ipv6Addr::new(0x4000, 0, 0, 0, 0, 0, 0, 0), 3),
    (Ipv6Addr::new(0x5F00, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x8000, 0, 0, 0, 0, 0, 0, 0), 2),
    (Ipv6Addr::new(0xFC00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xFD00, 0xEC2, 0, 0, 0, 0, 0, 0x254), 128),
    (Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xFEC0, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xFF00, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 0xFB), 128),
];

/// A public IPv4 address, as the other half where a spelling holds two.
const PUBLIC: u32 = 0x0808_0808;
/// The upper half of a public IPv6 address.
const PUBLIC_PREFIX: u128 = 0x2600 << 112;

/// The first and the last address of each special IPv4 prefix.
#[must_use]
pub fn special_v4() -> BTreeSet<Ipv4Addr> {
    let edges = SPECIAL_V4.iter().flat_map(|&(prefix, length)| {
        let host_bits = u32::MAX.checked_shr(length).unwrap_or(0);
        [prefix, Ipv4Addr::from_bits(prefix.to_bits() | host_bits)]
    });
    edges.collect()
}

/// The first and the last address of each special IPv6 prefix, as no IPv4 address in disguise.
#[must_use]
pub fn special_v6() -> BTreeSet<Ipv6Addr> {
    let edges = SPECIAL_V6.iter().flat_map(|&(prefix, length)| {
        let host_bits = u128::MAX.checked_shr(length).unwrap_or(0);
        [prefix, Ipv6Addr::from_bits(prefix.to_bits() | host_bits)]
    });
    edges.collect()
}

/// The IPv6 addresses that lead to an IPv4 address, wherever a translator or a tunnel looks for it.
#[must_use]
pub fn spellings(v4: Ipv4Addr) -> [Ipv6Addr; 9] {
    let v4 = v4.to_bits();
    let low = u128::from(v4);
    [
        0xFFFF << 32 | low,                                         // v4-mapped, RFC 4291 §2.5.5.2
        low,                                                        // v4-compatible, RFC 4291 §2.5.5.1
        0xFFFF << 48 | low,                                         // translated, RFC 2765 §2.1
        0x64 << 112 | 0xFF9B << 96 | low,                           // NAT64, RFC 6052 §2.1
        0x2002 << 112 | low << 80 | 1,                              // 6to4, RFC 3056 §2
        0x2001 << 112 | low << 64 | u128::from(!PUBLIC),            // Teredo's server, RFC 4380 §4
        0x2001 << 112 | u128::from(PUBLIC) << 64 | u128::from(!v4), // Teredo's client, the same
        PUBLIC_PREFIX | 0x5EFE << 32 | low,                         // ISATAP, RFC 5214 §6.1
        PUBLIC_PREFIX | 0x0200 << 48 | 0x5EFE << 32 | low,          // ISATAP of a global address
    ]
    .map(Ipv6Addr::from_bits)
}

/// Every special address in every spelling.
#[must_use]
pub fn special_peers() -> BTreeSet<IpAddr> {
    let v4 = special_v4();
    let disguised = v4.iter().flat_map(|&v4| spellings(v4)).map(IpAddr::V6);
    let plain = v4.iter().copied().map(IpAddr::V4);
    plain.chain(special_v6().into_iter().map(IpAddr::V6)).chain(disguised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_give_their_first_and_last_address() {
        let v4 = special_v4();
        for edge in ["0.0.0.0", "10.255.255.255", "100.127.255.255", "169.254.169.254", "255.255.255.255"] {
            assert!(v4.contains(&edge.parse().unwrap()), "{edge}");
        }
        let v6 = special_v6();
        for edge in ["::", "::1", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            assert!(v6.contains(&edge.parse().unwrap()), "{edge}");
        }
        assert_eq!((v4.len(), v6.len()), (31, 32));
    }

    #[test]
    fn spellings_are_as_their_rfcs_draw_them() {
        let expected = [
            "::ffff:10.1.2.3",
            "::10.1.2.3",
            "::ffff:0:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "2002:a01:203::1",
            "2001:0:a01:203::f7f7:f7f7",
            "2001:0:808:808::f5fe:fdfc",
            "2600::5efe:10.1.2.3",
            "2600::200:5efe:10.1.2.3",
        ];
        let expected = expected.map(|text| text.parse::<Ipv6Addr>().unwrap());
        assert_eq!(spellings(Ipv4Addr::new(10, 1, 2, 3)), expected);
    }
}
