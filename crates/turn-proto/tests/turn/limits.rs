use sangam_turn_proto::{ErrorCode, FromClient, Limited, Limits, Method, Options};

use crate::fixture::{House, UDP, options, peer, secs};

fn house_with(limits: Limits) -> House {
    House::new(Options { limits, ..options() })
}

#[test]
fn a_user_has_so_many_allocations_under_whatever_expiry() {
    let mut house = house_with(Limits { allocations_per_user: 2, ..Limits::default() });
    let clients: Vec<_> = (1..=3).map(|port| house.client(port, &format!("180000000{port}:alice"))).collect();
    assert_eq!(house.ask(&clients[0], Method::ALLOCATE, &[UDP]).code(), None);
    assert_eq!(house.ask(&clients[1], Method::ALLOCATE, &[UDP]).code(), None);
    let quota = Some(ErrorCode::AllocationQuotaReached);
    assert_eq!(house.ask(&clients[2], Method::ALLOCATE, &[UDP]).code(), quota);
    assert_eq!(house.server.stats().limited(Limited::AllocationsPerUser), 1);
    let bob = house.client(4, "1800000001:bob");
    assert_eq!(house.ask(&bob, Method::ALLOCATE, &[UDP]).code(), None);
    house.refresh(&clients[0], 0);
    assert_eq!(house.ask(&clients[2], Method::ALLOCATE, &[UDP]).code(), None);
}

#[test]
fn the_server_has_so_many_allocations() {
    let mut house = house_with(Limits { allocations: 2, ..Limits::default() });
    house.allocated(1);
    house.allocated(2);
    let client = house.client(3, "bob");
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::InsufficientCapacity));
    assert_eq!(house.server.stats().limited(Limited::Allocations), 1);
    house.pass(secs(600));
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
}

#[test]
fn an_allocation_has_so_many_permissions_and_expired_ones_do_not_count() {
    let mut house = house_with(Limits { permissions: 3, ..Limits::default() });
    let client = house.allocated(1);
    let peers = ["8.8.8.1:1", "8.8.8.2:1", "8.8.8.3:1", "8.8.8.4:1"].map(peer);
    let full = Some(ErrorCode::InsufficientCapacity);
    assert_eq!(house.permit(&client, &peers), full);
    assert!(matches!(house.send(&client, peers[0], b"x"), FromClient::Dropped(_)), "none at all");
    assert_eq!(house.permit(&client, &[peers[0], peers[0], peers[1], peers[2]]), None, "one peer counts once");
    assert_eq!(house.permit(&client, &[peers[3]]), full);
    assert_eq!(house.bind(&client, 0x4000, peers[3]), full);
    assert_eq!(house.permit(&client, &[peers[2], peers[0]]), None, "those it has may last longer");
    assert_eq!(house.server.stats().limited(Limited::Permissions), 3);
    house.pass(secs(300));
    assert_eq!(house.permit(&client, &[peers[3]]), None);
}

#[test]
fn an_allocation_has_so_many_channels_those_at_rest_included() {
    let mut house = house_with(Limits { channels: 2, ..Limits::default() });
    let client = house.allocated(1);
    house.refresh(&client, 3_600);
    assert_eq!(house.bind(&client, 0x4000, peer("8.8.8.8:1")), None);
    assert_eq!(house.bind(&client, 0x4001, peer("8.8.8.8:2")), None);
    let full = Some(ErrorCode::InsufficientCapacity);
    assert_eq!(house.bind(&client, 0x4002, peer("8.8.8.8:3")), full);
    assert_eq!(house.server.stats().limited(Limited::Channels), 1);
    house.pass(secs(899));
    assert_eq!(house.bind(&client, 0x4002, peer("8.8.8.8:3")), full);
    house.pass(secs(1));
    assert_eq!(house.bind(&client, 0x4002, peer("8.8.8.8:3")), None);
}

#[test]
fn limits_put_in_force_hold_for_what_comes_next() {
    let mut house = House::new(options());
    house.allocated(1);
    house.server.replace_limits(Limits { allocations: 1, ..Limits::default() });
    let client = house.client(2, "alice");
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), Some(ErrorCode::InsufficientCapacity));
    assert_eq!(house.server.stats().allocations_live, 1);
}

#[test]
fn what_exceeds_new_limits_already_may_still_be_prolonged() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.bind(&client, 0x4000, peer("8.8.8.8:1"));
    house.bind(&client, 0x4001, peer("8.8.4.4:1"));
    house.server.replace_limits(Limits { permissions: 1, channels: 1, ..Limits::default() });
    assert_eq!(house.permit(&client, &[peer("8.8.8.8:1"), peer("8.8.4.4:1")]), None);
    assert_eq!(house.bind(&client, 0x4001, peer("8.8.4.4:1")), None);
    assert_eq!(house.permit(&client, &[peer("1.1.1.1:1")]), Some(ErrorCode::InsufficientCapacity));
    assert_eq!(house.bind(&client, 0x4002, peer("8.8.8.8:2")), Some(ErrorCode::InsufficientCapacity));
}

#[test]
fn an_allocation_with_many_peers_serves_each_of_them() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    for port in 1..=100 {
        assert_eq!(house.bind(&client, 0x4000 + port, peer(&format!("8.8.{port}.8:{port}"))), None);
    }
    for port in 1..=100 {
        let to = peer(&format!("8.8.{port}.8:{port}"));
        let FromClient::Forward(forward) = house.channel_data(&client, 0x4000 + port, b"x") else { panic!("{port}") };
        assert_eq!(forward.peer.0, to);
    }
}
