use std::net::SocketAddr;

use sangam_relay_server::RelayAddress;

use crate::client::{Client, Data};
use crate::relay::{Relay, eventually, labelled, options};

/// Two clients with channels to each other's relayed address.
fn pair(relay: &Relay) -> (Client, Client) {
    let (mut a, mut b) = (relay.client(), relay.client());
    let (relayed_a, relayed_b) = (a.allocate(), b.allocate());
    a.bind_channel(0x4000, relayed_b);
    b.bind_channel(0x4001, relayed_a);
    (a, b)
}

fn exchange(a: &Client, b: &Client) {
    for len in [0, 1, 5, 1_200] {
        let data = vec![7; len];
        a.send_on_channel(0x4000, &data);
        assert_eq!(b.data(), Data::Channel(0x4001, data.clone()));
        b.send_on_channel(0x4001, &data);
        assert_eq!(a.data(), Data::Channel(0x4000, data));
    }
}

#[test]
fn two_clients_reach_each_other_inside_the_server_on_one_thread_and_across_threads() {
    let relay = Relay::start();
    let mut hairpin = (0, 0);
    // Kept to the end: a client on the port of one that has gone would find that one's allocation, 437.
    let mut pairs = Vec::new();
    // Each pair is on one thread or on two by chance; all of 40 alike would be one of 10^12.
    for _ in 0..40 {
        let (a, b) = pair(&relay);
        exchange(&a, &b);
        pairs.push((a, b));
        let snapshot = relay.server.snapshot();
        hairpin = (labelled(&snapshot.hairpin, "same"), labelled(&snapshot.hairpin, "other"));
        if hairpin.0 > 0 && hairpin.1 > 0 {
            break;
        }
    }
    assert!(hairpin.0 > 0 && hairpin.1 > 0, "{hairpin:?}");
}

#[test]
fn data_without_a_channel_names_the_other_clients_relayed_address() {
    let relay = Relay::start();
    let (mut a, mut b) = (relay.client(), relay.client());
    let (relayed_a, relayed_b) = (a.allocate(), b.allocate());
    a.permit(relayed_b);
    b.permit(relayed_a);
    a.send_to_peer(relayed_b, b"hello");
    assert_eq!(b.data(), Data::Indication(relayed_a, b"hello".to_vec()));
}

#[test]
fn behind_nat_clients_reach_each_other_by_the_external_address() {
    let mut options = options(&["127.0.0.1:0"]);
    let external = "198.51.100.9".parse().unwrap();
    options.relay_addresses = vec![RelayAddress { bound: "127.0.0.1".parse().unwrap(), external }];
    let relay = Relay::with(options);
    let (mut a, mut b) = (relay.client(), relay.client());
    let (relayed_a, relayed_b) = (a.allocate(), b.allocate());
    assert_eq!(relayed_a.ip(), external);
    a.permit(relayed_b);
    b.bind_channel(0x4001, relayed_a);
    a.send_to_peer(relayed_b, b"hello");
    assert_eq!(b.data(), Data::Channel(0x4001, b"hello".to_vec()));
    b.send_on_channel(0x4001, b"hello yourself");
    assert_eq!(a.data(), Data::Indication(relayed_b, b"hello yourself".to_vec()));
}

#[test]
fn nothing_passes_without_the_permission_of_the_other_client() {
    let relay = Relay::start();
    let (mut a, mut b) = (relay.client(), relay.client());
    let relayed_b = b.allocate();
    a.allocate();
    a.permit(relayed_b);
    a.send_to_peer(relayed_b, b"unwanted");
    eventually("it is dropped and counted", || relay.drops("no_permission") == 1);
}

#[test]
fn what_is_sent_to_a_relayed_address_that_has_ended_is_dropped() {
    let mut options = options(&["127.0.0.1:0"]);
    // On loopback alone, an address of ours where nobody lives could be anybody's; behind NAT it is nobody's.
    options.relay_addresses =
        vec![RelayAddress { bound: "127.0.0.1".parse().unwrap(), external: "198.51.100.9".parse().unwrap() }];
    let relay = Relay::with(options);
    let (mut a, mut b) = (relay.client(), relay.client());
    let relayed_b: SocketAddr = b.allocate();
    a.allocate();
    a.bind_channel(0x4000, relayed_b);
    b.free();
    a.send_on_channel(0x4000, b"too late");
    eventually("it is dropped and counted", || relay.drops("peer_gone") == 1);
}
