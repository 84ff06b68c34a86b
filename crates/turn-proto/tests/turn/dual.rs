//! An IPv4 and an IPv6 relayed address under one allocation: ADDITIONAL-ADDRESS-FAMILY.

use std::net::SocketAddr;

use sangam_turn_proto::{
    Attribute, AttributeType, DropReason, EndCause, ErrorCode, Event, FromClient, FromPeer, Limits, Method, OpenError,
    Options, RelayAddress, RelayedAddr, Route, TransactionId,
};

use crate::fixture::{Client, House, RELAY_V4, Reply, UDP, delivered, forwarded, options, peer, secs};

const BOTH: [Attribute<'_>; 2] = [UDP, Attribute::AdditionalAddressFamily(2)];
const V4: Attribute<'_> = Attribute::RequestedAddressFamily(1);
const V6: Attribute<'_> = Attribute::RequestedAddressFamily(2);
const PEER_V4: &str = "8.8.8.8:1";
const PEER_V6: &str = "[2600::9]:1";

/// Family and code of ADDRESS-ERROR-CODE.
fn lacking(reply: &Reply) -> Option<(u8, u16)> {
    match reply.find(AttributeType::ADDRESS_ERROR_CODE)? {
        Attribute::AddressErrorCode { family, code, .. } => Some((family, code)),
        other => panic!("{other:?}"),
    }
}

/// A client with both, permissions for a peer of each, and its relayed addresses.
fn dual(house: &mut House) -> (Client, SocketAddr, SocketAddr) {
    let client = house.client(1, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &BOTH);
    assert_eq!((reply.code(), lacking(&reply)), (None, None));
    let [v4, v6] = reply.all_relayed()[..] else { panic!("{reply:?}") };
    assert!(v4.is_ipv4() && v6.is_ipv6());
    assert_eq!(house.permit(&client, &[peer(PEER_V4), peer(PEER_V6)]), None);
    (client, v4, v6)
}

#[test]
fn the_number_that_the_attribute_had_in_a_draft_is_taken_too() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let asked = Attribute::Other(AttributeType::ADDITIONAL_ADDRESS_FAMILY_DRAFT, &[2, 0, 0, 0]);
    let reply = house.ask(&client, Method::ALLOCATE, &[UDP, asked]);
    assert_eq!((reply.code(), reply.all_relayed().len()), (None, 2));
}

#[test]
fn data_goes_out_of_the_socket_of_the_peers_family_and_comes_in_through_either() {
    let mut house = House::new(options());
    let (client, v4, v6) = dual(&mut house);
    assert_eq!(house.bind(&client, 0x4001, peer(PEER_V6)), None);
    for (to, relayed) in [(PEER_V4, v4), (PEER_V6, v6)] {
        let forward = forwarded(house.send(&client, peer(to), b"data"));
        assert_eq!((forward.relayed.0, forward.allocation), (relayed, house.key_of(relayed)));
        let (back, _) = delivered(house.datagram(relayed, peer(to), b"data"), b"data");
        assert_eq!(back, client.five_tuple);
    }
    let forward = forwarded(house.channel_data(&client, 0x4001, b"data"));
    assert_eq!((forward.relayed.0, forward.peer.0), (v6, peer(PEER_V6)));
    let (_, bytes) = delivered(house.datagram(v6, peer(PEER_V6), b"data"), b"data");
    assert_eq!(bytes[..2], [0x40, 0x01]);
    assert_eq!(house.server.stats().allocations_live, 1);
    let unwanted = house.datagram(v6, peer("[2600::a]:1"), b"data");
    assert_eq!(unwanted, FromPeer::Dropped(DropReason::NoPermission));
}

#[test]
fn the_event_names_both_addresses_and_one_end_closes_both() {
    let mut house = House::new(options());
    let (client, v4, v6) = dual(&mut house);
    let [Event::Allocated { relayed, additional, .. }] = house.events[..] else { panic!("{:?}", house.events) };
    assert_eq!((relayed, additional), (RelayedAddr(v4), Some(RelayedAddr(v6))));
    assert_eq!(house.refresh(&client, 0), None);
    let closed: Vec<_> = house.closed.iter().map(|(_, relayed)| relayed.0).collect();
    assert_eq!(closed, [v4, v6]);
    assert_eq!(house.deadline, None);
    assert_eq!(house.server.stats().allocations_live, 0);
    assert_eq!(house.datagram(v6, peer(PEER_V6), b"data"), FromPeer::Dropped(DropReason::NoAllocation));
}

#[test]
fn what_may_not_stand_beside_an_additional_family_is_a_bad_request() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let token = Attribute::ReservationToken(sangam_turn_proto::ReservationToken([0; 8]));
    for attributes in [
        &[UDP, Attribute::AdditionalAddressFamily(1)][..],
        &[UDP, Attribute::AdditionalAddressFamily(9)],
        &[UDP, Attribute::AdditionalAddressFamily(2), V6],
        &[UDP, Attribute::AdditionalAddressFamily(2), V4],
        &[UDP, Attribute::AdditionalAddressFamily(2), Attribute::EvenPort { reserve: true }],
        &[UDP, Attribute::AdditionalAddressFamily(2), token],
        &[UDP, Attribute::Other(AttributeType::ADDITIONAL_ADDRESS_FAMILY, &[2])],
    ] {
        assert_eq!(
            house.ask(&client, Method::ALLOCATE, attributes).code(),
            Some(ErrorCode::BadRequest),
            "{attributes:?}"
        );
    }
    let even = [UDP, Attribute::AdditionalAddressFamily(2), Attribute::EvenPort { reserve: false }];
    let reply = house.ask(&client, Method::ALLOCATE, &even);
    assert!(reply.all_relayed().len() == 2 && reply.all_relayed().iter().all(|relayed| relayed.port() % 2 == 0));
}

#[test]
fn a_family_we_do_not_relay_on_is_told_with_440_beside_the_other() {
    let v6 = RelayAddress::plain("2600::5".parse().unwrap());
    for (relay, lacks) in [(RelayAddress::plain(RELAY_V4.into()), 2), (v6, 1)] {
        let mut house = House::new(Options { relay_addresses: vec![relay], ..options() });
        let client = house.client(1, "alice");
        let reply = house.ask(&client, Method::ALLOCATE, &BOTH);
        assert_eq!((reply.code(), lacking(&reply)), (None, Some((lacks, 440))));
        assert_eq!(reply.all_relayed().iter().map(SocketAddr::ip).collect::<Vec<_>>(), [relay.bound]);
    }
    let mut house = House::new(Options { relay_addresses: vec![], ..options() });
    let client = house.client(1, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &BOTH);
    assert_eq!((reply.code(), lacking(&reply)), (Some(ErrorCode::AddressFamilyNotSupported), None));
}

#[test]
fn if_one_socket_cannot_be_had_the_other_serves_and_508_is_told_beside_it() {
    for first_fails in [true, false] {
        let mut house = House::new(options());
        house.answers_opens = false;
        let client = house.client(1, "alice");
        let request = client.request(TransactionId([1; 12]), Method::ALLOCATE, &BOTH);
        assert!(house.raw(client.five_tuple, &request).is_none());
        assert_eq!(house.open_questions.len(), 2);
        house.answer_open(if first_fails { Err(OpenError::NoPortLeft) } else { Ok(()) });
        assert!(house.sent.is_empty(), "the other is still awaited");
        house.answer_open(if first_fails { Ok(()) } else { Err(OpenError::NoPortLeft) });
        let reply = house.last_reply().unwrap();
        let lacks = if first_fails { 1 } else { 2 };
        assert_eq!((reply.code(), lacking(&reply)), (None, Some((lacks, 508))));
        let [relayed] = reply.all_relayed()[..] else { panic!("{reply:?}") };
        assert_eq!(house.raw(client.five_tuple, &request).unwrap().0, reply.0, "a retransmission hears the same");

        let (near, far) = if first_fails { (PEER_V6, PEER_V4) } else { (PEER_V4, PEER_V6) };
        assert_eq!(house.permit(&client, &[peer(near)]), None);
        assert_eq!(house.permit(&client, &[peer(far)]), Some(ErrorCode::PeerAddressFamilyMismatch));
        assert_eq!(forwarded(house.send(&client, peer(near), b"data")).allocation, house.key_of(relayed));
        delivered(house.datagram(relayed, peer(near), b"data"), b"data");
        house.pass(secs(600));
        assert_eq!(house.closed, [(house.key_of(relayed), RelayedAddr(relayed))]);
        assert_eq!((house.server.stats().allocations_live, house.deadline), (0, None));
    }
}

#[test]
fn a_half_opened_pair_is_closed_whenever_its_other_half_fails_to_come() {
    // Both fail; one comes and the other is not heard of; one comes in time and one late; both come late.
    for (in_time, late) in
        [(vec![false, false], vec![]), (vec![true], vec![]), (vec![true], vec![true]), (vec![], vec![true, true])]
    {
        let mut house = House::new(options());
        house.answers_opens = false;
        let client = house.client(1, "alice");
        assert!(house.try_ask(&client, Method::ALLOCATE, &BOTH).is_none());
        let answer =
            |house: &mut House, comes: bool| house.answer_open(if comes { Ok(()) } else { Err(OpenError::Refused) });
        in_time.iter().for_each(|&comes| answer(&mut house, comes));
        house.pass(secs(5));
        assert_eq!(house.last_reply().unwrap().code(), Some(ErrorCode::InsufficientCapacity));
        late.iter().for_each(|&comes| answer(&mut house, comes));
        let opened = in_time.iter().chain(&late).filter(|&&comes| comes).count();
        let closed: std::collections::BTreeSet<_> = house.closed.iter().collect();
        assert_eq!((house.closed.len(), closed.len()), (opened, opened), "{in_time:?} {late:?}");
        assert_eq!((house.server.stats().allocations_live, house.deadline), (0, None));
        assert!(!house.server.has_allocation(&client.five_tuple));
        house.answers_opens = true;
        house.open_questions.clear();
        assert_eq!(house.ask(&client, Method::ALLOCATE, &BOTH).code(), None, "nothing is in the way of the next");
    }
}

#[test]
fn a_closed_connection_ends_what_is_being_opened_and_both_addresses_of_what_is_open() {
    let mut house = House::new(options());
    let (client, ..) = dual(&mut house);
    house.input(sangam_turn_proto::Input::ConnectionClosed(client.five_tuple));
    assert_eq!(house.closed.len(), 2);
    house.closed.clear();
    house.answers_opens = false;
    assert!(house.try_ask(&client, Method::ALLOCATE, &BOTH).is_none());
    house.answer_open(Ok(()));
    house.input(sangam_turn_proto::Input::ConnectionClosed(client.five_tuple));
    house.answer_open(Ok(()));
    assert_eq!((house.closed.len(), house.deadline), (2, None));
}

#[test]
fn one_family_is_refreshed_or_ended_alone_and_the_allocation_ends_with_its_last() {
    for (ended, left, at) in [(V4, V6, 0), (V6, V4, 1)] {
        let mut house = House::new(options());
        let (client, v4, v6) = dual(&mut house);
        let (gone, stays) = if at == 0 { (v4, v6) } else { (v6, v4) };
        let (to_gone, to_stays) = if at == 0 { (PEER_V4, PEER_V6) } else { (PEER_V6, PEER_V4) };
        assert_eq!(house.bind(&client, 0x4000, peer(to_gone)), None);
        let closed = (house.key_of(gone), RelayedAddr(gone));
        assert_eq!(house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(0), ended]).lifetime_secs(), 0);
        assert_eq!(house.closed, [closed]);
        assert!(
            matches!(house.events.last(), Some(Event::RelayedEnded { relayed, cause: EndCause::Client, .. }) if relayed.0 == gone)
        );
        assert_eq!(house.send(&client, peer(to_gone), b""), FromClient::Dropped(DropReason::NoPermission));
        assert_eq!(house.channel_data(&client, 0x4000, b""), FromClient::Dropped(DropReason::NoChannel));
        assert_eq!(house.datagram(gone, peer(to_gone), b""), FromPeer::Dropped(DropReason::NoAllocation));
        assert_eq!(house.permit(&client, &[peer(to_gone)]), Some(ErrorCode::PeerAddressFamilyMismatch));
        let mismatch = house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(600), ended]).code();
        assert_eq!(mismatch, Some(ErrorCode::PeerAddressFamilyMismatch));

        assert_eq!(forwarded(house.send(&client, peer(to_stays), b"")).relayed.0, stays);
        delivered(house.datagram(stays, peer(to_stays), b""), b"");
        assert_eq!(house.ask(&client, Method::REFRESH, &[left]).code(), None);
        assert_eq!(house.ask(&client, Method::REFRESH, &[]).code(), None);
        assert_eq!(house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(0), left]).code(), None);
        assert!(matches!(house.events.last(), Some(Event::Deleted { cause: EndCause::Client, .. })));
        assert_eq!((house.closed.len(), house.deadline), (2, None));
        assert_eq!(house.server.stats().allocations_live, 0);
    }
}

#[test]
fn each_family_lasts_until_its_own_time_and_none_is_used_beyond_though_the_driver_is_late() {
    for refreshed in [V4, V6] {
        let mut house = House::new(options());
        let (client, v4, v6) = dual(&mut house);
        let (long, short) =
            if refreshed == V4 { ((v4, PEER_V4), (v6, PEER_V6)) } else { ((v6, PEER_V6), (v4, PEER_V4)) };
        assert_eq!(house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(900), refreshed]).code(), None);
        house.pass(secs(500));
        assert_eq!(house.permit(&client, &[peer(PEER_V4), peer(PEER_V6)]), None);
        assert_eq!(house.bind(&client, 0x4000, peer(short.1)), None);
        // The time has come, and nobody has told the server.
        house.now = house.now + secs(100);
        for _ in 0..2 {
            assert_eq!(house.send(&client, peer(short.1), b""), FromClient::Dropped(DropReason::NoPermission));
            assert_eq!(house.channel_data(&client, 0x4000, b""), FromClient::Dropped(DropReason::NoChannel));
            assert_eq!(house.datagram(short.0, peer(short.1), b""), FromPeer::Dropped(DropReason::NoAllocation));
            let own = house.server.relay_from_own(house.now, RelayedAddr(short.0), RelayedAddr(short.0), 0);
            assert_eq!(own, FromPeer::Dropped(DropReason::PeerGone));
            assert_eq!(forwarded(house.send(&client, peer(long.1), b"")).relayed.0, long.0);
            house.pass(secs(0));
        }
        assert!(matches!(house.events.last(), Some(Event::RelayedEnded { cause: EndCause::Expired, .. })));
        house.pass(secs(300));
        assert!(matches!(house.events.last(), Some(Event::Deleted { cause: EndCause::Expired, .. })));
        assert_eq!(house.server.stats().ended(EndCause::Expired), 1);
    }
}

#[test]
fn a_dual_allocation_counts_as_one_towards_its_quotas() {
    let limits = Limits { allocations: 2, allocations_per_user: 2, opening: 1, ..Limits::default() };
    let mut house = House::new(Options { limits, ..options() });
    for port in 1..=2 {
        let client = house.client(port, "alice");
        assert_eq!(house.ask(&client, Method::ALLOCATE, &BOTH).all_relayed().len(), 2);
    }
    let third = house.client(3, "alice");
    assert_eq!(house.ask(&third, Method::ALLOCATE, &BOTH).code(), Some(ErrorCode::AllocationQuotaReached));
    house.pass(secs(600));
    assert_eq!(house.closed.len(), 4);
    assert_eq!(house.ask(&third, Method::ALLOCATE, &BOTH).code(), None);
}

#[test]
fn what_a_family_that_ended_had_takes_no_room() {
    let limits = Limits { permissions: 2, channels: 1, ..Limits::default() };
    let mut house = House::new(Options { limits, ..options() });
    let (client, ..) = dual(&mut house);
    assert_eq!(house.bind(&client, 0x4000, peer(PEER_V4)), None);
    assert_eq!(house.permit(&client, &[peer("[2600::a]:1")]), Some(ErrorCode::InsufficientCapacity));
    assert_eq!(house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(0), V4]).code(), None);
    assert_eq!(house.permit(&client, &[peer("[2600::a]:1")]), None);
    assert_eq!(house.bind(&client, 0x4000, peer(PEER_V6)), None);
}

#[test]
fn two_clients_reach_each_other_inside_the_server_by_either_family() {
    let mut house = House::new(options());
    let (client, v4, v6) = dual(&mut house);
    let other = house.client(2, "bob");
    let reply = house.ask(&other, Method::ALLOCATE, &BOTH);
    let [other_v4, other_v6] = reply.all_relayed()[..] else { panic!("{reply:?}") };
    for (mine, theirs) in [(v4, other_v4), (v6, other_v6)] {
        assert_eq!(house.permit(&client, &[theirs]), None);
        assert_eq!(house.permit(&other, &[mine]), None);
        let forward = forwarded(house.send(&client, theirs, b"data"));
        assert_eq!((forward.relayed.0, forward.route), (mine, Route::OwnOnly));
        let (to, _) = delivered(house.hand_over(&forward), b"data");
        assert_eq!(to, other.five_tuple);
    }
    assert_eq!(house.ask(&other, Method::REFRESH, &[Attribute::Lifetime(0), V6]).code(), None);
    let forward = forwarded(house.send(&client, other_v6, b"data"));
    assert_eq!(house.hand_over(&forward), FromPeer::Dropped(DropReason::PeerGone));
    let forward = forwarded(house.send(&client, other_v4, b"data"));
    delivered(house.hand_over(&forward), b"data");
}

#[test]
fn a_retransmission_is_told_both_addresses_though_one_has_ended_since() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let request = client.request(TransactionId([1; 12]), Method::ALLOCATE, &BOTH);
    let first = house.raw(client.five_tuple, &request).unwrap();
    assert_eq!(house.raw(client.five_tuple, &request).unwrap().0, first.0);
    assert_eq!(house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(0), V4]).code(), None);
    assert_eq!(house.raw(client.five_tuple, &request).unwrap().0, first.0);
    assert_eq!(house.server.stats().allocations_begun, 1);
}
