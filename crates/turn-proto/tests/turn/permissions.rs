use std::net::SocketAddr;

use sangam_testkit::peers::special_peers;
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

#[test]
fn no_denied_peer_is_reached_in_any_spelling_by_permission_channel_or_send() {
    let mut house = House::new(options());
    let v4 = house.allocated(1);
    let v6 = house.client(2, "alice");
    assert_eq!(house.ask(&v6, Method::ALLOCATE, &[UDP, Attribute::RequestedAddressFamily(2)]).code(), None);
    let denied_peers: Vec<SocketAddr> = special_peers().into_iter().map(|ip| SocketAddr::new(ip, 9)).collect();
    for &denied in &denied_peers {
        let client = if denied.is_ipv4() { &v4 } else { &v6 };
        assert_eq!(house.permit(client, &[denied]), Some(ErrorCode::Forbidden), "{denied}");
        assert_eq!(house.bind(client, 0x4000, denied), Some(ErrorCode::Forbidden), "{denied}");
        assert_eq!(house.send(client, denied, b"x"), FromClient::Dropped(DropReason::PeerDenied), "{denied}");
    }
    let refused = house.events.iter().filter(|event| matches!(event, Event::Refused { code: 403, .. })).count();
    assert_eq!(refused, 2 * denied_peers.len());
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
