use proptest::prelude::*;
use sangam_signal_proto::SocketId;
use sangam_signal_proto::{Input, Notice};
use sangam_signal_server::dialect::socketio::{Client, Decoded, Ear, Local, Request};
use sangam_types::Text;

use super::support::{
    DOCUMENTED, GUARD, NEWCOMER, NEWEST, NOW, OLDER, arguments, client, event, id, line, lines, room,
};

/// What an event means, as a line.
fn meaning(client: &mut Client, json: &str) -> String {
    let text = |it: Option<Box<str>>| it.map_or("-".to_owned(), String::from);
    match client.hear(&arguments(json), NOW, &GUARD) {
        Ok(Decoded::Core(request)) => match request {
            Request::Join { room, participant, name, .. } => format!("join {room} {participant} {name:?}"),
            Request::Leave { room, participant } => format!("leave {room} {participant:?}"),
            Request::Signal { room, signal } => {
                let (from, to) = (text(signal.from), text(signal.to));
                format!("{:?} {room} {from}>{to} {}", signal.kind, signal.payload.json())
            }
            Request::Tell { room, telling } => {
                format!("{:?} {room} {} {}", telling.topic, text(telling.from), telling.value.json())
            }
            Request::Recall { room } => format!("recall {room}"),
            Request::Timer { room, order } => format!("{order:?} {room}"),
            Request::End { room, reason } => format!("end {room} {reason:?}"),
            Request::Kick { room, participant, reason } => format!("kick {room} {participant} {reason:?}"),
            Request::Lock { room, locked } => format!("lock {room} {locked}"),
        },
        Ok(Decoded::Local(Local::Monitor(event))) => format!("monitor {}", line(&event)),
        Ok(Decoded::Local(local)) => format!("{local:?}"),
        Ok(Decoded::Dropped(why)) => format!("{why:?}"),
        Err(fault) => line(&fault.encode()),
    }
}

#[track_caller]
fn check(event_line: &str, expected: &str) {
    assert_eq!(meaning(&mut client(), event(event_line).json()), expected, "{event_line}");
}

#[test]
fn every_event_of_the_three_dialects_is_understood() {
    for (event, expected) in [
        (r#"join-session {"sessionId":"s","participantId":"a"}"#, "join s a None"),
        (r#"join-session {"sessionId":"s","participantId":"a","participantName":"Ä"}"#, r#"join s a Some("Ä")"#),
        (r#"leave-session {"sessionId":"s","participantId":"a"}"#, r#"leave s Some(ParticipantId("a"))"#),
        (r#"leave-session {"sessionId":"s"}"#, "leave s None"),
        (
            r#"webrtc-offer {"type":"offer","sessionId":"s","from":"a","to":"b","data":{"sdp": 1}}"#,
            r#"Offer s a>b {"sdp": 1}"#,
        ),
        (r#"webrtc-answer {"sessionId":"s","from":"a","answer":{}}"#, "Answer s a>- {}"),
        (r#"webrtc-ice-candidate {"sessionId":"s","to":"","candidate":null}"#, "Candidate s ->- null"),
        (r#"webrtc-offer {"sessionId":"s","sdp":"v=0"}"#, r#"Offer s ->- {"type":"offer","sdp":"v=0"}"#),
        (r#"webrtc-offer {"sessionId":"s","sdp":{"sdp":"v=0"}}"#, r#"Offer s ->- {"sdp":"v=0"}"#),
        (r#"webrtc-offer {"sessionId":"s"}"#, "Offer s ->- null"),
        (r#"webrtc-signaling {"type":"ice-candidate","sessionId":"s","to":"b","data":{}}"#, "Candidate s ->b {}"),
        (
            r#"verse-changed {"sessionId":"s","verse":{"id":1},"currentReader":"a","x":1}"#,
            r#"Verse s - {"verse":{"id":1},"currentReader":"a"}"#,
        ),
        (r#"change-verse {"sessionId":"s","verse":7}"#, r#"Verse s - {"verse":7}"#),
        (r#"reading-queue-update {"sessionId":"s","queue":["a"]}"#, r#"Queue s - {"queue":["a"]}"#),
        (r#"update-queue {"sessionId":"s","queue":[]}"#, r#"Queue s - {"queue":[]}"#),
        (r#"get-queue {"sessionId":"s"}"#, "recall s"),
        (
            r#"start-reading {"sessionId":"s","participantId":"a","verse":7}"#,
            r#"Reading s a {"event":"started","verse":7}"#,
        ),
        (
            r#"finish-reading {"sessionId":"s","participantId":"a","verse":7}"#,
            r#"Reading s a {"event":"finished","verse":7}"#,
        ),
        (r#"skip-reading {"sessionId":"s","participantId":"a"}"#, r#"Reading s a {"event":"skipped"}"#),
        (r#"skip-turn {"sessionId":"s","participantId":"a"}"#, r#"Reading s a {"event":"skipped"}"#),
        (
            r#"update-reading-status {"sessionId":"s","participantId":"a","status":"reading"}"#,
            r#"Reading s a {"event":"started"}"#,
        ),
        (r#"request-next-verse {"sessionId":"s","participantId":"a"}"#, r#"Reading s a {"event":"next"}"#),
        (r#"start-session-timer {"sessionId":"s","duration":600}"#, "Start(600s) s"),
        (r#"pause-session-timer {"sessionId":"s"}"#, "Pause s"),
        (r#"resume-session-timer {"sessionId":"s"}"#, "Resume s"),
        (r#"session-timer-update {"sessionId":"s","timeLeft":9}"#, r#"Reading s - {"event":"clock","timeLeft":9}"#),
        (r#"session-ended {"sessionId":"s"}"#, "end s None"),
        (r#"end-session {"sessionId":"s","reason":"done"}"#, r#"end s Some("done")"#),
        ("subscribe-parser-monitor", "Subscribe"),
        ("unsubscribe-parser-monitor null", "Unsubscribe"),
        (
            r#"test-message {"message":[1]}"#,
            r#"monitor test-response {"message":"Test response from socket server","originalMessage":[1],"timestamp":5}"#,
        ),
        (r#"parser-log {"level":"info"}"#, r#"monitor parser-log {"type":"log","level":"info","timestamp":5}"#),
        (
            r#"parser-status-update {"type":"x","timestamp":1}"#,
            r#"monitor parser-status-update {"type":"x","timestamp":1}"#,
        ),
    ] {
        check(event, expected);
    }
}

#[test]
fn what_the_server_itself_says_does_nothing_when_it_comes_back() {
    for name in ["session-joined", "session-left", "participant-joined", "participant-left", "error", "queue-updated"] {
        check(&format!("{name} {{\"sessionId\":\"s\",\"message\":\"m\"}}"), "Unknown");
    }
    for json in [r#"[1,{}]"#, "[]", "7", "{}", r#"["anything"]"#, r#"["test-message",null]"#, r#"["test-message"]"#] {
        assert_eq!(meaning(&mut client(), json), "Unknown", "{json}");
    }
}

#[test]
fn rubbish_is_answered_by_an_error_with_a_stable_code() {
    let long = format!(r#"join-session {{"sessionId":"{}","participantId":"a"}}"#, "s".repeat(129));
    let deep = format!(r#"verse-changed {{"sessionId":"s","verse":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    for (event, message, code) in [
        ("join-session", "Failed to join session", "payload_missing"),
        ("join-session null", "Failed to join session", "payload_missing"),
        ("leave-session []", "Failed to leave session", "payload_invalid"),
        ("webrtc-offer 7", "Failed to handle WebRTC offer", "payload_invalid"),
        (r#"webrtc-answer "abc""#, "Failed to handle WebRTC answer", "payload_invalid"),
        ("webrtc-ice-candidate {}", "Failed to handle ICE candidate", "id_missing"),
        (r#"join-session {"sessionId":"s"}"#, "Failed to join session", "id_missing"),
        (r#"join-session {"sessionId":null,"participantId":"a"}"#, "Failed to join session", "id_missing"),
        (r#"join-session {"sessionId":"s","participantId":{}}"#, "Failed to join session", "id_invalid"),
        (r#"join-session {"sessionId":["s"],"participantId":"a"}"#, "Failed to join session", "id_invalid"),
        (r#"join-session {"sessionId":true,"participantId":"a"}"#, "Failed to join session", "id_invalid"),
        (r#"join-session {"sessionId":"","participantId":"a"}"#, "Failed to join session", "id_invalid"),
        (r#"join-session {"sessionId":"s\n","participantId":"a"}"#, "Failed to join session", "id_invalid"),
        (r#"join-session {"sessionId":"\ud800","participantId":"a"}"#, "Failed to join session", "id_invalid"),
        (&long, "Failed to join session", "id_invalid"),
        (&deep, "Failed to handle verse change", "payload_too_deep"),
        (r#"webrtc-signaling {"sessionId":"s","type":"x"}"#, "Failed to handle WebRTC signaling", "value_invalid"),
        (r#"update-reading-status {"sessionId":"s","status":1}"#, "Failed to update reading status", "value_invalid"),
        (r#"session-timer-update {"sessionId":"s"}"#, "Failed to handle session timer update", "value_invalid"),
        (
            r#"session-timer-update {"sessionId":"s","timeLeft":"9"}"#,
            "Failed to handle session timer update",
            "value_invalid",
        ),
        (r#"start-session-timer {"sessionId":"s"}"#, "Failed to start session timer", "duration_invalid"),
        (
            r#"start-session-timer {"sessionId":"s","duration":"60"}"#,
            "Failed to start session timer",
            "duration_invalid",
        ),
        (r#"start-session-timer {"sessionId":"s","duration":0}"#, "Failed to start session timer", "duration_invalid"),
        (r#"start-session-timer {"sessionId":"s","duration":-5}"#, "Failed to start session timer", "duration_invalid"),
        (
            r#"start-session-timer {"sessionId":"s","duration":1e999}"#,
            "Failed to start session timer",
            "duration_invalid",
        ),
    ] {
        let answer = meaning(&mut client(), self::event(event).json());
        let object: serde_json::Value = serde_json::from_str(answer.strip_prefix("error ").unwrap()).unwrap();
        assert_eq!((&object["message"], &object["code"]), (&message.into(), &code.into()), "{event}");
        assert!(object["detail"].is_string() && event.starts_with(object["event"].as_str().unwrap()), "{answer}");
    }
}

#[test]
fn a_number_that_serves_as_an_id_keeps_its_text() {
    check(r#"join-session {"sessionId":7,"participantId":1.50}"#, "join 7 1.50 None");
    check(r#"webrtc-offer {"sessionId":-1e3,"from":1,"to":2,"data":0}"#, "Offer -1e3 1>2 0");
}

#[test]
fn a_name_is_cut_where_it_is_too_long_and_left_out_where_it_is_none() {
    let long =
        format!(r#"join-session {{"sessionId":"s","participantId":"a","participantName":"é{}"}}"#, "é".repeat(200));
    check(&long, &format!("join s a Some({:?})", "é".repeat(128)));
    for name in ["7", "null", r#""""#, r#""\u0000""#, "{}"] {
        check(
            &format!(r#"join-session {{"sessionId":"s","participantId":"a","participantName":{name}}}"#),
            "join s a None",
        );
    }
}

/// The ear of a socket that sent these events.
fn ear(events: &[&str]) -> Ear {
    let mut client = client();
    for event in events {
        client.hear(&self::event(event), NOW, &GUARD).unwrap();
    }
    client.ear()
}

#[test]
fn which_dialect_a_socket_speaks_is_learned_from_what_it_sends() {
    let join = r#"join-session {"sessionId":"s","participantId":"a"}"#;
    let named = r#"join-session {"sessionId":"s","participantId":"a","participantName":"A"}"#;
    let common = r#"webrtc-signaling {"type":"offer","sessionId":"s","data":1}"#;
    let by_kind = r#"webrtc-offer {"sessionId":"s","data":1}"#;
    let leave = r#"leave-session {"sessionId":"s","participantId":"a"}"#;
    assert_eq!(ear(&[]), DOCUMENTED);
    assert_eq!(ear(&[join]), DOCUMENTED);
    assert_eq!(ear(&[join, by_kind]), DOCUMENTED);
    assert_eq!(ear(&[named]), NEWCOMER);
    assert_eq!(ear(&[named, leave]), NEWCOMER);
    assert_eq!(ear(&[named, common]), NEWEST);
    assert_eq!(ear(&[named, by_kind]), OLDER);
    assert_eq!(ear(&[named, by_kind, named]), OLDER);
    assert_eq!(ear(&[join, common]), NEWEST);
    assert_eq!(ear(&[join, r#"update-queue {"sessionId":"s","queue":[]}"#]), NEWCOMER);
    assert_eq!(ear(&[named, common, r#"update-queue {"sessionId":"s","queue":[]}"#]), NEWEST);
    assert_eq!(ear(&[named, r#"reading-queue-update {"sessionId":"s","queue":[]}"#]), DOCUMENTED);
}

#[test]
fn who_leaves_because_the_session_ended_is_told_nothing_more() {
    let leave = event(r#"leave-session {"sessionId":"s","participantId":"a"}"#);
    let join = event(r#"join-session {"sessionId":"s","participantId":"a"}"#);
    let mut client = client();
    client.told(&Notice::Ended { room: room("s"), reason: None }, &[], NOW.mono, &GUARD);
    assert_eq!(meaning(&mut client, leave.json()), "Over");
    assert_eq!(meaning(&mut client, leave.json()), "Over");
    assert_eq!(meaning(&mut client, join.json()), "join s a None");
    assert!(meaning(&mut client, leave.json()).starts_with("leave"));
}

#[test]
fn the_older_hooks_answer_to_all_reaches_who_offered() {
    let offer = |from: &str| Notice::Signal {
        room: room("s"),
        kind: sangam_signal_proto::SignalKind::Offer,
        from: id(from),
        to: Some(id("a")),
        payload: sangam_signal_server::dialect::Said::new(Text::from("1")),
    };
    let answer = r#"["webrtc-answer",{"sessionId":"s","to":"all","data":1}]"#;
    let mut client = client();
    for from in ["b", "c"] {
        client.told(&offer(from), &[], NOW.mono, &GUARD);
    }
    assert_eq!(meaning(&mut client, answer), "Answer s ->b 1");
    assert_eq!(meaning(&mut client, answer), "Answer s ->c 1");
    assert_eq!(meaning(&mut client, answer), "Answer s ->- 1");
    client.told(&offer("b"), &[], NOW.mono, &GUARD);
    client.told(&offer("c"), &[], NOW.mono, &GUARD);
    assert_eq!(meaning(&mut client, r#"["webrtc-answer",{"sessionId":"s","to":"c","data":1}]"#), "Answer s ->c 1");
    assert_eq!(meaning(&mut client, answer), "Answer s ->b 1");
}

#[test]
fn a_request_is_an_input_of_its_socket() {
    let Decoded::Core(request) = client().hear(&event(r#"get-queue {"sessionId":"s"}"#), NOW, &GUARD).unwrap() else {
        panic!("no request");
    };
    assert_eq!(request.room(), &room("s"));
    assert!(matches!(request.into_input(SocketId(7)), Input::Recall { socket: SocketId(7), .. }));
    assert_eq!(
        lines(&[Local::subscribed(2)]),
        [r#"parser-monitor-subscribed {"message":"Successfully subscribed to parser monitoring","roomSize":2}"#]
    );
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e999".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        Just(r#""s""#.to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        "\\PC{0,6}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let member = prop_oneof![
            Just("sessionId"),
            Just("participantId"),
            Just("from"),
            Just("to"),
            Just("data"),
            Just("type"),
            Just("sdp"),
            Just("duration"),
            Just("timeLeft"),
            Just("timestamp"),
            Just("queue"),
            Just("_placeholder"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((member, inner), 0..6).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_is_too_much(
        name in prop_oneof![
            Just("join-session"), Just("webrtc-offer"), Just("webrtc-signaling"), Just("verse-changed"),
            Just("update-queue"), Just("start-session-timer"), Just("session-timer-update"), Just("test-message"),
            Just("parser-log"), Just("update-reading-status"),
        ],
        argument in json(),
    ) {
        let _meaning: String = meaning(&mut client(), &format!("[\"{name}\",{argument}]"));
    }
}
