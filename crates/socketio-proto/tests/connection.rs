//! One connection as its driver sees it: inputs arranged, outputs asserted, time set by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail wherever it likes")]

use std::time::Duration;

use sangam_socketio_proto::{
    AckId, Arguments, Connection, ConnectionFault, ConnectionInput as Input, ConnectionOptions,
    ConnectionOutput as Output, PacketError, Parser,
};
use sangam_types::{Frame, Mono, Text};

struct Bench {
    connection: Connection,
    now: Mono,
}

fn text(text: &str) -> Frame {
    Frame::Text(Text::from(text))
}

fn sent(wire: &str) -> Output {
    Output::Send(vec![text(wire)])
}

fn list(json: &str) -> Arguments {
    Arguments::new(Text::from(json)).unwrap()
}

fn accept(namespace: &str, sid: &str, pid: Option<&str>) -> Input {
    Input::Accept { namespace: Text::from(namespace), sid: Text::from(sid), pid: pid.map(Text::from) }
}

fn ask(ack: u64, secs: u64) -> Input {
    let (namespace, arguments) = (Text::from("/"), list(r#"["ready?"]"#));
    Input::Ask { namespace, arguments, timeout: Duration::from_secs(secs), ack: AckId(ack) }
}

impl Bench {
    fn new() -> Self {
        let now = Mono::ZERO;
        Self { connection: Connection::new(Parser::Json, ConnectionOptions::default(), now), now }
    }

    /// In the namespace that every client has.
    fn entered() -> Self {
        let mut bench = Self::new();
        bench.receive("0");
        bench.input(accept("/", "s1", None));
        bench
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.connection.handle_input(self.now, input);
        let outputs = std::iter::from_fn(|| match self.connection.poll_output() {
            Output::Wait(_) => None,
            output => Some(output),
        });
        outputs.collect()
    }

    fn receive(&mut self, wire: &str) -> Vec<Output> {
        self.input(Input::Received(text(wire)))
    }

    fn pass(&mut self, secs: u64) -> Vec<Output> {
        self.now = self.now + Duration::from_secs(secs);
        self.input(Input::Timeout)
    }
}

#[test]
fn a_client_enters_a_namespace_when_the_server_lets_it() {
    let mut bench = Bench::new();
    let entering = bench.receive(r#"0/room,{"token":"t"}"#);
    assert_eq!(entering, [Output::Entering { namespace: Text::from("/room"), auth: Some(list(r#"{"token":"t"}"#)) }]);
    let welcome = bench.input(accept("/room", "s1", Some("p1")));
    assert_eq!(welcome, [sent(r#"0/room,{"sid":"s1","pid":"p1"}"#)]);
    assert_eq!(
        bench.receive(r#"2/room,["hi"]"#),
        [Output::Event { namespace: Text::from("/room"), arguments: Some(list(r#"["hi"]"#)), id: None }]
    );
    assert_eq!(bench.receive("1/room,"), [Output::Left { namespace: Text::from("/room") }]);
    assert_eq!(bench.receive(r#"2/room,["hi"]"#), [Output::Close(ConnectionFault::State)]);
}

#[test]
fn a_client_that_is_refused_may_ask_again() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.receive("0/none,");
        let refuse =
            Input::Refuse { namespace: Text::from("/none"), message: Text::from("Invalid namespace"), data: None };
        assert_eq!(bench.input(refuse), [sent(r#"4/none,{"message":"Invalid namespace"}"#)]);
    }
}

#[test]
fn a_client_that_enters_nothing_is_closed_and_one_that_did_is_not() {
    let mut bench = Bench::new();
    assert_eq!(bench.pass(44), []);
    assert_eq!(bench.pass(1), [Output::Close(ConnectionFault::NoNamespace)]);
    assert_eq!(Bench::entered().pass(3_600), []);
}

#[test]
fn packets_that_make_no_sense_close_the_connection_and_nothing_is_heard_after() {
    for (wire, fault) in [
        ("0", ConnectionFault::State),
        ("4", ConnectionFault::State),
        (r#"2/other,["x"]"#, ConnectionFault::State),
        ("9", ConnectionFault::Parse(PacketError::Kind)),
        (r#"2["connect"]"#, ConnectionFault::Parse(PacketError::Payload)),
    ] {
        let mut bench = Bench::entered();
        assert_eq!(bench.receive(wire), [Output::Close(fault)], "{wire}");
        assert_eq!(bench.receive(r#"2["x"]"#), []);
        assert_eq!(bench.connection.poll_output(), Output::Wait(None));
    }
}

#[test]
fn an_event_before_its_namespace_is_entered_closes_the_connection() {
    let mut bench = Bench::new();
    bench.receive("0");
    assert_eq!(bench.receive(r#"2["x"]"#), [Output::Close(ConnectionFault::State)]);
}

#[test]
fn a_connection_has_so_many_namespaces() {
    let mut bench = Bench::entered();
    for number in 1..16 {
        assert_eq!(bench.receive(&format!("0/n{number},")).len(), 1);
    }
    assert_eq!(bench.receive("0/n16,"), [Output::Close(ConnectionFault::TooManyNamespaces)]);
}

#[test]
fn an_event_that_asks_is_answered_under_its_number() {
    let mut bench = Bench::entered();
    let Output::Event { id, .. } = &bench.receive(r#"27["sum",1,2]"#)[0] else { panic!("an event") };
    assert_eq!(*id, Some(7));
    let answer = Input::Answer { namespace: Text::from("/"), id: 7, arguments: list("[3]") };
    assert_eq!(bench.input(answer), [sent("37[3]")]);
}

#[test]
fn a_question_is_acknowledged_once_or_given_up() {
    let mut bench = Bench::entered();
    assert_eq!(bench.input(ask(70, 5)), [sent(r#"270["ready?"]"#)]);
    assert_eq!(bench.input(ask(71, 9)), [sent(r#"271["ready?"]"#)]);
    assert_eq!(
        bench.receive(r#"370["yes"]"#),
        [Output::Acknowledged { ack: AckId(70), arguments: Some(list(r#"["yes"]"#)) }]
    );
    assert_eq!(bench.receive(r#"370["yes"]"#), []);
    assert_eq!(bench.receive("3[]"), []);
    assert_eq!(bench.pass(8), []);
    assert_eq!(bench.pass(1), [Output::Unacknowledged { ack: AckId(71) }]);
    assert_eq!(bench.receive("371[]"), []);
    bench.input(ask(72, 9));
    assert_eq!(
        bench.receive("1"),
        [Output::Unacknowledged { ack: AckId(72) }, Output::Left { namespace: Text::from("/") }]
    );
    assert_eq!(bench.input(ask(73, 9)), [Output::Unacknowledged { ack: AckId(73) }]);
}

#[test]
fn a_question_sent_to_many_is_awaited_without_being_sent_again() {
    let mut bench = Bench::entered();
    let wait = |ack| Input::Await { namespace: Text::from("/"), timeout: Duration::from_secs(2), ack: AckId(ack) };
    assert_eq!(bench.input(wait(900)), []);
    assert_eq!(bench.input(wait(901)), []);
    let answered = Output::Acknowledged { ack: AckId(900), arguments: Some(list(r#"["yes"]"#)) };
    assert_eq!(bench.receive(r#"3900["yes"]"#), [answered]);
    assert_eq!(bench.pass(2), [Output::Unacknowledged { ack: AckId(901) }]);
}

#[test]
fn a_refusal_may_carry_data() {
    let mut bench = Bench::new();
    bench.receive("0");
    let data = Some(list(r#"{"retry":5}"#));
    let refuse = Input::Refuse { namespace: Text::from("/"), message: Text::from("later"), data };
    assert_eq!(bench.input(refuse), [sent(r#"4{"message":"later","data":{"retry":5}}"#)]);
}

#[test]
fn a_client_put_out_of_a_namespace_hears_of_it() {
    let mut bench = Bench::entered();
    assert_eq!(bench.input(Input::Leave { namespace: Text::from("/") }), [sent("1")]);
    assert_eq!(bench.input(Input::Leave { namespace: Text::from("/") }), []);
    assert_eq!(bench.receive("0").len(), 1, "it may come again");
}
