use std::num::NonZeroU64;
use std::time::Duration;

use sangam_turn_proto::{
    Class, DropReason, ErrorCode, FromClient, FromPeer, Limited, Limits, MessageBuilder, Method, OpenError, Options,
};

use crate::fixture::{House, UDP, five_tuple, options, peer, secs};

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

#[test]
fn what_the_driver_counts_with_other_servers_is_refused_with_the_code_and_the_counter_of_its_limit() {
    for (error, code, limited) in [
        (OpenError::UserQuota, ErrorCode::AllocationQuotaReached, Limited::AllocationsPerUser),
        (OpenError::ServerQuota, ErrorCode::InsufficientCapacity, Limited::Allocations),
        (OpenError::BandwidthQuota, ErrorCode::AllocationQuotaReached, Limited::Bandwidth),
    ] {
        let mut house = House::new(options());
        house.answers_opens = false;
        let client = house.client(1, "1800000000:alice");
        house.try_ask(&client, Method::ALLOCATE, &[UDP]);
        assert_eq!(house.opener.as_deref(), Some("1800000000:alice"));
        house.answer_open(Err(error));
        assert_eq!((house.last_reply().unwrap().code(), house.deadline), (Some(code), None));
        assert_eq!(house.server.stats().limited(limited), 1);
        house.answers_opens = true;
        assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None, "nothing is left of the first");
    }
}

fn rate(bytes: u64) -> Option<NonZeroU64> {
    NonZeroU64::new(bytes)
}

#[test]
fn an_allocation_relays_a_second_of_its_rate_at_once_each_way_and_the_rate_from_then_on() {
    let mut house = house_with(Limits { allocation_bytes_per_second: rate(1_000), ..Limits::default() });
    let (client, other) = (house.client(1, "alice"), house.allocated(2));
    let relayed = house.ask(&client, Method::ALLOCATE, &[UDP]).relayed();
    let to = peer("8.8.8.8:1");
    assert_eq!((house.bind(&client, 0x4000, to), house.permit(&other, &[to])), (None, None));
    let over = DropReason::AllocationRate;
    assert!(matches!(house.channel_data(&client, 0x4000, &[0; 600]), FromClient::Forward(_)));
    assert!(matches!(house.send(&client, to, &[0; 400]), FromClient::Forward(_)));
    assert_eq!(house.channel_data(&client, 0x4000, &[0; 10]), FromClient::Dropped(over));
    assert_eq!(house.send(&client, to, &[0; 10]), FromClient::Dropped(over));
    assert!(matches!(house.datagram(relayed, to, &[0; 1_000]), FromPeer::Forward { .. }), "the other way");
    assert_eq!(house.datagram(relayed, to, &[0; 5]), FromPeer::Dropped(over));
    assert!(matches!(house.send(&other, to, &[0; 1_000]), FromClient::Forward(_)), "another allocation");
    house.now = house.now + Duration::from_millis(100);
    assert!(matches!(house.channel_data(&client, 0x4000, &[0; 100]), FromClient::Forward(_)));
    assert_eq!(house.channel_data(&client, 0x4000, &[0; 1]), FromClient::Dropped(over));
    let stats = house.server.stats();
    assert_eq!((stats.drops(over), stats.bytes_over_allocation_rate, stats.bytes_over_server_rate), (4, 26, 0));
    assert_eq!((stats.sent.bytes, stats.received.bytes), (2_100, 1_000), "what is dropped is not relayed");
}

#[test]
fn between_two_of_our_own_each_end_has_its_rate() {
    let mut house = house_with(Limits { allocation_bytes_per_second: rate(1_000), ..Limits::default() });
    let (a, b) = (house.client(1, "alice"), house.client(2, "alice"));
    let relayed: Vec<_> = [&a, &b].map(|client| house.ask(client, Method::ALLOCATE, &[UDP]).relayed()).into();
    assert_eq!((house.permit(&a, &[relayed[1]]), house.permit(&b, &relayed[..])), (None, None));
    let FromClient::Forward(forward) = house.send(&a, relayed[1], &[0; 900]) else { panic!("within its rate") };
    assert!(matches!(house.hand_over(&forward), FromPeer::Forward { .. }));
    let FromClient::Forward(forward) = house.send(&b, relayed[1], &[0; 900]) else { panic!("within its rate") };
    assert_eq!(house.hand_over(&forward), FromPeer::Dropped(DropReason::AllocationRate), "b receives too much");
}

#[test]
fn all_servers_of_a_process_relay_what_the_rate_of_all_allows() {
    let limits = Limits { bytes_per_second: rate(100_000), ..Limits::default() };
    let shared = Options { limits, ..options() };
    let mut houses = [House::new(shared.clone()), House::new(shared)];
    let to = peer("8.8.8.8:1");
    let clients = [1, 2].map(|at| houses[at - 1].allocated(at as u16));
    let mut passed = [0, 0];
    for (at, (house, client)) in houses.iter_mut().zip(&clients).enumerate() {
        house.permit(client, &[to]);
        passed[at] = (0..200).filter(|_| matches!(house.send(client, to, &[0; 1_000]), FromClient::Forward(_))).count();
    }
    assert_eq!(passed, [100, 0], "the first took it all");
    assert_eq!(houses[1].server.stats().drops(DropReason::ServerRate), 200);
    assert_eq!(houses[1].server.stats().bytes_over_server_rate, 200_000);
}

#[test]
fn rates_put_in_force_hold_for_the_allocations_there_are_and_end_again() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let to = peer("8.8.8.8:1");
    house.permit(&client, &[to]);
    let passes = |house: &mut House| matches!(house.send(&client, to, &[0; 1_000]), FromClient::Forward(_));
    assert!((0..100).all(|_| passes(&mut house)), "without a limit");
    for limits in [
        Limits { allocation_bytes_per_second: rate(2_000), ..Limits::default() },
        Limits { bytes_per_second: rate(2_000), ..Limits::default() },
    ] {
        house.server.replace_limits(limits);
        assert_eq!((0..100).filter(|_| passes(&mut house)).count(), 2);
        house.server.replace_limits(Limits::default());
        assert!((0..100).all(|_| passes(&mut house)), "and again");
    }
}

#[test]
fn servers_of_one_process_count_challenges_together() {
    let shared = Options { limits: Limits { challenges_per_second: Some(3), ..Limits::default() }, ..options() };
    let mut houses = [House::new(shared.clone()), House::new(shared)];
    let answered = |house: &mut House, port| {
        let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, house.transaction()).attribute(&UDP);
        house.raw(five_tuple(port), &request.finish()).is_some()
    };
    let [here, there] = &mut houses;
    assert_eq!([answered(here, 1), answered(there, 2), answered(here, 3)], [true; 3]);
    assert_eq!([answered(here, 4), answered(there, 5)], [false; 2]);
    assert_eq!([here, there].map(|house| house.server.stats().limited(Limited::Challenges)), [1, 1]);
}
