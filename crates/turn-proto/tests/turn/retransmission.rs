//! RFC 8489 §6.3.1: the same bytes again get the same answer, and do nothing twice.

use sangam_turn_proto::{Attribute, ErrorCode, Event, Method, TransactionId};

use crate::fixture::{Client, House, UDP, forwarded, options, peer, secs};

const ID: TransactionId = TransactionId([1; 12]);

/// Sends the same request three times, a second apart; gives the answer to all.
fn thrice(house: &mut House, client: &Client, method: Method, attributes: &[Attribute<'_>]) -> Option<ErrorCode> {
    let request = client.request(ID, method, attributes);
    let first = house.raw(client.five_tuple, &request).unwrap();
    let (events, closed) = (house.events.clone(), house.closed.clone());
    let live = house.server.stats().allocations_live;
    for _ in 0..2 {
        house.pass(secs(1));
        assert_eq!(house.raw(client.five_tuple, &request).unwrap().0, first.0);
        assert_eq!((&house.events, &house.closed), (&events, &closed), "nothing happens twice");
        assert_eq!(house.server.stats().allocations_live, live);
    }
    first.code()
}

#[test]
fn an_allocate_begins_one_allocation_however_often_it_comes() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    assert_eq!(thrice(&mut house, &client, Method::ALLOCATE, &[UDP]), None);
    assert_eq!(house.server.stats().allocations_begun, 1);
}

#[test]
fn a_refresh_prolongs_once_however_often_it_comes() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let ends = house.now.mono + secs(900);
    assert_eq!(thrice(&mut house, &client, Method::REFRESH, &[Attribute::Lifetime(900)]), None);
    assert_eq!(house.deadline.unwrap().at, ends);
    let refreshed = house.events.iter().filter(|event| matches!(event, Event::Refreshed { .. })).count();
    assert_eq!(refreshed, 1);
}

#[test]
fn a_refresh_to_zero_is_answered_with_zero_again_though_the_allocation_is_gone() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    assert_eq!(thrice(&mut house, &client, Method::REFRESH, &[Attribute::Lifetime(0)]), None);
    assert_eq!(house.events.iter().filter(|event| matches!(event, Event::Deleted { .. })).count(), 1);
    assert_eq!(house.refresh(&client, 0), Some(ErrorCode::AllocationMismatch), "another request is no retransmission");
    let request = client.request(ID, Method::REFRESH, &[Attribute::Lifetime(0)]);
    house.pass(secs(38));
    let reply = house.raw(client.five_tuple, &request).unwrap();
    assert_eq!(reply.code(), Some(ErrorCode::AllocationMismatch), "nobody sends again after 40 s");
}

#[test]
fn a_refresh_to_zero_that_comes_late_does_not_end_the_next_allocation() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let request = client.request(ID, Method::REFRESH, &[Attribute::Lifetime(0)]);
    house.raw(client.five_tuple, &request).unwrap();
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
    assert_eq!(house.raw(client.five_tuple, &request).unwrap().lifetime_secs(), 0);
    assert_eq!(house.server.stats().allocations_live, 1);
}

#[test]
fn the_answer_to_a_refresh_is_for_whoever_can_sign_the_request() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let request = client.request(ID, Method::REFRESH, &[Attribute::Lifetime(0)]);
    house.raw(client.five_tuple, &request).unwrap();
    let mallory = house.client(1, "mallory");
    let forged = mallory.request(ID, Method::REFRESH, &[Attribute::Lifetime(0)]);
    let reply = house.raw(client.five_tuple, &forged).unwrap();
    assert_eq!(reply.code(), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn a_permission_and_a_channel_are_made_once_however_often_they_are_asked_for() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let (bound, permitted) = (peer("8.8.8.8:1"), peer("8.8.4.4:1"));
    assert_eq!(thrice(&mut house, &client, Method::CREATE_PERMISSION, &[Attribute::XorPeerAddress(permitted)]), None);
    let binding = [Attribute::ChannelNumber(0x4000), Attribute::XorPeerAddress(bound)];
    assert_eq!(thrice(&mut house, &client, Method::CHANNEL_BIND, &binding), None);
    assert_eq!(forwarded(house.send(&client, permitted, b"")).peer.0, permitted);
    assert_eq!(forwarded(house.channel_data(&client, 0x4000, b"")).peer.0, bound);
}

#[test]
fn a_refused_request_is_refused_alike() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let request = client.request(ID, Method::CREATE_PERMISSION, &[Attribute::XorPeerAddress(peer("10.0.0.1:1"))]);
    let first = house.raw(client.five_tuple, &request).unwrap();
    assert_eq!(first.code(), Some(ErrorCode::Forbidden));
    assert_eq!(house.raw(client.five_tuple, &request).unwrap().0, first.0);
}
