//! Allocations that move and have two families, a rate, an operator who ends them, a hidden name, or a five-tuple with a past.

use std::net::SocketAddr;
use std::num::NonZeroU64;

use sangam_turn_proto::{
    Attribute, DropReason, EndCause, ErrorCode, Event, FromClient, FromPeer, Input, Limits, Method, Options, Redirect,
    RelayedAddr, TransactionId,
};

use crate::alternates::{allocate, alternates};
use crate::fixture::{Client, House, delivered, five_tuple, forwarded, options, peer, secs, userhash};
use crate::mobility::{ASKING, CHANNEL, follow, is_heard_by, mobile, outside, show, ticketed};
use crate::userhash::ask as ask_by_hash;

const ID: TransactionId = TransactionId([9; 12]);
const V4: Attribute<'_> = Attribute::RequestedAddressFamily(1);
const V6: Attribute<'_> = Attribute::RequestedAddressFamily(2);
const PEER_V6: &str = "[2600::9]:1";

/// A client with both families, permissions for a peer of each, its ticket, and its relayed addresses.
fn dual(house: &mut House, port: u16, username: &str) -> (Client, Vec<u8>, [SocketAddr; 2]) {
    let client = house.client(port, username);
    let [udp, asking] = ASKING;
    let reply = house.ask(&client, Method::ALLOCATE, &[udp, asking, Attribute::AdditionalAddressFamily(2)]);
    let [v4, v6] = reply.all_relayed()[..] else { panic!("{reply:?}") };
    assert_eq!(house.permit(&client, &[outside(), peer(PEER_V6)]), None);
    (client, reply.ticket().expect("a ticket"), [v4, v6])
}

fn kick_all(house: &mut House, cause: EndCause) -> usize {
    let ended = house.server.end_sessions(house.now, cause, 0..usize::MAX, |_| true);
    house.input(Input::Timeout);
    ended
}

#[test]
fn ending_an_allocation_in_the_midst_of_a_move_ends_both_its_paths() {
    for cause in [EndCause::Kicked, EndCause::Revoked] {
        let mut house = mobile();
        let (old, ticket) = ticketed(&mut house, 1);
        let new = house.client(2, "alice");
        let next = follow(&mut house, &new, &ticket);
        assert_eq!(kick_all(&mut house, cause), 1);
        assert_eq!(house.ended_paths, [old.five_tuple, new.five_tuple]);
        assert_eq!((house.closed.len(), house.deadline, house.server.stats().ended(cause)), (1, None, 1));
        let late = house.client(3, "alice");
        assert_eq!(show(&mut house, &late, &next).code(), Some(ErrorCode::AllocationMismatch));
        for client in [&old, &new] {
            assert_eq!(house.channel_data(client, CHANNEL, b"x"), FromClient::Dropped(DropReason::NoAllocation));
            assert_eq!(house.ask(client, Method::ALLOCATE, &ASKING).code(), None, "its five-tuple is free");
        }
    }
}

#[test]
fn both_families_move_together_and_are_heard_on_the_old_path_until_the_new_one_is_used() {
    let mut house = mobile();
    let (old, ticket, [v4, v6]) = dual(&mut house, 1, "alice");
    let new = house.client(2, "alice");
    follow(&mut house, &new, &ticket);
    for at in [&old, &new] {
        for (relayed, from) in [(v4, outside()), (v6, peer(PEER_V6))] {
            let (to, _) = delivered(house.datagram(relayed, from, b"data"), b"data");
            assert_eq!(to, at.five_tuple);
        }
        assert_eq!(forwarded(house.send(&new, peer(PEER_V6), b"data")).relayed.0, v6);
    }
    assert_eq!(house.ended_paths, [], "told when outputs are drained");
    house.pass(secs(0));
    assert_eq!(house.ended_paths, [old.five_tuple]);
}

#[test]
fn a_moved_allocation_of_two_families_counts_as_one_and_leaves_nothing_behind_however_it_ends() {
    let ends: [fn(&mut House, &Client, &[u8]); 5] = [
        |house, new, _| assert_eq!(house.refresh(new, 0), None),
        |house, _, next| {
            let third = house.client(3, "1800000700:bob");
            let attributes = [Attribute::Lifetime(0), Attribute::MobilityTicket(next)];
            assert_eq!(house.ask(&third, Method::REFRESH, &attributes).lifetime_secs(), 0);
        },
        |house, new, _| {
            for family in [V4, V6] {
                assert_eq!(house.ask(new, Method::REFRESH, &[Attribute::Lifetime(0), family]).code(), None);
            }
        },
        |house, _, _| house.pass(secs(600)),
        |house, _, _| assert_eq!(kick_all(house, EndCause::Kicked), 1),
    ];
    for end in ends {
        let limits = Limits { allocations: 1, allocations_per_user: 1, ..Limits::default() };
        let mut house = House::new(Options { limits, mobility: true, ..options() });
        let (_, ticket, [v4, v6]) = dual(&mut house, 1, "1800000100:bob");
        let new = house.client(2, "1800000900:bob");
        let next = follow(&mut house, &new, &ticket);
        let another = house.client(4, "1800000500:bob");
        let quota = house.ask(&another, Method::ALLOCATE, &ASKING).code();
        assert_eq!(quota, Some(ErrorCode::AllocationQuotaReached), "it is still one");
        end(&mut house, &new, &next);
        let closed: Vec<_> = house.closed.iter().map(|(_, relayed)| relayed.0).collect();
        assert_eq!((closed, house.deadline), (vec![v4, v6], None));
        assert_eq!(house.server.stats().allocations_live, 0);
        dual(&mut house, 5, "1800000500:bob");
    }
}

#[test]
fn a_family_ended_by_ticket_leaves_the_other_to_the_moved_client_and_another_ticket() {
    for (ended, lost, kept, kept_peer) in [(V4, 0, 1, peer(PEER_V6)), (V6, 1, 0, outside())] {
        let mut house = mobile();
        let (old, ticket, relayed) = dual(&mut house, 1, "alice");
        let new = house.client(2, "alice");
        let attributes = [Attribute::Lifetime(0), ended, Attribute::MobilityTicket(&ticket)];
        let request = new.request(ID, Method::REFRESH, &attributes);
        let reply = house.raw(new.five_tuple, &request).unwrap();
        assert_eq!((reply.code(), reply.lifetime_secs()), (None, 0));
        let next = reply.ticket().expect("a ticket for what goes on");
        assert_eq!(house.closed, [(house.key_of(relayed[lost]), RelayedAddr(relayed[lost]))]);
        assert_eq!(house.raw(new.five_tuple, &request).unwrap().0, reply.0, "a retransmission is told the same");

        let (to, _) = delivered(house.datagram(relayed[kept], kept_peer, b"data"), b"data");
        assert_eq!(to, old.five_tuple, "the new path was not used");
        forwarded(house.send(&new, kept_peer, b"data"));
        let third = house.client(3, "alice");
        let attributes = [ended, Attribute::MobilityTicket(&next)];
        let mismatch = house.ask(&third, Method::REFRESH, &attributes).code();
        assert_eq!(mismatch, Some(ErrorCode::PeerAddressFamilyMismatch));
        follow(&mut house, &third, &next);
        assert_eq!(forwarded(house.send(&third, kept_peer, b"data")).relayed.0, relayed[kept]);
        assert_eq!(house.refresh(&third, 0), None);
        assert_eq!((house.closed.len(), house.deadline), (2, None));
    }
}

#[test]
fn a_server_that_only_spreads_clients_lets_those_it_has_move() {
    let mut house = mobile();
    let (_, ticket) = ticketed(&mut house, 1);
    house.server.replace_alternates(alternates(&["8.0.0.1:3478"], Redirect::Always));
    let new = house.client(2, "alice");
    assert_eq!(allocate(&mut house, &new).code(), Some(ErrorCode::TryAlternate));
    let next = follow(&mut house, &new, &ticket);
    forwarded(house.channel_data(&new, CHANNEL, b"data"));
    let third = house.client(3, "alice");
    assert_eq!(show(&mut house, &third, &ticket).code(), Some(ErrorCode::AllocationMismatch), "a refusal is no 300");
    follow(&mut house, &third, &next);
}

#[test]
fn a_move_brings_no_bandwidth() {
    let limits = Limits { allocation_bytes_per_second: NonZeroU64::new(1_000), ..Limits::default() };
    let mut house = House::new(Options { limits, mobility: true, ..options() });
    let (old, mut ticket) = ticketed(&mut house, 1);
    forwarded(house.channel_data(&old, CHANNEL, &[0; 600]));
    let relayed = peer("5.5.5.5:50000");
    delivered(house.datagram(relayed, outside(), &[0; 1_000]), &[0; 1_000]);
    for port in [2, 3] {
        let new = house.client(port, "alice");
        ticket = follow(&mut house, &new, &ticket);
        assert_eq!(house.datagram(relayed, outside(), &[0; 8]), FromPeer::Dropped(DropReason::AllocationRate));
        forwarded(house.channel_data(&new, CHANNEL, &[0; 200]));
        assert_eq!(house.datagram(relayed, outside(), &[0; 8]), FromPeer::Dropped(DropReason::AllocationRate));
    }
    let third = Client { five_tuple: five_tuple(3), ..old };
    assert_eq!(house.channel_data(&third, CHANNEL, &[0; 8]), FromClient::Dropped(DropReason::AllocationRate));
}

#[test]
fn who_hides_its_name_moves_by_ticket_too() {
    let mut house = House::new(Options { mobility: true, offers_username_anonymity: true, ..options() });
    let old = house.client(1, "alice");
    let ticket = ask_by_hash(&mut house, &old, Method::ALLOCATE, &ASKING).ticket().expect("a ticket");
    assert_eq!(house.bind(&old, CHANNEL, outside()), None);
    let shown = [Attribute::MobilityTicket(&ticket)];
    let (new, bob) = (house.client(2, "alice"), house.client(2, "bob"));
    let other = ask_by_hash(&mut house, &bob, Method::REFRESH, &shown).code();
    assert_eq!(other, Some(ErrorCode::WrongCredentials));
    let hash = userhash("alice");
    let request = new.request_as(&[Attribute::Userhash(&hash)], ID, Method::REFRESH, &shown);
    let reply = house.raw(new.five_tuple, &request).unwrap();
    assert_eq!((reply.code(), reply.lifetime_secs()), (None, 600));
    house.answers_keys = false;
    assert_eq!(house.raw(new.five_tuple, &request).unwrap().0, reply.0, "a retransmission is told the same");
    assert!(is_heard_by(&mut house, &old));
    assert_eq!(ask_by_hash(&mut house, &new, Method::REFRESH, &[]).code(), None, "without a look-up");
    assert_eq!(house.refresh(&new, 600), None, "by name too");
    assert!(is_heard_by(&mut house, &new));
    house.answers_keys = true;
    let third = house.client(3, "alice");
    follow(&mut house, &third, &reply.ticket().expect("another ticket"));
    let names = house.events.iter().filter_map(|event| match event {
        Event::Refreshed { username, .. } => Some(username.as_str()),
        _ => None,
    });
    assert!(names.clone().count() >= 3 && names.clone().all(|name| name == "alice"));
}

#[test]
fn a_refresh_sent_before_a_move_says_nothing_about_the_allocation_that_has_come_since() {
    for lifetime_secs in [0, 3_600] {
        let mut house = mobile();
        let (first, first_ticket) = ticketed(&mut house, 1);
        let request = first.request(ID, Method::REFRESH, &[Attribute::Lifetime(lifetime_secs)]);
        let reply = house.raw(first.five_tuple, &request).unwrap();
        let elsewhere = house.client(2, "alice");
        if lifetime_secs > 0 {
            follow(&mut house, &elsewhere, &first_ticket);
            forwarded(house.channel_data(&elsewhere, CHANNEL, b"data"));
        }
        let (second, ticket) = ticketed(&mut house, 3);
        let relayed = peer("5.5.5.5:50001");
        let heard_at = |house: &mut House| delivered(house.datagram(relayed, outside(), b"data"), b"data").0;

        // The transaction ID is no reason to take the move for a retransmission.
        let shown = first.request(ID, Method::REFRESH, &[Attribute::MobilityTicket(&ticket)]);
        let moved = house.raw(first.five_tuple, &shown).unwrap();
        assert!(moved.lifetime_secs() == 600 && moved.ticket().is_some());
        let (events, deadline) = (house.events.len(), house.deadline);
        assert_eq!(house.raw(first.five_tuple, &request).unwrap().0, reply.0);
        assert_eq!((house.events.len(), house.deadline), (events, deadline), "nothing is ended or prolonged");
        assert_eq!(heard_at(&mut house), second.five_tuple, "nor has it to do with the new path");
        assert_eq!(house.refresh(&first, 600), None);
        assert_eq!(heard_at(&mut house), first.five_tuple);

        let bob = house.client(1, "bob");
        let forged = bob.request(ID, Method::REFRESH, &[Attribute::Lifetime(0)]);
        assert_eq!(house.raw(first.five_tuple, &forged).unwrap().code(), Some(ErrorCode::WrongCredentials));
    }
}

#[test]
fn the_request_that_ended_an_allocation_by_ticket_gets_the_same_answer_again_and_ends_no_other() {
    let mut house = mobile();
    let (_, ticket) = ticketed(&mut house, 1);
    let new = house.client(2, "alice");
    let attributes = [Attribute::Lifetime(0), Attribute::MobilityTicket(&ticket)];
    let request = new.request(ID, Method::REFRESH, &attributes);
    let reply = house.raw(new.five_tuple, &request).unwrap();
    assert_eq!(reply.lifetime_secs(), 0);
    assert_eq!(house.raw(new.five_tuple, &request).unwrap().0, reply.0);
    let (other, another) = ticketed(&mut house, 3);
    follow(&mut house, &new, &another);
    assert_eq!(house.raw(new.five_tuple, &request).unwrap().0, reply.0, "though the five-tuple is taken");
    assert_eq!(house.server.stats().allocations_live, 1);
    let (to, _) = delivered(house.datagram(peer("5.5.5.5:50001"), outside(), b"data"), b"data");
    assert_eq!(to, other.five_tuple);
    let unlike = house.ask(&new, Method::REFRESH, &attributes).code();
    assert_eq!(unlike, Some(ErrorCode::AllocationMismatch), "another request is no retransmission");
    house.pass(secs(40));
    assert_eq!(house.raw(new.five_tuple, &request).unwrap().code(), Some(ErrorCode::AllocationMismatch));
    assert_eq!(house.refresh(&new, 600), None);
}
