//! Pairs of ports for RTP and RTCP, the second taken from whichever thread its client reaches.

use std::net::SocketAddr;
use std::time::Duration;

use sangam_turn_proto::{Attribute, Method, ReservationToken};

use crate::client::{Client, Data, EchoPeer, Response};
use crate::relay::{Relay, credential, eventually, labelled, options};

const UDP: Attribute<'_> = Attribute::RequestedTransport(17);

/// An allocation with an even port, and the token of the next.
fn reserve(client: &mut Client) -> (SocketAddr, ReservationToken) {
    let response = client.request(Method::ALLOCATE, &[UDP, Attribute::EvenPort { reserve: true }]);
    assert_eq!(response.error, None);
    (response.relayed.unwrap(), response.token.expect("a port is reserved"))
}

fn take(client: &mut Client, token: ReservationToken) -> Response {
    client.request(Method::ALLOCATE, &[UDP, Attribute::ReservationToken(token)])
}

#[test]
fn the_next_port_is_given_to_whoever_of_the_user_shows_the_token_on_any_thread() {
    let relay = Relay::start();
    let peer = EchoPeer::start(relay.addr().ip());
    // Each two clients are on one thread or on two by chance; all of 40 alike would be one of 10^12.
    for _ in 0..40 {
        let (mut rtp, mut rtcp) = (relay.client(), relay.client());
        let (relayed, token) = reserve(&mut rtp);
        assert_eq!(relayed.port() % 2, 0);
        let response = take(&mut rtcp, token);
        assert_eq!(response.error, None);
        assert_eq!(response.relayed, Some(SocketAddr::new(relayed.ip(), relayed.port() + 1)));
        rtcp.bind_channel(0x4000, peer.addr());
        rtcp.send_on_channel(0x4000, b"report");
        assert_eq!(rtcp.data(), Data::Channel(0x4000, b"report".to_vec()));
        assert_eq!(take(&mut relay.client(), token).error, Some(508), "it serves once");
        rtp.free();
        rtcp.free();
    }
    eventually("all is given back", || {
        let snapshot = relay.server.snapshot();
        (snapshot.allocations, snapshot.ports_in_use) == (0, 0)
    });
    assert!(labelled(&relay.server.snapshot().open_failures, "not_reserved") > 0, "asked on another thread");
}

#[test]
fn a_token_serves_its_user_alone() {
    let relay = Relay::start();
    let mut rtp = relay.client();
    let (_, token) = reserve(&mut rtp);
    for _ in 0..20 {
        let mut mallory = Client::new(relay.addr(), credential(&relay.secrets.load(), "mallory"));
        assert_eq!(take(&mut mallory, token).error, Some(508));
    }
    assert_eq!(take(&mut relay.client(), token).error, None);
    let mut invented = token;
    invented.0[0] = 0xFF;
    assert_eq!(take(&mut relay.client(), invented).error, Some(508), "of a thread that is not there");
}

#[test]
fn a_port_that_nobody_takes_is_closed() {
    let mut options = options(&["127.0.0.1:0"]);
    options.lifetimes.reservation = Duration::from_millis(50);
    let relay = Relay::with(options);
    let mut rtp = relay.client();
    let (_, token) = reserve(&mut rtp);
    eventually("it is closed", || relay.server.snapshot().ports_in_use == 1);
    assert_eq!(take(&mut relay.client(), token).error, Some(508));
}
