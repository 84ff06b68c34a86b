use std::time::Duration;

use bytes::Bytes;
use sangam_signal_proto::{DtlsRole, SignalKind};
use sangam_signal_proto::{Member, Notice, Refusal, Right, Snapshot, TimerView, Topic};
use sangam_signal_server::dialect::Said;
use sangam_signal_server::dialect::socketio::{Decoded, Ear, Request, encode};
use sangam_socketio_proto::Arguments;
use sangam_types::Text;

use super::support::{DOCUMENTED, GUARD, NEWCOMER, NEWEST, NOW, OLDER, client, event, id, lines, room};

#[track_caller]
fn check(notice: &Notice<Said>, ear: Ear, expected: &[&str]) {
    assert_eq!(lines(&encode(notice, ear, NOW.wall)), expected, "{notice:?}");
}

fn said(json: &str) -> Said {
    Said::new(Text::from(json))
}

fn member(id: &str, name: Option<&str>) -> Member {
    Member { id: self::id(id), name: name.map(Text::from) }
}

/// What others are told of an event that a client sends.
fn relayed(line: &str) -> Notice<Said> {
    relayed_arguments(&event(line))
}

fn relayed_arguments(arguments: &Arguments) -> Notice<Said> {
    match client().hear(arguments, NOW, &GUARD).unwrap() {
        Decoded::Core(Request::Signal { room, signal }) => {
            let to = signal.to.as_deref().map(id);
            Notice::Signal { room, kind: signal.kind, from: id("a"), to, payload: signal.payload }
        }
        Decoded::Core(Request::Tell { room, telling }) => {
            Notice::Told { room, from: id("a"), topic: telling.topic, value: telling.value }
        }
        other => panic!("{other:?}"),
    }
}

const EMPTY: Snapshot<Said> = Snapshot { members: Vec::new(), verse: None, queue: None, timer: None };

#[test]
fn a_joiner_is_told_who_is_there_and_the_others_of_it_in_the_originals_order() {
    let members = vec![member("a", None), member("b", None)];
    let joined =
        Notice::Joined { room: room("s"), participant: id("b"), again: false, snapshot: Snapshot { members, ..EMPTY } };
    check(&joined, DOCUMENTED, &[r#"session-joined {"sessionId":"s","participants":["a","b"]}"#]);
    let arrived = Notice::Arrived { room: room("s"), member: member("b", None), members: [id("a"), id("b")].into() };
    for ear in [DOCUMENTED, NEWCOMER, NEWEST, OLDER] {
        check(
            &arrived,
            ear,
            &[
                r#"session-joined {"sessionId":"s","participants":["a","b"]}"#,
                r#"participant-joined {"sessionId":"s","participantId":"b"}"#,
            ],
        );
    }
}

#[test]
fn names_are_passed_on() {
    let arrived = Notice::Arrived { room: room("s"), member: member("b", Some("B")), members: [id("b")].into() };
    let named = r#"participant-joined {"sessionId":"s","participantId":"b","participantName":"B"}"#;
    assert_eq!(lines(&encode(&arrived, DOCUMENTED, NOW.wall))[1], named);
    let members = vec![member("a", None), member("b", Some("B"))];
    let joined =
        Notice::Joined { room: room("s"), participant: id("b"), again: true, snapshot: Snapshot { members, ..EMPTY } };
    check(
        &joined,
        NEWCOMER,
        &[concat!(
            r#"session-joined {"sessionId":"s","participants":["a","b"],"#,
            r#""members":[{"participantId":"a"},{"participantId":"b","participantName":"B"}]}"#
        )],
    );
}

#[test]
fn a_late_joiner_hears_what_it_missed_right_after_under_its_names() {
    let snapshot = Snapshot {
        members: vec![member("a", None)],
        verse: Some(said(r#"{"verse":7,"currentReader":"a"}"#)),
        queue: Some(said(r#"{"queue":["a"],"currentReader":"a"}"#)),
        timer: Some(TimerView { remaining: Duration::from_secs(9), active: true, paused: true }),
    };
    let joined = Notice::Joined { room: room("s"), participant: id("a"), again: false, snapshot: snapshot.clone() };
    let verse = r#"verse-changed {"sessionId":"s","verse":7,"currentReader":"a","timestamp":5}"#;
    let timer =
        r#"session-timer-update {"sessionId":"s","timeRemaining":9,"isActive":true,"isPaused":true,"timestamp":5}"#;
    let documented = r#"reading-queue-update {"sessionId":"s","queue":["a"],"timestamp":5}"#;
    let hooks = r#"queue-updated {"sessionId":"s","queue":["a"],"currentReader":"a","timestamp":5}"#;
    assert_eq!(lines(&encode(&joined, DOCUMENTED, NOW.wall))[1..], [verse, documented, timer]);
    assert_eq!(lines(&encode(&joined, NEWEST, NOW.wall))[1..], [verse, hooks, timer]);
    check(&Notice::Recalled { room: room("s"), snapshot }, OLDER, &[hooks]);
    let empty = Notice::Recalled { room: room("s"), snapshot: EMPTY };
    check(&empty, OLDER, &[r#"queue-updated {"sessionId":"s","queue":[],"timestamp":5}"#]);
}

#[test]
fn a_session_goes_on_under_the_names_that_each_dialect_hears() {
    for (sent, documented, hooks) in [
        (
            r#"change-verse {"sessionId":"s","verse":{"id":7},"more":1}"#,
            r#"verse-changed {"sessionId":"s","verse":{"id":7},"timestamp":5}"#,
            r#"verse-changed {"sessionId":"s","verse":{"id":7},"timestamp":5}"#,
        ),
        (
            r#"update-queue {"sessionId":"s","queue":["a"]}"#,
            r#"reading-queue-update {"sessionId":"s","queue":["a"],"timestamp":5}"#,
            r#"queue-updated {"sessionId":"s","queue":["a"],"timestamp":5}"#,
        ),
        (
            r#"start-reading {"sessionId":"s","participantId":"z","verse":7}"#,
            r#"update-reading-status {"sessionId":"s","participantId":"a","status":"reading","timestamp":5}"#,
            r#"reading-started {"sessionId":"s","participantId":"a","verse":7,"timestamp":5}"#,
        ),
        (
            r#"finish-reading {"sessionId":"s","participantId":"a","verse":7}"#,
            r#"update-reading-status {"sessionId":"s","participantId":"a","status":"finished","timestamp":5}"#,
            r#"reading-finished {"sessionId":"s","participantId":"a","verse":7,"timestamp":5}"#,
        ),
        (
            r#"skip-turn {"sessionId":"s","participantId":"a"}"#,
            r#"update-reading-status {"sessionId":"s","participantId":"a","status":"skipped","timestamp":5}"#,
            r#"reading-finished {"sessionId":"s","participantId":"a","timestamp":5}"#,
        ),
        (
            r#"request-next-verse {"sessionId":"s","participantId":"a"}"#,
            r#"request-next-verse {"sessionId":"s","participantId":"a","timestamp":5}"#,
            r#"request-next-verse {"sessionId":"s","participantId":"a","timestamp":5}"#,
        ),
        (
            r#"session-timer-update {"sessionId":"s","timeLeft":9}"#,
            r#"session-timer-update {"sessionId":"s","timeLeft":9,"timeRemaining":9,"isActive":true,"isPaused":false,"timestamp":5}"#,
            r#"session-timer-update {"sessionId":"s","timeLeft":9,"timeRemaining":9,"isActive":true,"isPaused":false,"timestamp":5}"#,
        ),
    ] {
        let told = relayed(sent);
        check(&told, DOCUMENTED, &[documented]);
        for ear in [NEWCOMER, NEWEST, OLDER] {
            check(&told, ear, &[hooks]);
        }
    }
}

#[test]
fn what_another_wire_tells_without_the_members_of_this_one_is_the_verse_or_the_queue_itself() {
    let told = |topic, value| Notice::Told { room: room("s"), from: id("a"), topic, value: said(value) };
    let verse = r#"{"book":"Gita","verse":47}"#;
    let expected = format!(r#"verse-changed {{"sessionId":"s","verse":{verse},"timestamp":5}}"#);
    check(&told(Topic::Verse, verse), DOCUMENTED, &[&expected]);
    let expected = r#"reading-queue-update {"sessionId":"s","queue":["a"],"timestamp":5}"#;
    check(&told(Topic::Queue, r#"["a"]"#), DOCUMENTED, &[expected]);
    let expected = r#"verse-changed {"sessionId":"s","currentReader":"a","timestamp":5}"#;
    check(&told(Topic::Verse, r#"{"currentReader":"a"}"#), DOCUMENTED, &[expected]);
}

#[test]
fn what_another_dialect_tells_and_nobody_here_knows_is_not_told() {
    let told = Notice::Told { room: room("s"), from: id("a"), topic: Topic::Reading, value: said(r#"{"event":"x"}"#) };
    check(&told, DOCUMENTED, &[]);
}

#[test]
fn a_signal_keeps_all_its_members_but_who_sent_it_and_when() {
    let offer = relayed(
        r#"webrtc-offer {"timestamp":1,"x":[1],"sessionId":"s","from":"forged","to":"b","offer":{"sdp": "v"}}"#,
    );
    let same = r#"webrtc-offer {"timestamp":5,"x":[1],"sessionId":"s","from":"a","to":"b","offer":{"sdp": "v"}}"#;
    let common = concat!(
        r#"webrtc-signaling {"timestamp":5,"x":[1],"sessionId":"s","from":"a","to":"b","offer":{"sdp": "v"},"#,
        r#""type":"offer","data":{"sdp": "v"}}"#
    );
    check(&offer, DOCUMENTED, &[same]);
    check(&offer, OLDER, &[same]);
    check(&offer, NEWEST, &[common]);
    check(&offer, NEWCOMER, &[same, common]);
}

#[test]
fn a_signal_of_the_newest_hooks_is_one_for_all() {
    let sent = r#"webrtc-signaling {"type":"ice-candidate","sessionId":7,"from":"a","data":{},"timestamp":1}"#;
    let candidate = relayed(sent);
    let object = r#"{"type":"ice-candidate","sessionId":7,"from":"a","data":{},"timestamp":5}"#;
    check(&candidate, DOCUMENTED, &[&format!("webrtc-ice-candidate {object}")]);
    check(&candidate, NEWEST, &[&format!("webrtc-signaling {object}")]);
}

#[test]
fn members_that_are_missing_are_added_at_the_end_the_stamp_last() {
    check(
        &relayed(r#"webrtc-answer {"sessionId":"s","data":1}"#),
        DOCUMENTED,
        &[r#"webrtc-answer {"sessionId":"s","data":1,"from":"a","timestamp":5}"#],
    );
}

#[test]
fn a_signal_from_another_wire_has_the_members_that_the_clients_read() {
    let offer = |to| Notice::Signal {
        room: room("s"),
        kind: SignalKind::Offer,
        from: id("agent"),
        to,
        payload: said(r#"{"type":"offer","sdp":"v"}"#),
    };
    let object = concat!(
        r#"{"type":"offer","sessionId":"s","from":"agent","to":"b","#,
        r#""data":{"type":"offer","sdp":"v"},"timestamp":5}"#
    );
    check(&offer(Some(id("b"))), OLDER, &[&format!("webrtc-offer {object}")]);
    check(&offer(Some(id("b"))), NEWEST, &[&format!("webrtc-signaling {object}")]);
    let undirected = object.replace(r#""to":"b","#, "");
    check(&offer(None), OLDER, &[&format!("webrtc-offer {undirected}")]);
}

#[test]
fn a_crossed_offer_is_an_answer() {
    let offer = said(r#"{"type":"offer","sdp":"v=0\r\na=setup:actpass\r\n"}"#);
    let crossed = Notice::Crossed { room: room("s"), from: id("a"), to: id("b"), offer, sender_role: DtlsRole::Active };
    let object = concat!(
        r#"{"type":"answer","sessionId":"s","from":"a","to":"b","#,
        r#""data":{"type":"answer","sdp":"v=0\r\na=setup:active\r\n"},"timestamp":5}"#
    );
    check(&crossed, DOCUMENTED, &[&format!("webrtc-answer {object}")]);
    check(&crossed, NEWEST, &[&format!("webrtc-signaling {object}")]);
}

#[test]
fn binary_members_are_kept_wherever_they_stand() {
    let with = |json: &str| {
        let attachments = vec![Bytes::from_static(b"\x00\x01"), Bytes::from_static(b"\x02")];
        Arguments::with_attachments(Text::from(json), attachments).unwrap()
    };
    let placeholder = r#"{"_placeholder":true,"num":1}"#;
    let offer =
        with(&format!(r#"["webrtc-offer",{{"sessionId":"s","data":{{"a":{placeholder}}},"extra":{placeholder}}}]"#));
    let verse = with(&format!(r#"["verse-changed",{{"sessionId":"s","verse":{placeholder}}}]"#));
    for arguments in [offer, verse] {
        for event in encode(&relayed_arguments(&arguments), NEWCOMER, NOW.wall) {
            assert_eq!(event.arguments.attachments(), arguments.attachments());
            assert!(event.arguments.json().contains(placeholder));
        }
    }
}

#[test]
fn who_is_put_out_hears_that_the_session_ended() {
    let (room, participant) = (room("s"), id("a"));
    check(
        &Notice::Kicked { room: room.clone(), participant: participant.clone(), reason: None },
        OLDER,
        &[r#"session-ended {"sessionId":"s","reason":"kicked","timestamp":5}"#],
    );
    check(
        &Notice::Ended { room: room.clone(), reason: None },
        OLDER,
        &[r#"session-ended {"sessionId":"s","timestamp":5}"#],
    );
    check(
        &Notice::Ended { room: room.clone(), reason: Some(Text::from("done")) },
        OLDER,
        &[r#"session-ended {"sessionId":"s","reason":"done","timestamp":5}"#],
    );
    check(
        &Notice::Left { room: room.clone(), participant, reason: None },
        OLDER,
        &[r#"participant-left {"sessionId":"s","participantId":"a"}"#],
    );
    check(
        &Notice::Locked { room, locked: true },
        OLDER,
        &[r#"session-locked {"sessionId":"s","locked":true,"timestamp":5}"#],
    );
}

#[test]
fn a_refusal_is_an_error_with_a_code_unless_the_original_is_silent() {
    let code = |refusal: Refusal| {
        let events = encode(&Notice::Refused(refusal), DOCUMENTED, NOW.wall);
        let object = events.first().map(|event| event.arguments.items().unwrap()[1].get().to_owned());
        object.map(|object| serde_json::from_str::<serde_json::Value>(&object).unwrap()["code"].clone())
    };
    assert_eq!(code(Refusal::PeerNotFound { to: "b".into() }), None);
    assert_eq!(code(Refusal::NoTimer), None);
    for (refusal, expected) in [
        (Refusal::NotInRoom, "not_in_session"),
        (Refusal::NotAllowed { right: Right::Timer }, "not_allowed"),
        (Refusal::PeerIsSelf { participant: id("a") }, "peer_is_self"),
        (Refusal::IdInUse { participant: id("a") }, "id_in_use"),
        (Refusal::RoomLocked, "session_locked"),
        (Refusal::RoomFull { max: 2 }, "session_full"),
        (Refusal::TooManyRooms { max: 2 }, "too_many_sessions"),
        (Refusal::TooManySockets { max: 2 }, "too_many_sockets"),
        (Refusal::TooManyIds { max: 2 }, "too_many_ids"),
        (Refusal::TooManyPeers { max: 2 }, "too_many_peers"),
        (Refusal::BadDuration, "duration_invalid"),
        (Refusal::TooLarge { max: 2 }, "too_large"),
    ] {
        assert_eq!(code(refusal), Some(expected.into()));
    }
}
