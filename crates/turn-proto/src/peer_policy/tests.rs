use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The spellings in which an IPv4 address can stand in an IPv6 one.
fn spellings(v4: Ipv4Addr) -> Vec<IpAddr> {
    let [a, b] = [v4.to_bits() >> 16, v4.to_bits() & 0xFFFF].map(|half| half as u16);
    let [na, nb] = [!a, !b];
    [
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xFFFF, a, b),             // v4-mapped
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, a, b),                  // v4-compatible
        Ipv6Addr::new(0, 0, 0, 0, 0xFFFF, 0, a, b),             // translated
        Ipv6Addr::new(0x64, 0xFF9B, 0, 0, 0, 0, a, b),          // NAT64
        Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),             // 6to4
        Ipv6Addr::new(0x2001, 0, a, b, 0, 0, 0xF7F7, 0xF7F7),   // Teredo, server
        Ipv6Addr::new(0x2001, 0, 0x0808, 0x0808, 0, 0, na, nb), // Teredo, client
        Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0x5EFE, a, b),        // ISATAP
        Ipv6Addr::new(0x2600, 0, 0, 0, 0x200, 0x5EFE, a, b),    // ISATAP
    ]
    .map(IpAddr::V6)
    .to_vec()
}

const SPECIAL: [&str; 24] = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
];

#[test]
fn no_special_ipv4_address_is_reachable_in_any_spelling() {
    let policy = PeerPolicy::default();
    for text in SPECIAL {
        let v4: Ipv4Addr = text.parse().unwrap();
        assert!(!policy.allows(IpAddr::V4(v4)), "{v4}");
        for spelling in spellings(v4) {
            assert!(!policy.allows(spelling), "{v4} as {spelling}");
        }
    }
}

#[test]
fn no_special_ipv6_address_is_reachable() {
    let policy = PeerPolicy::default();
    for text in [
        "::",
        "::1",
        "100::1",
        "64:ff9b:1::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ] {
        assert!(!policy.allows(ip(text)), "{text}");
    }
}

#[test]
fn public_addresses_are_reachable_up_to_the_edge_of_a_special_block() {
    let policy = PeerPolicy::default();
    for text in [
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ] {
        assert!(policy.allows(ip(text)), "{text}");
    }
}

#[test]
fn a_denied_public_address_is_denied_in_every_spelling() {
    let policy = PeerPolicy { denied: vec!["8.8.8.0/24".parse().unwrap()], ..PeerPolicy::default() };
    assert!(!policy.allows(ip("8.8.8.8")));
    for spelling in spellings(Ipv4Addr::new(8, 8, 8, 8)) {
        assert!(!policy.allows(spelling), "{spelling}");
    }
    assert!(policy.allows(ip("8.8.9.8")));
}

#[test]
fn an_allow_rule_wins_over_a_deny_rule_and_over_the_default() {
    let policy = PeerPolicy {
        allowed: vec!["10.1.0.0/16".parse().unwrap(), "8.8.8.8".parse().unwrap()],
        denied: vec!["8.8.0.0/16".parse().unwrap()],
        ..PeerPolicy::default()
    };
    assert!(policy.allows(ip("10.1.2.3")));
    assert!(policy.allows(ip("8.8.8.8")));
    assert!(!policy.allows(ip("10.2.0.1")));
    assert!(!policy.allows(ip("8.8.4.4")));
    assert!(!policy.allows(ip("::ffff:10.1.2.3")), "an odd spelling is not what the operator allowed");
}

#[test]
fn our_own_addresses_need_an_allow_rule_that_names_them() {
    let own_addresses = vec![ip("10.0.0.5"), ip("8.8.8.8")];
    let wide = PeerPolicy { allowed: vec!["10.0.0.0/8".parse().unwrap()], own_addresses, ..PeerPolicy::default() };
    assert!(wide.allows(ip("10.0.0.6")));
    assert!(!wide.allows(ip("10.0.0.5")));
    assert!(!wide.allows(ip("8.8.8.8")));
    assert!(!wide.allows(ip("2002:808:808::1")));
    let named = PeerPolicy { allowed: vec!["10.0.0.5".parse().unwrap()], ..wide };
    assert!(named.allows(ip("10.0.0.5")));
}

#[test]
fn loopback_opens_by_its_switch_alone_and_only_as_it_is_usually_spelled() {
    let policy = PeerPolicy { allow_loopback: true, own_addresses: vec![ip("127.0.0.1")], ..PeerPolicy::default() };
    for text in ["127.0.0.1", "127.1.2.3", "::1"] {
        assert!(policy.allows(ip(text)), "{text}");
        assert!(!PeerPolicy::default().allows(ip(text)), "{text}");
    }
    for text in ["0.0.0.0", "10.0.0.1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1"] {
        assert!(!policy.allows(ip(text)), "{text}");
    }
}
