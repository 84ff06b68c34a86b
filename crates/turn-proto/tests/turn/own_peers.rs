//! Two clients of ours that exchange data through their relayed addresses, without leaving the server.

use std::net::SocketAddr;

use sangam_turn_proto::{DropReason, FromPeer, Options, PeerPolicy, RelayAddress, RelayedAddr, Route};

use crate::fixture::{Client, House, RELAY_V4, channel_data, data_indication, delivered, forwarded, options, peer};

/// Ann at 5.5.5.5:50000 and Bob at :50001; behind NAT the world calls that address 9.9.9.9.
fn ann_and_bob(external: [u8; 4], policy: PeerPolicy) -> (House, Client, Client) {
    let relay = RelayAddress { bound: RELAY_V4.into(), external: external.into() };
    let mut house = House::new(Options { relay_addresses: vec![relay], policy, ..options() });
    let (ann, bob) = (house.allocated(1), house.allocated(2));
    (house, ann, bob)
}

fn natted() -> (House, Client, Client) {
    ann_and_bob([9, 9, 9, 9], PeerPolicy { own_addresses: vec![RELAY_V4.into()], ..PeerPolicy::default() })
}

#[test]
fn one_client_of_ours_reaches_another_by_either_form_of_its_address() {
    for bob_is_called in ["5.5.5.5:50001", "9.9.9.9:50001"] {
        for ann_is_called in ["5.5.5.5:50000", "9.9.9.9:50000"] {
            let (mut house, ann, bob) = natted();
            assert_eq!(house.permit(&ann, &[peer(bob_is_called)]), None);
            assert_eq!(house.permit(&bob, &[peer(ann_is_called)]), None);
            let forward = forwarded(house.send(&ann, peer(bob_is_called), b"hello"));
            assert_eq!((forward.route, forward.peer.0), (Route::OwnOnly, peer("5.5.5.5:50001")));
            let (to, bytes) = delivered(house.hand_over(&forward), b"hello");
            assert_eq!(to, bob.five_tuple);
            assert_eq!(data_indication(&bytes), (peer("9.9.9.9:50000"), b"hello".to_vec()));
        }
    }
}

#[test]
fn channels_of_both_carry_the_data_whichever_form_they_were_bound_with() {
    for ann_is_called in ["5.5.5.5:50000", "9.9.9.9:50000"] {
        let (mut house, ann, bob) = natted();
        assert_eq!(house.bind(&ann, 0x4001, peer("9.9.9.9:50001")), None);
        assert_eq!(house.bind(&bob, 0x4002, peer(ann_is_called)), None);
        let forward = forwarded(house.channel_data(&ann, 0x4001, b"hello"));
        assert_eq!(forward.peer.0, peer("5.5.5.5:50001"));
        let (to, bytes) = delivered(house.hand_over(&forward), b"hello");
        assert_eq!((to, bytes), (bob.five_tuple, channel_data(0x4002, b"hello")));
    }
}

#[test]
fn both_forms_are_one_peer_to_a_channel() {
    let (mut house, ann, _) = natted();
    assert_eq!(house.bind(&ann, 0x4001, peer("9.9.9.9:50001")), None);
    assert_eq!(house.bind(&ann, 0x4001, peer("5.5.5.5:50001")), None);
    assert!(house.bind(&ann, 0x4002, peer("5.5.5.5:50001")).is_some());
}

#[test]
fn the_receiver_must_have_permitted_the_sender() {
    let (mut house, ann, _bob) = natted();
    house.permit(&ann, &[peer("9.9.9.9:50001")]);
    let forward = forwarded(house.send(&ann, peer("9.9.9.9:50001"), b"hello"));
    assert_eq!(house.hand_over(&forward), FromPeer::Dropped(DropReason::NoPermission));
}

#[test]
fn a_relay_port_without_an_allocation_is_a_peer_that_is_gone() {
    let (mut house, ann, bob) = natted();
    house.permit(&ann, &[peer("9.9.9.9:50001")]);
    house.refresh(&bob, 0);
    for port in [50_001, 22, 3_478] {
        let forward = forwarded(house.send(&ann, SocketAddr::new([9, 9, 9, 9].into(), port), b"hello"));
        assert_eq!(forward.route, Route::OwnOnly, "never out of the socket");
        assert_eq!(house.hand_over(&forward), FromPeer::Dropped(DropReason::PeerGone));
    }
}

#[test]
fn what_else_speaks_from_our_address_is_not_let_in_by_such_a_permission() {
    let (mut house, ann, _) = natted();
    house.permit(&ann, &[peer("9.9.9.9:50001")]);
    for from in ["5.5.5.5:22", "9.9.9.9:22", "5.5.5.5:50001"] {
        let verdict = house.datagram(peer("5.5.5.5:50000"), peer(from), b"x");
        assert_eq!(verdict, FromPeer::Dropped(DropReason::NoPermission), "{from}");
    }
}

#[test]
fn an_allow_rule_that_names_the_address_opens_its_other_ports() {
    let policy = PeerPolicy { allowed: vec!["5.5.5.5".parse().unwrap()], ..PeerPolicy::default() };
    let (mut house, ann, bob) = ann_and_bob(RELAY_V4, policy);
    house.permit(&ann, &[peer("5.5.5.5:22")]);
    house.permit(&bob, &[peer("5.5.5.5:1")]);
    assert_eq!(forwarded(house.send(&ann, peer("5.5.5.5:22"), b"x")).route, Route::OwnOrWire);
    let verdict = house.datagram(peer("5.5.5.5:50000"), peer("5.5.5.5:22"), b"x");
    assert!(matches!(verdict, FromPeer::Forward { .. }));
    let forward = forwarded(house.send(&ann, peer("5.5.5.5:50001"), b"x"));
    assert!(matches!(house.hand_over(&forward), FromPeer::Forward { .. }));
}

#[test]
fn a_wide_allow_rule_does_not_open_them() {
    let policy = PeerPolicy { allowed: vec!["5.0.0.0/8".parse().unwrap()], ..PeerPolicy::default() };
    let (mut house, ann, _) = ann_and_bob(RELAY_V4, policy);
    house.permit(&ann, &[peer("5.5.5.5:22")]);
    assert_eq!(forwarded(house.send(&ann, peer("5.5.5.5:22"), b"x")).route, Route::OwnOnly);
}

#[test]
fn on_loopback_a_peer_is_one_of_ours_or_else_on_the_wire() {
    let relay = RelayAddress::plain([127, 0, 0, 1].into());
    for (allow_loopback, route) in [(true, Route::OwnOrWire), (false, Route::OwnOnly)] {
        let policy = PeerPolicy { allow_loopback, ..PeerPolicy::default() };
        let mut house = House::new(Options { relay_addresses: vec![relay], policy, ..options() });
        let ann = house.allocated(1);
        assert_eq!(house.permit(&ann, &[peer("127.0.0.1:7")]), None);
        assert_eq!(forwarded(house.send(&ann, peer("127.0.0.1:7"), b"x")).route, route);
    }
}

#[test]
fn our_relay_address_in_another_spelling_is_denied_like_any_address_of_ours() {
    let policy = PeerPolicy::default();
    let mut house = House::new(Options { policy, ..options() });
    let client = house.client(1, "alice");
    let family = sangam_turn_proto::Attribute::RequestedAddressFamily(2);
    house.ask(&client, sangam_turn_proto::Method::ALLOCATE, &[crate::fixture::UDP, family]);
    for spelling in ["[::ffff:5.5.5.5]:1", "[64:ff9b::5.5.5.5]:1", "[2002:505:505::1]:1"] {
        let code = house.permit(&client, &[peer(spelling)]);
        assert_eq!(code, Some(sangam_turn_proto::ErrorCode::Forbidden), "{spelling}");
    }
}

#[test]
fn data_for_an_address_that_is_none_of_ours_is_refused() {
    let (mut house, _, _) = natted();
    let (to, from) = (RelayedAddr(peer("6.6.6.6:50000")), RelayedAddr(peer("5.5.5.5:50000")));
    assert_eq!(house.server.relay_from_own(house.now, to, from, 1), FromPeer::Dropped(DropReason::PeerGone));
}
