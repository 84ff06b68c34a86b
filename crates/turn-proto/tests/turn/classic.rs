//! Binding requests of RFC 3489, written by hand, as devices send them that were made before STUN had a cookie.

use sangam_turn_proto::{
    ClientAddr, DropReason, ErrorCode, Input, KeptBinding, Limited, Options, RequestKind, Transport,
};

use crate::fixture::{House, five_tuple, options, secs};

const ID: [u8; 16] = *b"sixteen bytes id";

fn request(attributes: &[&[u8]]) -> Vec<u8> {
    let body = attributes.concat();
    [&[0x00, 0x01], &(body.len() as u16).to_be_bytes()[..], &ID, &body].concat()
}

/// CONNECTION-REQUEST-BINDING.
const MARK: &[u8] = b"\xC0\x01\x00\x14dslforum.org/TR-111 ";
/// BINDING-CHANGE.
const CHANGED: &[u8] = b"\xC0\x02\x00\x00";
/// USERNAME `cpe-7`, filled with blanks.
const USERNAME: &[u8] = b"\x00\x06\x00\x08cpe-7   ";

fn told(house: &mut House, from_port: u16, bytes: &[u8]) -> Vec<(ClientAddr, Vec<u8>)> {
    house.sent.clear();
    house.input(Input::Client { from: five_tuple(from_port), bytes });
    house.sent.drain(..).map(|(to, bytes)| (to.client, bytes)).collect()
}

fn client(port: u16) -> ClientAddr {
    ClientAddr(([77, 0, 0, 1], port).into())
}

#[test]
fn who_asks_without_a_cookie_is_told_the_address_as_it_is() {
    let mut house = House::new(options());
    // 77.0.0.1:4660
    let expected = [&b"\x01\x01\x00\x0C"[..], &ID, b"\x00\x01\x00\x08\x00\x01\x12\x34\x4D\x00\x00\x01"].concat();
    assert_eq!(told(&mut house, 0x1234, &request(&[])), [(client(0x1234), expected)]);
    assert_eq!(house.server.stats().requests(RequestKind::ClassicBinding), 1);
    assert_eq!(house.server.stats().requests(RequestKind::Binding), 0);
}

#[test]
fn another_port_of_the_same_address_may_be_answered_and_another_address_may_not() {
    let mut house = House::new(options());
    // RESPONSE-ADDRESS 77.0.0.1:4661; the answer says who asked (REFLECTED-FROM).
    let same = b"\x00\x02\x00\x08\x00\x01\x12\x35\x4D\x00\x00\x01";
    let mapped = b"\x00\x01\x00\x08\x00\x01\x12\x34\x4D\x00\x00\x01";
    let reflected = b"\x00\x0B\x00\x08\x00\x01\x12\x34\x4D\x00\x00\x01";
    let expected = [&b"\x01\x01\x00\x18"[..], &ID, mapped, reflected].concat();
    assert_eq!(told(&mut house, 0x1234, &request(&[same, MARK])), [(client(0x1235), expected)]);
    assert_eq!(house.kept_bindings, [], "whatever it says, that is not the binding which is kept");
    // 420, UNKNOWN-ATTRIBUTES: RESPONSE-ADDRESS, twice as RFC 3489 has it.
    let other = b"\x00\x02\x00\x08\x00\x01\x12\x35\x4D\x00\x00\x02";
    let refusal = [&b"\x01\x11\x00\x10"[..], &ID, b"\x00\x09\x00\x04\0\0\x04\x14\x00\x0A\x00\x04\0\x02\0\x02"].concat();
    assert_eq!(told(&mut house, 0x1234, &request(&[other])), [(client(0x1234), refusal)]);
    assert_eq!(house.server.stats().binding_errors, 1);
}

#[test]
fn a_wish_for_another_address_of_ours_is_not_understood_and_the_wish_for_none_is() {
    let mut house = House::new(options());
    let answers = told(&mut house, 9, &request(&[b"\x00\x03\x00\x04\0\0\0\x06"]));
    assert!(answers[0].1.starts_with(b"\x01\x11"), "{answers:?}");
    let answers = told(&mut house, 9, &request(&[b"\x00\x03\x00\x04\0\0\0\0"]));
    assert!(answers[0].1.starts_with(b"\x01\x01"), "{answers:?}");
}

#[test]
fn a_binding_that_a_device_keeps_is_told_with_its_name_and_whether_it_changed() {
    let mut house = House::new(options());
    told(&mut house, 9, &request(&[MARK]));
    told(&mut house, 10, &request(&[MARK, CHANGED, USERNAME]));
    told(&mut house, 11, &request(&[b"\xC0\x01\x00\x14dslforum.org/TR-112 "]));
    let kept = |port, username: Option<&str>, is_changed| KeptBinding {
        client: client(port).0,
        server: five_tuple(port).server,
        username: username.map(Into::into),
        is_changed,
    };
    assert_eq!(house.kept_bindings, [kept(9, None, false), kept(10, Some("cpe-7"), true)]);
}

#[test]
fn a_request_with_a_cookie_may_mark_a_binding_too() {
    let mut house = House::new(options());
    let mut bytes = request(&[MARK, CHANGED]);
    bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xA4, 0x42]);
    let answers = told(&mut house, 9, &bytes);
    // XOR-MAPPED-ADDRESS, and nothing of the old kind.
    assert_eq!(answers[0].1[20..24], [0x00, 0x20, 0x00, 0x08]);
    assert!(house.kept_bindings[0].is_changed);
}

#[test]
fn no_answer_is_longer_than_twice_the_request_and_a_network_that_asks_too_much_gets_none() {
    let mut limited = options();
    limited.limits.challenges_per_second = Some(3);
    let mut house = House::new(Options { ..limited });
    for _ in 0..5 {
        for (_, answer) in told(&mut house, 9, &request(&[])) {
            assert_eq!(answer.len(), 32);
        }
    }
    assert_eq!(house.server.stats().limited(Limited::ClassicBindings), 2);
    house.pass(secs(1));
    assert_eq!(told(&mut house, 9, &request(&[])).len(), 1);
    house.pass(secs(1));
    // As many attributes as anybody likes that nobody knows: eight are named.
    let unknown: Vec<Vec<u8>> = (0..40).map(|kind| vec![0x10, kind, 0, 0]).collect();
    let unknown: Vec<&[u8]> = unknown.iter().map(Vec::as_slice).collect();
    assert_eq!(told(&mut house, 9, &request(&unknown))[0].1.len(), 48);
    assert_eq!(house.server.stats().errors(ErrorCode::UnknownAttribute), 0, "the codes are those of RFC 8489");
}

#[test]
fn what_is_no_such_request_or_comes_by_tcp_is_dropped() {
    let mut house = House::new(options());
    let long = request(&[b"\x00\x06\x00\x09cpe"]);
    let response = [&b"\x01\x01\x00\x00"[..], &ID].concat();
    for bytes in [&long[..], &response, &request(&[])[..19], &[request(&[]), vec![0; 4]].concat()] {
        assert!(told(&mut house, 9, bytes).is_empty());
    }
    let mut tcp = five_tuple(9);
    tcp.transport = Transport::Tcp;
    house.raw(tcp, &request(&[]));
    assert!(house.sent.is_empty());
    assert_eq!(house.server.stats().drops(DropReason::Malformed), 5);
}
