//! Both parsers: what Node's write and read, what is refused, and there and back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail wherever it likes")]

use bytes::Bytes;
use proptest::prelude::*;
use sangam_socketio_proto::{
    Arguments, JsonDecoder, Limits, Packet, PacketError, PacketKind, decode_msgpack, encode_json, encode_msgpack,
};
use sangam_types::{Frame, Text};

fn text(text: &str) -> Frame {
    Frame::Text(Text::from(text))
}

fn binary(bytes: &[u8]) -> Frame {
    Frame::Binary(Bytes::copy_from_slice(bytes))
}

fn decode(frames: &[Frame]) -> Result<Option<Packet>, PacketError> {
    let mut decoder = JsonDecoder::new(Limits::default());
    frames.iter().try_fold(None, |_, frame| decoder.decode(frame.clone()))
}

fn packet(kind: PacketKind, namespace: &str, id: Option<u64>, json: Option<&str>) -> Packet {
    let arguments = json.map(|json| Arguments::new(Text::from(json)).unwrap());
    Packet { kind, namespace: Text::from(namespace), id, arguments }
}

#[test]
fn packets_are_written_and_read_as_the_protocol_shows_them() {
    use PacketKind::{Ack, Connect, ConnectError, Disconnect, Event};
    for (wire, expected) in [
        ("0", packet(Connect, "/", None, None)),
        (
            r#"0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
            packet(Connect, "/admin", None, Some(r#"{"sid":"oSO0OpakMV_3jnilAAAA"}"#)),
        ),
        (r#"4{"message":"Not authorized"}"#, packet(ConnectError, "/", None, Some(r#"{"message":"Not authorized"}"#))),
        (r#"2["hello",1]"#, packet(Event, "/", None, Some(r#"["hello",1]"#))),
        (r#"2/admin,456["project:delete",123]"#, packet(Event, "/admin", Some(456), Some(r#"["project:delete",123]"#))),
        (r#"3/admin,456[]"#, packet(Ack, "/admin", Some(456), Some("[]"))),
        ("1/admin,", packet(Disconnect, "/admin", None, None)),
        ("2", packet(Event, "/", None, None)),
    ] {
        assert_eq!(decode(&[text(wire)]), Ok(Some(expected.clone())), "{wire}");
        assert_eq!(encode_json(&expected), [text(wire)]);
    }
}

#[test]
fn attachments_follow_the_text_that_has_their_places() {
    let wire = [
        text(r#"52-/chat,7["a",{"_placeholder":true,"num":1},{"deep":[{"_placeholder":true,"num":0}]}]"#),
        binary(&[1, 2]),
        binary(&[3]),
    ];
    let packet = decode(&wire).unwrap().unwrap();
    assert_eq!((packet.kind, packet.id, packet.namespace.as_str()), (PacketKind::Event, Some(7), "/chat"));
    assert_eq!(packet.arguments.as_ref().unwrap().attachments(), [&[1, 2][..], &[3]]);
    assert_eq!(encode_json(&packet), wire);
}

/// As Node's socket.io-parser 4.2.7 judges them, run side by side.
#[test]
fn what_is_no_packet_is_refused_as_by_nodes_parser() {
    use PacketError::{Attachments, Kind, Payload, TextAwaitingAttachment, TooManyAttachments, UnawaitedAttachment};
    let cases: &[(&[Frame], PacketError)] = &[
        (&[text("7")], Kind),
        (&[text("x")], Kind),
        (&[text("é")], Kind),
        (&[text("2{}")], Payload),
        (&[text(r#"2["a""#)], Payload),
        (&[text("2[]")], Payload),
        (&[text("2[null]")], Payload),
        (&[text(r#"2["connect"]"#)], Payload),
        (&[text(r#"2["disconn\u0065ct"]"#)], Payload),
        (&[text(r#"2["removeListener",1]"#)], Payload),
        (&[text("3{}")], Payload),
        (&[text("0[]")], Payload),
        (&[text("1{}")], Payload),
        (&[text("4[]")], Payload),
        (&[text("5")], Attachments),
        (&[text(r#"5["a"]"#)], Attachments),
        (&[text(r#"5-["a"]"#)], Attachments),
        (&[text(r#"50-["a"]"#)], Attachments),
        (&[text(r#"51.5-["a"]"#)], Attachments),
        (&[text(r#"511-["a"]"#)], TooManyAttachments),
        (&[text(r#"599999999999999999999999-["a"]"#)], TooManyAttachments),
        (&[text(r#"51-["a",{"_placeholder":true,"num":1}]"#), binary(&[1])], Attachments),
        (&[text(r#"51-["a",{"_placeholder":true,"num":"0"}]"#), binary(&[1])], Attachments),
        (&[text(r#"51-["a"]"#), text("2")], TextAwaitingAttachment),
        (&[binary(&[1])], UnawaitedAttachment),
    ];
    for (frames, expected) in cases {
        assert_eq!(decode(frames), Err(*expected), "{frames:?}");
    }
}

#[test]
fn what_looks_odd_and_passes_nodes_parser_passes_ours() {
    for wire in ["2[1]", "2[-1.5]", r#"2["",null]"#, r#"2["connected"]"#, "40", "3", "4", "", r#"2 ["a"]"#] {
        assert!(matches!(decode(&[text(wire)]), Ok(Some(_))), "{wire}");
    }
}

#[test]
fn names_and_numbers_have_bounds() {
    let long = format!("2/{},", "n".repeat(256));
    assert_eq!(decode(&[text(&long)]), Err(PacketError::Namespace));
    assert_eq!(decode(&[text(r#"29007199254740992["a"]"#)]), Err(PacketError::Id));
    assert!(decode(&[text(r#"29007199254740991["a"]"#)]).is_ok());
}

#[test]
fn one_text_more_can_stand_at_the_end_of_a_list() {
    let with = |json: &str| Arguments::new(Text::from(json)).unwrap().with_last("a\"b").map(|it| it.json().to_owned());
    assert_eq!(with(r#"["x",1]"#).unwrap(), r#"["x",1,"a\"b"]"#);
    assert_eq!(with(" [ ] ").unwrap(), r#" [ "a\"b"]"#);
    assert!(with("{}").is_err());
}

/// Bytes written by socket.io-msgpack-parser 3.0.2.
#[test]
fn a_packet_of_nodes_messagepack_parser_is_read_and_written() {
    let event = b"\x84\xa4type\x02\xa4data\x93\xa1a\xcd\x01\x2c\xc4\x02\x01\x02\xa3nsp\xa1/\xa2id\x05";
    let packet = decode_msgpack(&binary(event), &Limits::default()).unwrap();
    assert_eq!((packet.kind, packet.id, packet.namespace.as_str()), (PacketKind::Event, Some(5), "/"));
    let arguments = packet.arguments.as_ref().unwrap();
    assert_eq!(arguments.json(), r#"["a",300,{"_placeholder":true,"num":0}]"#);
    assert_eq!(arguments.attachments(), [&[1, 2][..]]);
    assert_eq!(decode_msgpack(&encode_msgpack(&packet), &Limits::default()), Ok(packet));
}

#[test]
fn undefined_is_null_in_a_list_and_nothing_in_an_object() {
    let event = b"\x83\xa4type\x02\xa4data\x93\xa1a\xd4\x00\x00\x81\xa1x\xd4\x00\x00\xa3nsp\xa1/";
    let packet = decode_msgpack(&binary(event), &Limits::default()).unwrap();
    assert_eq!(packet.arguments.unwrap().json(), r#"["a",null,{}]"#);
}

#[test]
fn messagepack_that_claims_more_than_there_is_or_nests_too_deeply_is_refused() {
    let limits = Limits::default();
    for bytes in
        [&b"\xdd\xff\xff\xff\xff"[..], b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xffa", b"\xc6\xff\xff\xff\xff"]
    {
        assert_eq!(decode_msgpack(&binary(bytes), &limits), Err(PacketError::MessagePack));
    }
    assert_eq!(decode_msgpack(&binary(&[0x91; 10_000]), &limits), Err(PacketError::TooDeep));
    assert_eq!(decode_msgpack(&text("2"), &limits), Err(PacketError::MessagePack));
    let behind = b"\x82\xa4type\x01\xa3nsp\xa1/\xc0";
    assert_eq!(decode_msgpack(&binary(behind), &limits), Err(PacketError::MessagePack));
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e9..1e9)
            .prop_map(|it: f64| (it + 0.5_f64.copysign(it)).into())
            .prop_filter("a fraction", |it: &serde_json::Value| { it.as_f64().is_some_and(|it| it.fract() != 0.0) }),
        "\\PC{0,40}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
            proptest::collection::btree_map("[a-z]{1,40}", inner, 0..20)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let attachments = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4);
    (value(), attachments, proptest::option::of(0..1_u64 << 53), "/[a-z]{1,9}").prop_map(
        |(value, attachments, id, name)| {
            let mut items = vec![serde_json::Value::from("event"), value];
            items.extend((0..attachments.len()).map(|number| serde_json::json!({"_placeholder": true, "num": number})));
            let json = Text::from(serde_json::Value::from(items).to_string());
            let attachments = attachments.into_iter().map(Bytes::from).collect();
            let arguments = Some(Arguments::with_attachments(json, attachments).unwrap());
            Packet { kind: PacketKind::Event, namespace: Text::from(name), id, arguments }
        },
    )
}

proptest! {
    #[test]
    fn what_either_parser_writes_it_reads_again(packet in any_packet()) {
        prop_assert_eq!(decode(&encode_json(&packet)), Ok(Some(packet.clone())));
        prop_assert_eq!(decode_msgpack(&encode_msgpack(&packet), &Limits::default()), Ok(packet));
    }

    #[test]
    fn any_text_and_any_bytes_are_a_packet_or_refused(head in "[0-9x]{0,2}[-/,0-9]{0,4}[\\[{\"a\\]}:,0-9]{0,12}", bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        decode(&[text(&head)]).ok();
        decode_msgpack(&binary(&bytes), &Limits::default()).ok();
    }
}
