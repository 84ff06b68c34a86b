//! Both parsers: what Node's write and read, what is refused, and there and back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail wherever it likes")]

use bytes::Bytes;
use proptest::prelude::*;
use sangam_socketio_proto::{
    Arguments, JsonDecoder, Limits, Packet, PacketError, PacketKind, Parser, decode_msgpack, encode_json,
    encode_msgpack,
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
        text(r#"52-/chat,7["a",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}]"#),
        binary(&[1, 2]),
        binary(&[3]),
    ];
    let packet = decode(&wire).unwrap().unwrap();
    assert_eq!((packet.kind, packet.id, packet.namespace.as_str()), (PacketKind::Event, Some(7), "/chat"));
    assert_eq!(packet.arguments.as_ref().unwrap().attachments(), [&[1, 2][..], &[3]]);
    assert_eq!(encode_json(&packet), wire);
}

/// As Node's server sends on what it received.
#[test]
fn attachments_are_put_into_the_order_of_their_places_each_once_for_a_place() {
    let one = r#"{"_placeholder":true,"num":0}"#;
    let two = r#"{"_placeholder":true,"num":1}"#;
    for (count, given, wanted, order) in [
        (2, format!("{two},[{one}]"), format!("{one},[{two}]"), &[2, 1][..]),
        (1, format!("{one},{one}"), format!("{one},{two}"), &[1, 1]),
        (2, two.to_owned(), one.to_owned(), &[2]),
        (1, r#"{"num":0,"_placeholder":true,"more":1}"#.to_owned(), one.to_owned(), &[1]),
        (
            1,
            r#"{"_placeholder":false,"num":0},1e2"#.to_owned(),
            r#"{"_placeholder":false,"num":0},100.0"#.to_owned(),
            &[],
        ),
        (1, format!(r#" {one} ,{{"b":1e2,"a":1}}"#), format!(r#" {one} ,{{"b":1e2,"a":1}}"#), &[1]),
    ] {
        let head = text(&format!(r#"5{count}-["a",{given}]"#));
        let wire: Vec<Frame> = std::iter::once(head).chain((1..=count).map(|byte| binary(&[byte]))).collect();
        let arguments = decode(&wire).unwrap().unwrap().arguments.unwrap();
        assert_eq!(arguments.json(), format!(r#"["a",{wanted}]"#));
        let order: Vec<Bytes> = order.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect();
        assert_eq!(arguments.attachments(), order);
    }
}

#[test]
fn one_attachment_in_more_places_than_there_may_be_is_refused_by_either_parser() {
    let places = |count| vec![r#"{"_placeholder":true,"num":0}"#; count].join(",");
    let json = |count| [text(&format!(r#"51-["a",{}]"#, places(count))), binary(&[1])];
    assert!(decode(&json(10)).is_ok());
    assert_eq!(decode(&json(11)), Err(PacketError::TooManyAttachments));
    let msgpack = |count: u8| {
        let mut wire = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\xdc\x00".to_vec();
        wire.push(count + 2);
        wire.extend_from_slice(b"\xa1a\xc4\x01\x01");
        (0..count).for_each(|_| wire.extend_from_slice(b"\x82\xac_placeholder\xc3\xa3num\x00"));
        decode_msgpack(&binary(&wire), &Limits::default())
    };
    assert_eq!(msgpack(9).unwrap().arguments.unwrap().attachments().len(), 10);
    assert_eq!(msgpack(10), Err(PacketError::TooManyAttachments));
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
    fn places_in_any_order_are_in_order_from_then_on(places in proptest::collection::vec(0..4_u8, 0..10), value in value()) {
        let places = places.iter().map(|number| serde_json::json!({"in": [{"_placeholder": true, "num": number}]}));
        let items: Vec<_> = [serde_json::Value::from("event"), value].into_iter().chain(places.clone()).collect();
        let head = text(&format!("54-{}", serde_json::Value::from(items)));
        let wire: Vec<Frame> = std::iter::once(head).chain((0..4).map(|byte| binary(&[byte]))).collect();
        let packet = decode(&wire).unwrap().unwrap();
        let arguments = packet.arguments.as_ref().unwrap();
        let meant: Vec<u8> = places.filter_map(|place| place["in"][0]["num"].as_u64()).map(|number| number as u8).collect();
        prop_assert_eq!(arguments.attachments().concat(), meant);
        prop_assert_eq!(decode(&encode_json(&packet)), Ok(Some(packet)));
    }

    #[test]
    fn any_text_and_any_bytes_are_a_packet_or_refused(head in "[0-9x]{0,2}[-/,0-9]{0,4}[\\[{\"a\\]}:,0-9]{0,12}", bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        decode(&[text(&head)]).ok();
        decode_msgpack(&binary(&bytes), &Limits::default()).ok();
    }
}

#[test]
fn an_event_is_renamed_and_cut_without_touching_what_follows_its_name() {
    for (event, renamed, rest) in [
        (r#"["a",1,{"b":[2]}]"#, r#"["z",1,{"b":[2]}]"#, r#"[1,{"b":[2]}]"#),
        (r#"["a"]"#, r#"["z"]"#, "[]"),
        (r#"["a\"b" , "a"]"#, r#"["z" , "a"]"#, r#"[ "a"]"#),
        (r#"[ "[",5]"#, r#"["z",5]"#, "[5]"),
        (r#"[12,1]"#, r#"["z",1]"#, "[1]"),
    ] {
        let event = Arguments::new(Text::from(event)).unwrap();
        assert_eq!(event.renamed("z").unwrap().json(), renamed);
        assert_eq!(event.without_name().unwrap().json(), rest);
    }
    for other in ["[]", "{}", "1"] {
        assert!(Arguments::new(Text::from(other)).unwrap().renamed("z").is_err());
    }
}

#[test]
fn an_array_buffer_of_nodes_messagepack_parser_is_an_attachment() {
    let wire = b"\x83\xa4type\x02\xa4data\x92\xa1e\xc7\x02\x00\x04\x05\xa3nsp\xa1/";
    let packet = decode_msgpack(&Frame::Binary(Bytes::from_static(wire)), &Limits::default()).unwrap();
    assert_eq!(packet.arguments.unwrap().attachments(), [Bytes::from_static(&[4, 5])]);
    let mut other = wire.to_vec();
    other[17] = 9;
    assert!(decode_msgpack(&Frame::Binary(Bytes::from(other)), &Limits::default()).is_err());
}

#[test]
fn lists_with_attachments_are_put_together_by_shifting_their_placeholders() {
    let one = r#"[{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]},{"num":1}]"#;
    let one = Arguments::with_attachments(Text::from(one), vec![Bytes::new(); 2]).unwrap();
    let shifted = r#"[{"_placeholder":true,"num":3},{"a":[{"_placeholder":true,"num":4}]},{"num":1}]"#;
    assert_eq!(one.shifted(3).json(), shifted);
}

#[test]
fn a_prefix_stands_before_the_text_alone() {
    let arguments = Arguments::with_attachments(Text::from(r#"["a",{"_placeholder":true,"num":0}]"#), vec!["b".into()]);
    let namespace = Text::from("/");
    let packet = Packet { kind: PacketKind::Event, namespace, id: None, arguments: Some(arguments.unwrap()) };
    let frames = Parser::Json.encode_behind("4", &packet);
    assert_eq!(frames[0], Frame::Text(Text::from(r#"451-["a",{"_placeholder":true,"num":0}]"#)));
    assert_eq!(frames[1], Frame::Binary("b".into()));
    assert_eq!(Parser::MessagePack.encode_behind("4", &packet), Parser::MessagePack.encode(&packet));
}

#[test]
fn messagepack_keeps_the_order_of_members() {
    let json = r#"["e",{"k2":1,"k10":[{"z":null,"a":-1.5}],"k1":"x"}]"#;
    let arguments = Some(Arguments::new(Text::from(json)).unwrap());
    let packet = Packet { kind: PacketKind::Event, namespace: Text::from("/"), id: Some(7), arguments };
    let read = decode_msgpack(&encode_msgpack(&packet), &Limits::default()).unwrap();
    assert_eq!(read, packet);
}
