use std::net::UdpSocket;

use sangam_turn_proto::{Attribute, Class, MessageBuilder, Method, TransactionId};

use crate::relay::{Relay, eventually, labelled};

const SOURCES: u64 = 5_000;

/// Nothing is to be kept, but between two readings the allocator may take a page or two more (0 to 4 KiB were measured).
/// This is 13 bytes for each source, less than its address alone; a session for each would be 14,000 to 20,000.
const GROWTH_MAX_BYTES: u64 = 64 << 10;

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

/// Unauthenticated Allocate requests, each from a source port of its own.
fn flood(relay: &Relay, sources: u64) {
    let answered = || labelled(&relay.server.snapshot().refusals, "401");
    let before = answered();
    // As many sockets at a time as the descriptors allow, so that their ports differ.
    let mut sent = 0;
    while sent < sources {
        let sockets: Vec<UdpSocket> = (0..500).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        for socket in &sockets {
            let request = MessageBuilder::new(Class::Request, Method::ALLOCATE, TransactionId(rand::random()))
                .attribute(&Attribute::RequestedTransport(17))
                .finish();
            socket.send_to(&request, relay.addr()).unwrap();
        }
        sent += sockets.len() as u64;
        eventually("each is answered with a challenge", || answered() == before + sent);
    }
}

#[test]
fn a_flood_of_requests_without_credentials_leaves_no_state_behind() {
    let relay = Relay::start();
    // Whatever grows once, such as buffers and tables of the allocator, has grown then.
    flood(&relay, SOURCES);
    let round = |_| {
        let before = resident_bytes();
        flood(&relay, SOURCES);
        resident_bytes().saturating_sub(before)
    };
    // The system adds pages up late, some processor at a time; what is kept for each source grows in every round.
    let grown = (0..3).map(round).min().unwrap();
    assert!(grown <= GROWTH_MAX_BYTES, "{grown} bytes for {SOURCES} sources");
    let snapshot = relay.server.snapshot();
    assert_eq!((snapshot.allocations_created, snapshot.ports_in_use), (0, 0));
}
