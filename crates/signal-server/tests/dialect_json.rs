//! The JSON dialect, byte for byte: what the guide's clients send and look for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use proptest::prelude::*;
use sangam_signal_proto::{DtlsRole, Notice, ParticipantId, Payload, Refusal, SignalKind};
use sangam_signal_server::dialect::json::{Decoded, Extras, Wants, decode, encode, encode_fault};

fn id(text: &str) -> ParticipantId {
    ParticipantId::parse(text).unwrap()
}

/// What a message means, as a line.
fn meaning(message: &[u8]) -> String {
    match decode(message) {
        Ok(Decoded::Register { id, wants }) if wants == Wants::default() => format!("register {id}"),
        Ok(Decoded::Register { id, wants }) => format!("register {id} {wants:?}"),
        Ok(Decoded::Signal(signal)) => {
            let payload = String::from_utf8(signal.payload.0.into_vec()).unwrap();
            format!("{:?} {}>{} {payload}", signal.kind, signal.from, signal.to)
        }
        Ok(Decoded::Ignored) => "ignored".to_owned(),
        Err(fault) => encode_fault(&fault),
    }
}

#[track_caller]
fn check(message: &str, expected: &str) {
    assert_eq!(meaning(message.as_bytes()), expected, "{message}");
}

#[test]
fn the_originals_messages_are_understood() {
    check(r#"{"type":"register","agent_id":"agent-a"}"#, "register agent-a");
    check(r#" { "agent_id" : "é☃" , "type" : "register" , "extra" : [1] } "#, "register é☃");
    check(r#"{"type":"register","agent_id":"a\"b"}"#, r#"register a"b"#);
    check(
        r#"{"type":"offer","from":"a","to":"b","offer":{"type":"offer","sdp":"v=0\r\n"},"trace":1}"#,
        r#"Offer a>b {"type":"offer","sdp":"v=0\r\n"}"#,
    );
    check(r#"{"type":"offer","from":"a","to":"b","offer":"bare"}"#, r#"Offer a>b "bare""#);
    check(r#"{"type":"answer","from":"a","to":"b","answer":{"x": 1e999}}"#, r#"Answer a>b {"x": 1e999}"#);
    check(
        r#"{"type":"ice-candidate","from":"a","to":"b","candidate":{"candidate":"a=candidate:1","sdpMLineIndex":null}}"#,
        r#"Candidate a>b {"candidate":"a=candidate:1","sdpMLineIndex":null}"#,
    );
}

#[test]
fn of_a_member_named_twice_the_last_counts_as_in_javascript() {
    check(r#"{"type":"offer","type":"register","agent_id":"a","agent_id":"b"}"#, "register b");
}

#[test]
fn the_original_is_silent_about_types_it_does_not_know_and_so_are_we() {
    for message in [
        "{}",
        "[]",
        "1",
        "true",
        r#""register""#,
        r#"{"type":"ping"}"#,
        r#"{"type":7}"#,
        r#"{"type":null}"#,
        r#"{"type":["register"],"agent_id":"a"}"#,
        r#"{"Type":"register","agent_id":"a"}"#,
    ] {
        check(message, "ignored");
    }
}

#[test]
fn an_id_that_javascript_takes_for_false_is_missing() {
    let missing = r#"{"type":"error","message":"Error: Missing agent_id in register message"}"#;
    for agent_id in ["null", "false", "0", "-0.0", "0e9", r#""""#] {
        check(&format!(r#"{{"type":"register","agent_id":{agent_id}}}"#), missing);
    }
    check(r#"{"type":"register"}"#, missing);
}

#[test]
fn an_id_is_text_of_at_most_128_bytes() {
    let refused =
        |why: &str| format!(r#"{{"type":"error","message":"Error: Invalid agent_id in register message: {why}"}}"#);
    for agent_id in ["1", "true", "{}", "[\"a\"]", r#""\ud800""#] {
        check(&format!(r#"{{"type":"register","agent_id":{agent_id}}}"#), &refused("an id is a string"));
    }
    let long = format!(r#"{{"type":"register","agent_id":"{}"}}"#, "a".repeat(129));
    check(&long, &refused("an id has at most 128 bytes, not 129"));
    check(r#"{"type":"register","agent_id":"a\u0000"}"#, &refused("an id has no control characters"));
}

#[test]
fn a_signal_without_sender_receiver_or_payload_is_invalid_in_the_originals_words() {
    for (kind, member, name) in
        [("offer", "offer", "offer"), ("answer", "answer", "answer"), ("ice-candidate", "candidate", "ICE candidate")]
    {
        let invalid = format!(r#"{{"type":"error","message":"Error: Invalid {name} message"}}"#);
        for fields in [
            String::new(),
            format!(r#","to":"b","{member}":{{}}"#),
            format!(r#","from":"a","{member}":{{}}"#),
            r#","from":"a","to":"b""#.to_owned(),
            format!(r#","from":"","to":"b","{member}":{{}}"#),
            format!(r#","from":"a","to":0,"{member}":{{}}"#),
            format!(r#","from":"a","to":"b","{member}":null"#),
            format!(r#","from":"a","to":"b","{member}":"""#),
        ] {
            check(&format!(r#"{{"type":"{kind}"{fields}}}"#), &invalid);
        }
    }
}

#[test]
fn a_receiver_that_is_no_text_is_nobody_under_its_own_words() {
    check(r#"{"type":"offer","from":5,"to":7,"offer":1}"#, "Offer >7 1");
    let long = "é".repeat(1_000);
    let message = format!(r#"{{"type":"offer","from":"a","to":"{long}","offer":1}}"#);
    check(&message, &format!("Offer a>{} 1", "é".repeat(128)));
}

#[test]
fn what_is_no_json_gets_an_error_that_depends_on_no_engine() {
    for (message, expected) in [
        ("null", "TypeError: Cannot read properties of null (reading 'type')"),
        (" null\n", "TypeError: Cannot read properties of null (reading 'type')"),
        ("", "SyntaxError: Unexpected end of JSON input"),
        ("{", "SyntaxError: Unexpected end of JSON input"),
        (r#"{"type":"#, "SyntaxError: Unexpected end of JSON input"),
        ("not json", "SyntaxError: Unexpected token in JSON at line 1 column 2"),
        ("hello", "SyntaxError: Unexpected token in JSON at line 1 column 1"),
        ("{}x", "SyntaxError: Unexpected token in JSON at line 1 column 3"),
        ("{\n\"a\":tru}", "SyntaxError: Unexpected token in JSON at line 2 column 8"),
        ("nul", "SyntaxError: Unexpected end of JSON input"),
        ("[1,]", "SyntaxError: Unexpected token in JSON at line 1 column 4"),
        ("{'a':1}", "SyntaxError: Unexpected token in JSON at line 1 column 2"),
    ] {
        check(message, &format!(r#"{{"type":"error","message":"{expected}"}}"#));
    }
    let not_utf8 = r#"{"type":"error","message":"SyntaxError: JSON is not UTF-8"}"#;
    assert_eq!(meaning(b"{\"type\":\"\xff\"}"), not_utf8);
}

#[test]
fn nesting_is_bounded_and_brackets_in_text_do_not_nest() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"type":"offer","from":"a","to":"b","offer":{open}{close}}}"#)
    };
    assert!(meaning(nested(63).as_bytes()).starts_with("Offer"));
    let too_deep = r#"{"type":"error","message":"RangeError: JSON is nested deeper than 64 levels"}"#;
    check(&nested(64), too_deep);
    check(&"[".repeat(100_000), too_deep);
    let text = format!(r#"{{"type":"register","agent_id":"\"{}"}}"#, "[".repeat(100));
    check(&text, &format!(r#"register "{}"#, "[".repeat(100)));
}

#[test]
fn what_a_client_wants_beyond_the_original_is_heard_and_new_words_are_not_minded() {
    let message = r#"{"type":"register","agent_id":"a","want":["protocol","server_time","ice_servers","ice_ticket","rollback","x",1]}"#;
    let all = Wants { protocol: true, server_time: true, ice_servers: true, ice_ticket: true, rollback: true };
    check(message, &format!("register a {all:?}"));
    check(r#"{"type":"register","agent_id":"a","want":"protocol"}"#, "register a");
}

#[track_caller]
fn check_encoded(notice: &Notice, expected: &str) {
    assert_eq!(encode(notice, &Extras::default()), expected);
}

#[test]
fn answers_have_the_originals_bytes() {
    check_encoded(
        &Notice::Registered { participant: id("a"), others: vec![] },
        r#"{"type":"registered","agent_id":"a","connected_agents":[]}"#,
    );
    check_encoded(
        &Notice::Registered { participant: id("a"), others: vec![id("b"), id("é\"")] },
        r#"{"type":"registered","agent_id":"a","connected_agents":["b","é\""]}"#,
    );
    check_encoded(&Notice::Joined { participant: id("a") }, r#"{"type":"agent-joined","agent_id":"a"}"#);
    check_encoded(&Notice::Left { participant: id("a") }, r#"{"type":"agent-left","agent_id":"a"}"#);
}

#[test]
fn relayed_messages_have_four_members_and_the_payload_as_sent() {
    let signal = |kind, payload: &str| Notice::Signal {
        kind,
        from: id("a"),
        to: id("b"),
        payload: Payload(payload.as_bytes().into()),
    };
    check_encoded(
        &signal(SignalKind::Offer, r#"{"type":"offer", "sdp":"v=0\r\n"}"#),
        r#"{"type":"offer","from":"a","to":"b","offer":{"type":"offer", "sdp":"v=0\r\n"}}"#,
    );
    check_encoded(&signal(SignalKind::Answer, "1e999"), r#"{"type":"answer","from":"a","to":"b","answer":1e999}"#);
    check_encoded(
        &signal(SignalKind::Candidate, r#"{"sdpMLineIndex":null}"#),
        r#"{"type":"ice-candidate","from":"a","to":"b","candidate":{"sdpMLineIndex":null}}"#,
    );
}

#[test]
fn a_crossed_offer_arrives_as_an_answer() {
    let offer =
        r#"{"type":"offer","sdp":"v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=setup:actpass\r\n"}"#;
    let notice = Notice::Crossed {
        from: id("a"),
        to: id("b"),
        offer: Payload(offer.as_bytes().into()),
        sender_role: DtlsRole::Active,
    };
    check_encoded(
        &notice,
        r#"{"type":"answer","from":"a","to":"b","answer":{"type":"answer","sdp":"v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=setup:active\r\n"}}"#,
    );
}

#[test]
fn refusals_have_the_originals_words_where_it_has_them() {
    for (refusal, expected) in [
        (Refusal::PeerNotFound { to: "ghost".into() }, "Error: Agent ghost not found"),
        (Refusal::NotRegistered, "Error: Not registered: send a register message first"),
        (Refusal::PeerIsSelf { participant: id("a") }, "Error: Agent a cannot signal to itself"),
        (Refusal::IdInUse { participant: id("a") }, "Error: Agent id a is in use from another address"),
        (Refusal::TooManyIds { max: 8 }, "Error: A connection has at most 8 agent ids"),
        (Refusal::TooManyPeers { max: 9 }, "Error: An agent signals to at most 9 others"),
    ] {
        check_encoded(&Notice::Refused(refusal), &format!(r#"{{"type":"error","message":"{expected}"}}"#));
    }
}

#[test]
fn extras_stand_behind_the_originals_members() {
    let extras = Extras {
        protocol: Some(1),
        server_time: Some(1_700_000_000_000),
        ice_members: Some(r#""iceServers":[],"ttl":60,"expires_at":1700000060"#.to_owned()),
        ice_ticket: Some("0f".to_owned()),
    };
    assert_eq!(
        encode(&Notice::Registered { participant: id("a"), others: vec![] }, &extras),
        r#"{"type":"registered","agent_id":"a","connected_agents":[],"protocol":1,"server_time":1700000000000,"iceServers":[],"ttl":60,"expires_at":1700000060,"ice_ticket":"0f"}"#
    );
    let joined = Notice::Joined { participant: id("a") };
    assert_eq!(encode(&joined, &extras), encode(&joined, &Extras::default()));
}

/// Bytes that look like messages, broken somewhere.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![
        Just(r#"{"type":"offer","from":"a","to":"b","offer":{"type":"offer","sdp":"m=a 1 c\r\na=setup:actpass"}}"#),
        Just(r#"{"type":"register","agent_id":"a","want":["protocol"]}"#),
        Just(r#"{"type":"ice-candidate","from":"a","to":"b","candidate":{"candidate":"\u00e9"}}"#),
    ];
    (start, proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)).prop_map(
        |(start, changes)| {
            let mut bytes = start.as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn whatever_comes_the_answer_is_json(
        bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), nearly_a_message()]
    ) {
        match decode(&bytes) {
            Ok(Decoded::Signal(signal)) => {
                let to = ParticipantId::parse("b").unwrap();
                let crossable = signal.shape.is_some();
                let from = to.clone();
                let notice = if crossable {
                    Notice::Crossed { from, to, offer: signal.payload, sender_role: DtlsRole::Passive }
                } else {
                    Notice::Signal { kind: signal.kind, from, to, payload: signal.payload }
                };
                let json = encode(&notice, &Extras::default());
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "{json}");
            }
            Ok(Decoded::Register { .. } | Decoded::Ignored) => {}
            Err(fault) => {
                let json = encode_fault(&fault);
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "{json}");
            }
        }
    }
}
