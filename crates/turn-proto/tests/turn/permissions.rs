use std::net::SocketAddr;

use sangam_turn_proto::{
    Attribute, AttributeType, DropReason, ErrorCode, Event, FromClient, FromPeer, Method, Options, PeerPolicy,
};

use crate::fixture::{House, UDP, forwarded, options, peer, secs};

const DENIED: FromPeer = FromPeer::Dropped(DropReason::NoPermission);

#[test]
fn a_permission_lets_data_pass_both_ways_for_every_port_of_the_address() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let relayed = peer("5.5.5.5:50000");
    assert_eq!(house.datagram(relayed, peer("8.8.8.8:9"), b"x"), DENIED);
    assert_eq!(house.permit(&client, &[peer("8.8.8.8:1")]), None);
    assert_eq!(forwarded(house.send(&client, peer("8.8.8.8:2"), b"x")).peer.0, peer("8.8.8.8:2"));
    assert!(matches!(house.datagram(relayed, peer("8.8.8.8:9"), b"x"), FromPeer::Forward { .. }));
    assert_eq!(house.datagram(relayed, peer("8.8.4.4:9"), b"x"), DENIED);
    assert_eq!(house.send(&client, peer("8.8.4.4:1"), b"x"), FromClient::Dropped(DropReason::NoPermission));
}

#[test]
fn a_permission_lasts_five_minutes_from_its_last_request() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let relayed = peer("5.5.5.5:50000");
    house.permit(&client, &[peer("8.8.8.8:1")]);
    house.pass(secs(200));
    house.permit(&client, &[peer("8.8.8.8:1")]);
    house.pass(secs(299));
    assert!(matches!(house.datagram(relayed, peer("8.8.8.8:1"), b"x"), FromPeer::Forward { .. }));
    house.pass(secs(1));
    assert_eq!(house.datagram(relayed, peer("8.8.8.8:1"), b"x"), DENIED);
    assert_eq!(house.send(&client, peer("8.8.8.8:1"), b"x"), FromClient::Dropped(DropReason::NoPermission));
}

#[test]
fn a_request_for_several_peers_permits_all_or_none() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    for (bad, code) in [("10.0.0.1:1", ErrorCode::Forbidden), ("[2600::9]:1", ErrorCode::PeerAddressFamilyMismatch)] {
        assert_eq!(house.permit(&client, &[peer("8.8.8.8:1"), peer(bad), peer("8.8.4.4:1")]), Some(code));
        assert_eq!(house.datagram(peer("5.5.5.5:50000"), peer("8.8.8.8:1"), b"x"), DENIED);
    }
    assert_eq!(house.permit(&client, &[peer("8.8.8.8:1"), peer("8.8.4.4:1")]), None);
    for from in ["8.8.8.8:1", "8.8.4.4:1"] {
        assert!(matches!(house.datagram(peer("5.5.5.5:50000"), peer(from), b"x"), FromPeer::Forward { .. }));
    }
}

#[test]
fn a_request_without_a_peer_or_with_half_of_one_is_bad() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let half = Attribute::Other(AttributeType::XOR_PEER_ADDRESS, &[0, 1, 2, 3]);
    let strange = Attribute::Other(AttributeType::XOR_PEER_ADDRESS, &[0, 3, 2, 3, 4, 5, 6, 7]);
    for attributes in [&[][..], &[half], &[strange], &[Attribute::XorPeerAddress(peer("8.8.8.8:1")), half]] {
        let reply = house.ask(&client, Method::CREATE_PERMISSION, attributes);
        assert_eq!(reply.code(), Some(ErrorCode::BadRequest), "{attributes:?}");
    }
    assert_eq!(house.datagram(peer("5.5.5.5:50000"), peer("8.8.8.8:1"), b"x"), DENIED);
}

/// Special addresses in every spelling that fits the family of an allocation.
fn denied_peers() -> Vec<SocketAddr> {
    let v4 = [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
    ];
    let v6 = ["::", "::1", "fc00::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1"];
    let embed = |v4: &str| {
        let [a, b, c, d] = v4.parse::<std::net::Ipv4Addr>().unwrap().octets();
        [
            format!("[::ffff:{v4}]:9"),
            format!("[::{v4}]:9"),
            format!("[64:ff9b::{v4}]:9"),
            format!("[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]:9"),
            format!("[2001:0:{a:02x}{b:02x}:{c:02x}{d:02x}::f7f7:f7f7]:9"),
            format!("[2001:0:808:808::{:02x}{:02x}:{:02x}{:02x}]:9", !a, !b, !c, !d),
        ]
    };
    let plain = v4.iter().map(|v4| format!("{v4}:9")).chain(v6.iter().map(|v6| format!("[{v6}]:9")));
    plain.chain(v4.iter().flat_map(|v4| embed(v4))).map(|text| peer(&text)).collect()
}

#[test]
fn no_denied_peer_is_reached_in_any_spelling_by_permission_channel_or_send() {
    let mut house = House::new(options());
    let v4 = house.allocated(1);
    let v6 = house.client(2, "alice");
    assert_eq!(house.ask(&v6, Method::ALLOCATE, &[UDP, Attribute::RequestedAddressFamily(2)]).code(), None);
    for denied in denied_peers() {
        let client = if denied.is_ipv4() { &v4 } else { &v6 };
        assert_eq!(house.permit(client, &[denied]), Some(ErrorCode::Forbidden), "{denied}");
        assert_eq!(house.bind(client, 0x4000, denied), Some(ErrorCode::Forbidden), "{denied}");
        assert_eq!(house.send(client, denied, b"x"), FromClient::Dropped(DropReason::PeerDenied), "{denied}");
    }
    let refused = house.events.iter().filter(|event| matches!(event, Event::Refused { code: 403, .. })).count();
    assert_eq!(refused, 2 * denied_peers().len());
}

#[test]
fn a_policy_put_in_force_ends_the_permissions_and_channels_it_denies() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.permit(&client, &[peer("8.8.8.8:1"), peer("8.8.4.4:1")]);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    let denied = vec!["8.8.8.8".parse().unwrap()];
    house.server.replace_policy(PeerPolicy { denied, ..PeerPolicy::default() });
    assert_eq!(house.channel_data(&client, 0x4000, b"x"), FromClient::Dropped(DropReason::NoChannel));
    assert_eq!(house.send(&client, peer("8.8.8.8:1"), b"x"), FromClient::Dropped(DropReason::PeerDenied));
    assert_eq!(house.datagram(peer("5.5.5.5:50000"), peer("8.8.8.8:1"), b"x"), DENIED);
    assert!(matches!(house.send(&client, peer("8.8.4.4:1"), b"x"), FromClient::Forward(_)));
}

#[test]
fn a_server_on_loopback_alone_relays_to_loopback() {
    let policy = PeerPolicy { allow_loopback: true, ..PeerPolicy::default() };
    let mut house = House::new(Options { policy, ..options() });
    let client = house.allocated(1);
    assert_eq!(house.permit(&client, &[peer("127.0.0.1:9")]), None);
    assert_eq!(house.permit(&client, &[peer("192.168.0.1:9")]), Some(ErrorCode::Forbidden));
}
