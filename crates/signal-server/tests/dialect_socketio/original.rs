//! Transcripts of the original. `A> event` is sent by A, `A!` is A's end, `+ms` lets time pass; what follows, indented, is all
//! that is told, to whom and in that order. The clock begins at 1000.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sangam_signal_proto::SocketId;
use sangam_signal_server::dialect::socketio::{Original, Sent};
use sangam_socketio_proto::Arguments;
use sangam_types::{Mono, Now, Text, Wall};

use super::support::{arguments, event, line};

const START: Now = Now { mono: Mono::ZERO, wall: Wall::from_unix_millis(1_000) };

fn socket(name: &str) -> SocketId {
    SocketId(name.bytes().next().unwrap().into())
}

fn told(sent: &[Sent]) -> Vec<String> {
    let names = |to: &[SocketId]| to.iter().map(|it| (it.0 as u8 as char).to_string()).collect::<Vec<_>>().join(" ");
    sent.iter()
        .filter(|sent| !sent.to.is_empty())
        .map(|sent| format!("{}: {}", names(&sent.to), line(&sent.event)))
        .collect()
}

#[track_caller]
fn check(transcript: &str) {
    let (mut original, mut now) = (Original::new(START.mono), START);
    let lines: Vec<&str> = transcript.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut at = 0;
    while at < lines.len() {
        let step = lines[at];
        let sent = match step.split_once("> ") {
            Some((name, sent)) => original.hear(socket(name), &event(sent), now),
            None if step.ends_with('!') => original.disconnected(socket(step)),
            None => {
                let until = now + Duration::from_millis(step.trim_start_matches('+').parse().unwrap());
                let mut sent = Vec::new();
                while original.deadline() <= until.mono {
                    now = now + original.deadline().saturating_since(now.mono);
                    sent.extend(original.tick(now));
                }
                now = until;
                sent
            }
        };
        let expected: Vec<&str> =
            lines[at + 1..].iter().take_while(|line| line.starts_with(' ')).map(|line| line.trim()).collect();
        assert_eq!(told(&sent), expected, "{step}");
        at += 1 + expected.len();
    }
}

#[test]
fn a_session_of_two() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a","participantName":"A"}
    A: session-joined {"sessionId":"s","participants":["a"]}
B> join-session {"sessionId":"s","participantId":"b"}
    A B: session-joined {"sessionId":"s","participants":["a","b"]}
    A: participant-joined {"sessionId":"s","participantId":"b"}
A> webrtc-offer {"sessionId":"s","from":"a","to":"b","data":{"sdp": "v"},"timestamp":1,"x":[1]}
    B: webrtc-offer {"sessionId":"s","from":"a","to":"b","data":{"sdp": "v"},"timestamp":1000,"x":[1]}
B> webrtc-answer {"sessionId":"s","from":"b","to":"a","data":{}}
    A: webrtc-answer {"sessionId":"s","from":"b","to":"a","data":{},"timestamp":1000}
A> webrtc-ice-candidate {"sessionId":"s","from":"a","data":{}}
    B: webrtc-ice-candidate {"sessionId":"s","from":"a","data":{},"timestamp":1000}
A> webrtc-offer {"sessionId":"s","to":"nobody"}
A> webrtc-offer {"sessionId":"unknown"}
A> webrtc-offer {"to":"a"}
    A: webrtc-offer {"to":"a","timestamp":1000}
A> verse-changed {"sessionId":"s","verse":{"n":7},"currentReader":"a","more":1}
    A B: verse-changed {"sessionId":"s","verse":{"n":7},"currentReader":"a","timestamp":1000}
A> verse-changed {"sessionId":"s"}
    A B: verse-changed {"sessionId":"s","timestamp":1000}
A> reading-queue-update {"sessionId":"s","queue":["a"]}
    A B: reading-queue-update {"sessionId":"s","queue":["a"],"timestamp":1000}
A> session-timer-update {"sessionId":"s","timeLeft":9}
    A B: session-timer-update {"sessionId":"s","timeLeft":9,"timestamp":1000}
A> join-session {"sessionId":"s","participantId":"a"}
    A B: session-joined {"sessionId":"s","participants":["a","b"]}
    B: participant-joined {"sessionId":"s","participantId":"a"}
B> leave-session {"sessionId":"s","participantId":"b"}
    A: participant-left {"sessionId":"s","participantId":"b"}
B> leave-session {"sessionId":"s","participantId":"b"}
    A: participant-left {"sessionId":"s","participantId":"b"}
B> join-session {"sessionId":"s","participantId":"b"}
    A B: session-joined {"sessionId":"s","participants":["a","b"]}
    A: participant-joined {"sessionId":"s","participantId":"b"}
B!
    A: participant-left {"sessionId":"s","participantId":"b"}
"#,
    );
}

#[test]
fn nobody_is_checked() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
X> webrtc-offer {"sessionId":"other","from":"forged","to":"a"}
    A: webrtc-offer {"sessionId":"other","from":"forged","to":"a","timestamp":1000}
X> verse-changed {"sessionId":"s","verse":1}
    A: verse-changed {"sessionId":"s","verse":1,"timestamp":1000}
X> start-session-timer {"sessionId":"s","duration":60}
    A: session-timer-update {"sessionId":"s","timeRemaining":60,"isActive":true,"isPaused":false,"timestamp":1000}
X> leave-session {"sessionId":"s","participantId":"a"}
    A: participant-left {"sessionId":"s","participantId":"a"}
X> webrtc-offer {"sessionId":"s","to":"a"}
X> session-ended {"sessionId":"s","reason":"x"}
    A: session-ended {"sessionId":"s","timestamp":1000}
"#,
    );
}

#[test]
fn of_two_sockets_of_a_participant_the_last_counts_and_the_first_to_go_takes_it_away() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
B> join-session {"sessionId":"s","participantId":"a"}
    A B: session-joined {"sessionId":"s","participants":["a"]}
    A: participant-joined {"sessionId":"s","participantId":"a"}
X> webrtc-offer {"to":"a"}
    B: webrtc-offer {"to":"a","timestamp":1000}
A!
    B: participant-left {"sessionId":"s","participantId":"a"}
X> webrtc-offer {"to":"a"}
"#,
    );
}

#[test]
fn a_socket_in_two_sessions_leaves_the_last_and_haunts_the_other() {
    check(
        r#"
B> join-session {"sessionId":"s","participantId":"b"}
    B: session-joined {"sessionId":"s","participants":["b"]}
C> join-session {"sessionId":"t","participantId":"c"}
    C: session-joined {"sessionId":"t","participants":["c"]}
A> join-session {"sessionId":"s","participantId":"a"}
    B A: session-joined {"sessionId":"s","participants":["b","a"]}
    B: participant-joined {"sessionId":"s","participantId":"a"}
A> join-session {"sessionId":"t","participantId":"a"}
    C A: session-joined {"sessionId":"t","participants":["c","a"]}
    C: participant-joined {"sessionId":"t","participantId":"a"}
A!
    C: participant-left {"sessionId":"t","participantId":"a"}
B> join-session {"sessionId":"s","participantId":"b"}
    B: session-joined {"sessionId":"s","participants":["b","a"]}
"#,
    );
}

#[test]
fn an_ended_session_forgets_its_members_and_keeps_their_sockets() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
A> session-ended {"sessionId":"s"}
    A: session-ended {"sessionId":"s","timestamp":1000}
B> join-session {"sessionId":"s","participantId":"b"}
    A B: session-joined {"sessionId":"s","participants":["b"]}
    A: participant-joined {"sessionId":"s","participantId":"b"}
"#,
    );
}

#[test]
fn timers_tick_on_one_grid_and_end_late_and_without_a_word() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
+1000
A> start-session-timer {"sessionId":"s","duration":7}
    A: session-timer-update {"sessionId":"s","timeRemaining":7,"isActive":true,"isPaused":false,"timestamp":2000}
+4000
    A: session-timer-update {"sessionId":"s","timeRemaining":3,"isActive":true,"isPaused":false,"timestamp":6000}
+5000
    A: session-timer-update {"sessionId":"s","timeRemaining":0,"isActive":false,"isPaused":false,"timestamp":11000}
+10000
A> resume-session-timer {"sessionId":"s"}
    A: session-timer-update {"sessionId":"s","timeRemaining":0,"isActive":false,"isPaused":false,"timestamp":21000}
"#,
    );
}

#[test]
fn a_pause_says_what_was_left_at_the_last_tick_and_a_second_one_counts_the_first_as_run() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
A> pause-session-timer {"sessionId":"s"}
A> resume-session-timer {"sessionId":"s"}
A> start-session-timer {"sessionId":"s","duration":60}
    A: session-timer-update {"sessionId":"s","timeRemaining":60,"isActive":true,"isPaused":false,"timestamp":1000}
+4000
A> pause-session-timer {"sessionId":"s"}
    A: session-timer-update {"sessionId":"s","timeRemaining":60,"isActive":true,"isPaused":true,"timestamp":5000}
+10000
A> pause-session-timer {"sessionId":"s"}
    A: session-timer-update {"sessionId":"s","timeRemaining":60,"isActive":true,"isPaused":true,"timestamp":15000}
+1000
A> resume-session-timer {"sessionId":"s"}
    A: session-timer-update {"sessionId":"s","timeRemaining":60,"isActive":true,"isPaused":false,"timestamp":16000}
+5000
    A: session-timer-update {"sessionId":"s","timeRemaining":41,"isActive":true,"isPaused":false,"timestamp":21000}
"#,
    );
}

#[test]
fn a_duration_that_is_no_number_never_ends_and_a_negative_one_at_once() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
A> start-session-timer {"sessionId":"s"}
    A: session-timer-update {"sessionId":"s","isActive":true,"isPaused":false,"timestamp":1000}
+5000
    A: session-timer-update {"sessionId":"s","timeRemaining":null,"isActive":true,"isPaused":false,"timestamp":6000}
A> start-session-timer {"sessionId":"s","duration":"60"}
    A: session-timer-update {"sessionId":"s","timeRemaining":"60","isActive":true,"isPaused":false,"timestamp":6000}
+5000
    A: session-timer-update {"sessionId":"s","timeRemaining":55,"isActive":true,"isPaused":false,"timestamp":11000}
A> start-session-timer {"sessionId":"s","duration":-5}
    A: session-timer-update {"sessionId":"s","timeRemaining":-5,"isActive":true,"isPaused":false,"timestamp":11000}
+5000
    A: session-timer-update {"sessionId":"s","timeRemaining":0,"isActive":false,"isPaused":false,"timestamp":16000}
"#,
    );
}

#[test]
fn a_paused_timer_is_forgotten_after_an_hour() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
A> start-session-timer {"sessionId":"s","duration":60}
    A: session-timer-update {"sessionId":"s","timeRemaining":60,"isActive":true,"isPaused":false,"timestamp":1000}
A> pause-session-timer {"sessionId":"s"}
    A: session-timer-update {"sessionId":"s","timeRemaining":60,"isActive":true,"isPaused":true,"timestamp":1000}
+3600000
A> resume-session-timer {"sessionId":"s"}
"#,
    );
}

#[test]
fn null_is_an_error_and_all_other_rubbish_a_session_without_a_name() {
    check(
        r#"
A> join-session null
    A: error {"message":"Failed to join session"}
A> leave-session
    A: error {"message":"Failed to leave session"}
A> webrtc-offer null
    A: error {"message":"Failed to handle WebRTC offer"}
A> webrtc-answer null
    A: error {"message":"Failed to handle WebRTC answer"}
A> webrtc-ice-candidate null
    A: error {"message":"Failed to handle ICE candidate"}
A> verse-changed null
    A: error {"message":"Failed to handle verse change"}
A> reading-queue-update null
    A: error {"message":"Failed to handle reading queue update"}
A> start-session-timer null
    A: error {"message":"Failed to start session timer"}
A> pause-session-timer null
    A: error {"message":"Failed to pause session timer"}
A> resume-session-timer null
    A: error {"message":"Failed to resume session timer"}
A> session-timer-update null
    A: error {"message":"Failed to handle session timer update"}
A> session-ended null
    A: error {"message":"Failed to handle session end"}
A> join-session {}
    A: session-joined {"participants":[null]}
B> join-session "abc"
    A B: session-joined {"participants":[null]}
    A: participant-joined {}
B> join-session 7
    A B: session-joined {"participants":[null]}
    A: participant-joined {}
B> join-session [1,2]
    A B: session-joined {"participants":[null]}
    A: participant-joined {}
B> webrtc-offer "ab"
    A: webrtc-offer {"0":"a","1":"b","timestamp":1000}
B!
A> join-session {"sessionId":{"x":1},"participantId":["a"]}
    A: session-joined {"sessionId":{"x":1},"participants":[["a"]]}
A> join-session {"sessionId":["s","t"],"participantId":"a"}
    A: session-joined {"sessionId":["s","t"],"participants":["a"]}
A> verse-changed {"sessionId":"t","verse":1}
    A: verse-changed {"sessionId":"t","verse":1,"timestamp":1000}
"#,
    );
}

#[test]
fn the_parser_is_watched_and_never_heard_and_a_test_message_of_null_ends_nothing() {
    check(
        r#"
A> subscribe-parser-monitor
    A: parser-monitor-subscribed {"message":"Successfully subscribed to parser monitoring","roomSize":1}
B> subscribe-parser-monitor null
    B: parser-monitor-subscribed {"message":"Successfully subscribed to parser monitoring","roomSize":2}
X> parser-status-update {"type":"parse_status"}
X> test-message null
X> test-message
X> test-message {"message":"m"}
    A B: test-response {"message":"Test response from socket server","originalMessage":"m","timestamp":1000}
X> test-message 7
    A B: test-response {"message":"Test response from socket server","timestamp":1000}
A> unsubscribe-parser-monitor
X> test-message {"message":"m"}
    B: test-response {"message":"Test response from socket server","originalMessage":"m","timestamp":1000}
"#,
    );
}

#[test]
fn the_newest_hooks_are_not_heard() {
    check(
        r#"
A> join-session {"sessionId":"s","participantId":"a"}
    A: session-joined {"sessionId":"s","participants":["a"]}
A> webrtc-signaling {"type":"offer","sessionId":"s"}
A> change-verse {"sessionId":"s","verse":1}
A> update-queue {"sessionId":"s","queue":[]}
A> get-queue null
A> start-reading {"sessionId":"s"}
A> skip-turn {"sessionId":"s"}
A> end-session {"sessionId":"s"}
A> error {"message":"m"}
"#,
    );
}

#[test]
fn binary_members_pass() {
    let json = r#"["webrtc-offer",{"to":"a","data":{"_placeholder":true,"num":0}}]"#;
    let offer = Arguments::with_attachments(Text::from(json), vec![Bytes::from_static(b"\x01")]).unwrap();
    let mut original = Original::new(START.mono);
    original.hear(socket("A"), &event(r#"join-session {"sessionId":"s","participantId":"a"}"#), START);
    let sent = original.hear(socket("B"), &offer, START);
    assert_eq!(sent[0].event.arguments.attachments(), offer.attachments());
}

#[test]
fn health_counts_what_the_original_would() {
    let mut original = Original::new(START.mono);
    for (name, session) in [("A", "s"), ("A", "t")] {
        let join = format!(r#"join-session {{"sessionId":"{session}","participantId":"a"}}"#);
        original.hear(socket(name), &event(&join), START);
    }
    assert_eq!(original.active(), (2, 1));
    original.disconnected(socket("A"));
    assert_eq!(original.active(), (1, 0));
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_is_too_much(
        name in prop_oneof![
            Just("join-session"), Just("leave-session"), Just("webrtc-offer"), Just("start-session-timer"),
            Just("pause-session-timer"), Just("verse-changed"), Just("test-message"), Just("session-ended"),
        ],
        member in prop_oneof![Just("sessionId"), Just("participantId"), Just("to"), Just("duration"), Just("message")],
        value in prop_oneof![
            Just("null"), Just("[]"), Just("[[],{}]"), Just("{}"), Just("-0.0"), Just("1e999"), Just("\"\\ud800\""), Just("\"1e999\""),
        ],
    ) {
        let mut original = Original::new(START.mono);
        for json in [format!(r#"["{name}",{{"{member}":{value}}}]"#), format!(r#"["{name}",{value}]"#)] {
            original.hear(socket("A"), &arguments(&json), START);
            original.hear(socket("B"), &arguments(&json), START);
        }
        original.tick(START + Duration::from_secs(5));
        original.disconnected(socket("A"));
        original.disconnected(socket("B"));
    }
}
