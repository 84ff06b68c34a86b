//! What stands between a client's connection and the relay: proxies, limits, and reasons to close.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use sangam_net::{FrontOptions, FrontRules, TrustedProxies};
use sangam_turn_proto::{Class, MessageBuilder, Method, TransactionId};

use crate::client::{Client, Data, Duplex, EchoPeer};
use crate::relay::{credential, eventually, options};
use crate::streams::{StreamRelay, echo_through};

/// A relay whose connections all come from a proxy on loopback.
fn behind_proxy(with_tls: bool, front: FrontOptions) -> StreamRelay {
    let trusted_proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap();
    let rules = FrontRules { trusted_proxies, ..FrontRules::default() };
    StreamRelay::behind(with_tls, options(&["127.0.0.1:0"]), FrontOptions { proxy_protocol: true, ..front }, rules)
}

/// A connection that the proxy opens for a client.
fn proxied(relay: &StreamRelay, client: SocketAddr) -> TcpStream {
    let mut stream = relay.connect();
    stream.write_all(&proxy_header(client)).unwrap();
    stream
}

/// A PROXY v2 header that names a client over TCP.
fn proxy_header(client: SocketAddr) -> Vec<u8> {
    let (family, addresses) = match client.ip() {
        IpAddr::V4(ip) => (0x11, [ip.octets(), [192, 0, 2, 1]].concat()),
        IpAddr::V6(ip) => (0x21, [ip.octets(), ip.octets()].concat()),
    };
    let length = u16::try_from(addresses.len() + 4).unwrap();
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    header.push(family);
    header.extend(length.to_be_bytes());
    header.extend(addresses);
    header.extend(client.port().to_be_bytes());
    header.extend(3_478_u16.to_be_bytes());
    header
}

fn turn(relay: &StreamRelay, stream: impl Duplex + 'static) -> Client {
    Client::over(stream, credential(&relay.relay.secrets.load(), "alice"))
}

fn is_closed(stream: &mut TcpStream) -> bool {
    // Closed with bytes unread it is a reset, else an end.
    stream.read(&mut [0; 64]).map_or(true, |read| read == 0)
}

fn binding(number: u8) -> Vec<u8> {
    MessageBuilder::new(Class::Request, Method::BINDING, TransactionId([number; 12])).finish()
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn the_client_that_a_proxy_names_is_the_client_over_tcp_and_tls() {
    for with_tls in [false, true] {
        let relay = behind_proxy(with_tls, FrontOptions::default());
        let peer = EchoPeer::start("127.0.0.1".parse().unwrap());
        for named in [addr("203.0.113.7:54321"), addr("203.0.113.7:54322"), addr("[2001:db8::7]:54321")] {
            let stream = proxied(&relay, named);
            let mut client = if with_tls { turn(&relay, relay.shake_hands(stream)) } else { turn(&relay, stream) };
            let response = client.try_allocate();
            assert_eq!((response.error, response.mapped), (None, Some(named)), "TLS: {with_tls}");
            client.permit(peer.addr());
            client.send_to_peer(peer.addr(), b"through the proxy");
            assert_eq!(client.data(), Data::Indication(peer.addr(), b"through the proxy".to_vec()));
        }
    }
}

#[test]
fn a_header_from_anybody_else_closes_the_connection() {
    let front = FrontOptions { proxy_protocol: true, ..FrontOptions::default() };
    let relay = StreamRelay::behind(false, options(&["127.0.0.1:0"]), front, FrontRules::default());
    let mut stream = proxied(&relay, addr("203.0.113.7:54321"));
    assert!(is_closed(&mut stream));
    let relay = behind_proxy(false, FrontOptions::default());
    let mut without = relay.connect();
    without.write_all(&binding(1)).unwrap();
    assert!(is_closed(&mut without), "a proxy must send its header");
}

#[test]
fn a_client_that_comes_again_from_the_same_address_replaces_its_older_connection() {
    let relay = behind_proxy(false, FrontOptions::default());
    let named = addr("203.0.113.7:54321");
    let mut first = turn(&relay, proxied(&relay, named));
    first.allocate();
    let mut second = turn(&relay, proxied(&relay, named));
    // The allocation of the first went with it, else this would be 437.
    second.allocate();
    assert_eq!(relay.closed("replaced"), 1);
    assert!(first.socket.recv(&mut [0; 64]).is_err(), "the first is closed");
    second.sync();
    eventually("one allocation is left", || relay.relay.server.snapshot().allocations == 1);
}

#[test]
fn connections_beyond_the_limit_of_the_listener_are_closed_until_one_ends() {
    let front = FrontOptions { connections_max: 2, ..FrontOptions::default() };
    let relay = StreamRelay::behind(false, options(&["127.0.0.1:0"]), front, FrontRules::default());
    let (mut first, mut second) = (relay.client(), relay.client());
    first.allocate();
    second.allocate();
    assert!(is_closed(&mut relay.connect()), "a third is one too many");
    second.sync();
    drop(first);
    eventually("there is room again", || {
        let mut stream = relay.connect();
        stream.write_all(&binding(1)).is_ok() && !is_closed(&mut stream)
    });
    second.sync();
}

#[test]
fn a_client_address_has_its_share_of_connections_and_of_ipv6_a_whole_network_is_one() {
    let relay = behind_proxy(false, FrontOptions { connections_per_address_max: 1, ..FrontOptions::default() });
    let opens = |named: &str| {
        let mut stream = proxied(&relay, addr(named));
        let answered = stream.write_all(&binding(1)).is_ok() && !is_closed(&mut stream);
        answered.then_some(stream)
    };
    let held = (opens("203.0.113.7:1"), opens("[2001:db8:0:1::7]:1"));
    assert!(held.0.is_some() && held.1.is_some());
    assert!(opens("203.0.113.7:2").is_none(), "a second of the same address");
    assert!(opens("[2001:db8:0:1::8]:1").is_none(), "a second of the same /64");
    assert!(opens("203.0.113.8:1").is_some(), "the share of another address");
    assert!(opens("[2001:db8:0:2::7]:1").is_some(), "the share of another /64");
    drop(held);
    eventually("the address may come again", || opens("203.0.113.7:3").is_some());
}

#[test]
fn a_client_that_asks_and_never_reads_its_answers_is_closed_and_others_are_served() {
    let relay = StreamRelay::behind(false, options(&["127.0.0.1:0"]), FrontOptions::default(), FrontRules::default());
    let other = relay.client();
    let mut stream = relay.connect();
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let (questions, mut at) = (binding(1).repeat(500), 0);
    eventually("it is closed", || {
        // It fails while nothing fits, and once the connection is closed.
        if let Ok(written) = stream.write(&questions[at..]) {
            at = (at + written) % questions.len();
        }
        other.sync();
        relay.closed("unread") == 1
    });
    other.sync();
}

#[test]
fn streams_over_ipv6_relay_like_those_over_ipv4() {
    for with_tls in [false, true] {
        let front = FrontOptions::default();
        let relay = StreamRelay::behind(with_tls, options(&["[::1]:0"]), front, FrontRules::default());
        let peer = EchoPeer::start("::1".parse().unwrap());
        let mut client = relay.client();
        assert!(client.addr().is_ipv6());
        echo_through(&mut client, peer.addr());
    }
}
