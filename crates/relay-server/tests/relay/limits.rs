//! Limits that hold for the whole server, whichever of its threads a client reaches.

use std::num::NonZeroU64;
use std::time::Instant;

use sangam_relay_server::{Limits, Live};
use sangam_turn_proto::{Attribute, Method};

use crate::client::{Client, EchoPeer};
use crate::relay::{Options, Relay, credential, eventually, labelled, options};

/// On four threads: that twenty clients reach one of them by chance alone would be one of 10^11.
fn relay(limits: Limits) -> Relay {
    let options = options(&["127.0.0.1:0"]);
    Relay::with(Options { threads: 4, live: Live { limits, ..options.live.clone() }, ..options })
}

fn client_of(relay: &Relay, user: &str) -> Client {
    Client::new(relay.addr(), credential(&relay.secrets.load(), user))
}

/// Clients of these users ask all at once: those who got an allocation, and the codes of the others.
fn allocate_at_once(relay: &Relay, users: &[&str]) -> (Vec<Client>, Vec<u16>) {
    let clients: Vec<Client> = users.iter().map(|user| client_of(relay, user)).collect();
    let asked = std::thread::scope(|scope| {
        let ask = |mut client: Client| move || (client.try_allocate().error, client);
        let asking: Vec<_> = clients.into_iter().map(|client| scope.spawn(ask(client))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect::<Vec<_>>()
    });
    let (mut allocated, mut codes) = (Vec::new(), Vec::new());
    for (error, client) in asked {
        match error {
            None => allocated.push(client),
            Some(code) => codes.push(code),
        }
    }
    (allocated, codes)
}

#[test]
fn a_user_has_exactly_as_many_allocations_as_allowed_whichever_threads_its_clients_reach() {
    let relay = relay(Limits { allocations_per_user: 6, ..Limits::default() });
    let (mut allocated, codes) = allocate_at_once(&relay, &["alice"; 20]);
    assert_eq!((allocated.len(), codes), (6, vec![486; 14]));
    eventually("each is counted", || labelled(&relay.server.snapshot().limited, "allocations_per_user") == 14);
    client_of(&relay, "bob").allocate();
    allocated.pop().unwrap().free();
    client_of(&relay, "alice").allocate();
    assert_eq!(client_of(&relay, "alice").try_allocate().error, Some(486));
}

#[test]
fn the_server_has_exactly_as_many_allocations_as_allowed() {
    let relay = relay(Limits { allocations: 7, ..Limits::default() });
    let users: Vec<String> = (0..20).map(|user| format!("user {user}")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let (mut allocated, codes) = allocate_at_once(&relay, &users);
    assert_eq!((allocated.len(), codes), (7, vec![508; 13]));
    eventually("each is counted", || labelled(&relay.server.snapshot().limited, "allocations") == 13);
    allocated.pop().unwrap().free();
    relay.client().allocate();
    assert_eq!(relay.client().try_allocate().error, Some(508));
}

#[test]
fn lowering_a_limit_keeps_what_is_there_and_refuses_what_comes() {
    let relay = relay(Limits::default());
    let (mut allocated, _) = allocate_at_once(&relay, &["alice"; 5]);
    relay.server.reload(Live { limits: Limits { allocations_per_user: 4, ..Limits::default() }, ..Live::default() });
    assert_eq!(relay.client().try_allocate().error, Some(486));
    assert_eq!(relay.server.snapshot().allocations, 5);
    for client in &mut allocated {
        assert_eq!(client.request(Method::REFRESH, &[Attribute::Lifetime(600)]).error, None);
    }
    allocated.pop().unwrap().free();
    assert_eq!(relay.client().try_allocate().error, Some(486), "four are left");
    allocated.pop().unwrap().free();
    relay.client().allocate();
}

#[test]
fn a_port_in_reserve_counts_once_though_it_moves_to_another_thread_and_nothing_is_left_of_it() {
    let relay = relay(Limits { allocations_per_user: 2, allocations: 2, ..Limits::default() });
    let udp = Attribute::RequestedTransport(17);
    for _ in 0..30 {
        let (mut rtp, mut rtcp) = (relay.client(), relay.client());
        let pair = rtp.request(Method::ALLOCATE, &[udp, Attribute::EvenPort { reserve: true }]);
        assert_eq!(pair.error, None);
        assert_eq!(relay.client().try_allocate().error, Some(486));
        let token = Attribute::ReservationToken(pair.token.unwrap());
        assert_eq!(rtcp.request(Method::ALLOCATE, &[udp, token]).error, None);
        assert_eq!(relay.client().try_allocate().error, Some(486));
        rtp.free();
        rtcp.free();
    }
    assert!(labelled(&relay.server.snapshot().limited, "allocations_per_user") > 0);
}

#[test]
fn the_rates_of_the_allocations_there_are_may_not_exceed_the_rate_of_all() {
    let (each, all) = (NonZeroU64::new(1_000), NonZeroU64::new(5_000));
    let relay = relay(Limits { allocation_bytes_per_second: each, bytes_per_second: all, ..Limits::default() });
    let (allocated, codes) = allocate_at_once(&relay, &["alice"; 12]);
    assert_eq!((allocated.len(), codes), (5, vec![486; 7]));
    eventually("each is counted", || labelled(&relay.server.snapshot().limited, "bandwidth") == 7);
}

/// Sends so many datagrams of 1,000 bytes on the channel, and sees them dealt with.
fn burst(client: &Client, count: usize) {
    for _ in 0..count {
        client.send_on_channel(0x4000, &[7; 1_000]);
    }
    client.sync();
}

#[test]
fn an_allocation_beyond_its_rate_loses_what_is_beyond_and_that_is_counted() {
    let relay = relay(Limits { allocation_bytes_per_second: NonZeroU64::new(10_000), ..Limits::default() });
    let peer = EchoPeer::start(relay.addr().ip());
    let (mut greedy, mut modest) = (relay.client(), relay.client());
    for client in [&mut greedy, &mut modest] {
        client.allocate();
        client.bind_channel(0x4000, peer.addr());
    }
    let begin = Instant::now();
    // A hundred seconds' worth.
    burst(&greedy, 1_000);
    for _ in 0..9 {
        modest.send_on_channel(0x4000, &[7; 1_000]);
    }
    eventually("each is relayed or dropped", || {
        let snapshot = relay.server.snapshot();
        labelled(&snapshot.packets, "to_peer") + relay.drops("allocation_rate") >= 1_009
    });
    let passed = labelled(&relay.server.snapshot().packets, "to_peer");
    assert!(passed >= 19 && passed as f64 <= 19.0 + 10.0 * begin.elapsed().as_secs_f64(), "{passed}");
    let snapshot = relay.server.snapshot();
    assert_eq!(labelled(&snapshot.bytes_over_rate, "allocation"), relay.drops("allocation_rate") * 1_000);
    for _ in 0..9 {
        assert_eq!(modest.data(), crate::client::Data::Channel(0x4000, vec![7; 1_000]), "it is within its rate");
    }
}

#[test]
fn all_threads_together_relay_no_more_than_the_rate_of_all() {
    let relay = relay(Limits { bytes_per_second: NonZeroU64::new(100_000), ..Limits::default() });
    let peer = EchoPeer::start(relay.addr().ip());
    let begin = Instant::now();
    let clients: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = relay.client();
            client.allocate();
            client.bind_channel(0x4000, peer.addr());
            burst(&client, 100);
            client
        })
        .collect();
    eventually("each is relayed or dropped", || {
        labelled(&relay.server.snapshot().packets, "to_peer") + relay.drops("server_rate") >= 2_000
    });
    let passed = labelled(&relay.server.snapshot().packets, "to_peer");
    // A second's worth at once, what the time since then allows, and on each thread a lease with a datagram.
    let allowed = 100.0 * (1.0 + begin.elapsed().as_secs_f64()) + 4.0 * 3.0;
    assert!(passed >= 100 && passed as f64 <= allowed, "{passed} of {allowed}");
    assert!(labelled(&relay.server.snapshot().bytes_over_rate, "server") > 0);
    drop(clients);
}

#[test]
fn without_a_rate_nothing_is_dropped_for_one() {
    let relay = relay(Limits::default());
    let peer = EchoPeer::start(relay.addr().ip());
    let mut client = relay.client();
    client.allocate();
    client.bind_channel(0x4000, peer.addr());
    for _ in 0..20 {
        burst(&client, 50);
    }
    eventually("all is relayed", || labelled(&relay.server.snapshot().packets, "to_peer") == 1_000);
    assert_eq!((relay.drops("allocation_rate"), relay.drops("server_rate")), (0, 0));
}
