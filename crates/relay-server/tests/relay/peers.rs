use std::net::{SocketAddr, UdpSocket};

use sangam_relay_server::{Live, RelayAddress};

use crate::client::{Data, EchoPeer};
use crate::relay::{Relay, eventually, options};

/// No datagram leaves the host for these: from a relay socket on loopback there is no way to the first, and no socket
/// here may broadcast. To the relay they are what a peer on an unreachable network is: the send call fails.
fn unroutable() -> [SocketAddr; 2] {
    ["240.0.0.1:9".parse().unwrap(), "255.255.255.255:9".parse().unwrap()]
}

fn live() -> Live {
    Live { allowed_peers: vec!["240.0.0.0/4".parse().unwrap()], ..Live::default() }
}

#[test]
fn an_unroutable_peer_costs_its_datagrams_and_neither_the_allocation_nor_others_in_the_batch() {
    let relay = Relay::with(crate::relay::Options { live: live(), ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start(relay.addr().ip());
    let mut client = relay.client();
    client.allocate();
    client.bind_channel(0x4000, peer.addr());
    for peer in unroutable() {
        client.permit(peer);
    }
    client.bind_channel(0x4001, unroutable()[0]);
    for round in 0..50_u8 {
        client.send_on_channel(0x4001, b"lost");
        client.send_to_peer(unroutable()[1], b"lost");
        client.send_on_channel(0x4000, &[round]);
    }
    for round in 0..50 {
        assert_eq!(client.data(), Data::Channel(0x4000, vec![round]));
    }
    eventually("the lost ones are counted", || relay.drops("unroutable") == 100);
    assert_eq!(relay.server.snapshot().allocations, 1);
}

#[test]
fn a_peer_that_refuses_costs_nothing_but_its_datagrams() {
    let relay = Relay::start();
    let peer = EchoPeer::start(relay.addr().ip());
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut client = relay.client();
    client.allocate();
    client.bind_channel(0x4000, closed);
    client.bind_channel(0x4001, peer.addr());
    for _ in 0..20 {
        client.send_on_channel(0x4000, b"refused");
        client.send_on_channel(0x4001, b"echo");
        assert_eq!(client.data(), Data::Channel(0x4001, b"echo".to_vec()));
    }
}

#[test]
fn peers_on_loopback_are_denied_once_strangers_can_reach_the_relay() {
    let mut options = options(&["127.0.0.1:0"]);
    options.relay_addresses =
        vec![RelayAddress { bound: "127.0.0.1".parse().unwrap(), external: "198.51.100.9".parse().unwrap() }];
    let relay = Relay::with(options);
    let mut client = relay.client();
    client.allocate();
    for peer in ["127.0.0.2:9", "10.0.0.1:9", "169.254.169.254:80", "0.0.0.0:9"] {
        assert_eq!(client.try_permit(peer.parse().unwrap()).error, Some(403), "{peer}");
    }
}

#[test]
fn a_policy_that_is_reloaded_ends_what_it_denies_and_opens_what_it_allows() {
    let relay = Relay::with(crate::relay::Options { live: live(), ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start("127.0.0.3".parse().unwrap());
    let mut client = relay.client();
    client.allocate();
    client.permit(peer.addr());
    client.send_to_peer(peer.addr(), b"before");
    assert_eq!(client.data(), Data::Indication(peer.addr(), b"before".to_vec()));

    let denied = vec!["127.0.0.3".parse().unwrap()];
    relay.server.reload(Live { denied_peers: denied, ..live() });
    eventually("the peer is denied", || client.try_permit(peer.addr()).error == Some(403));
    client.send_to_peer(peer.addr(), b"denied");
    eventually("the datagram is dropped", || relay.drops("peer_denied") == 1);

    relay.server.reload(live());
    eventually("the peer is allowed", || client.try_permit(peer.addr()).error.is_none());
    client.send_to_peer(peer.addr(), b"after");
    assert_eq!(client.data(), Data::Indication(peer.addr(), b"after".to_vec()));
}

#[test]
fn a_datagram_longer_than_the_limit_is_dropped_and_counted() {
    let relay = Relay::with(crate::relay::Options { datagram_bytes_max: 1_000, ..options(&["127.0.0.1:0"]) });
    let peer = EchoPeer::start(relay.addr().ip());
    let mut client = relay.client();
    client.allocate();
    client.bind_channel(0x4000, peer.addr());
    client.send_on_channel(0x4000, &[0; 997]);
    client.send_on_channel(0x4000, &[0; 996]);
    assert_eq!(client.data(), Data::Channel(0x4000, vec![0; 996]));
    assert_eq!(relay.drops("oversized"), 1);
    client.be_impatient();
    assert_eq!(client.try_data(), None);
}
