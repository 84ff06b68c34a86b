//! The JSON dialect, byte for byte: what the guide's clients send and look for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use std::time::Duration;

use proptest::prelude::*;
use sangam_signal_proto::{
    DtlsRole, Member, Notice, ParticipantId, Payload as _, Refusal, Right, RoomId, SignalKind, Snapshot, TimerOrder,
    TimerView, Topic,
};
use sangam_signal_server::dialect::Said;
use sangam_signal_server::dialect::json::{
    Decoded, Extras, Wants, decode, depends_on_room, encode, encode_fault, encode_registered,
};

fn id(text: &str) -> ParticipantId {
    ParticipantId::parse(text).unwrap()
}

#[test]
fn every_reason_that_a_node_of_ours_gives_for_a_failed_link_is_counted_as_that() {
    for reason in sangam_mesh_proto::Failure::ALL.map(sangam_mesh_proto::Failure::as_str) {
        let report = format!(r#"{{"type":"report","links":[{{"outcome":"failed","reason":"{reason}"}}]}}"#);
        let Ok(Decoded::Report(links)) = decode(report.as_bytes()) else { panic!("{report}") };
        assert_eq!(links.iter().map(|link| link.reason).collect::<Vec<_>>(), [reason]);
    }
}

/// What a message means, as a line.
fn meaning(message: &[u8]) -> String {
    match decode(message) {
        Ok(Decoded::Register { id, name: None, wants }) if wants == Wants::default() => format!("register {id}"),
        Ok(Decoded::Register { id, name, wants }) => format!("register {id} {name:?} {wants:?}"),
        Ok(Decoded::Signal(signal)) => {
            let (from, to) = (signal.from.unwrap_or_default(), signal.to.unwrap_or_default());
            format!("{:?} {from}>{to} {}", signal.kind, signal.payload.json())
        }
        Ok(Decoded::Tell(telling)) => {
            format!("tell {:?} {:?} {}", telling.topic, telling.from, telling.value.json())
        }
        Ok(Decoded::Recall) => "recall".to_owned(),
        Ok(Decoded::Timer(order)) => format!("timer {order:?}"),
        Ok(Decoded::Leave) => "leave".to_owned(),
        Ok(Decoded::End { reason }) => format!("end {:?}", reason.as_ref().map(|it| it.as_str())),
        Ok(Decoded::Kick { id, reason }) => format!("kick {id} {:?}", reason.as_ref().map(|it| it.as_str())),
        Ok(Decoded::Lock { locked }) => format!("lock {locked}"),
        Ok(Decoded::Ignored) => "ignored".to_owned(),
        Ok(Decoded::Report(links)) => format!("report {}", links.len()),
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
fn an_id_is_text_of_at_most_128_bytes_or_a_number_that_keeps_its_text() {
    let refused =
        |why: &str| format!(r#"{{"type":"error","message":"Error: Invalid agent_id in register message: {why}"}}"#);
    for agent_id in ["true", "{}", "[\"a\"]", r#""\ud800""#] {
        check(&format!(r#"{{"type":"register","agent_id":{agent_id}}}"#), &refused("an id is a string or a number"));
    }
    for number in ["1", "-1.50", "1e9"] {
        check(&format!(r#"{{"type":"register","agent_id":{number}}}"#), &format!("register {number}"));
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
    check(r#"{"type":"offer","from":[5],"to":[7],"offer":1}"#, "Offer >[7] 1");
    check(r#"{"type":"offer","from":5,"to":7,"offer":1}"#, "Offer 5>7 1");
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
    let message = r#"{"type":"register","agent_id":"a","want":["protocol","server_time","ice_servers","ice_ticket","rollback","resume","room","x",1],"received":7}"#;
    let all = Wants {
        protocol: true,
        server_time: true,
        ice_servers: true,
        ice_ticket: true,
        rollback: true,
        resume: true,
        room: true,
        received: Some(7),
    };
    check(message, &format!("register a None {all:?}"));
    check(r#"{"type":"register","agent_id":"a","want":"protocol"}"#, "register a");
}

#[test]
fn what_is_ours_is_understood_and_its_faults_are_told() {
    let error = |why: &str| format!(r#"{{"type":"error","message":"Error: {why}"}}"#);
    check(r#"{"type":"tell","topic":"verse","from":"a","value":{"verse":1}}"#, r#"tell Verse Some("a") {"verse":1}"#);
    check(r#"{"type":"tell","topic":"queue","value":null}"#, "tell Queue None null");
    let topics = error("Invalid tell message: topic is verse, queue or reading");
    check(r#"{"type":"tell","topic":"weather","value":1}"#, &topics);
    check(r#"{"type":"tell","topic":["verse"],"value":1}"#, &topics);
    check(r#"{"type":"tell","topic":"reading"}"#, &error("Invalid tell message: value is missing"));
    check(r#"{"type":"recall"}"#, "recall");
    check(
        r#"{"type":"timer","order":"start","seconds":1.5}"#,
        &format!("timer {:?}", TimerOrder::Start(Duration::from_millis(1_500))),
    );
    check(r#"{"type":"timer","order":"pause"}"#, "timer Pause");
    check(r#"{"type":"timer","order":"resume"}"#, "timer Resume");
    let orders = error("Invalid timer message: order is start (with seconds), pause or resume");
    for rest in ["", r#","order":"stop""#, r#","order":"start""#, r#","order":"start","seconds":"60""#] {
        check(&format!(r#"{{"type":"timer"{rest}}}"#), &orders);
    }
    for seconds in ["-1", "1e999", "1e300", "null", "[60]"] {
        check(&format!(r#"{{"type":"timer","order":"start","seconds":{seconds}}}"#), &orders);
    }
    check(r#"{"type":"leave"}"#, "leave");
    check(r#"{"type":"end"}"#, "end None");
    check(r#"{"type":"end","reason":"late"}"#, r#"end Some("late")"#);
    check(r#"{"type":"kick","agent_id":"b","reason":"rude"}"#, r#"kick b Some("rude")"#);
    check(r#"{"type":"kick","agent_id":7}"#, "kick 7 None");
    check(r#"{"type":"kick","agent_id":{}}"#, &error("Missing agent_id in kick message"));
    check(r#"{"type":"lock"}"#, "lock true");
    check(r#"{"type":"lock","locked":false}"#, "lock false");
}

#[test]
fn a_name_and_a_reason_are_cut_where_a_character_ends() {
    let long = "é".repeat(200);
    let cut = "é".repeat(128);
    check(&format!(r#"{{"type":"end","reason":"{long}"}}"#), &format!(r#"end Some("{cut}")"#));
    let Ok(Decoded::Register { name, .. }) =
        decode(format!(r#"{{"type":"register","agent_id":"a","name":"{long}"}}"#).as_bytes())
    else {
        panic!("no register")
    };
    assert_eq!(name.unwrap().as_str(), cut);
}

fn room() -> RoomId {
    RoomId::parse("r").unwrap()
}

fn member(id: &str, name: Option<&'static str>) -> Member {
    Member { id: ParticipantId::parse(id).unwrap(), name: name.map(Into::into) }
}

fn snapshot(members: Vec<Member>) -> Snapshot<Said> {
    Snapshot { members, verse: None, queue: None, timer: None }
}

fn said(json: &str) -> Said {
    Said::new(json.into())
}

/// The same to everybody, whether they want to hear of the room or not.
#[track_caller]
fn check_encoded(notice: &Notice<Said>, expected: &str) {
    assert!(!depends_on_room(notice), "{notice:?}");
    for wants_room in [false, true] {
        assert_eq!(encode(notice, wants_room).as_deref(), Some(expected));
    }
}

/// Different for those who want to hear of the room.
#[track_caller]
fn check_in_room(notice: &Notice<Said>, without: Option<&str>, with: &str) {
    assert!(depends_on_room(notice), "{notice:?}");
    assert_eq!(encode(notice, false).as_deref(), without);
    assert_eq!(encode(notice, true).as_deref(), Some(with));
}

#[test]
fn answers_have_the_originals_bytes() {
    let none = Extras::default();
    assert_eq!(
        encode_registered(&id("a"), &snapshot(vec![member("a", None)]), &none),
        r#"{"type":"registered","agent_id":"a","connected_agents":[]}"#
    );
    let all = vec![member("b", Some("B")), member("a", None), member("é\"", None)];
    assert_eq!(
        encode_registered(&id("a"), &snapshot(all), &none),
        r#"{"type":"registered","agent_id":"a","connected_agents":["b","é\""]}"#
    );
    let joined = Notice::Arrived { room: room(), member: member("a", None), members: [id("a")].into() };
    let text = r#"{"type":"agent-joined","agent_id":"a"}"#;
    check_in_room(&joined, Some(text), text);
    let left = Notice::Left { room: room(), participant: id("a"), reason: Some("kicked".into()) };
    check_encoded(&left, r#"{"type":"agent-left","agent_id":"a"}"#);
}

#[test]
fn what_happens_in_the_room_is_told_to_those_who_want_to_hear_of_it() {
    let room = room();
    let arrived = Notice::Arrived { room: room.clone(), member: member("a", Some("A\"")), members: [id("a")].into() };
    check_in_room(
        &arrived,
        Some(r#"{"type":"agent-joined","agent_id":"a"}"#),
        r#"{"type":"agent-joined","agent_id":"a","name":"A\""}"#,
    );
    let told = |topic| Notice::Told { room: room.clone(), from: id("a"), topic, value: said(r#"{"verse": 1}"#) };
    for (topic, word) in [(Topic::Verse, "verse"), (Topic::Queue, "queue"), (Topic::Reading, "reading")] {
        let text = format!(r#"{{"type":"told","topic":"{word}","from":"a","value":{{"verse": 1}}}}"#);
        check_in_room(&told(topic), None, &text);
    }
    let timer = TimerView { remaining: Duration::from_secs(595), active: true, paused: false };
    let members = r#""remaining":595,"active":true,"paused":false"#;
    check_in_room(&Notice::Timer { room: room.clone(), timer }, None, &format!(r#"{{"type":"timer",{members}}}"#));
    let ended = |reason: Option<&'static str>| Notice::Ended { room: room.clone(), reason: reason.map(Into::into) };
    check_in_room(&ended(None), None, r#"{"type":"ended"}"#);
    check_in_room(&ended(Some("late")), None, r#"{"type":"ended","reason":"late"}"#);
    check_in_room(&Notice::Locked { room: room.clone(), locked: true }, None, r#"{"type":"locked","locked":true}"#);
    let snapshot = Snapshot {
        members: vec![member("a", Some("A")), member("b", None)],
        verse: Some(said("1")),
        queue: None,
        timer: Some(timer),
    };
    let text = format!(
        r#"{{"members":[{{"agent_id":"a","name":"A"}},{{"agent_id":"b"}}],"verse":1,"queue":null,"timer":{{{members}}}}}"#
    );
    let recalled = Notice::Recalled { room: room.clone(), snapshot };
    check_in_room(&recalled, None, &format!(r#"{{"type":"room","room":{text}}}"#));
    let kicked = Notice::Kicked { room, participant: id("a"), reason: Some("rude".into()) };
    check_encoded(&kicked, r#"{"type":"kicked","agent_id":"a","reason":"rude"}"#);
}

#[test]
fn relayed_messages_have_four_members_and_the_payload_as_sent() {
    let signal = |kind, payload: &str| Notice::Signal {
        room: room(),
        kind,
        from: id("a"),
        to: Some(id("b")),
        payload: said(payload),
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
    let to_all = Notice::Signal { room: room(), kind: SignalKind::Offer, from: id("a"), to: None, payload: said("1") };
    check_encoded(&to_all, r#"{"type":"offer","from":"a","offer":1}"#);
}

#[test]
fn a_crossed_offer_arrives_as_an_answer() {
    let offer =
        r#"{"type":"offer","sdp":"v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=setup:actpass\r\n"}"#;
    let notice =
        Notice::Crossed { room: room(), from: id("a"), to: id("b"), offer: said(offer), sender_role: DtlsRole::Active };
    check_encoded(
        &notice,
        r#"{"type":"answer","from":"a","to":"b","answer":{"type":"answer","sdp":"v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=setup:active\r\n"}}"#,
    );
}

#[test]
fn refusals_have_the_originals_words_where_it_has_them() {
    for (refusal, expected) in [
        (Refusal::PeerNotFound { to: "ghost".into() }, "Error: Agent ghost not found"),
        (Refusal::NotInRoom, "Error: Not registered: send a register message first"),
        (Refusal::NotAllowed { right: Right::Moderate }, "Error: The token does not allow to moderate"),
        (Refusal::PeerIsSelf { participant: id("a") }, "Error: Agent a cannot signal to itself"),
        (Refusal::IdInUse { participant: id("a") }, "Error: Agent id a is in use from another address"),
        (Refusal::RoomLocked, "Error: The room is locked"),
        (Refusal::RoomFull { max: 7 }, "Error: A room has at most 7 agents"),
        (Refusal::TooManyRooms { max: 7 }, "Error: The server has at most 7 rooms"),
        (Refusal::TooManySockets { max: 7 }, "Error: An agent has at most 7 connections"),
        (Refusal::TooManyIds { max: 8 }, "Error: A connection has at most 8 agent ids"),
        (Refusal::TooManyPeers { max: 9 }, "Error: An agent signals to at most 9 others"),
        (Refusal::BadDuration, "Error: A timer lasts from 1 second to 24 hours"),
        (Refusal::NoTimer, "Error: No timer was started"),
        (Refusal::TooLarge { max: 9 }, "Error: A value has at most 9 bytes"),
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
        room: true,
        resumed: Some(true),
    };
    assert_eq!(
        encode_registered(&id("a"), &snapshot(vec![member("a", None)]), &extras),
        r#"{"type":"registered","agent_id":"a","connected_agents":[],"protocol":1,"server_time":1700000000000,"iceServers":[],"ttl":60,"expires_at":1700000060,"ice_ticket":"0f","room":{"members":[{"agent_id":"a"}],"verse":null,"queue":null,"timer":null},"resumed":true}"#
    );
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
                let (room, from, to) = (room(), id("a"), id("b"));
                let crossable = signal.payload.shape().is_some();
                let notice = if crossable {
                    Notice::Crossed { room, from, to, offer: signal.payload, sender_role: DtlsRole::Passive }
                } else {
                    Notice::Signal { room, kind: signal.kind, from, to: Some(to), payload: signal.payload }
                };
                let json = encode(&notice, false).unwrap();
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "{json}");
            }
            Ok(_) => {}
            Err(fault) => {
                let json = encode_fault(&fault);
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "{json}");
            }
        }
    }
}
