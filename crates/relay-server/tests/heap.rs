//! A datagram that a relay thread relays over UDP costs no heap allocation. Counted over the whole process, so this file
//! holds one test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "other tests need the rest of it")]
#[path = "relay/client.rs"]
mod client;
#[allow(dead_code, reason = "other tests need the rest of it")]
#[path = "relay/relay.rs"]
mod relay;

use std::alloc::System;
use std::net::{SocketAddr, UdpSocket};

use sangam_testkit::heap::allocations;
use sangam_turn_proto::{Attribute, ChannelData, Class, MessageBuilder, Method, TransactionId};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use client::{Client, PATIENCE, Wire};
use relay::{Relay, credential, options};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PACKETS: usize = 1_000;

/// Packets after which every list has the room it needs.
const FIRST: usize = 100;

fn assert_free(what: &str, mut packet: impl FnMut()) {
    (0..FIRST).for_each(|_| packet());
    assert_eq!(allocations(HEAP, PACKETS, packet), 0, "{PACKETS} packets {what}");
}

fn socket(ip: &str) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn on_channel(number: u16, payload: &[u8]) -> Vec<u8> {
    [&ChannelData::encode_header(number, payload.len() as u16)[..], payload].concat()
}

fn as_indication(to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    MessageBuilder::new(Class::Indication, Method::SEND, TransactionId([1; 12]))
        .attribute(&Attribute::XorPeerAddress(to))
        .attribute(&Attribute::Data(payload))
        .finish()
}

/// Both ways between a client and a peer with a channel, and one without.
fn assert_peers_are_free(client: &Client, ip: &str, number: u16, [bound, other]: [&UdpSocket; 2], relayed: SocketAddr) {
    let Wire::Udp(wire) = &client.socket else { panic!("this is about UDP") };
    let payload = [7; 1_200];
    let mut buffer = [0; 2_048];
    let to_other = as_indication(other.local_addr().unwrap(), &payload);
    for (way, bytes, peer) in [("channel", &on_channel(number, &payload), bound), ("Send", &to_other, other)] {
        assert_free(&format!("up by {way}, {ip}"), || {
            wire.send(bytes).unwrap();
            assert_eq!(peer.recv(&mut buffer).unwrap(), payload.len());
        });
    }
    for (way, peer) in [("channel", bound), ("Data", other)] {
        assert_free(&format!("down by {way}, {ip}"), || {
            peer.send_to(&payload, relayed).unwrap();
            assert!(wire.recv(&mut buffer).unwrap() > payload.len());
        });
    }
}

#[test]
fn a_datagram_relayed_over_udp_allocates_nothing_in_its_thread() {
    assert_eq!(
        allocations(HEAP, PACKETS, || drop(std::hint::black_box(vec![1_u8; 16]))),
        PACKETS,
        "the count sees what it should"
    );
    let mut options = options(&["127.0.0.1:0", "[::1]:0"]);
    // Between threads a datagram is copied; this is about those that stay on theirs.
    options.threads = 1;
    let relay = Relay::with(options);
    let mut client = Client::new(relay.addr(), credential(&relay.secrets.load(), "alice"));
    let both = [Attribute::RequestedTransport(17), Attribute::AdditionalAddressFamily(2)];
    let response = client.request(Method::ALLOCATE, &both);
    let relayed = [response.relayed.unwrap(), response.relayed_v6.unwrap()];
    for (number, (ip, relayed)) in (0x4000..).zip(["127.0.0.1", "::1"].into_iter().zip(relayed)) {
        let (bound, other) = (socket(ip), socket(ip));
        client.bind_channel(number, bound.local_addr().unwrap());
        client.permit(other.local_addr().unwrap());
        assert_peers_are_free(&client, ip, number, [&bound, &other], relayed);
    }

    let mut twin = relay.client();
    let of_twin = twin.allocate();
    twin.permit(relayed[0]);
    client.bind_channel(0x4100, of_twin);
    let (Wire::Udp(here), Wire::Udp(there)) = (&client.socket, &twin.socket) else { panic!("this is about UDP") };
    let (bytes, mut buffer) = (on_channel(0x4100, &[7; 1_200]), [0; 2_048]);
    assert_free("from one client to another inside the server", || {
        here.send(&bytes).unwrap();
        assert!(there.recv(&mut buffer).unwrap() > 1_200);
    });
}
