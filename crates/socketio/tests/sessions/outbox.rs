use sangam_socketio::Options;
use serde_json::json;

use crate::bench::{Bench, list, offset, recovering};

#[test]
fn volatile_events_are_dropped_while_the_transport_is_busy() {
    let bench = Bench::new(Options::default());
    let (mut anna, mut bela) = (bench.client(), bench.client());
    anna.lower.is_writable = false;
    anna.say(r#"2["maybe"]"#);
    bela.say(r#"2["maybe"]"#);
    bench.server.of("/").volatile().emit(list(json!(["v"])));
    bench.server.of("/").emit(list(json!(["sure"])));
    assert_eq!(anna.heard(), [r#"2["sure"]"#]);
    assert_eq!(bela.heard(), [r#"2["maybe","x"]"#, r#"2["v"]"#, r#"2["sure"]"#]);
    assert_eq!(bench.server.figures().volatile_dropped, 2);
}

#[test]
fn a_session_whose_outbox_is_full_is_closed_and_others_are_not() {
    let bench = Bench::new(Options { outbox_bytes_max: 100, ..recovering() });
    let (mut anna, mut bela) = (bench.client(), bench.client());
    bench.server.of("/").emit(list(json!(["first"])));
    let at = offset(&anna.heard()[0]);
    bela.heard();
    bench.notes();
    for number in 0..9 {
        bench.server.of("/").emit(list(json!(["number", number])));
        bela.turn();
    }
    assert!(anna.turn(), "it is woken to hear of it");
    assert!(anna.lower.is_closed);
    assert_eq!(bench.notes(), [format!("disconnected {} too slow recoverable=true", anna.sid)]);
    assert_eq!((bench.server.figures().too_slow, bela.lower.is_closed), (1, false));
    assert_eq!(bela.heard().len(), 9);
    let mut again = bench.back(&anna.pid, Some(&at));
    assert_eq!((again.heard().len(), &again.sid), (9, &anna.sid), "it missed nothing");
}

#[test]
fn a_session_that_has_too_much_under_way_is_closed() {
    let bench = Bench::new(Options { outbox_bytes_max: 100, ..Options::default() });
    let mut anna = bench.client();
    anna.lower.queued_bytes = 101;
    bench.server.of("/").emit(list(json!(["x"])));
    anna.turn();
    assert!(anna.lower.is_closed);
}

#[test]
fn volatile_events_never_fill_an_outbox() {
    let bench = Bench::new(Options { outbox_bytes_max: 100, ..Options::default() });
    let mut anna = bench.client();
    for _ in 0..99 {
        bench.server.of("/").volatile().emit(list(json!(["v"])));
    }
    assert!(anna.heard().len() > 1);
    assert!(!anna.lower.is_closed);
}
