use sangam_socketio::{Options, RecoveryOptions};
use serde_json::json;

use crate::bench::{Bench, bare, list, offset, recovering};

/// Everybody hears it; returns what `["x", number]` comes with.
fn emit(bench: &Bench, number: u32) {
    bench.server.of("/").emit(list(json!(["x", number])));
}

#[test]
fn events_carry_an_offset_unless_they_are_volatile_or_questions() {
    let bench = Bench::recovering();
    let mut anna = bench.client();
    assert!(!anna.pid.is_empty());
    emit(&bench, 1);
    anna.say(r#"2["echo",2]"#);
    let heard = anna.heard();
    assert_eq!((bare(&heard[0]), bare(&heard[1])), (r#"["x",1]"#.to_owned(), r#"["echoed",2]"#.to_owned()));
    assert_ne!(offset(&heard[0]), offset(&heard[1]));
    anna.say(r#"2["maybe"]"#);
    anna.say(r#"2["ask"]"#);
    let heard = anna.heard();
    assert_eq!(heard[0], r#"2["maybe","x"]"#);
    assert!(heard[1].ends_with(r#"["question"]"#));
}

#[test]
fn a_client_whose_transport_was_lost_is_back_with_sid_rooms_and_what_it_missed() {
    let bench = Bench::recovering();
    let (mut anna, mut bela) = (bench.client(), bench.client());
    anna.say(r#"2["join","blue"]"#);
    emit(&bench, 1);
    let at = offset(&anna.heard()[0]);
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    bench.notes();
    anna.lose();
    assert_eq!(bench.notes(), [format!("disconnected {sid} transport close recoverable=true")]);
    emit(&bench, 2);
    bela.say(r#"2["say","blue"]"#);
    bela.say(r#"2["say","red"]"#);
    bench.server.of("/").except("blue").emit(list(json!(["not", "blue"])));
    bench.server.of("/").volatile().emit(list(json!(["volatile"])));
    bench.server.of("/").to(&sid).emit(list(json!(["you"])));
    let mut anna = bench.back(&pid, Some(&at));
    assert_eq!((&anna.sid, &anna.pid), (&sid, &pid));
    assert_eq!(bench.notes(), [format!("connected {sid} recovered=true")]);
    emit(&bench, 3);
    let heard: Vec<_> = anna.heard().iter().map(|event| bare(event)).collect();
    assert_eq!(heard, [r#"["x",2]"#, r#"["said","blue"]"#, r#"["you"]"#, r#"["x",3]"#]);
    bela.say(r#"2["say","blue"]"#);
    assert_eq!(anna.heard().len(), 1, "it is in its room");
    assert_eq!(bench.server.figures().recovered, 1);
}

#[test]
fn a_client_that_is_back_before_its_loss_is_known_supersedes_its_old_session() {
    let bench = Bench::recovering();
    let mut anna = bench.client();
    emit(&bench, 1);
    let at = offset(&anna.heard()[0]);
    emit(&bench, 2);
    bench.notes();
    let mut again = bench.open();
    again.say(&format!("0{}", json!({ "pid": anna.pid, "offset": at })));
    assert_eq!((again.heard(), bench.notes()), (vec![], vec![]), "one sid never lives twice");
    assert!(anna.turn());
    assert!(anna.lower.is_closed);
    again.turn();
    again.meet();
    assert_eq!(again.sid, anna.sid);
    assert_eq!(bare(&again.heard()[0]), r#"["x",2]"#, "what the old session had not delivered");
    let sid = &anna.sid;
    let notes = [format!("disconnected {sid} superseded recoverable=true"), format!("connected {sid} recovered=true")];
    assert_eq!(bench.notes(), notes);
    drop(anna);
    assert_eq!((bench.notes(), bench.server.figures().sockets), (vec![], 1));
}

#[test]
fn a_client_that_never_received_an_event_recovers_too() {
    let bench = Bench::recovering();
    let anna = bench.client();
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    anna.lose();
    emit(&bench, 1);
    let mut again = bench.back(&pid, None);
    assert_eq!((again.heard().len(), &again.sid), (1, &sid));
}

#[test]
fn a_client_that_names_no_event_though_some_were_for_it_begins_anew() {
    let bench = Bench::recovering();
    let anna = bench.client();
    emit(&bench, 1);
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    anna.lose();
    assert_ne!(bench.back(&pid, None).sid, sid);
}

#[test]
fn a_session_whose_time_is_over_is_refused_before_it_is_swept_away() {
    let bench = Bench::recovering();
    let anna = bench.client();
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    anna.lose();
    bench.notes();
    bench.time.pass(120);
    let again = bench.back(&pid, None);
    let notes = [format!("expired {sid} of []"), format!("connected {} recovered=false", again.sid)];
    assert_eq!(bench.notes(), notes);
}

#[test]
fn a_client_whose_last_event_is_long_forgotten_recovers_if_nothing_was_for_it() {
    let recovery = RecoveryOptions { log_entries_max: 3, ..RecoveryOptions::default() };
    let bench = Bench::new(Options { recovery: Some(recovery), ..recovering() });
    let mut anna = bench.client();
    emit(&bench, 1);
    let at = offset(&anna.heard()[0]);
    for _ in 0..9 {
        bench.server.of("/").to("elsewhere").emit(list(json!(["y"])));
    }
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    anna.lose();
    emit(&bench, 2);
    let mut again = bench.back(&pid, Some(&at));
    assert_eq!((again.heard().len(), &again.sid), (1, &sid));
}

#[test]
fn a_client_whose_missed_events_fell_out_of_the_log_begins_anew() {
    let recovery = RecoveryOptions { log_entries_max: 3, ..RecoveryOptions::default() };
    let bench = Bench::new(Options { recovery: Some(recovery), ..recovering() });
    let mut anna = bench.client();
    anna.say(r#"2["join","blue"]"#);
    emit(&bench, 0);
    let at = offset(&anna.heard()[0]);
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    anna.lose();
    bench.notes();
    (1..=4).for_each(|number| emit(&bench, number));
    let mut again = bench.back(&pid, Some(&at));
    assert_ne!(again.sid, sid);
    assert_eq!(again.heard(), [""; 0]);
    let notes = [format!(r#"expired {sid} of ["blue"]"#), format!("connected {} recovered=false", again.sid)];
    assert_eq!(bench.notes(), notes);
    let figures = bench.server.figures();
    assert_eq!((figures.recovery_outrun, figures.log_dropped), (1, 2));
}

#[test]
fn a_log_is_bounded_in_bytes() {
    let recovery = RecoveryOptions { log_bytes_max: 2_000, ..RecoveryOptions::default() };
    let bench = Bench::new(Options { recovery: Some(recovery), ..recovering() });
    let _anna = bench.client();
    bench.server.of("/").emit(list(json!(["x", "y".repeat(1_500)])));
    bench.server.of("/").emit(list(json!(["x", "y".repeat(1_500)])));
    assert_eq!(bench.server.figures().log_dropped, 1);
}

#[test]
fn a_session_that_is_not_taken_up_expires() {
    let bench = Bench::recovering();
    let mut anna = bench.client();
    anna.say(r#"2["join","blue"]"#);
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    anna.lose();
    bench.notes();
    bench.pass(119);
    assert_eq!(bench.notes(), [""; 0]);
    bench.pass(1);
    assert_eq!(bench.notes(), [format!(r#"expired {sid} of ["blue"]"#)]);
    let again = bench.back(&pid, None);
    assert_ne!(again.sid, sid);
    let figures = bench.server.figures();
    assert_eq!((figures.expired, figures.recovery_unknown, figures.waiting_sessions), (1, 1, 0));
}

#[test]
fn a_client_that_left_or_was_put_out_does_not_recover() {
    let bench = Bench::recovering();
    for word in ["1", r#"2["kick"]"#, r#"2["hard"]"#] {
        let mut anna = bench.client();
        anna.say(word);
        let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
        anna.lose();
        assert_ne!(bench.back(&pid, None).sid, sid);
    }
}

#[test]
fn a_client_that_was_interrupted_is_told_nothing_and_recovers() {
    let bench = Bench::recovering();
    let mut anna = bench.client();
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    bench.notes();
    anna.say(r#"2["interrupt"]"#);
    assert!(anna.heard().is_empty() && anna.lower.is_closed);
    assert_eq!(bench.notes(), [format!("disconnected {sid} interrupted recoverable=true")]);
    emit(&bench, 1);
    let mut anna = bench.back(&pid, None);
    assert_eq!(anna.sid, sid);
    assert_eq!(anna.heard().len(), 1, "what it missed");
}

#[test]
fn offsets_that_are_none_of_ours_are_refused() {
    let bench = Bench::recovering();
    for offset in ["x", ".", ".ffffffff", ".zz", ""] {
        let anna = bench.client();
        let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
        anna.lose();
        assert_ne!(bench.back(&pid, Some(offset)).sid, sid);
    }
    assert_eq!(bench.server.figures().recovery_outrun, 5);
}

#[test]
fn without_recovery_there_is_no_pid_and_no_offset() {
    let bench = Bench::new(Options::default());
    let mut anna = bench.client_with(r#"0{"pid":"p","offset":".1"}"#);
    assert_eq!(anna.pid, "");
    emit(&bench, 1);
    assert_eq!(anna.heard(), [r#"2["x",1]"#]);
}
