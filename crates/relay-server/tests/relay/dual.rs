//! Relayed addresses of both families: under one allocation, and of another family than the client's.

use std::net::{IpAddr, SocketAddr};

use sangam_turn_proto::{Attribute, Method};

use crate::client::{Client, Data, EchoPeer};
use crate::relay::{Options, Relay, credential, eventually, options};

const V4: &str = "127.0.0.1";
const V6: &str = "::1";

/// A relay that listens and relays on both families.
fn relay() -> Relay {
    Relay::with(both())
}

fn both() -> Options {
    options(&["127.0.0.1:0", "[::1]:0"])
}

fn client(relay: &Relay, listener: usize) -> Client {
    Client::new(relay.server.listen_addrs()[listener], credential(&relay.secrets.load(), "alice"))
}

fn echo_peer(ip: &str) -> EchoPeer {
    EchoPeer::start(ip.parse::<IpAddr>().unwrap())
}

fn allocate_both(client: &mut Client) -> [SocketAddr; 2] {
    let attributes = [Attribute::RequestedTransport(17), Attribute::AdditionalAddressFamily(2)];
    let response = client.request(Method::ALLOCATE, &attributes);
    assert_eq!(response.error, None);
    let (v4, v6) = (response.relayed.expect("one"), response.relayed_v6.expect("and the other"));
    assert!(v4.is_ipv4() && v6.is_ipv6());
    [v4, v6]
}

/// Data to each peer and back, by indication and by channel.
pub(crate) fn exchange(client: &mut Client, peers: &[SocketAddr]) {
    for (number, &peer) in (0x4000..).zip(peers) {
        client.permit(peer);
        client.send_to_peer(peer, b"by indication");
        assert_eq!(client.data(), Data::Indication(peer, b"by indication".to_vec()));
        client.bind_channel(number, peer);
        client.send_on_channel(number, b"by channel!!");
        assert_eq!(client.data(), Data::Channel(number, b"by channel!!".to_vec()));
    }
}

#[test]
fn one_allocation_reaches_peers_of_both_families() {
    let relay = relay();
    let peers = [echo_peer(V4), echo_peer(V6)];
    for listener in [0, 1] {
        let mut client = client(&relay, listener);
        allocate_both(&mut client);
        exchange(&mut client, &[peers[0].addr(), peers[1].addr()]);
        eventually("one allocation has two ports", || {
            let snapshot = relay.server.snapshot();
            (snapshot.allocations, snapshot.ports_in_use) == (1, 2)
        });
        client.free();
        eventually("both are closed", || {
            let snapshot = relay.server.snapshot();
            (snapshot.allocations, snapshot.ports_in_use) == (0, 0)
        });
    }
}

#[test]
fn a_family_that_ends_leaves_the_other_at_work() {
    let relay = relay();
    let peers = [echo_peer(V4), echo_peer(V6)];
    for (ended, left) in [(1, 1), (2, 0)] {
        let mut client = client(&relay, 0);
        allocate_both(&mut client);
        let end = [Attribute::Lifetime(0), Attribute::RequestedAddressFamily(ended)];
        assert_eq!(client.request(Method::REFRESH, &end).error, None);
        assert_eq!(client.try_permit(peers[1 - left].addr()).error, Some(443));
        exchange(&mut client, &[peers[left].addr()]);
        eventually("one port is left", || relay.server.snapshot().ports_in_use == 1);
        client.free();
        eventually("none is left", || relay.server.snapshot().ports_in_use == 0);
    }
}

#[test]
fn a_client_may_be_of_another_family_than_its_relayed_address() {
    let relay = relay();
    for (listener, family, ip) in [(0, 2, V6), (1, 1, V4)] {
        let peer = echo_peer(ip);
        let mut client = client(&relay, listener);
        let attributes = [Attribute::RequestedTransport(17), Attribute::RequestedAddressFamily(family)];
        let relayed = client.request(Method::ALLOCATE, &attributes).relayed.unwrap();
        assert_eq!((relayed.is_ipv6(), client.addr().is_ipv6()), (family == 2, listener == 1));
        exchange(&mut client, &[peer.addr()]);
    }
}

#[test]
fn two_clients_reach_each_other_by_either_family_inside_the_server() {
    let relay = relay();
    let (mut a, mut b) = (client(&relay, 0), client(&relay, 1));
    let (of_a, of_b) = (allocate_both(&mut a), allocate_both(&mut b));
    for (number, (to_a, to_b)) in (0x4000..).zip(of_a.into_iter().zip(of_b)) {
        a.bind_channel(number, to_b);
        b.permit(to_a);
        a.send_on_channel(number, b"over there");
        assert_eq!(b.data(), Data::Indication(to_a, b"over there".to_vec()));
        b.send_to_peer(to_a, b"and back");
        assert_eq!(a.data(), Data::Channel(number, b"and back".to_vec()));
    }
    eventually("none went through the system", || {
        relay.server.snapshot().hairpin.iter().map(|(_, count)| count).sum::<u64>() == 4
    });
}

#[test]
fn a_relay_with_one_family_says_that_the_other_is_lacking() {
    let relay = Relay::start();
    let attributes = [Attribute::RequestedTransport(17), Attribute::AdditionalAddressFamily(2)];
    let response = relay.client().request(Method::ALLOCATE, &attributes);
    assert_eq!((response.error, response.lacking, response.relayed_v6), (None, Some((2, 440)), None));
    assert!(response.relayed.is_some_and(|relayed| relayed.is_ipv4()));
}

#[test]
fn if_one_family_has_no_port_left_the_other_serves() {
    let port = free_port();
    let mut options = both();
    options.ports = port..=port;
    let relay = Relay::with(options);
    // It takes the one IPv4 port there is.
    let mut first = client(&relay, 0);
    let relayed = first.allocate();
    assert_eq!(relayed.port(), port);
    let peer = echo_peer(V6);
    let mut second = client(&relay, 0);
    let attributes = [Attribute::RequestedTransport(17), Attribute::AdditionalAddressFamily(2)];
    let response = second.request(Method::ALLOCATE, &attributes);
    assert_eq!((response.error, response.lacking), (None, Some((1, 508))));
    assert_eq!(response.relayed_v6.map(|relayed| relayed.port()), Some(port));
    exchange(&mut second, &[peer.addr()]);
    let response = client(&relay, 1).request(Method::ALLOCATE, &attributes);
    assert_eq!(response.error, Some(508), "neither is left");
    second.free();
    eventually("one port is taken", || relay.server.snapshot().ports_in_use == 1);
}

/// A port that was free on both families a moment ago.
fn free_port() -> u16 {
    loop {
        let v4 = std::net::UdpSocket::bind((V4, 0)).unwrap();
        let port = v4.local_addr().unwrap().port();
        if std::net::UdpSocket::bind((V6, port)).is_ok() {
            return port;
        }
    }
}
