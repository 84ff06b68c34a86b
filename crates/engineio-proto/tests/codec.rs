//! Packets and payloads as the protocol's description shows them, and there and back.

#![allow(clippy::unwrap_used, reason = "a test may fail wherever it likes")]

use bytes::Bytes;
use proptest::prelude::*;
use sangam_engineio_proto::{Packet, PacketError, Refusal, decode_payload, encode_as_text, encode_payload};
use sangam_types::{Frame, Text};

fn text(text: &str) -> Frame {
    Frame::Text(Text::from(text))
}

fn decode(body: &'static [u8]) -> Vec<Result<Packet, PacketError>> {
    decode_payload(Bytes::from_static(body)).unwrap().collect()
}

#[test]
fn packets_are_written_and_read_as_the_protocol_shows_them() {
    for (packet, frame) in [
        (Packet::Close, text("1")),
        (Packet::Ping(Text::default()), text("2")),
        (Packet::Ping("probe".into()), text("2probe")),
        (Packet::Pong("probe".into()), text("3probe")),
        (Packet::Message(text("hello")), text("4hello")),
        (Packet::Message(text("€")), text("4€")),
        (Packet::Upgrade, text("5")),
        (Packet::Noop, text("6")),
        (Packet::from(Bytes::from_static(&[1, 2, 3])), Frame::Binary(Bytes::from_static(&[1, 2, 3]))),
    ] {
        assert_eq!(packet.encode(), frame);
        assert_eq!(Packet::decode(&frame), Ok(packet));
    }
}

#[test]
fn a_binary_message_may_go_as_text_both_ways() {
    let binary = Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]));
    assert_eq!(encode_as_text(binary.clone()), text("bAQIDBA=="));
    assert_eq!(encode_as_text(text("4hello")), text("4hello"));
    assert_eq!(Packet::decode(&text("bAQIDBA")), Ok(Packet::Message(binary)));
    assert_eq!(Packet::decode(&text("b!!!!")), Err(PacketError::Base64));
}

#[test]
fn a_payload_is_read_up_to_its_first_fault() {
    let binary = || Ok(Packet::from(Bytes::from_static(&[1, 2, 3, 4])));
    assert_eq!(
        decode(b"4hello\x1e2\x1ebAQIDBA=="),
        [Ok(Packet::Message(text("hello"))), Ok(Packet::Ping(Text::default())), binary()]
    );
    assert_eq!(decode(b"bAQIDBA"), [binary()], "without padding");
    assert_eq!(decode(b"6\x1ex\x1e6"), [Ok(Packet::Noop), Err(PacketError::Type)]);
    assert_eq!(decode(b""), [Err(PacketError::Empty)]);
    assert_eq!(decode_payload(Bytes::from_static(b"4\xff")).err(), Some(PacketError::NotUtf8));
}

#[test]
fn refusals_have_the_codes_and_texts_that_clients_know() {
    let bodies = Refusal::ALL.map(|refusal| (refusal.status(), refusal.body()));
    assert_eq!(bodies[0], (400, r#"{"code":0,"message":"Transport unknown"}"#.to_owned()));
    assert_eq!(bodies[1], (400, r#"{"code":1,"message":"Session ID unknown"}"#.to_owned()));
    assert_eq!(bodies[4], (403, r#"{"code":4,"message":"Forbidden"}"#.to_owned()));
    assert_eq!(bodies[5], (400, r#"{"code":5,"message":"Unsupported protocol version"}"#.to_owned()));
}

fn packet() -> impl Strategy<Value = Packet> {
    let text = "[^\u{1e}]{0,20}".prop_map(Text::from);
    prop_oneof![
        text.clone().prop_map(Packet::Open),
        Just(Packet::Close),
        text.clone().prop_map(Packet::Ping),
        text.clone().prop_map(Packet::Pong),
        text.prop_map(|text| Packet::Message(Frame::Text(text))),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Packet::from(Bytes::from(bytes))),
        Just(Packet::Upgrade),
        Just(Packet::Noop),
    ]
}

proptest! {
    #[test]
    fn what_is_written_as_a_payload_is_read_again(packets in proptest::collection::vec(packet(), 1..8)) {
        let frames: Vec<Frame> = packets.iter().map(Packet::encode).collect();
        let read: Result<Vec<Packet>, _> = decode_payload(Bytes::from(encode_payload(&frames))).unwrap().collect();
        prop_assert_eq!(read, Ok(packets));
    }

    #[test]
    fn any_bytes_are_packets_or_a_fault(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(packets) = decode_payload(Bytes::from(body)) {
            let read: Vec<_> = packets.collect();
            prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
        }
    }
}
