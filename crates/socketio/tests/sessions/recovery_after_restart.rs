use std::sync::Arc;

use futures_util::FutureExt as _;
use sangam_socketio::Options;
use serde_json::json;

use crate::bench::{Bench, Memory, Time, bare, list, offset, recovering};

fn start(journal: &Arc<Memory>, time: &Time) -> Bench {
    let bench = Bench::with_journal(recovering(), Some(journal.clone()), time.clone());
    bench.server.restore().now_or_never().unwrap().unwrap();
    bench
}

fn emit(bench: &Bench, number: u32) {
    bench.server.of("/").emit(list(json!(["x", number])));
}

/// Ends the server as a signal would that cannot be caught: no session hears of it.
fn kill(bench: Bench, clients: impl IntoIterator<Item = crate::bench::Client>) {
    clients.into_iter().for_each(std::mem::forget);
    std::mem::forget(bench);
}

#[test]
fn a_server_that_was_killed_knows_its_clients_and_what_they_missed() {
    let time = Time::default();
    let journal = Memory::new(&time);
    let bench = start(&journal, &time);
    let mut anna = bench.client();
    anna.say(r#"2["join","blue"]"#);
    emit(&bench, 1);
    let at = offset(&anna.heard()[0]);
    emit(&bench, 2);
    bench.server.of("/").to("red").emit(list(json!(["not for her"])));
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    kill(bench, [anna]);
    time.pass(60);
    let bench = start(&journal, &time);
    emit(&bench, 3);
    let mut anna = bench.back(&pid, Some(&at));
    assert_eq!(anna.sid, sid);
    bench.server.of("/").to("blue").emit(list(json!(["blue"])));
    let heard: Vec<_> = anna.heard().iter().map(|event| bare(event)).collect();
    assert_eq!(heard, [r#"["x",2]"#, r#"["x",3]"#, r#"["blue"]"#]);
}

#[test]
fn events_with_binary_outlast_the_server() {
    let time = Time::default();
    let journal = Memory::new(&time);
    let bench = start(&journal, &time);
    let (mut anna, mut bela) = (bench.client(), bench.client());
    anna.say(r#"2["join","blue"]"#);
    emit(&bench, 1);
    let at = offset(&bela.heard()[0]);
    let (pid, json) = (bela.pid.clone(), r#"["photo",{"_placeholder":true,"num":0}]"#);
    let photo = sangam_socketio::Arguments::with_attachments(json.into(), vec![vec![7].into()]).unwrap();
    bench.server.of("/").except("blue").emit(photo);
    kill(bench, [anna, bela]);
    let bench = start(&journal, &time);
    let heard = bench.back(&pid, Some(&at)).heard();
    assert!(heard[0].starts_with(r#"51-["photo",{"_placeholder":true,"num":0},"."#), "{heard:?}");
    assert_eq!(heard[1], r#"b"\x07""#);
}

#[test]
fn a_quiet_client_of_a_killed_server_recovers() {
    let time = Time::default();
    let journal = Memory::new(&time);
    let bench = start(&journal, &time);
    let mut anna = bench.client();
    emit(&bench, 1);
    let at = offset(&anna.heard()[0]);
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    for _ in 0..60 {
        bench.pass(60);
        anna.wake();
        bench.server.of("/").to("elsewhere").emit(list(json!(["y"])));
    }
    kill(bench, [anna]);
    let bench = start(&journal, &time);
    assert_eq!(bench.back(&pid, Some(&at)).sid, sid);
}

#[test]
fn a_client_that_has_more_than_the_journal_begins_anew() {
    let time = Time::default();
    let journal = Memory::new(&time);
    let bench = start(&journal, &time);
    let mut anna = bench.client();
    emit(&bench, 1);
    emit(&bench, 2);
    let at = offset(anna.heard().last().unwrap());
    let (sid, pid) = (anna.sid.clone(), anna.pid.clone());
    kill(bench, [anna]);
    journal.lose_newest("socketio.event");
    let bench = start(&journal, &time);
    assert_ne!(bench.back(&pid, Some(&at)).sid, sid);
    assert_eq!(bench.server.figures().recovery_outrun, 1);
}

#[test]
fn who_does_not_come_back_to_a_new_server_expires() {
    let time = Time::default();
    let journal = Memory::new(&time);
    let bench = start(&journal, &time);
    let anna = bench.client();
    let sid = anna.sid.clone();
    kill(bench, [anna]);
    let bench = start(&journal, &time);
    assert_eq!(bench.server.figures().waiting_sessions, 1);
    bench.pass(120);
    assert_eq!(bench.notes(), [format!("expired {sid} of []")]);
    assert_eq!(journal.len("socketio.session"), 0);
}

#[test]
fn a_session_that_ended_for_good_is_not_in_the_journal() {
    let time = Time::default();
    let journal = Memory::new(&time);
    let bench = start(&journal, &time);
    let mut anna = bench.client();
    assert_eq!(journal.len("socketio.session"), 1);
    anna.say("1");
    assert_eq!(journal.len("socketio.session"), 0);
}

#[test]
fn records_that_cannot_be_read_are_counted_and_passed_over() {
    use sangam_bus::Journal as _;
    let time = Time::default();
    let journal = Memory::new(&time);
    for area in ["socketio.session", "socketio.event"] {
        journal.put(area, "k", "garbage".into(), time.now().wall + std::time::Duration::from_secs(9));
    }
    let bench = start(&journal, &time);
    assert_eq!(bench.server.figures().records_unreadable, 2);
    let without_recovery = Bench::with_journal(Options::default(), Some(journal), time);
    without_recovery.server.restore().now_or_never().unwrap().unwrap();
    assert_eq!(without_recovery.server.figures().records_unreadable, 0);
}
