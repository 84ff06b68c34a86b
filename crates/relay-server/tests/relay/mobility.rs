//! Clients that change their address and keep their allocation (RFC 8016), on whichever thread they arrive.

use std::net::{SocketAddr, UdpSocket};

use sangam_relay_server::NonceSecret;
use sangam_turn_proto::{Attribute, Method};

use crate::client::{Client, Data, EchoPeer, PATIENCE};
use crate::relay::{Options, Relay, credential, eventually, labelled, options};
use crate::streams::StreamRelay;

/// Where a client moves to is on its own thread or on the other by chance; all of them alike would be one of 10^7.
const MOVES: usize = 24;

const CHANNEL: u16 = 0x4000;

fn mobile() -> Options {
    Options { mobility: true, ..options(&["127.0.0.1:0"]) }
}

/// A peer that speaks first.
struct Peer(UdpSocket);

impl Peer {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn addr(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn assert_is_heard_by(&self, client: &Client, relayed: SocketAddr) {
        self.0.send_to(b"from peer", relayed).unwrap();
        assert_eq!(client.data(), Data::Channel(CHANNEL, b"from peer".to_vec()));
    }

    fn assert_hears(&self, client: &Client, relayed: SocketAddr) {
        client.send_on_channel(CHANNEL, b"from client");
        let mut buffer = [0; 64];
        let (len, from) = self.0.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..len], from), (&b"from client"[..], relayed));
    }
}

/// Both ways from and to the old place while it serves, then from and to the new one.
fn assert_moves(relay: &Relay, mut old: Client, mut new: Client) {
    let peer = Peer::new();
    let (relayed, ticket) = old.allocate_mobile();
    old.bind_channel(CHANNEL, peer.addr());
    peer.assert_is_heard_by(&old, relayed);
    new.move_here(&ticket);
    peer.assert_is_heard_by(&old, relayed);
    peer.assert_hears(&old, relayed);
    old.permit("127.0.0.1:9".parse().unwrap());
    peer.assert_hears(&new, relayed);
    peer.assert_is_heard_by(&new, relayed);
    new.send_to_peer(peer.addr(), b"sent");
    let mut buffer = [0; 64];
    assert_eq!(peer.0.recv_from(&mut buffer).unwrap(), (4, relayed));
    eventually("the old path ends", || old.try_permit(peer.addr()).error == Some(437));
    let before = relay.drops("no_allocation");
    old.send_on_channel(CHANNEL, b"late");
    eventually("data on the old path is dropped", || relay.drops("no_allocation") > before);
    new.free();
}

fn assert_is_empty(relay: &Relay) {
    eventually("all is given back", || {
        let snapshot = relay.server.snapshot();
        (snapshot.allocations, snapshot.ports_in_use) == (0, 0)
    });
}

#[test]
fn an_allocation_follows_its_client_to_any_thread_and_nothing_is_lost() {
    let relay = Relay::with(mobile());
    for _ in 0..MOVES {
        assert_moves(&relay, relay.client(), relay.client());
    }
    assert_is_empty(&relay);
    let snapshot = relay.server.snapshot();
    assert_eq!((snapshot.moves, snapshot.allocations_created), (MOVES as u64, MOVES as u64));
    assert_eq!(relay.drops("handover_queue_full"), 0);
}

#[test]
fn an_allocation_moves_between_udp_and_tcp_or_tls_in_every_direction() {
    for with_tls in [false, true] {
        let streams = StreamRelay::start(with_tls, mobile());
        let relay = &streams.relay;
        for _ in 0..MOVES / 3 {
            assert_moves(relay, relay.client(), streams.client());
            assert_moves(relay, streams.client(), relay.client());
            assert_moves(relay, streams.client(), streams.client());
        }
        assert_is_empty(relay);
        assert_eq!(relay.server.snapshot().moves, MOVES as u64);
    }
}

#[test]
fn a_client_moves_on_and_on_by_each_new_ticket() {
    let relay = Relay::with(mobile());
    let peer = EchoPeer::start(relay.addr().ip());
    let mut clients: Vec<Client> = (0..MOVES).map(|_| relay.client()).collect();
    let (_, mut ticket) = clients[0].allocate_mobile();
    clients[0].bind_channel(CHANNEL, peer.addr());
    for client in &mut clients[1..] {
        let used = ticket.clone();
        ticket = client.move_here(&ticket);
        client.send_on_channel(CHANNEL, b"here");
        assert_eq!(client.data(), Data::Channel(CHANNEL, b"here".to_vec()));
        assert_eq!(relay.client().try_move(&used).error, Some(437), "the ticket was used");
    }
    // Back to where it was long ago, and an end from there.
    clients[0].move_here(&ticket);
    clients[0].send_on_channel(CHANNEL, b"back");
    assert_eq!(clients[0].data(), Data::Channel(CHANNEL, b"back".to_vec()));
    clients[0].free();
    assert_is_empty(&relay);
    for client in &mut clients {
        client.allocate();
    }
}

#[test]
fn a_place_that_a_moved_client_has_left_is_a_place_like_any_other() {
    let relay = Relay::with(mobile());
    let peer = EchoPeer::start(relay.addr().ip());
    for _ in 0..MOVES {
        let (mut old, mut new) = (relay.client(), relay.client());
        let (_, ticket) = old.allocate_mobile();
        new.move_here(&ticket);
        new.free();
        let mut again = new;
        again.allocate();
        again.permit(peer.addr());
        again.send_to_peer(peer.addr(), b"anew");
        assert_eq!(again.data(), Data::Indication(peer.addr(), b"anew".to_vec()));
        again.free();
    }
    assert_is_empty(&relay);
}

#[test]
fn an_allocation_waits_for_a_client_whose_connection_broke() {
    let streams = StreamRelay::start(false, mobile());
    let relay = &streams.relay;
    for _ in 0..MOVES {
        let peer = Peer::new();
        let mut old = streams.client();
        let (relayed, ticket) = old.allocate_mobile();
        old.bind_channel(CHANNEL, peer.addr());
        let closed = relay.server.snapshot().connections_closed;
        drop(old);
        eventually("the connection is closed", || relay.server.snapshot().connections_closed != closed);
        let before = relay.drops("no_connection");
        peer.0.send_to(b"to nobody", relayed).unwrap();
        eventually("what cannot be delivered is counted", || relay.drops("no_connection") == before + 1);
        let mut new = streams.client();
        new.move_here(&ticket);
        peer.assert_hears(&new, relayed);
        peer.assert_is_heard_by(&new, relayed);
        new.free();
    }
    assert_is_empty(relay);
}

#[test]
fn a_moved_connection_that_breaks_again_leaves_its_allocation_too() {
    let streams = StreamRelay::start(false, mobile());
    let relay = &streams.relay;
    for _ in 0..MOVES {
        let peer = Peer::new();
        let (mut first, mut second, mut third) = (relay.client(), streams.client(), streams.client());
        let (relayed, ticket) = first.allocate_mobile();
        first.bind_channel(CHANNEL, peer.addr());
        let ticket = second.move_here(&ticket);
        peer.assert_hears(&second, relayed);
        drop(second);
        third.move_here(&ticket);
        peer.assert_hears(&third, relayed);
        peer.assert_is_heard_by(&third, relayed);
        third.free();
    }
    assert_is_empty(relay);
}

#[test]
fn the_end_of_a_connection_on_another_thread_ends_the_old_path_too() {
    let streams = StreamRelay::start(false, mobile());
    let relay = &streams.relay;
    // Kept, so that no later client gets the port of one that still has its allocation.
    let mut kept = Vec::new();
    for _ in 0..MOVES / 2 {
        let peer = Peer::new();
        let (mut first, mut second, mut third) = (relay.client(), streams.client(), relay.client());
        let (relayed, ticket) = first.allocate_mobile();
        first.bind_channel(CHANNEL, peer.addr());
        let ticket = second.move_here(&ticket);
        peer.assert_hears(&second, relayed);
        third.move_here(&ticket);
        peer.assert_is_heard_by(&second, relayed);
        drop(second);
        third.be_impatient();
        eventually("the new path is the only one", || {
            peer.0.send_to(b"from peer", relayed).unwrap();
            third.try_data().is_some()
        });
        kept.push((first, third));
    }
}

#[test]
fn a_move_is_refused_by_name_on_every_thread() {
    let relay = Relay::with(mobile());
    let (mut alice, mut other) = (relay.client(), relay.client());
    let (_, ticket) = alice.allocate_mobile();
    other.allocate_mobile();
    for _ in 0..MOVES {
        let mut mallory = Client::new(relay.addr(), credential(&relay.secrets.load(), "mallory"));
        assert_eq!(mallory.try_move(&ticket).error, Some(441));
        assert_eq!(relay.client().try_move(&ticket[1..]).error, Some(400));
    }
    assert_eq!(alice.try_move(&ticket).error, Some(400), "it has not moved");
    assert_eq!(other.try_move(&ticket).error, Some(437), "it has an allocation");
    eventually("each is counted", || {
        let refused = relay.server.snapshot().move_refusals;
        ["other_user", "forged", "not_moved", "five_tuple_taken"].map(|reason| labelled(&refused, reason))
            == [MOVES as u64, MOVES as u64, 1, 1]
    });
    assert_eq!(relay.server.snapshot().moves, 0);
    alice.free();
    assert_eq!(relay.client().try_move(&ticket).error, Some(437), "it has ended");
}

#[test]
fn a_ticket_of_a_thread_that_is_not_there_is_refused() {
    let secret = NonceSecret(rand::random());
    let many = Relay::with(Options { threads: 8, nonce_secret: secret, ..mobile() });
    let one = Relay::with(Options { threads: 1, nonce_secret: secret, ..mobile() });
    for _ in 0..MOVES {
        let (_, ticket) = many.client().allocate_mobile();
        assert_eq!(one.client().try_move(&ticket).error, Some(437));
    }
    eventually("each is counted", || {
        let refused = one.server.snapshot().move_refusals;
        let gone = labelled(&refused, "gone");
        gone > 0 && gone + labelled(&refused, "spent") == MOVES as u64
    });
}

#[test]
fn two_allocations_of_ours_hear_each_other_when_one_has_moved() {
    let relay = Relay::with(mobile());
    for _ in 0..MOVES / 3 {
        let (mut left, mut right, mut moved) = (relay.client(), relay.client(), relay.client());
        let (left_relayed, ticket) = left.allocate_mobile();
        let right_relayed = right.allocate();
        left.bind_channel(CHANNEL, right_relayed);
        right.bind_channel(CHANNEL, left_relayed);
        moved.move_here(&ticket);
        moved.send_on_channel(CHANNEL, b"ping");
        assert_eq!(right.data(), Data::Channel(CHANNEL, b"ping".to_vec()));
        right.send_on_channel(CHANNEL, b"pong");
        assert_eq!(moved.data(), Data::Channel(CHANNEL, b"pong".to_vec()));
    }
}

#[test]
fn without_mobility_nobody_gets_a_ticket() {
    let relay = Relay::start();
    let attributes = [Attribute::RequestedTransport(17), Attribute::MobilityTicket(&[])];
    assert_eq!(relay.client().request(Method::ALLOCATE, &attributes).error, Some(405));
}
