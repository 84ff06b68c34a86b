//! Clients that change their address and keep their allocation (RFC 8016).

use std::net::SocketAddr;

use sangam_turn_proto::{
    Attribute, AttributeType, DropReason, EndCause, ErrorCode, Event, FromClient, FromPeer, Input, Method, MoveRefusal,
    Options, TransactionId, Transport,
};

use crate::fixture::{Client, House, Reply, UDP, channel_data, delivered, forwarded, options, peer, secs};

pub(crate) const ASKING: [Attribute<'_>; 2] = [UDP, Attribute::MobilityTicket(&[])];
pub(crate) const CHANNEL: u16 = 0x4000;

pub(crate) fn mobile() -> House {
    House::new(Options { mobility: true, ..options() })
}

pub(crate) fn outside() -> SocketAddr {
    peer("8.8.8.8:1")
}

/// A client with a ticket and a channel to a peer.
pub(crate) fn ticketed(house: &mut House, port: u16) -> (Client, Vec<u8>) {
    let client = house.client(port, "alice");
    let reply = house.ask(&client, Method::ALLOCATE, &ASKING);
    assert_eq!(reply.code(), None);
    let ticket = reply.ticket().expect("a ticket");
    assert_eq!(house.bind(&client, CHANNEL, outside()), None);
    (client, ticket)
}

pub(crate) fn show(house: &mut House, client: &Client, ticket: &[u8]) -> Reply {
    house.ask(client, Method::REFRESH, &[Attribute::MobilityTicket(ticket)])
}

/// Moves to this client, and gives the next ticket.
pub(crate) fn follow(house: &mut House, client: &Client, ticket: &[u8]) -> Vec<u8> {
    let reply = show(house, client, ticket);
    assert_eq!((reply.code(), reply.lifetime_secs()), (None, 600));
    let next = reply.ticket().expect("a new ticket");
    assert_ne!(next, ticket);
    next
}

/// Where data of the peer goes now.
fn heard_by(house: &mut House, relayed: SocketAddr) -> FromPeer {
    house.datagram(relayed, outside(), b"data")
}

pub(crate) fn is_heard_by(house: &mut House, client: &Client) -> bool {
    let verdict = heard_by(house, peer("5.5.5.5:50000"));
    let (to, bytes) = delivered(verdict, b"data");
    assert_eq!(bytes[..8], channel_data(CHANNEL, b"data"), "on its channel, wherever");
    to == client.five_tuple
}

fn refusals(house: &House, reason: MoveRefusal) -> u64 {
    house.server.stats().move_refusals(reason)
}

#[test]
fn a_ticket_is_given_to_whoever_asks_for_one_and_to_nobody_else() {
    let mut house = mobile();
    let client = house.client(1, "alice");
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).ticket(), None);
    let client = house.client(2, "alice");
    let request = client.request(TransactionId([1; 12]), Method::ALLOCATE, &ASKING);
    let first = house.raw(client.five_tuple, &request).unwrap();
    assert!(first.ticket().is_some_and(|ticket| ticket.len() == 32 && ticket.is_ascii()));
    assert_eq!(house.raw(client.five_tuple, &request).unwrap().0, first.0, "a retransmission is told the same");
    assert_eq!(house.ask(&client, Method::REFRESH, &[]).ticket(), None, "the one it has is good");
}

#[test]
fn without_mobility_who_asks_is_forbidden_it_and_a_ticket_says_nothing() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    assert_eq!(house.ask(&client, Method::ALLOCATE, &ASKING).code(), Some(ErrorCode::MobilityForbidden));
    assert_eq!(house.ask(&client, Method::ALLOCATE, &[UDP]).code(), None);
    assert_eq!(show(&mut house, &client, b"whatever").code(), None, "an ordinary refresh");
    let other = house.client(2, "alice");
    assert_eq!(show(&mut house, &other, b"whatever").code(), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn an_allocate_request_with_a_ticket_in_it_is_a_bad_one() {
    for mut house in [mobile(), House::new(options())] {
        let client = house.client(1, "alice");
        let attributes = [UDP, Attribute::MobilityTicket(b"ticket")];
        assert_eq!(house.ask(&client, Method::ALLOCATE, &attributes).code(), Some(ErrorCode::BadRequest));
        assert!(!house.server.has_allocation(&client.five_tuple));
    }
}

#[test]
fn an_allocation_follows_its_client_with_all_that_belongs_to_it() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    forwarded(house.channel_data(&old, CHANNEL, b"data"));
    house.pass(secs(200));
    let new = house.client(2, "alice");
    follow(&mut house, &new, &ticket);
    let moved = |event: &Event| matches!(event, Event::Moved { from, to, .. } if (*from, *to) == (old.five_tuple, new.five_tuple));
    assert!(house.events.iter().any(moved));
    assert_eq!(forwarded(house.channel_data(&new, CHANNEL, b"data")).relayed.0, peer("5.5.5.5:50000"));
    forwarded(house.send(&new, outside(), b"data"));
    let stats = house.server.stats();
    assert_eq!((stats.allocations_live, stats.allocations_begun, stats.moves), (1, 1, 1));
    house.pass(secs(600));
    let sums = house.events.iter().find_map(|event| match event {
        Event::Deleted { cause, sent, .. } => Some((*cause, sent.packets)),
        _ => None,
    });
    assert_eq!(sums, Some((EndCause::Expired, 3)), "ten minutes after the move, with what was counted before it");
    assert_eq!((house.closed.len(), house.deadline), (1, None));
}

#[test]
fn the_old_path_serves_until_data_comes_on_the_new_one() {
    for by_channel in [true, false] {
        let mut house = mobile();
        let (old, ticket) = ticketed(&mut house, 1);
        let new = house.client(2, "alice");
        follow(&mut house, &new, &ticket);
        assert!(is_heard_by(&mut house, &old));
        forwarded(house.channel_data(&old, CHANNEL, b"data"));
        assert_eq!(house.permit(&old, &[peer("8.8.4.4:1")]), None);
        assert_eq!(house.refresh(&old, 600), None);
        assert!(is_heard_by(&mut house, &old), "nothing that comes from there ends it");
        let verdict =
            if by_channel { house.channel_data(&new, CHANNEL, b"data") } else { house.send(&new, outside(), b"data") };
        forwarded(verdict);
        assert!(is_heard_by(&mut house, &new));
        assert_eq!(house.channel_data(&old, CHANNEL, b"data"), FromClient::Dropped(DropReason::NoAllocation));
        assert_eq!(house.refresh(&old, 600), Some(ErrorCode::AllocationMismatch));
        house.pass(secs(0));
        assert_eq!(house.ended_paths, [old.five_tuple]);
    }
}

#[test]
fn another_request_from_the_new_path_ends_the_old_one_too_and_a_strangers_does_not() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    follow(&mut house, &new, &ticket);
    let stranger = house.client(2, "bob");
    assert_eq!(house.refresh(&stranger, 600), Some(ErrorCode::WrongCredentials));
    assert!(is_heard_by(&mut house, &old));
    assert_eq!(house.refresh(&new, 600), None);
    assert!(is_heard_by(&mut house, &new));
}

#[test]
fn the_moving_request_sent_again_gets_the_same_answer_and_moves_nothing() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    let request = new.request(TransactionId([9; 12]), Method::REFRESH, &[Attribute::MobilityTicket(&ticket)]);
    let first = house.raw(new.five_tuple, &request).unwrap();
    assert_eq!(house.raw(new.five_tuple, &request).unwrap().0, first.0);
    assert!(is_heard_by(&mut house, &old));
    assert_eq!(show(&mut house, &new, &ticket).ticket(), first.ticket(), "another transaction, the same ticket");
    forwarded(house.channel_data(&new, CHANNEL, b"data"));
    assert_eq!(house.raw(new.five_tuple, &request).unwrap().0, first.0, "though the new path was used meanwhile");
    assert_eq!(house.server.stats().moves, 1);
}

#[test]
fn a_ticket_that_will_not_do_is_refused_by_name_and_changes_nothing() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let (other, _) = ticketed(&mut house, 2);
    let new = house.client(3, "alice");
    let bob = house.client(3, "bob");
    let mut forged = ticket.clone();
    forged[20] ^= 1;
    for (client, shown, code, reason) in [
        (&new, &forged[..], ErrorCode::BadRequest, MoveRefusal::Forged),
        (&new, &ticket[..ticket.len() - 1], ErrorCode::BadRequest, MoveRefusal::Forged),
        (&new, &[], ErrorCode::BadRequest, MoveRefusal::Forged),
        (&old, &ticket, ErrorCode::BadRequest, MoveRefusal::NotMoved),
        (&other, &ticket, ErrorCode::AllocationMismatch, MoveRefusal::FiveTupleTaken),
        (&bob, &ticket, ErrorCode::WrongCredentials, MoveRefusal::OtherUser),
    ] {
        let before = refusals(&house, reason);
        assert_eq!(show(&mut house, client, shown).code(), Some(code), "{reason:?}");
        assert_eq!(refusals(&house, reason), before + 1);
    }
    let mut mallory = new.clone();
    mallory.key = bob.key;
    assert_eq!(show(&mut house, &mallory, &ticket).code(), Some(ErrorCode::Unauthenticated));
    assert_eq!(house.server.stats().moves, 0);
    assert!(is_heard_by(&mut house, &old));
    follow(&mut house, &new, &ticket);
}

#[test]
fn a_client_may_move_with_a_newer_credential_which_the_allocation_then_outlives() {
    let mut house = mobile();
    let old = house.client(1, "1800000100:bob");
    let ticket = house.ask(&old, Method::ALLOCATE, &ASKING).ticket().unwrap();
    let new = house.client(2, "1800000900:bob");
    follow(&mut house, &new, &ticket);
    assert_eq!(house.refresh(&old, 600), None, "the old one serves on the old path");
    house.answers_keys = false;
    assert_eq!(house.bind(&new, CHANNEL, outside()), None, "without a look-up");
    assert!(is_heard_by(&mut house, &new));
}

#[test]
fn a_ticket_serves_once_and_dies_with_its_allocation() {
    let mut house = mobile();
    let (_, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    let next = follow(&mut house, &new, &ticket);
    forwarded(house.channel_data(&new, CHANNEL, b"data"));
    let late = house.client(3, "alice");
    assert_eq!(show(&mut house, &late, &ticket).code(), Some(ErrorCode::AllocationMismatch), "used");
    assert_eq!(house.refresh(&new, 0), None);
    assert_eq!(show(&mut house, &late, &next).code(), Some(ErrorCode::AllocationMismatch), "ended");
    let (_, ticket) = ticketed(&mut house, 4);
    house.pass(secs(600));
    let late = house.client(5, "alice");
    assert_eq!(show(&mut house, &late, &ticket).code(), Some(ErrorCode::AllocationMismatch), "expired");
    assert_eq!(refusals(&house, MoveRefusal::Spent), 3);
}

#[test]
fn a_ticket_of_a_server_before_or_elsewhere_moves_nothing_here() {
    let mut house = mobile();
    let (_, ticket) = ticketed(&mut house, 1);
    let mut next = mobile();
    next.server = sangam_turn_proto::TurnServer::new(
        Options { mobility: true, ..options() },
        rand::SeedableRng::seed_from_u64(2),
        next.now,
    );
    ticketed(&mut next, 1);
    let new = next.client(2, "alice");
    assert_eq!(show(&mut next, &new, &ticket).code(), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn the_ticket_before_is_good_until_the_new_path_is_used() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let (unheard, new) = (house.client(2, "alice"), house.client(3, "alice"));
    follow(&mut house, &unheard, &ticket);
    let next = follow(&mut house, &new, &ticket);
    assert_eq!(house.ended_paths, [unheard.five_tuple]);
    assert!(is_heard_by(&mut house, &old), "the path that works");
    assert_eq!(house.refresh(&unheard, 600), Some(ErrorCode::AllocationMismatch));
    assert_eq!(show(&mut house, &old, &ticket).code(), Some(ErrorCode::BadRequest), "it is there");
    let further = house.client(4, "alice");
    follow(&mut house, &further, &next);
    assert!(is_heard_by(&mut house, &new), "who shows the new ticket has heard of it there");
    assert_eq!(house.ended_paths, [unheard.five_tuple, old.five_tuple]);
}

#[test]
fn a_client_may_move_back_to_where_it_was() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    let next = follow(&mut house, &new, &ticket);
    let last = follow(&mut house, &old, &next);
    assert!(is_heard_by(&mut house, &new));
    forwarded(house.channel_data(&old, CHANNEL, b"data"));
    assert!(is_heard_by(&mut house, &old));
    assert_eq!(house.refresh(&new, 600), Some(ErrorCode::AllocationMismatch));
    follow(&mut house, &new, &last);
    assert_eq!(house.refresh(&old, 0), None, "from the old path too");
    house.pass(secs(0));
    assert_eq!((house.closed.len(), house.deadline), (1, None));
    assert_eq!(house.server.stats().moves, 3);
}

#[test]
fn lifetime_zero_with_a_ticket_ends_the_allocation_from_anywhere() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    let attributes = [Attribute::Lifetime(0), Attribute::MobilityTicket(&ticket)];
    let reply = house.ask(&new, Method::REFRESH, &attributes);
    assert_eq!((reply.code(), reply.lifetime_secs(), reply.ticket()), (None, 0, None));
    assert_eq!((house.closed.len(), house.deadline), (1, None));
    for client in [&old, &new] {
        assert!(!house.server.has_allocation(&client.five_tuple));
        assert_eq!(house.ask(client, Method::ALLOCATE, &[UDP]).code(), None, "its five-tuple is free");
    }
}

#[test]
fn the_old_path_is_no_place_for_another_allocation_while_it_serves() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    follow(&mut house, &new, &ticket);
    assert_eq!(house.ask(&old, Method::ALLOCATE, &ASKING).code(), Some(ErrorCode::AllocationMismatch));
    let (other, another) = ticketed(&mut house, 3);
    assert_eq!(show(&mut house, &old, &another).code(), Some(ErrorCode::AllocationMismatch));
    forwarded(house.channel_data(&new, CHANNEL, b"data"));
    follow(&mut house, &old, &another);
    assert!(house.server.has_allocation(&other.five_tuple));
}

#[test]
fn a_move_that_names_another_family_does_not_happen() {
    let mut house = mobile();
    let (old, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    let attributes = [Attribute::RequestedAddressFamily(2), Attribute::MobilityTicket(&ticket)];
    let reply = house.ask(&new, Method::REFRESH, &attributes);
    assert_eq!(reply.code(), Some(ErrorCode::PeerAddressFamilyMismatch));
    assert!(!house.server.has_allocation(&new.five_tuple));
    assert!(is_heard_by(&mut house, &old));
}

fn over(mut client: Client, transport: Transport) -> Client {
    client.five_tuple.transport = transport;
    client
}

#[test]
fn an_allocation_moves_between_transports_in_every_direction() {
    let all = [Transport::Udp, Transport::Tcp, Transport::Tls];
    for (from, to) in all.into_iter().flat_map(|from| all.map(|to| (from, to))) {
        let mut house = mobile();
        let old = over(house.client(1, "alice"), from);
        let ticket = house.ask(&old, Method::ALLOCATE, &ASKING).ticket().unwrap();
        assert_eq!(house.bind(&old, CHANNEL, outside()), None);
        let new = over(house.client(2, "alice"), to);
        follow(&mut house, &new, &ticket);
        for (client, transport) in [(&old, from), (&new, to)] {
            let (heard, bytes) = delivered(house.datagram(peer("5.5.5.5:50000"), outside(), b"five!"), b"five!");
            assert_eq!(heard, client.five_tuple, "{from:?} to {to:?}");
            let padding = if transport == Transport::Udp { 0 } else { 3 };
            assert_eq!(bytes.len(), 4 + 5 + padding, "padded for a stream alone");
            forwarded(house.channel_data(&new, CHANNEL, b"data"));
        }
    }
}

#[test]
fn an_allocation_outlives_its_connection_if_its_client_has_a_ticket() {
    let mut house = mobile();
    let old = over(house.client(1, "alice"), Transport::Tcp);
    let ticket = house.ask(&old, Method::ALLOCATE, &ASKING).ticket().unwrap();
    let without = over(house.client(2, "alice"), Transport::Tls);
    assert_eq!(house.ask(&without, Method::ALLOCATE, &[UDP]).code(), None);
    for client in [&old, &without] {
        house.input(Input::ConnectionClosed(client.five_tuple));
    }
    assert_eq!(house.server.stats().allocations_live, 1);
    house.pass(secs(599));
    let new = over(house.client(3, "alice"), Transport::Tcp);
    follow(&mut house, &new, &ticket);
    assert_eq!(house.bind(&new, CHANNEL, outside()), None);
    assert!(is_heard_by(&mut house, &new));
    house.input(Input::ConnectionClosed(new.five_tuple));
    house.pass(secs(600));
    assert_eq!((house.server.stats().allocations_live, house.deadline), (0, None), "its lifetime ends it");
}

#[test]
fn the_end_of_the_old_connection_ends_the_old_path() {
    let mut house = mobile();
    let old = over(house.client(1, "alice"), Transport::Tls);
    let ticket = house.ask(&old, Method::ALLOCATE, &ASKING).ticket().unwrap();
    assert_eq!(house.bind(&old, CHANNEL, outside()), None);
    let new = house.client(2, "alice");
    follow(&mut house, &new, &ticket);
    house.input(Input::ConnectionClosed(old.five_tuple));
    assert!(is_heard_by(&mut house, &new));
    assert_eq!(house.ended_paths, [old.five_tuple]);
}

#[test]
fn a_ticket_of_another_thread_is_handed_over_and_served_there() {
    let mut keeper = House::new(Options { mobility: true, server_index: 7, ..options() });
    let mut host = mobile();
    let (_, ticket) = ticketed(&mut keeper, 1);
    let new = host.client(2, "alice");
    assert!(host.try_ask(&new, Method::REFRESH, &[Attribute::MobilityTicket(&ticket)]).is_none());
    let (index, from, bytes) = host.handed_over.pop().unwrap();
    assert_eq!((index, from), (7, new.five_tuple));
    let reply = keeper.raw(from, &bytes).expect("an answer");
    assert_eq!((reply.code(), reply.lifetime_secs()), (None, 600));
    forwarded(keeper.channel_data(&new, CHANNEL, b"data"));
    assert!(is_heard_by(&mut keeper, &new));
    assert!(!host.server.has_allocation(&new.five_tuple));
}

#[test]
fn who_cannot_be_handed_over_is_told_so_and_keeps_the_allocation_where_it_is() {
    let mut keeper = House::new(Options { mobility: true, server_index: 7, ..options() });
    let (_, ticket) = ticketed(&mut keeper, 1);
    for (refusal, code) in
        [(MoveRefusal::Busy, ErrorCode::InsufficientCapacity), (MoveRefusal::Gone, ErrorCode::AllocationMismatch)]
    {
        let mut host = mobile();
        host.answers_handovers = Err(refusal);
        let new = host.client(2, "alice");
        assert_eq!(show(&mut host, &new, &ticket).code(), Some(code));
        assert_eq!(refusals(&host, refusal), 1);
        let (taken, _) = ticketed(&mut host, 3);
        assert_eq!(show(&mut host, &taken, &ticket).code(), Some(ErrorCode::AllocationMismatch));
        assert_eq!(host.handed_over.len(), 1, "where an allocation is, no other comes");
    }
    let new = keeper.client(2, "alice");
    follow(&mut keeper, &new, &ticket);
}

#[test]
fn a_ticket_that_was_not_asked_for_is_no_error_to_other_requests() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let attributes =
        [Attribute::XorPeerAddress(outside()), Attribute::Other(AttributeType::MOBILITY_TICKET, b"whatever")];
    assert_eq!(house.ask(&client, Method::CREATE_PERMISSION, &attributes).code(), None);
}
