use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::ErrorCode;
use sangam_usp_proto::record::{PayloadSecurity, SarState, SessionContext};
use sangam_usp_proto::session::{
    ReassemblyFault, RestartReason, SEQUENCE_MARGIN, SendRefused, Session, SessionOptions, SessionOutput,
};

const NOW: Mono = Mono::ZERO;

fn record(session_id: u64, sequence_id: u64, expected_id: u64, payload: &'static str) -> SessionContext {
    let payload = if payload.is_empty() { vec![] } else { vec![Bytes::from_static(payload.as_bytes())] };
    SessionContext { session_id, sequence_id, expected_id, payload, ..SessionContext::default() }
}

fn session(options: SessionOptions) -> Session {
    Session::new(options, 500)
}

fn outputs(session: &mut Session) -> Vec<SessionOutput> {
    std::iter::from_fn(|| match session.poll_output() {
        SessionOutput::Wait(_) => None,
        output => Some(output),
    })
    .collect()
}

fn take(session: &mut Session, record: SessionContext) -> Vec<SessionOutput> {
    session.handle_record(NOW, PayloadSecurity::Plaintext, record);
    outputs(session)
}

fn message(text: &'static str) -> SessionOutput {
    SessionOutput::Message(Bytes::from_static(text.as_bytes()))
}

fn transmitted(outputs: &[SessionOutput]) -> Vec<(u64, u64, u64, u64)> {
    let numbers = |output: &SessionOutput| match output {
        SessionOutput::Transmit(it) => Some((it.session_id, it.sequence_id, it.expected_id, it.retransmit_id)),
        _ => None,
    };
    outputs.iter().filter_map(numbers).collect()
}

fn restarted(outputs: &[SessionOutput]) -> Option<RestartReason> {
    outputs.iter().find_map(|output| match output {
        SessionOutput::Restarted { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[test]
fn a_session_that_we_begin_has_an_id_above_1_and_counts_from_1() {
    for first_id in [0, 1, 2] {
        let mut session = Session::new(SessionOptions::default(), first_id);
        session.send(NOW, &Bytes::from_static(b"a")).unwrap();
        session.send(NOW, &Bytes::from_static(b"b")).unwrap();
        assert_eq!(transmitted(&outputs(&mut session)), [(2, 1, 1, 0), (2, 2, 1, 0)]);
    }
}

#[test]
fn a_session_of_the_peer_is_taken_and_answered_within_it() {
    let mut session = session(SessionOptions::default());
    assert_eq!(take(&mut session, record(77, 1, 1, "a")), [message("a")]);
    session.send(NOW, &Bytes::from_static(b"b")).unwrap();
    assert_eq!(transmitted(&outputs(&mut session)), [(77, 1, 2, 0)]);
    // The peer begins anew (R-E2E.6): from 1, both ways.
    let after = take(&mut session, record(78, 1, 1, "c"));
    assert_eq!(restarted(&after), Some(RestartReason::ByPeer));
    assert!(after.contains(&message("c")));
    session.send(NOW, &Bytes::from_static(b"d")).unwrap();
    assert_eq!(transmitted(&outputs(&mut session)), [(78, 1, 2, 0)]);
    // A late record of the session before changes nothing.
    assert_eq!(take(&mut session, record(77, 2, 1, "late")), []);
}

#[test]
fn records_are_taken_in_turn_and_the_missing_one_is_asked_for() {
    let mut session = session(SessionOptions::default());
    assert_eq!(take(&mut session, record(77, 1, 1, "a")), [message("a")]);
    assert_eq!(transmitted(&take(&mut session, record(77, 3, 1, "c"))), [(77, 1, 2, 2)]);
    assert_eq!(take(&mut session, record(77, 4, 1, "d")), [], "it is asked for once, then by the clock");
    assert_eq!(take(&mut session, record(77, 2, 1, "b")), [message("b"), message("c"), message("d")]);
}

#[test]
fn a_record_that_was_taken_is_ignored_when_it_comes_again() {
    let mut session = session(SessionOptions::default());
    take(&mut session, record(77, 1, 1, "a"));
    assert_eq!(take(&mut session, record(77, 1, 1, "a")), []);
    take(&mut session, record(77, 3, 1, "c"));
    assert_eq!(take(&mut session, record(77, 3, 1, "other")), []);
    assert_eq!(take(&mut session, record(77, 2, 1, "b")), [message("b"), message("c")]);
}

#[test]
fn what_was_sent_is_kept_until_it_is_acknowledged_and_sent_again_on_request() {
    let mut session = session(SessionOptions { segment_bytes: 2, ..SessionOptions::default() });
    session.send(NOW, &Bytes::from_static(b"abcde")).unwrap();
    let sent = outputs(&mut session);
    let states: Vec<_> = sent
        .iter()
        .map(|output| match output {
            SessionOutput::Transmit(it) => (it.payload_sar_state(), it.payloadrec_sar_state(), it.payload[0].clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        states,
        [
            (SarState::Begin, SarState::Begin, "ab".into()),
            (SarState::InProcess, SarState::InProcess, "cd".into()),
            (SarState::Complete, SarState::Complete, "e".into())
        ]
    );
    let asks =
        |sequence, expected, retransmit_id| SessionContext { retransmit_id, ..record(500, sequence, expected, "") };
    // It has the first, and asks for the second.
    let again = take(&mut session, asks(1, 2, 2));
    let SessionOutput::Transmit(again) = &again[0] else { panic!("{again:?}") };
    assert_eq!((again.sequence_id, again.expected_id, again.payload[0].as_ref()), (2, 2, &b"cd"[..]));
    // A request for what it has acknowledged was overtaken.
    assert_eq!(transmitted(&take(&mut session, asks(2, 4, 1))), []);
    // One for what was never sent is no request.
    assert_eq!(restarted(&take(&mut session, asks(3, 4, 90))), Some(RestartReason::InvalidSequence));
}

#[test]
fn a_peer_that_rebooted_may_take_the_same_id_again_on_a_new_channel() {
    let begun = || {
        let mut session = session(SessionOptions::default());
        take(&mut session, record(77, 1, 1, "a"));
        session.send(NOW, &Bytes::from_static(b"x")).unwrap();
        outputs(&mut session);
        take(&mut session, record(77, 2, 2, "b"));
        session
    };
    let mut rebooted = begun();
    rebooted.handle_channel_open();
    let after = take(&mut rebooted, record(77, 1, 1, "new"));
    assert_eq!(restarted(&after), Some(RestartReason::ByPeer));
    assert!(after.contains(&message("new")));
    // On the same channel it is late; and one that goes on with the session goes on.
    assert_eq!(take(&mut begun(), record(77, 1, 1, "late")), []);
    let mut back = begun();
    back.handle_channel_open();
    assert_eq!(take(&mut back, record(77, 1, 2, "a")), [], "sent again, with what it heard since");
    assert_eq!(take(&mut back, record(77, 3, 2, "c")), [message("c")]);
}

#[test]
fn a_request_that_is_settled_is_not_made_again_with_its_record() {
    let mut session = session(SessionOptions::default());
    take(&mut session, record(77, 1, 1, "a"));
    let asks = take(&mut session, record(77, 3, 1, "c"));
    assert_eq!(transmitted(&asks), [(77, 1, 2, 2)]);
    take(&mut session, record(77, 2, 1, "b"));
    let again = take(&mut session, SessionContext { retransmit_id: 1, ..record(77, 4, 1, "") });
    assert_eq!(transmitted(&again), [(77, 1, 5, 0)]);
}

#[test]
fn a_record_asked_for_too_often_begins_the_session_anew() {
    let mut session = session(SessionOptions { retransmits_max: 3, ..SessionOptions::default() });
    session.send(NOW, &Bytes::from_static(b"a")).unwrap();
    outputs(&mut session);
    for sequence in 1..=3 {
        let ask = SessionContext { retransmit_id: 1, ..record(500, sequence, 1, "") };
        assert_eq!(transmitted(&take(&mut session, ask)).len(), 1);
    }
    let after = take(&mut session, SessionContext { retransmit_id: 1, ..record(500, 4, 1, "") });
    let lost = SessionOutput::Restarted { reason: RestartReason::TooManyRetransmits, undelivered: 1 };
    assert_eq!(after[0], lost);
    assert_eq!(transmitted(&after), [(501, 1, 1, 0)], "the peer hears of the new one by an empty record");
}

#[test]
fn what_cannot_be_begins_the_session_anew() {
    let cases: [(SessionContext, RestartReason); 5] = [
        (record(1, 1, 1, "a"), RestartReason::InvalidSessionId),
        (record(0, 1, 1, "a"), RestartReason::InvalidSessionId),
        (record(77, 0, 1, "a"), RestartReason::InvalidSequence),
        (record(77, 1, 9, "a"), RestartReason::InvalidSequence),
        (
            SessionContext { payload_sar_state: SarState::Complete.into(), ..record(77, 1, 1, "a") },
            RestartReason::Reassembly(ReassemblyFault::NotBegun),
        ),
    ];
    for (record, reason) in cases {
        let mut session = session(SessionOptions::default());
        assert_eq!(restarted(&take(&mut session, record.clone())), Some(reason), "{record:?}");
    }
}

#[test]
fn what_waits_for_a_missing_record_is_bounded() {
    let options = SessionOptions { incoming_records_max: 3, incoming_bytes_max: 4, ..SessionOptions::default() };
    let mut far = session(options.clone());
    assert_eq!(restarted(&take(&mut far, record(77, 5, 1, "a"))), Some(RestartReason::BufferFull));
    let mut large = session(options);
    take(&mut large, record(77, 2, 1, "abc"));
    assert_eq!(restarted(&take(&mut large, record(77, 3, 1, "de"))), Some(RestartReason::BufferFull));
}

#[test]
fn what_is_not_acknowledged_is_bounded() {
    let options = SessionOptions { segment_bytes: 1, outgoing_records_max: 3, ..SessionOptions::default() };
    let mut session = session(options);
    assert_eq!(session.send(NOW, &Bytes::new()), Err(SendRefused::Size));
    assert_eq!(session.send(NOW, &Bytes::from_static(b"abcd")), Err(SendRefused::Full));
    assert_eq!(session.send(NOW, &Bytes::from_static(b"abc")), Ok(()));
    assert_eq!(session.send(NOW, &Bytes::from_static(b"a")), Err(SendRefused::Full));
    outputs(&mut session);
    take(&mut session, record(500, 1, 3, ""));
    assert_eq!(session.send(NOW, &Bytes::from_static(b"ab")), Ok(()), "two were acknowledged");
}

#[test]
fn a_peer_that_acknowledges_nothing_does_not_make_us_keep_without_end() {
    let mut session = session(SessionOptions { outgoing_records_max: 2, restarts_max: 9, ..SessionOptions::default() });
    let mut now = NOW;
    let mut reason = None;
    for sequence in 1..20 {
        session.handle_record(now, PayloadSecurity::Plaintext, record(77, sequence, 1, "a"));
        now = now + Duration::from_secs(1);
        session.handle_timeout(now);
        reason = reason.or(restarted(&outputs(&mut session)));
    }
    assert_eq!(reason, Some(RestartReason::BufferFull));
}

#[test]
fn near_the_end_of_its_numbers_a_session_begins_anew() {
    let options = SessionOptions { sequence_max: SEQUENCE_MARGIN + 3, ..SessionOptions::default() };
    // What is received (R-E2E.8): the record itself is still taken.
    let mut receiver = session(options.clone());
    assert_eq!(restarted(&take(&mut receiver, record(77, 1, 1, "a"))), None);
    assert_eq!(restarted(&take(&mut receiver, record(77, 2, 1, "b"))), None);
    let after = take(&mut receiver, record(77, 3, 1, "c"));
    assert_eq!(after[0], message("c"));
    assert_eq!(restarted(&after), Some(RestartReason::SequenceExhausted));
    // What is sent (R-E2E.9): the next thing goes in a new one.
    let mut sender = session(options);
    for text in ["a", "b", "c"] {
        sender.send(NOW, &Bytes::from(text)).unwrap();
    }
    let after = outputs(&mut sender);
    assert_eq!(transmitted(&after), [(500, 1, 1, 0), (500, 2, 1, 0), (501, 1, 1, 0), (501, 2, 1, 0)]);
}

#[test]
fn a_session_that_never_gets_anything_through_is_given_up_with_7105() {
    let mut session = session(SessionOptions { restarts_max: 2, ..SessionOptions::default() });
    for _ in 0..2 {
        assert!(restarted(&take(&mut session, record(1, 1, 1, ""))).is_some());
    }
    let after = take(&mut session, record(1, 1, 1, ""));
    assert_eq!(after.last(), Some(&SessionOutput::Disconnect(ErrorCode::SessionContextTerminated)));
    assert!(!session.is_established());
}

#[test]
fn a_peer_that_wants_tls_is_answered_7102() {
    let mut session = session(SessionOptions::default());
    session.handle_record(NOW, PayloadSecurity::Tls12, record(77, 1, 1, "hello"));
    assert_eq!(outputs(&mut session), [SessionOutput::Disconnect(ErrorCode::SecureSessionNotSupported)]);
    assert!(!session.is_established());
}

#[test]
fn what_came_is_acknowledged_soon_and_acknowledgements_are_not() {
    let mut session = session(SessionOptions::default());
    take(&mut session, record(77, 1, 1, "a"));
    assert_eq!(session.poll_output(), SessionOutput::Wait(Some(NOW + Duration::from_millis(200))));
    session.handle_timeout(NOW + Duration::from_millis(200));
    assert_eq!(transmitted(&outputs(&mut session)), [(77, 1, 2, 0)]);
    take(&mut session, record(77, 2, 2, ""));
    assert_eq!(session.poll_output(), SessionOutput::Wait(None), "nothing to say to that");
}

#[test]
fn what_is_not_acknowledged_is_sent_again_a_few_times_and_then_kept() {
    let mut session = session(SessionOptions { resends_max: 2, ..SessionOptions::default() });
    session.send(NOW, &Bytes::from_static(b"a")).unwrap();
    outputs(&mut session);
    let mut now = NOW;
    let mut times = 0;
    while let SessionOutput::Wait(Some(due)) = session.poll_output() {
        now = due;
        session.handle_timeout(now);
        times += transmitted(&outputs(&mut session)).len();
    }
    assert_eq!((times, now), (2, NOW + Duration::from_secs(10)));
    let asked = SessionContext { retransmit_id: 1, ..record(500, 1, 1, "") };
    assert_eq!(transmitted(&take(&mut session, asked)), [(500, 1, 2, 0)], "it is still there");
}
