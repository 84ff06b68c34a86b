use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sangam_types::Wall;
use serde_json::json;

use super::*;
use crate::PeerId;
use crate::gossip::MessageId;

const ALL: [Profile; 4] = [Profile::Sangam, Profile::Synapse, Profile::Agent, Profile::Unknown];

fn binary_frame(bytes: &[u8]) -> Frame {
    Frame { binary: true, bytes: Bytes::copy_from_slice(bytes) }
}

fn text_frame(text: &str) -> Frame {
    Frame { binary: false, bytes: Bytes::copy_from_slice(text.as_bytes()) }
}

fn ours(frame: &Frame) -> Result<Incoming, Malformed> {
    decode(Profile::Sangam, frame)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// Bytes as they are documented are what is written, and read back as the same.
fn snapshot(frame: &Frame, documented: &str, incoming: Incoming) {
    assert!(frame.binary);
    assert_eq!(frame.bytes, hex(documented));
    assert_eq!(ours(frame), Ok(incoming));
}

fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

const ID: MessageId = MessageId([0x11, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff]);

#[test]
fn a_hello_is_written_byte_for_byte() {
    let hello = Hello {
        version: 1,
        frame_bytes_max: 16_384,
        ids_ahead: 2_048,
        id: peer("node"),
        topics: vec!["a".into(), "bc".into()],
    };
    let frames = hello.encode(1_024);
    assert_eq!(frames.len(), 1);
    snapshot(&frames[0], "01 01 00004000 00000800 04 6e6f6465 0002 01 61 02 6263", Incoming::Hello(hello));
}

#[test]
fn a_hello_of_a_later_version_is_read_up_to_what_is_known() {
    let frame = binary_frame(&hex("01 07 00004000 00000800 04 6e6f6465 0000 ffff00"));
    let Ok(Incoming::Hello(hello)) = ours(&frame) else { panic!("no hello") };
    assert_eq!((hello.version, hello.version_spoken()), (7, 1));
}

#[test]
fn a_hello_with_impossible_numbers_is_refused() {
    let good = "01 01 00004000 00000800 04 6e6f6465 0000";
    assert!(ours(&binary_frame(&hex(good))).is_ok());
    for bad in ["01 00 00004000 00000800 04 6e6f6465 0000", "01 01 000003ff 00000800 04 6e6f6465 0000"] {
        assert_eq!(ours(&binary_frame(&hex(bad))), Err(Malformed::Number));
    }
    assert_eq!(ours(&binary_frame(&hex("01 01 00004000 00000000 04 6e6f6465 0000"))), Err(Malformed::Number));
    assert_eq!(ours(&binary_frame(&hex("01 01 00004000 00000800 00 0000"))), Err(Malformed::Name));
}

#[test]
fn topics_that_do_not_fit_a_hello_follow_it() {
    let topics: Vec<Arc<str>> = (0..200).map(|at| format!("{at:0>100}").into()).collect();
    let hello = Hello { version: 1, frame_bytes_max: 1_024, ids_ahead: 1, id: peer("node"), topics: topics.clone() };
    let frames = hello.encode(1_024);
    assert!(frames.iter().all(|frame| frame.bytes.len() <= 1_024));
    let mut read = Vec::new();
    for frame in &frames {
        match ours(frame).unwrap() {
            Incoming::Hello(hello) => read.extend(hello.topics),
            Incoming::Subscribe(more) => read.extend(more),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read, topics);
}

#[test]
fn topics_are_written_byte_for_byte() {
    let topics: Vec<Arc<str>> = vec!["a".into(), "bc".into()];
    snapshot(&subscribe(&topics, 1_024)[0], "02 0002 01 61 02 6263", Incoming::Subscribe(topics.clone()));
    snapshot(&unsubscribe(&topics, 1_024)[0], "03 0002 01 61 02 6263", Incoming::Unsubscribe(topics));
    assert_eq!(ours(&binary_frame(&hex("02 ffff 01 61"))), Err(Malformed::Truncated));
    assert_eq!(ours(&binary_frame(&hex("02 0001 01 61 00"))), Err(Malformed::Excess));
    assert_eq!(ours(&binary_frame(&hex("02 0001 01 0a"))), Err(Malformed::Name));
    assert_eq!(ours(&binary_frame(&hex("02 0001 01 ff"))), Err(Malformed::Utf8));
}

#[test]
fn a_message_is_written_byte_for_byte() {
    let body = Body::new(Wall::from_unix_millis(0x0102), ID, "t".into(), peer("o"), b"hi");
    let header = Header { hops: 2, age: Duration::from_millis(256), signature: None };
    let frame = Message::encode(&header, &body);
    let documented = "04 00 02 00000100 0000000000000102 1102030405060708090a0b0c0d0e0fff 01 74 01 6f 6869";
    snapshot(&frame, documented, Incoming::Message(Message { header, body: body.clone() }));
    let signed = Header { signature: Some([7; 64]), ..header };
    let frame = Message::encode(&signed, &body);
    assert_eq!(frame.bytes[..7], hex("04 01 02 00000100"));
    assert_eq!(frame.bytes[7..71], [7; 64]);
    assert_eq!(ours(&frame), Ok(Incoming::Message(Message { header: signed, body })));
}

#[test]
fn a_signature_covers_everything_but_the_header() {
    let base = || (Wall::from_unix_millis(1), ID, "t", "o", &b"hi"[..]);
    let signed = |(published, id, topic, origin, payload): (Wall, MessageId, &str, &str, &[u8])| {
        Body::new(published, id, topic.into(), peer(origin), payload).signed()
    };
    let all = [
        base(),
        (Wall::from_unix_millis(2), ID, "t", "o", b"hi"),
        (Wall::from_unix_millis(1), MessageId([0; 16]), "t", "o", b"hi"),
        (Wall::from_unix_millis(1), ID, "u", "o", b"hi"),
        (Wall::from_unix_millis(1), ID, "t", "p", b"hi"),
        (Wall::from_unix_millis(1), ID, "t", "oh", b"i"),
        (Wall::from_unix_millis(1), ID, "t", "o", b"ho"),
    ];
    let distinct: std::collections::BTreeSet<_> = all.map(signed).into_iter().collect();
    assert_eq!(distinct.len(), all.len());
    assert!(distinct.iter().all(|it| it.starts_with(b"sangam-mesh-message\x01")));
}

#[test]
fn a_message_without_hops_or_with_unknown_flags_is_refused() {
    let rest = "00000100 0000000000000102 1102030405060708090a0b0c0d0e0fff 01 74 01 6f 6869";
    assert!(ours(&binary_frame(&hex(&format!("04 00 01 {rest}")))).is_ok());
    assert_eq!(ours(&binary_frame(&hex(&format!("04 00 00 {rest}")))), Err(Malformed::Number));
    assert_eq!(ours(&binary_frame(&hex(&format!("04 02 01 {rest}")))), Err(Malformed::Number));
}

#[test]
fn ids_are_written_byte_for_byte() {
    let told = vec![Told { id: ID, age: Duration::from_millis(258), bytes: 9 }];
    let documented = "05 0001 1102030405060708090a0b0c0d0e0fff 00000102 00000009";
    snapshot(&i_have(&told), documented, Incoming::IHave(told));
    for (graft, flag) in [(false, "00"), (true, "01")] {
        let ask = Ask { graft, ids: vec![ID] };
        let documented = format!("06 {flag} 0001 1102030405060708090a0b0c0d0e0fff");
        snapshot(&i_want(&ask), &documented, Incoming::IWant(ask));
    }
    snapshot(&heard(258), "07 00000102", Incoming::Heard(258));
    snapshot(&prune(), "08", Incoming::Prune);
    assert_eq!(ours(&binary_frame(&hex("05 ffff"))), Err(Malformed::Truncated));
    assert_eq!(ours(&binary_frame(&hex("06 00 ffff"))), Err(Malformed::Truncated));
    assert_eq!(ours(&binary_frame(&hex("08 00"))), Err(Malformed::Excess));
}

#[test]
fn a_chunk_is_written_byte_for_byte() {
    let whole = Frame { binary: false, bytes: Bytes::from_static(b"abcde") };
    let parts = Chunk::cut(&whole, 0x0102, Chunk::HEADER_BYTES + 3).unwrap();
    assert_eq!(parts.len(), 2);
    let chunk = |offset, bytes: &'static [u8]| Chunk {
        text: true,
        transfer: 0x0102,
        total: 5,
        offset,
        bytes: Bytes::from_static(bytes),
    };
    let documented = "09 01 00000102 00000005 00000003 6465";
    assert_eq!(ours(&binary_frame(&parts[0])), Ok(Incoming::Chunk(chunk(0, b"abc"))));
    snapshot(&binary_frame(&parts[1]), documented, Incoming::Chunk(chunk(3, b"de")));
    // More than the whole, nothing, an offset near the end of numbers.
    for bad in ["09 00 00000000 00000001 00000000 6465", "09 00 00000000 00000001 00000000"] {
        assert_eq!(ours(&binary_frame(&hex(bad))), Err(Malformed::Number));
    }
    assert_eq!(ours(&binary_frame(&hex("09 00 00000000 00000001 ffffffff 64"))), Err(Malformed::Number));
}

#[test]
fn a_relayed_signal_is_written_byte_for_byte_and_in_text() {
    let relay = Relay {
        hops: 1,
        from: peer("a"),
        to: Some(peer("c")),
        signal_type: "offer".to_owned(),
        payload: Bytes::from_static(br#"{"sdp":"v=0"}"#),
    };
    let documented = "0a 01 01 61 01 63 05 6f66666572 7b22736470223a22763d30227d";
    snapshot(&relay.encode(), documented, Incoming::Relay(relay.clone()));
    let text = relay.encode_text().unwrap();
    let expected = r#"{"type":"SIGNAL_RELAY","from_peer":"a","signal_type":"offer","payload":{"sdp":"v=0"}}"#;
    assert_eq!(text, text_frame(expected));
    for profile in ALL {
        assert_eq!(decode(profile, &text), Ok(Incoming::Relay(Relay { to: None, ..relay.clone() })));
    }
    assert_eq!(Relay { payload: Bytes::from_static(b"{"), ..relay }.encode_text(), None);
}

#[test]
fn binary_where_only_text_is_spoken_is_refused() {
    for profile in [Profile::Synapse, Profile::Agent] {
        assert_eq!(decode(profile, &prune()), Err(Malformed::Binary));
        assert_eq!(decode(profile, &binary_frame(b"{}")), Err(Malformed::Binary));
    }
}

#[test]
fn a_frame_of_a_later_version_is_unknown() {
    assert_eq!(ours(&binary_frame(&[0x0b, 1, 2])), Ok(Incoming::Unknown));
    assert_eq!(ours(&binary_frame(&[])), Err(Malformed::Truncated));
}

#[test]
fn an_if_message_is_passed_on_whole() {
    let text = r#"{"id":"m1","level":2,"source":"a","destination":"b","payload":{"type":"gossip"},"type":"gossip"}"#;
    let frame = text_frame(text);
    assert_eq!(decode(Profile::Agent, &frame), Ok(Incoming::IfMessage(frame.bytes.clone())));
}

#[test]
fn a_legacy_packet_is_passed_on_as_it_was_written() {
    let packet = r#"{ "channel_id":"global", "payload":"{\"a\": 1}","sender_id":"x","signature":"y" }"#;
    let frame = text_frame(&format!(r#"{{"packet":{packet},"type":"gossip"}}"#));
    let expected = Incoming::LegacyGossip(Bytes::copy_from_slice(packet.as_bytes()));
    assert_eq!(decode(Profile::Synapse, &frame), Ok(expected.clone()));
    assert_eq!(decode(Profile::Synapse, &legacy_gossip(packet.as_bytes()).unwrap()), Ok(expected));
    assert_eq!(legacy_gossip(b"no json"), None);
}

/// As an original node wrote it.
const ANNOUNCE: &str = r#"{"type": "ANNOUNCE", "topic": "channel:global:state", "payload": {"channels": ["channel:global:state", "global-discovery"]}, "sender_id": "HTfs=", "timestamp": 1234567890.12, "message_id": "3d4f2c8e-5a1b-4c6d-9e8f-0a1b2c3d4e5f"}"#;

#[test]
fn an_announcement_of_an_original_is_read() {
    let Ok(Incoming::Envelope(envelope)) = decode(Profile::Synapse, &text_frame(ANNOUNCE)) else { panic!("unread") };
    assert_eq!(envelope.id.to_string(), "3d4f2c8e-5a1b-4c6d-9e8f-0a1b2c3d4e5f");
    assert_eq!(envelope.timestamp, Wall::from_unix_millis(1_234_567_890_120));
    let topics = vec!["channel:global:state".into(), "global-discovery".into()];
    assert_eq!(envelope.kind, EnvelopeKind::Announce(topics));
}

#[test]
fn of_a_long_list_only_the_beginning_is_looked_at() {
    let payload = |list: &str| ANNOUNCE.replace("\"channels\": [", &format!("\"channels\": [{list}"));
    let Ok(Incoming::Envelope(envelope)) = decode(Profile::Synapse, &text_frame(&payload(&"\"a\",".repeat(1_025))))
    else {
        panic!("unread")
    };
    assert_eq!(envelope.kind, EnvelopeKind::Announce(vec![Arc::from("a"); 1_024]));
    let strange = payload(&format!("{}7,", "\"a\",".repeat(1_024)));
    assert!(decode(Profile::Synapse, &text_frame(&strange)).is_ok(), "what follows is not read");
    let strange = payload("7,");
    assert_eq!(decode(Profile::Synapse, &text_frame(&strange)), Err(Malformed::Member));
}

#[test]
fn every_envelope_has_six_members_and_reads_back() {
    let kinds = [
        EnvelopeKind::Announce(vec!["a".into(), "\"".into()]),
        EnvelopeKind::Message(Bytes::from_static(br#"{"nodes":[1,2.50,"\u00e9"]}"#)),
        EnvelopeKind::IHave(vec![ID]),
        EnvelopeKind::IWant(vec![ID, MessageId([9; 16])]),
        EnvelopeKind::Ping,
        EnvelopeKind::Pong(ID),
    ];
    for kind in kinds {
        let timestamp = Wall::from_unix_millis(1_800_000_000_123);
        let envelope = Envelope { kind, topic: "Wörter \"1\"".into(), sender: peer("x="), timestamp, id: ID };
        let frame = envelope.encode().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&frame.bytes).unwrap();
        let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["message_id", "payload", "sender_id", "timestamp", "topic", "type"]);
        assert_eq!(value["timestamp"], json!(1_800_000_000.123));
        assert_eq!(decode(Profile::Synapse, &frame), Ok(Incoming::Envelope(envelope)));
    }
}

#[test]
fn a_payload_that_is_no_json_makes_no_envelope() {
    for payload in [&b"hello"[..], b"", b"{", b"1 2", b"\xff"] {
        let kind = EnvelopeKind::Message(Bytes::copy_from_slice(payload));
        let envelope = Envelope { kind, topic: "t".into(), sender: peer("x"), timestamp: Wall::default(), id: ID };
        assert_eq!(envelope.encode(), None);
    }
}

#[test]
fn an_envelope_with_a_member_too_few_or_too_many_is_refused() {
    let full: serde_json::Value = serde_json::from_str(ANNOUNCE).unwrap();
    for name in ["topic", "payload", "sender_id", "timestamp", "message_id"] {
        let mut less = full.clone();
        less.as_object_mut().unwrap().remove(name);
        assert_eq!(decode(Profile::Synapse, &text_frame(&less.to_string())), Err(Malformed::Member), "{name}");
        let mut wrong = full.clone();
        wrong[name] = json!([]);
        assert_eq!(decode(Profile::Synapse, &text_frame(&wrong.to_string())), Err(Malformed::Member), "{name}");
    }
    let mut more = full.clone();
    more["hops"] = json!(1);
    assert_eq!(decode(Profile::Synapse, &text_frame(&more.to_string())), Err(Malformed::Member));
}

#[test]
fn what_is_no_object_is_refused_and_an_unknown_object_is_unknown() {
    for text in ["", "null", "[]", "\"x\"", "1", "{", "{}x", "{\"a\":}", "{'a':1}"] {
        assert_eq!(decode(Profile::Synapse, &text_frame(text)), Err(Malformed::Json), "{text}");
    }
    for text in ["{}", r#"{"type":"x"}"#, r#"{"type":7}"#, r#"{"level":1,"source":"a"}"#] {
        assert_eq!(decode(Profile::Agent, &text_frame(text)), Ok(Incoming::Unknown), "{text}");
    }
    let bytes = Bytes::from_static(b"{\"type\":\"\xff\"}");
    assert_eq!(decode(Profile::Agent, &Frame { binary: false, bytes }), Err(Malformed::Utf8));
}

#[test]
fn deep_nesting_is_refused_and_brackets_in_strings_are_not_nesting() {
    let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(decode(Profile::Agent, &text_frame(&deep(JSON_DEPTH_MAX))), Ok(Incoming::Unknown));
    assert_eq!(decode(Profile::Agent, &text_frame(&deep(JSON_DEPTH_MAX + 1))), Err(Malformed::Depth));
    assert_eq!(decode(Profile::Agent, &text_frame(&deep(100_000))), Err(Malformed::Depth));
    let brackets = format!(r#"{{"a":"\"{}"}}"#, "[".repeat(1_000));
    assert_eq!(decode(Profile::Agent, &text_frame(&brackets)), Ok(Incoming::Unknown));
}

#[test]
fn huge_names_and_many_members_are_refused() {
    let long = "x".repeat(1_000_000);
    let envelope = ANNOUNCE.replace("HTfs=", &long);
    assert_eq!(decode(Profile::Synapse, &text_frame(&envelope)), Err(Malformed::Name));
    let envelope = ANNOUNCE.replace("\"channel:global:state\",", &format!("\"{long}\","));
    assert_eq!(decode(Profile::Synapse, &text_frame(&envelope)), Err(Malformed::Name));
    let members: Vec<String> = (0..65).map(|at| format!("\"m{at}\":1")).collect();
    assert_eq!(decode(Profile::Agent, &text_frame(&format!("{{{}}}", members.join(",")))), Err(Malformed::Json));
}

#[test]
fn a_message_id_is_the_text_of_a_uuid() {
    let text = "00112233-4455-6677-8899-aabbccddeeff";
    assert_eq!(MessageId::parse(text).unwrap().to_string(), text);
    assert_eq!(MessageId::parse(&text.to_uppercase()), MessageId::parse(text));
    for bad in ["", "0011223344556677-8899-aabbccddeeff", &text[1..], &format!("{text}-"), &text.replace('a', "g")] {
        assert_eq!(MessageId::parse(bad), None, "{bad}");
    }
    assert_ne!(MessageId::named("m1"), MessageId::named("m2"));
    assert_eq!(&MessageId::random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

fn any_id() -> impl Strategy<Value = MessageId> {
    any::<[u8; 16]>().prop_map(MessageId)
}

fn any_name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,30}"
}

prop_compose! {
    fn any_message()(
        hops in 1..=u8::MAX,
        age in any::<u32>(),
        signature in proptest::option::of(any::<u8>().prop_map(|byte| [byte; 64])),
        published in any::<u64>(),
        id in any_id(),
        topic in any_name(),
        origin in any_name(),
        payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) -> Message {
        let body = Body::new(Wall::from_unix_millis(published), id, topic.into(), peer(&origin), &payload);
        Message { header: Header { hops, age: Duration::from_millis(age.into()), signature }, body }
    }
}

proptest! {
    #[test]
    fn a_message_reads_back_as_it_was_written(message in any_message()) {
        let frame = Message::encode(&message.header, &message.body);
        prop_assert_eq!(ours(&frame), Ok(Incoming::Message(message)));
    }

    #[test]
    fn ids_read_back_as_they_were_written(
        told in proptest::collection::vec((any_id(), any::<u32>(), any::<u32>()), 0..40),
        graft in any::<bool>(),
    ) {
        let told: Vec<Told> = told
            .into_iter()
            .map(|(id, age, bytes)| Told { id, age: Duration::from_millis(age.into()), bytes })
            .collect();
        let ask = Ask { graft, ids: told.iter().map(|told| told.id).collect() };
        prop_assert_eq!(ours(&i_have(&told)), Ok(Incoming::IHave(told)));
        prop_assert_eq!(ours(&i_want(&ask)), Ok(Incoming::IWant(ask)));
    }

    #[test]
    fn a_relayed_signal_reads_back(from in any_name(), to in any_name(), kind in "[a-z-]{1,20}", hops in 1..=u8::MAX) {
        let payload = Bytes::from(json!({ "to": to }).to_string());
        let relay = Relay { hops, from: peer(&from), to: Some(peer(&to)), signal_type: kind, payload };
        prop_assert_eq!(ours(&relay.encode()), Ok(Incoming::Relay(relay.clone())));
        let text = relay.encode_text().unwrap();
        prop_assert_eq!(ours(&text), Ok(Incoming::Relay(Relay { to: None, hops: 1, ..relay })));
    }

    #[test]
    fn random_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..12_u8) {
        for binary in [false, true] {
            let mut bytes = bytes.clone();
            if let Some(first) = bytes.first_mut().filter(|_| binary) {
                *first = kind;
            }
            for profile in ALL {
                let _: Result<Incoming, Malformed> = decode(profile, &Frame { binary, bytes: bytes.clone().into() });
            }
        }
    }

    #[test]
    fn a_frame_cut_short_or_changed_is_read_or_refused(message in any_message(), at in any::<usize>(), byte in any::<u8>()) {
        let frame = Message::encode(&message.header, &message.body);
        let at = at % frame.bytes.len();
        let _: Result<Incoming, Malformed> = ours(&Frame { binary: true, bytes: frame.bytes.slice(..at) });
        let mut changed = frame.bytes.to_vec();
        changed[at] = byte;
        let _: Result<Incoming, Malformed> = ours(&binary_frame(&changed));
    }

    #[test]
    fn json_like_text_is_read_or_refused(text in r#"[\{\}\[\]":,a-z0-9\\ ]{0,120}"#) {
        let _: Result<Incoming, Malformed> = decode(Profile::Synapse, &text_frame(&text));
    }
}
