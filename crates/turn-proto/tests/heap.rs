//! A relayed packet costs no heap allocation. Counted over the whole process, so this file holds one test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "other tests need the rest of it")]
#[path = "turn/fixture.rs"]
mod fixture;

use std::alloc::System;
use std::net::SocketAddr;

use sangam_testkit::heap::allocations;
use sangam_turn_proto::{
    AllocationKey, Attribute, FiveTuple, FromClient, FromPeer, Method, PeerAddr, RelayedAddr, TransactionId, TurnServer,
};
use sangam_types::Now;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use fixture::{House, UDP, channel_data, options, peer, send_indication};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PACKETS: usize = 1_000;

fn assert_free(what: &str, packet: impl FnMut()) {
    assert_eq!(allocations(HEAP, PACKETS, packet), 0, "{PACKETS} packets {what}");
}

/// One side of an allocation: a peer with a channel, another without, and the socket that leads to both.
struct Way {
    with_channel: SocketAddr,
    without: SocketAddr,
    own: SocketAddr,
    socket: AllocationKey,
    relayed: RelayedAddr,
}

fn assert_way_is_free(server: &mut TurnServer, now: Now, from: &FiveTuple, number: u16, way: &Way) {
    let payload = [7; 1_200];
    let on_channel = channel_data(number, &payload);
    let indication = send_indication(TransactionId([1; 12]), way.without, &payload);
    let to_own = send_indication(TransactionId([1; 12]), way.own, &payload);
    for (what, bytes) in [("up by channel", &on_channel), ("up by Send", &indication), ("up to our own", &to_own)] {
        assert_free(what, || {
            assert!(matches!(server.relay_from_client(now, from, bytes), FromClient::Forward(_)));
        });
    }
    for (what, peer) in [("down by channel", way.with_channel), ("down by Data", way.without)] {
        assert_free(what, || {
            let verdict = server.relay_from_peer(now, way.socket, PeerAddr(peer), payload.len());
            assert!(matches!(verdict, FromPeer::Forward { .. }));
        });
    }
    assert_free("from own to own", || {
        let verdict = server.relay_from_own(now, way.relayed, RelayedAddr(way.own), payload.len());
        assert!(matches!(verdict, FromPeer::Forward { .. }));
    });
    let stranger = PeerAddr(peer(if way.own.is_ipv4() { "9.9.9.9:9" } else { "[2600::99]:9" }));
    assert_free("that nobody permitted", || {
        let verdict = server.relay_from_peer(now, way.socket, stranger, payload.len());
        assert!(matches!(verdict, FromPeer::Dropped(_)));
    });
}

#[test]
fn a_relayed_packet_allocates_nothing_whichever_way_it_goes() {
    assert_eq!(
        allocations(HEAP, PACKETS, || drop(std::hint::black_box(vec![1_u8; 16]))),
        PACKETS,
        "the count sees what it should"
    );
    let mut house = House::new(options());
    let both = [UDP, Attribute::AdditionalAddressFamily(2)];
    let other = house.client(9, "bob");
    let others = house.ask(&other, Method::ALLOCATE, &both).all_relayed();
    for (port, attributes) in [(1, &both[..1]), (2, &both)] {
        let client = house.client(port, "alice");
        let relayed = house.ask(&client, Method::ALLOCATE, attributes).all_relayed();
        assert_eq!(relayed.len(), attributes.len());
        for (at, &relayed) in relayed.iter().enumerate() {
            let [with_channel, without] = if relayed.is_ipv4() {
                ["8.8.8.8:1", "8.8.4.4:1"].map(peer)
            } else {
                ["[2600::8]:1", "[2600::9]:1"].map(peer)
            };
            let number = 0x4000 + at as u16;
            assert_eq!(house.bind(&client, number, with_channel), None);
            assert_eq!(house.permit(&client, &[without, others[at]]), None);
            let (socket, own) = (house.key_of(relayed), others[at]);
            let way = Way { with_channel, without, own, socket, relayed: RelayedAddr(relayed) };
            assert_way_is_free(&mut house.server, house.now, &client.five_tuple, number, &way);
        }
    }
}
