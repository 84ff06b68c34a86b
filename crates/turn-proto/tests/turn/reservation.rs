//! Pairs of ports: EVEN-PORT and RESERVATION-TOKEN.

use sangam_turn_proto::{
    Attribute, AttributeType, ErrorCode, FromPeer, Input, Limited, Limits, Method, OpenError, Opened, Options,
    PortWish, RelayedAddr, ReservationToken, TransactionId,
};

use crate::fixture::{Client, House, UDP, options, peer, secs};

const EVEN: [Attribute<'_>; 2] = [UDP, Attribute::EvenPort { reserve: false }];
const PAIR: [Attribute<'_>; 2] = [UDP, Attribute::EvenPort { reserve: true }];
const FULL: Option<ErrorCode> = Some(ErrorCode::InsufficientCapacity);

/// A client with an even port whose neighbour is reserved, and the token.
fn reserving(house: &mut House, port: u16) -> (Client, ReservationToken) {
    let client = house.client(port, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &PAIR);
    assert_eq!(reply.code(), None);
    (client, reply.token().expect("a token"))
}

fn take(house: &mut House, client: &Client, token: ReservationToken) -> Option<ErrorCode> {
    house.ask(client, Method::ALLOCATE, &[UDP, Attribute::ReservationToken(token)]).code()
}

#[test]
fn an_even_port_is_asked_for_where_the_client_does_and_only_a_reservation_has_a_token() {
    let mut house = House::new(options());
    for (port, attributes, wish) in [(1, &[UDP][..], PortWish::Any), (2, &EVEN, PortWish::Even)] {
        let client = house.client(port, "alice");
        let reply = house.ask(&client, Method::ALLOCATE, attributes);
        assert_eq!((reply.code(), reply.token(), house.port_wish), (None, None, Some(wish)));
    }
    let client = house.client(3, "alice");
    let malformed = [UDP, Attribute::Other(AttributeType::EVEN_PORT, &[])];
    assert_eq!(house.ask(&client, Method::ALLOCATE, &malformed).code(), Some(ErrorCode::BadRequest));
}

#[test]
fn the_next_port_is_reserved_and_given_to_another_five_tuple_of_the_same_user() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &PAIR);
    assert_eq!(reply.relayed(), peer("5.5.5.5:50000"));
    let token = reply.token().unwrap();
    assert!(
        matches!(house.port_wish, Some(PortWish::EvenAndNext { next }) if house.key_of(peer("5.5.5.5:50001")) == next)
    );

    let twin = house.client(2, "alice");
    let reply = house.ask(&twin, Method::ALLOCATE, &[UDP, Attribute::ReservationToken(token)]);
    assert_eq!((reply.code(), reply.token(), reply.relayed()), (None, None, peer("5.5.5.5:50001")));
    assert_eq!(house.permit(&twin, &[peer("8.8.8.8:1")]), None);
    let verdict = house.datagram(peer("5.5.5.5:50001"), peer("8.8.8.8:1"), b"data");
    assert!(matches!(verdict, FromPeer::Forward { to, .. } if to == twin.five_tuple));
    house.pass(secs(31));
    assert!(house.closed.is_empty(), "it is the allocation's now");
}

#[test]
fn a_retransmission_is_told_the_same_token() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    let request = client.request(TransactionId([1; 12]), Method::ALLOCATE, &PAIR);
    let first = house.raw(client.five_tuple, &request).unwrap();
    let again = house.raw(client.five_tuple, &request).unwrap();
    assert_eq!(first.0, again.0);
    assert!(first.token().is_some());
}

#[test]
fn a_token_serves_once_and_only_its_user_under_whatever_expiry() {
    let mut house = House::new(options());
    let bob = house.client(1, "1800000100:bob");
    let token = house.ask(&bob, Method::ALLOCATE, &PAIR).token().unwrap();
    let mallory = house.client(2, "mallory");
    assert_eq!(take(&mut house, &mallory, token), FULL);
    let twin = house.client(3, "1800000200:bob");
    assert_eq!(take(&mut house, &twin, token), None);
    let late = house.client(4, "1800000200:bob");
    assert_eq!(take(&mut house, &late, token), FULL);
    assert_eq!(take(&mut house, &late, ReservationToken([0; 8])), FULL, "nobody gave that one");
}

#[test]
fn an_address_is_reserved_for_thirty_seconds_whatever_becomes_of_the_first() {
    let mut house = House::new(options());
    let (client, token) = reserving(&mut house, 1);
    assert_eq!(house.refresh(&client, 0), None);
    house.closed.clear();
    assert_eq!(house.deadline.unwrap().at, house.now.mono + secs(30));
    house.pass(secs(29));
    assert!(house.closed.is_empty());
    house.pass(secs(1));
    let reserved = (house.key_of(peer("5.5.5.5:50001")), RelayedAddr(peer("5.5.5.5:50001")));
    assert_eq!((&house.closed[..], house.deadline), (&[reserved][..], None));
    assert_eq!(take(&mut house, &client, token), FULL);
}

#[test]
fn what_reaches_a_reserved_address_is_dropped() {
    let mut house = House::new(options());
    let (client, _) = reserving(&mut house, 1);
    assert_eq!(house.permit(&client, &[peer("8.8.8.8:1")]), None);
    assert!(matches!(house.datagram(peer("5.5.5.5:50001"), peer("8.8.8.8:1"), b"data"), FromPeer::Dropped(_)));
}

#[test]
fn a_token_beside_even_port_or_a_family_is_a_bad_request() {
    let mut house = House::new(options());
    let (_, token) = reserving(&mut house, 1);
    let twin = house.client(2, "alice");
    let token = Attribute::ReservationToken(token);
    for beside in [
        Attribute::EvenPort { reserve: false },
        Attribute::EvenPort { reserve: true },
        Attribute::RequestedAddressFamily(1),
        Attribute::RequestedAddressFamily(2),
    ] {
        let reply = house.ask(&twin, Method::ALLOCATE, &[UDP, token, beside]);
        assert_eq!(reply.code(), Some(ErrorCode::BadRequest), "{beside:?}");
    }
    let malformed = Attribute::Other(AttributeType::RESERVATION_TOKEN, &[0; 7]);
    assert_eq!(house.ask(&twin, Method::ALLOCATE, &[UDP, malformed]).code(), Some(ErrorCode::BadRequest));
    assert_eq!(house.ask(&twin, Method::ALLOCATE, &[UDP, token]).code(), None, "it was not used up");
}

#[test]
fn reservations_are_bounded_and_count_as_allocations_of_their_user_and_of_the_server() {
    for (limits, limited) in [
        (Limits { reservations: 1, ..Limits::default() }, Limited::Reservations),
        (Limits { allocations: 3, ..Limits::default() }, Limited::Allocations),
        (Limits { allocations_per_user: 3, ..Limits::default() }, Limited::AllocationsPerUser),
    ] {
        let mut house = House::new(Options { limits, ..options() });
        let (_, token) = reserving(&mut house, 1);
        let other = house.client(2, "alice");
        let refused = house.ask(&other, Method::ALLOCATE, &PAIR).code();
        let user = limited == Limited::AllocationsPerUser;
        assert_eq!(
            refused,
            Some(if user { ErrorCode::AllocationQuotaReached } else { ErrorCode::InsufficientCapacity })
        );
        assert_eq!(house.server.stats().limited(limited), 1);
        assert_eq!(house.ask(&other, Method::ALLOCATE, &EVEN).code(), None, "one more is let in");
        let twin = house.client(3, "alice");
        assert_eq!(take(&mut house, &twin, token), None, "it was counted when it was reserved");
    }
}

#[test]
fn a_pair_that_cannot_be_opened_is_answered_508_and_leaves_nothing() {
    let limits = Limits { allocations: 2, allocations_per_user: 2, reservations: 1, ..Limits::default() };
    let mut house = House::new(Options { limits, ..options() });
    house.answers_opens = false;
    let client = house.client(1, "alice");
    house.try_ask(&client, Method::ALLOCATE, &PAIR);
    house.answer_open(Err(OpenError::NoPortLeft));
    assert_eq!((house.last_reply().unwrap().code(), house.deadline), (FULL, None));

    // One socket alone is not what was asked for.
    house.try_ask(&client, Method::ALLOCATE, &PAIR);
    let (request, allocation, ..) = house.open_questions.remove(0);
    let relayed = RelayedAddr(peer("5.5.5.5:50000"));
    house.input(Input::RelayedOpened { request, result: Ok(Opened::from(relayed)) });
    assert_eq!((house.last_reply().unwrap().code(), house.deadline), (FULL, None));
    assert_eq!(house.closed, [(allocation, relayed)]);

    house.answers_opens = true;
    reserving(&mut house, 1);
}

#[test]
fn a_pair_that_is_opened_too_late_is_closed() {
    let mut house = House::new(options());
    house.answers_opens = false;
    let client = house.client(1, "alice");
    house.try_ask(&client, Method::ALLOCATE, &PAIR);
    house.pass(secs(5));
    assert_eq!(house.last_reply().unwrap().code(), FULL);
    house.answer_open(Ok(()));
    let closed: Vec<_> = house.closed.iter().map(|(_, RelayedAddr(relayed))| relayed.port()).collect();
    assert_eq!((closed, house.deadline), (vec![50_000, 50_001], None));
}

/// Two servers of one process: the second client reaches the other one.
fn two_houses() -> (House, House) {
    (House::new(options()), House::new(Options { server_index: 1, ..options() }))
}

#[test]
fn a_token_of_another_server_is_fetched_from_there_for_the_same_user() {
    let (mut here, mut there) = two_houses();
    let (_, token) = reserving(&mut there, 1);
    let twin = here.client(2, "alice");
    assert!(here.try_ask(&twin, Method::ALLOCATE, &[UDP, Attribute::ReservationToken(token)]).is_none());
    let (request, allocation, asked, username) = here.take_questions.remove(0);
    assert_eq!((asked, asked.server_index(), username.as_str()), (token, 1, "alice"));

    assert_eq!(there.server.release_reserved(there.now, token, "mallory"), None);
    let reserved = there.key_of(peer("5.5.5.5:50001"));
    assert_eq!(there.server.release_reserved(there.now, token, &username), Some(reserved));
    assert_eq!(there.server.release_reserved(there.now, token, &username), None);
    there.pass(secs(30));
    assert!(there.closed.is_empty(), "the socket has moved");

    let result = Ok(Opened::from(RelayedAddr(peer("5.5.5.5:50001"))));
    here.input(Input::RelayedOpened { request, result });
    assert_eq!(here.last_reply().unwrap().relayed(), peer("5.5.5.5:50001"));
    assert_eq!(here.refresh(&twin, 0), None);
    assert_eq!(here.closed, [(allocation, RelayedAddr(peer("5.5.5.5:50001")))]);
}

#[test]
fn a_token_that_another_server_does_not_know_or_not_in_time_is_answered_508() {
    let (mut here, _) = two_houses();
    let twin = here.client(2, "alice");
    let foreign = [UDP, Attribute::ReservationToken(ReservationToken([0, 1, 0, 0, 0, 0, 0, 0]))];
    here.try_ask(&twin, Method::ALLOCATE, &foreign);
    let (request, ..) = here.take_questions.remove(0);
    here.input(Input::RelayedOpened { request, result: Err(OpenError::NotReserved) });
    assert_eq!((here.last_reply().unwrap().code(), here.deadline), (FULL, None));

    here.try_ask(&twin, Method::ALLOCATE, &foreign);
    let (request, allocation, ..) = here.take_questions.remove(0);
    here.pass(secs(5));
    assert_eq!((here.last_reply().unwrap().code(), here.deadline), (FULL, None));
    let relayed = RelayedAddr(peer("5.5.5.5:50001"));
    here.input(Input::RelayedOpened { request, result: Ok(Opened::from(relayed)) });
    assert_eq!(here.closed, [(allocation, relayed)]);
}
