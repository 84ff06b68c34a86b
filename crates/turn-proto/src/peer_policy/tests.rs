use sangam_testkit::peers::{special_peers, spellings};

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn no_special_address_is_reachable_in_any_spelling() {
    let policy = PeerPolicy::default();
    for address in special_peers() {
        assert!(!policy.allows(address), "{address}");
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
        assert!(!policy.allows(spelling.into()), "{spelling}");
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
