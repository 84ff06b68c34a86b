use sangam_socketio::{ConnectionOptions, Options};
use sangam_types::{Frame, Text};
use serde_json::json;

use crate::bench::{Bench, list};

fn text(frame: &Frame) -> &Text {
    let Frame::Text(text) = frame else { panic!("a text") };
    text
}

#[test]
fn a_room_reaches_its_members_but_not_who_speaks() {
    let bench = Bench::new(Options::default());
    let (mut anna, mut bela, mut carl) = (bench.client(), bench.client(), bench.client());
    anna.say(r#"2["join","blue"]"#);
    bela.say(r#"2["join","blue"]"#);
    anna.say(r#"2["say","blue"]"#);
    assert_eq!(anna.heard(), [""; 0]);
    assert_eq!(bela.heard(), [r#"2["said","blue"]"#]);
    carl.say(r#"2["say","blue"]"#);
    assert_eq!(anna.heard().len(), 1, "who is not in a room may speak to it");
    bela.say(r#"2["leave","blue"]"#);
    assert_eq!(bela.heard().len(), 1);
    carl.say(r#"2["say","blue"]"#);
    assert_eq!((anna.heard().len(), bela.heard().len(), carl.heard().len()), (1, 0, 0));
}

#[test]
fn a_socket_in_two_rooms_hears_once_and_one_in_an_excepted_room_does_not() {
    let bench = Bench::new(Options::default());
    let (mut anna, mut bela) = (bench.client(), bench.client());
    for join in [r#"2["join","blue"]"#, r#"2["join","red"]"#] {
        anna.say(join);
        bela.say(join);
    }
    bela.say(r#"2["join","deaf"]"#);
    let reached = bench.server.of("/").to("blue").to("red").to(&anna.sid).except("deaf").emit(list(json!(["x"])));
    assert_eq!((reached, anna.heard(), bela.heard()), (1, vec![r#"2["x"]"#.to_owned()], vec![]));
    assert_eq!(bench.server.of("/").except(&anna.sid).emit(list(json!(["y"]))), 1);
    assert_eq!(bela.heard(), [r#"2["y"]"#]);
}

#[test]
fn a_sid_is_a_room_of_one() {
    let bench = Bench::new(Options::default());
    let (mut anna, mut bela) = (bench.client(), bench.client());
    bench.server.of("/").to(&bela.sid).emit(list(json!(["you"])));
    assert_eq!((anna.heard().len(), bela.heard().len()), (0, 1));
    assert_eq!(bench.server.sockets_in("/", &bela.sid), [bela.sid.as_str().into()]);
}

#[test]
fn namespaces_share_no_rooms() {
    let bench = Bench::new(Options::default());
    let (mut anna, mut bela) = (bench.client(), bench.client_with("0/other,"));
    bela.heard();
    anna.say(r#"2["join","blue"]"#);
    bela.say(r#"2/other,["join","blue"]"#);
    assert_eq!(bench.server.of("/other").to("blue").emit(list(json!(["x"]))), 1);
    assert_eq!((anna.heard(), bela.heard()), (vec![], vec![r#"2/other,["x"]"#.to_owned()]));
    assert_eq!(bench.server.of("/nowhere").emit(list(json!(["x"]))), 0);
}

#[test]
fn an_unknown_namespace_is_refused_in_nodes_words() {
    let bench = Bench::new(Options::default());
    let mut client = bench.client_with("0/nowhere,");
    assert_eq!(client.heard(), [r#"4/nowhere,{"message":"Invalid namespace"}"#]);
}

#[test]
fn a_broadcast_is_encoded_once_for_all() {
    for options in [Options::default(), crate::bench::recovering()] {
        let bench = Bench::new(options);
        let mut clients = [bench.client(), bench.client(), bench.client()];
        bench.server.of("/").emit(list(json!(["shared", 1])));
        let heard = clients.each_mut().map(|client| {
            assert!(client.turn(), "it was woken");
            text(&client.lower.sent[0]).as_str().as_ptr()
        });
        assert_eq!(heard, [heard[0]; 3]);
    }
}

#[test]
fn a_socket_is_in_no_more_rooms_than_it_may() {
    let bench = Bench::new(Options { rooms_max: 2, ..Options::default() });
    let mut anna = bench.client();
    bench.notes();
    for room in ["a", "b", "b", "c"] {
        anna.say(&format!(r#"2["join","{room}"]"#));
    }
    assert_eq!((bench.notes(), bench.server.figures().rooms_refused), (vec!["too many rooms: c".to_owned()], 1));
}

#[test]
fn who_is_put_out_hears_what_was_sent_before_and_that_it_is_out() {
    let bench = Bench::new(Options::default());
    let mut anna = bench.client();
    bench.notes();
    bench.server.of("/").emit(list(json!(["first"])));
    anna.say(r#"2["kick"]"#);
    assert_eq!(anna.heard(), [r#"2["first"]"#, r#"2["goodbye"]"#, "1"]);
    assert!(!anna.lower.is_closed);
    assert_eq!(bench.notes(), [format!("disconnected {} server namespace disconnect recoverable=false", anna.sid)]);
    assert_eq!(bench.server.figures().sockets, 0);
}

#[test]
fn who_is_put_out_hard_leaves_all_namespaces_and_its_session_is_closed() {
    let bench = Bench::new(Options::default());
    let mut anna = bench.client();
    anna.say("0/other,");
    anna.heard();
    anna.say(r#"2["hard"]"#);
    assert_eq!(anna.heard(), ["1", "1/other,"]);
    assert!(anna.lower.is_closed);
    let mut bela = bench.client();
    assert!(bench.server.disconnect("/", &bela.sid, true));
    assert_eq!(bela.heard(), ["1"]);
    assert!(bela.lower.is_closed);
    assert!(!bench.server.disconnect("/", &bela.sid, true), "it is gone");
}

#[test]
fn a_client_that_leaves_or_is_lost_is_named_with_the_reason() {
    let bench = Bench::new(Options::default());
    let (mut anna, bela, mut carl) = (bench.client(), bench.client(), bench.client());
    let sids = [anna.sid.clone(), bela.sid.clone(), carl.sid.clone()];
    bench.notes();
    anna.say("1");
    bela.lose();
    carl.say("garbage");
    assert!(carl.lower.is_closed);
    let reasons = ["client namespace disconnect", "transport close", "parse error"];
    let said = |(sid, reason)| format!("disconnected {sid} {reason} recoverable=false");
    assert_eq!(bench.notes(), sids.iter().zip(reasons).map(said).collect::<Vec<_>>());
}

#[test]
fn a_client_in_no_namespace_is_closed_in_time() {
    let connection = ConnectionOptions { connect_timeout: std::time::Duration::from_secs(3), ..Default::default() };
    let bench = Bench::new(Options { connection, ..Options::default() });
    let mut client = bench.open();
    bench.pass(3);
    client.wake();
    assert!(client.lower.is_closed);
}
