//! What devices behind NAT need of the STUN listener (TR-069 Amendment 6 Annex G).

use std::net::UdpSocket;

use sangam_control::{KeptBindings, StunDatagram, StunNotSent};

use crate::client::PATIENCE;
use crate::relay::{Options, Relay, eventually, labelled, options};

const ID: &[u8; 16] = b"sixteen bytes id";

fn device() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A Binding request of RFC 3489 with CONNECTION-REQUEST-BINDING, USERNAME `cpe7` and BINDING-CHANGE.
fn request() -> Vec<u8> {
    let attributes = b"\xC0\x01\x00\x14dslforum.org/TR-111 \x00\x06\x00\x04cpe7\xC0\x02\x00\x00";
    [&b"\x00\x01\x00\x24"[..], ID, attributes].concat()
}

#[test]
fn a_device_learns_its_address_is_heard_of_and_is_reached_from_the_same_socket() {
    let (kept_bindings, mut heard) = KeptBindings::channel(8);
    let relay = Relay::with(Options { kept_bindings: Some(kept_bindings), ..options(&["127.0.0.1:0"]) });
    let (device, mut buffer) = (device(), [0; 1_500]);
    let here = device.local_addr().unwrap();
    device.send_to(&request(), relay.addr()).unwrap();
    let (len, from) = device.recv_from(&mut buffer).unwrap();
    let port = here.port().to_be_bytes();
    let expected = [&b"\x01\x01\x00\x0C"[..], ID, b"\x00\x01\x00\x08\x00\x01", &port, &[127, 0, 0, 1]].concat();
    assert_eq!((&buffer[..len], from), (&expected[..], relay.addr()));

    let kept = heard.blocking_recv().unwrap();
    assert_eq!((kept.client, kept.server, kept.is_changed), (here, relay.addr(), true));
    assert_eq!(kept.username.as_deref(), Some("cpe7"));

    let socket = relay.server.stun_socket();
    for from in [Some(kept.server), None] {
        let datagram = StunDatagram { from, to: kept.client, bytes: b"GET http://x?ts=1 HTTP/1.1\r\n\r\n".to_vec() };
        assert_eq!(socket.send(datagram), Ok(()));
        let (len, from) = device.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..10], len, from), (&b"GET http:/"[..], 30, relay.addr()));
    }
    eventually("both are counted", || relay.server.snapshot().outward_datagrams == 2);
    assert_eq!(labelled(&relay.server.snapshot().kept_bindings, "told"), 1);
    assert_eq!(labelled(&relay.server.snapshot().requests, "classic_binding"), 1);
}

#[test]
fn what_no_stun_socket_can_send_is_refused_with_the_reason() {
    let relay = Relay::start();
    let socket = relay.server.stun_socket();
    let datagram = |to: &str, bytes: usize| StunDatagram { from: None, to: to.parse().unwrap(), bytes: vec![0; bytes] };
    let elsewhere = StunDatagram { from: Some("127.0.0.1:9".parse().unwrap()), ..datagram("127.0.0.1:9", 1) };
    assert_eq!(socket.send(elsewhere), Err(StunNotSent::NoSocket));
    assert_eq!(socket.send(datagram("[::1]:9", 1)), Err(StunNotSent::NoSocket));
    assert_eq!(socket.send(datagram("127.0.0.1:0", 1)), Err(StunNotSent::Unsendable));
    assert_eq!(socket.send(datagram("127.0.0.1:9", 1_473)), Err(StunNotSent::Unsendable));
    relay.server.stop(std::time::Duration::ZERO);
    assert_eq!(socket.send(datagram("127.0.0.1:9", 1)), Err(StunNotSent::Stopped));
}

#[test]
fn bindings_that_nobody_takes_in_time_are_lost_and_counted() {
    let (kept_bindings, _heard) = KeptBindings::channel(1);
    let relay = Relay::with(Options { kept_bindings: Some(kept_bindings), ..options(&["127.0.0.1:0"]) });
    let (device, mut buffer) = (device(), [0; 100]);
    for _ in 0..3 {
        device.send_to(&request(), relay.addr()).unwrap();
        device.recv(&mut buffer).unwrap();
    }
    eventually("two of three are lost", || labelled(&relay.server.snapshot().kept_bindings, "missed") == 2);
}
