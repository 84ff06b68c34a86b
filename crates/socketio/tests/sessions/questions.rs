use std::time::Duration;

use futures_util::FutureExt as _;
use sangam_socketio::{Answers, Options};
use sangam_types::Frame;
use serde_json::json;

use crate::bench::{Bench, list};

fn number(question: &str) -> &str {
    question.trim_start_matches('2').split('[').next().unwrap()
}

#[test]
fn an_event_is_answered_before_what_is_sent_after() {
    let bench = Bench::new(Options::default());
    let mut anna = bench.client();
    anna.say(r#"27["echo",1,{"a":2}]"#);
    assert_eq!(anna.heard(), [r#"37[1,{"a":2}]"#, r#"2["answered"]"#]);
}

#[test]
fn binary_comes_back_as_it_came() {
    let bench = Bench::new(Options::default());
    let mut anna = bench.client();
    anna.say(r#"51-["echo",{"_placeholder":true,"num":0}]"#);
    let now = bench.time.now().mono;
    use sangam_socketio::upper::Upper as _;
    anna.session.received(now, Frame::Binary(vec![1, 2].into()), &mut anna.lower);
    assert_eq!(anna.heard(), [r#"51-["echoed",{"_placeholder":true,"num":0}]"#, r#"b"\x01\x02""#]);
}

#[test]
fn a_question_to_one_is_acknowledged_or_not_in_time() {
    let bench = Bench::new(Options::default());
    let mut anna = bench.client();
    bench.notes();
    anna.say(r#"2["ask"]"#);
    let question = anna.heard().remove(0);
    anna.say(&format!(r#"3{}["fine"]"#, number(&question)));
    assert_eq!(bench.notes(), [r#"acknowledged ["fine"]"#]);
    anna.say(r#"2["ask"]"#);
    bench.pass(5);
    anna.wake();
    assert_eq!(bench.notes(), ["unacknowledged"]);
}

#[test]
fn a_question_to_many_collects_the_answers_that_come() {
    let bench = Bench::new(Options::default());
    let (mut anna, mut bela) = (bench.client(), bench.client());
    let mut answers = Box::pin(bench.server.of("/").ask(list(json!(["who"])), Duration::from_secs(2)));
    let (to_anna, to_bela) = (anna.heard().remove(0), bela.heard().remove(0));
    assert_eq!(to_anna, to_bela, "one encoding serves both");
    anna.say(&format!(r#"3{}["anna"]"#, number(&to_anna)));
    assert_eq!(answers.as_mut().now_or_never(), None);
    bela.say(&format!(r#"3{}["bela"]"#, number(&to_bela)));
    let lists = vec![list(json!(["anna"])), list(json!(["bela"]))];
    assert_eq!(answers.now_or_never(), Some(Answers { lists, missing: 0 }));
}

#[test]
fn who_does_not_answer_a_question_to_many_or_goes_is_missing() {
    let bench = Bench::new(Options::default());
    let (mut anna, bela) = (bench.client(), bench.client());
    let mut answers = Box::pin(bench.server.of("/").ask(list(json!(["who"])), Duration::from_secs(2)));
    anna.heard();
    bela.lose();
    assert_eq!(answers.as_mut().now_or_never(), None);
    bench.pass(2);
    anna.wake();
    assert_eq!(answers.now_or_never(), Some(Answers { lists: vec![], missing: 2 }));
    let nobody = bench.server.of("/").to("empty").ask(list(json!(["who"])), Duration::from_secs(2));
    assert_eq!(nobody.now_or_never(), Some(Answers::default()));
}
