//! One session as its driver sees it: inputs arranged, outputs asserted, time set by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail wherever it likes")]

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sangam_engineio_proto::{CloseReason, Input, Options, Output, Packet, Session, TransportKind};
use sangam_types::{Frame, Mono, Text};

const OPEN: &str =
    r#"0{"sid":"s1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// A session and the time.
struct Bench {
    session: Session,
    now: Mono,
}

fn text(text: &str) -> Frame {
    Frame::Text(Text::from(text))
}

fn message(payload: &str) -> Frame {
    Packet::Message(text(payload)).encode()
}

fn poll_body(body: &str) -> Output {
    Output::AnswerPoll(body.as_bytes().to_vec())
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

impl Bench {
    /// A session whose open packet has been sent.
    fn open(transport: TransportKind) -> Self {
        Self::with(transport, Options::default())
    }

    fn with(transport: TransportKind, options: Options) -> Self {
        let now = Mono::ZERO;
        let mut bench = Self { session: Session::open("s1", transport, options, now), now };
        assert_eq!(bench.drain().len(), 1);
        bench
    }

    fn drain(&mut self) -> Vec<Output> {
        let outputs = std::iter::from_fn(|| match self.session.poll_output() {
            Output::Wait(_) => None,
            output => Some(output),
        });
        outputs.collect()
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.session.handle_input(self.now, input);
        self.drain()
    }

    /// Lets time go by as a driver does: from deadline to deadline.
    fn pass(&mut self, time: Duration) -> Vec<Output> {
        let end = self.now + time;
        let mut outputs = Vec::new();
        while let Output::Wait(Some(at)) = self.session.poll_output()
            && at <= end
        {
            self.now = at;
            outputs.extend(self.input(Input::Timeout));
        }
        self.now = end;
        outputs
    }
}

#[test]
fn the_first_packet_is_the_handshake_on_the_transport_that_asked() {
    let options = Options::default();
    let mut polling = Session::open("s1", TransportKind::Polling, options, Mono::ZERO);
    assert_eq!(polling.poll_output(), poll_body(OPEN));
    let mut websocket = Session::open("s1", TransportKind::WebSocket, options, Mono::ZERO);
    assert_eq!(websocket.poll_output(), Output::Send(text(&OPEN.replace(r#""websocket""#, ""))));
}

#[test]
fn the_first_ping_comes_after_the_interval_and_each_next_after_its_pong() {
    let mut bench = Bench::open(TransportKind::WebSocket);
    assert_eq!(bench.pass(secs(24)), []);
    assert_eq!(bench.pass(secs(1)), [Output::Send(text("2"))]);
    bench.pass(secs(10));
    assert_eq!(bench.input(Input::Received(text("3"))), []);
    assert_eq!(bench.pass(secs(24)), []);
    assert_eq!(bench.pass(secs(1)), [Output::Send(text("2"))]);
}

#[test]
fn a_ping_that_goes_unanswered_ends_the_session() {
    let mut bench = Bench::open(TransportKind::WebSocket);
    bench.pass(secs(25));
    assert_eq!(bench.pass(secs(19)), []);
    assert_eq!(bench.pass(secs(1)), [Output::CloseSocket, Output::Closed(CloseReason::PingTimeout)]);
    assert_eq!(bench.session.poll_output(), Output::Wait(None));
    assert_eq!(bench.input(Input::Send(message("late"))), []);
}

#[test]
fn a_packet_that_is_no_pong_prolongs_the_wait_for_it_once() {
    let mut bench = Bench::open(TransportKind::WebSocket);
    bench.pass(secs(25));
    bench.pass(secs(15));
    assert_eq!(bench.input(Input::Received(message("busy"))), [Output::Message(text("busy"))]);
    assert_eq!(bench.pass(secs(15)), []);
    assert_eq!(bench.input(Input::Received(message("busy"))), [Output::Message(text("busy"))]);
    assert_eq!(bench.pass(secs(5)), [Output::CloseSocket, Output::Closed(CloseReason::PingTimeout)]);
}

#[test]
fn a_websocket_that_fails_or_does_not_take_what_is_sent_ends_the_session_with_its_reason() {
    for (input, reason) in
        [(Input::SocketFailed, CloseReason::TransportError), (Input::SocketStuck, CloseReason::TooSlow)]
    {
        let mut bench = Bench::open(TransportKind::WebSocket);
        assert_eq!(bench.input(input), [Output::CloseSocket, Output::Closed(reason)]);
    }
}

#[test]
fn a_session_over_polling_takes_more_while_a_poll_waits() {
    let mut bench = Bench::open(TransportKind::Polling);
    assert!(!bench.session.is_writable());
    bench.input(Input::Polled);
    assert!(bench.session.is_writable());
    bench.input(Input::Send(message("a")));
    bench.input(Input::Send(message("b")));
    assert_eq!((bench.session.is_writable(), bench.session.queued_bytes()), (false, 2));
}

#[test]
fn a_client_that_polls_gets_what_waits_in_one_body_or_waits_for_the_next() {
    let mut bench = Bench::open(TransportKind::Polling);
    bench.input(Input::Send(message("a")));
    bench.input(Input::Send(Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]))));
    assert_eq!(bench.input(Input::Polled), [poll_body("4a\u{1e}bAQIDBA==")]);
    assert_eq!(bench.input(Input::Polled), []);
    assert_eq!(bench.input(Input::Send(message("b"))), [poll_body("4b")]);
}

#[test]
fn what_is_posted_comes_in_order_and_is_answered() {
    let mut bench = Bench::open(TransportKind::Polling);
    let outputs = bench.input(Input::Posted(Bytes::from_static(b"4one\x1ebAQID\x1e3\x1e4two")));
    let binary = Frame::Binary(Bytes::from_static(&[1, 2, 3]));
    let messages = [Output::Message(text("one")), Output::Message(binary), Output::Message(text("two"))];
    assert_eq!(outputs[0], Output::AnswerPost);
    assert_eq!(outputs[1..], messages);
}

#[test]
fn a_body_that_cannot_be_read_ends_the_session_after_what_could() {
    for body in [&b"4one\x1eabc\x1e4two"[..], b"4one\x1eb***", b"4one\x1e"] {
        let mut bench = Bench::open(TransportKind::Polling);
        let outputs = bench.input(Input::Posted(Bytes::from_static(body)));
        let end = Output::Closed(CloseReason::ParseError);
        assert_eq!(outputs, [Output::AnswerPost, Output::Message(text("one")), end]);
        assert_eq!(bench.input(Input::Polled), [Output::RefusePoll]);
    }
}

#[test]
fn a_body_has_so_many_packets_and_no_more() {
    let mut bench = Bench::with(TransportKind::Polling, Options { payload_packets_max: 2, ..Options::default() });
    assert_eq!(bench.input(Input::Posted(Bytes::from_static(b"4\x1e4"))).len(), 3);
    let outputs = bench.input(Input::Posted(Bytes::from_static(b"4\x1e4\x1e4\x1e4")));
    assert_eq!((outputs.len(), outputs.last()), (4, Some(&Output::Closed(CloseReason::ParseError))));
}

#[test]
fn two_polls_at_once_end_the_session_and_only_the_first_hears_of_it() {
    let mut bench = Bench::open(TransportKind::Polling);
    bench.input(Input::Polled);
    let end = Output::Closed(CloseReason::TransportError);
    assert_eq!(bench.input(Input::Polled), [Output::RefusePoll, poll_body("1"), end]);
}

#[test]
fn a_poll_that_is_given_up_ends_the_session() {
    let mut bench = Bench::open(TransportKind::Polling);
    bench.input(Input::Polled);
    assert_eq!(bench.input(Input::PollGone), [Output::Closed(CloseReason::TransportError)]);
}

#[test]
fn a_client_may_close_over_either_transport() {
    let mut polling = Bench::open(TransportKind::Polling);
    polling.input(Input::Polled);
    let outputs = polling.input(Input::Posted(Bytes::from_static(b"1")));
    assert_eq!(outputs, [Output::AnswerPost, poll_body("6"), Output::Closed(CloseReason::TransportClose)]);
    let mut websocket = Bench::open(TransportKind::WebSocket);
    let outputs = websocket.input(Input::Received(text("1")));
    assert_eq!(outputs, [Output::CloseSocket, Output::Closed(CloseReason::TransportClose)]);
}

#[test]
fn garbage_on_a_websocket_ends_the_session_with_its_reason() {
    let cases = [
        ("", CloseReason::ParseError),
        ("9", CloseReason::ParseError),
        ("é", CloseReason::ParseError),
        ("2", CloseReason::TransportError),
        ("2probe", CloseReason::TransportError),
    ];
    for (frame, reason) in cases {
        let mut bench = Bench::open(TransportKind::WebSocket);
        let outputs = bench.input(Input::Received(text(frame)));
        assert_eq!(outputs, [Output::CloseSocket, Output::Closed(reason)], "{frame:?}");
    }
}

#[test]
fn an_upgrade_ends_the_poll_that_waits_and_moves_what_waits_to_the_websocket() {
    let mut bench = Bench::open(TransportKind::Polling);
    bench.input(Input::Polled);
    assert_eq!(bench.input(Input::ProbeOpened), []);
    let confirmed = [Output::SendProbe(text("3probe")), poll_body("6")];
    assert_eq!(bench.input(Input::ProbeReceived(text("2probe"))), confirmed);
    assert_eq!(bench.input(Input::Polled), [poll_body("6")], "the client must be able to stop polling");
    bench.input(Input::Send(message("between")));
    let upgraded = [Output::Upgraded, Output::Send(message("between"))];
    assert_eq!(bench.input(Input::ProbeReceived(text("5"))), upgraded);
    assert_eq!(bench.input(Input::Send(message("after"))), [Output::Send(message("after"))]);
    assert_eq!(bench.input(Input::Received(message("up"))), [Output::Message(text("up"))]);
    assert_eq!(bench.input(Input::Polled), [Output::RefusePoll]);
    assert_eq!(bench.input(Input::Posted(Bytes::from_static(b"4x"))), [Output::RefusePost]);
    assert_eq!(bench.input(Input::ProbeOpened), [Output::RefuseProbe]);
}

#[test]
fn polling_goes_on_when_a_probe_says_something_else_or_nothing_or_leaves() {
    let mut bench = Bench::open(TransportKind::Polling);
    bench.input(Input::ProbeOpened);
    assert_eq!(bench.input(Input::ProbeOpened), [Output::RefuseProbe], "one at a time");
    assert_eq!(bench.input(Input::ProbeReceived(text("4hello"))), [Output::CloseProbe]);
    bench.input(Input::ProbeOpened);
    assert_eq!(bench.pass(secs(10)), [Output::CloseProbe]);
    bench.input(Input::ProbeOpened);
    assert_eq!(bench.input(Input::ProbeGone), []);
    bench.input(Input::Send(message("a")));
    assert_eq!(bench.input(Input::Polled), [poll_body("4a")]);
}

#[test]
fn a_session_closed_while_its_client_changes_over_ends_when_that_has_what_was_sent() {
    let mut bench = Bench::open(TransportKind::Polling);
    bench.input(Input::ProbeOpened);
    bench.input(Input::ProbeReceived(text("2probe")));
    bench.input(Input::Send(message("last")));
    assert_eq!(bench.input(Input::Close), [], "the client polls no more");
    let end = Output::Closed(CloseReason::ForcedClose);
    let last = [Output::Upgraded, Output::Send(message("last")), Output::CloseSocket, end.clone()];
    assert_eq!(bench.input(Input::ProbeReceived(text("5"))), last);
    let mut silent = Bench::open(TransportKind::Polling);
    silent.input(Input::ProbeOpened);
    silent.input(Input::Close);
    let ended = silent.pass(secs(30));
    assert_eq!(ended, [Output::CloseProbe, end]);
}

#[test]
fn a_session_that_the_server_closes_says_so_at_the_poll_after_what_waited_or_after_a_while() {
    let mut bench = Bench::open(TransportKind::Polling);
    bench.input(Input::Send(message("last")));
    assert_eq!(bench.input(Input::Close), []);
    let end = Output::Closed(CloseReason::ForcedClose);
    assert_eq!(bench.input(Input::Polled), [poll_body("4last")]);
    assert_eq!(bench.input(Input::Polled), [poll_body("1"), end.clone()]);
    let mut silent = Bench::open(TransportKind::Polling);
    silent.input(Input::Close);
    assert_eq!(silent.pass(secs(29)), []);
    assert_eq!(silent.pass(secs(1)), [end]);
}

#[test]
fn a_client_that_does_not_poll_has_so_many_bytes_waiting_and_no_more() {
    let options = Options { queue_bytes_max: 10, ..Options::default() };
    let mut bench = Bench::with(TransportKind::Polling, options);
    assert_eq!(bench.input(Input::Send(message("123456789"))), []);
    assert_eq!(bench.input(Input::Send(message(""))), [Output::Closed(CloseReason::TooSlow)]);
}

fn input() -> impl Strategy<Value = Input> {
    let frame = prop_oneof![
        "[0-9b]{0,1}[a-z]{0,6}".prop_map(|it| text(&it)),
        Just(text("2probe")),
        Just(text("5")),
        Just(text("3")),
        any::<[u8; 3]>().prop_map(|it| Frame::Binary(Bytes::copy_from_slice(&it))),
    ];
    let body = prop_oneof!["(4[a-z]|3|1|b[A-D]{4}|x){1,4}", "[0-9b\u{1e}]{0,12}"];
    prop_oneof![
        frame.clone().prop_map(Input::Received),
        Just(Input::SocketGone),
        Just(Input::SocketFailed),
        Just(Input::SocketStuck),
        Just(Input::ProbeOpened),
        frame.clone().prop_map(Input::ProbeReceived),
        Just(Input::ProbeGone),
        Just(Input::Polled),
        Just(Input::PollGone),
        body.prop_map(|body| Input::Posted(Bytes::from(body))),
        Just(Input::PostOverlapped),
        frame.prop_map(Input::Send),
        Just(Input::Close),
        Just(Input::Timeout),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_every_request_is_answered_once_and_the_session_ends_once(
        polls in any::<bool>(),
        steps in proptest::collection::vec((input(), 0..30_u64), 0..60),
    ) {
        let transport = if polls { TransportKind::Polling } else { TransportKind::WebSocket };
        let mut bench = Bench::open(transport);
        let (mut waiting, mut closed) = (0_i32, 0);
        for (input, wait) in steps {
            bench.pass(secs(wait)).iter().for_each(|output| count(output, &mut waiting, &mut closed));
            let is_post = matches!(input, Input::Posted(_) | Input::PostOverlapped);
            match input {
                Input::Polled => waiting += 1,
                Input::PollGone if waiting == 0 => continue,
                Input::PollGone => waiting -= 1,
                _ => {}
            }
            let outputs = bench.input(input);
            outputs.iter().for_each(|output| count(output, &mut waiting, &mut closed));
            let answers = outputs.iter().filter(|it| matches!(it, Output::AnswerPost | Output::RefusePost)).count();
            prop_assert_eq!(answers, usize::from(is_post));
            prop_assert!((0..=1).contains(&waiting), "{}", waiting);
            prop_assert!(closed <= 1 && (closed == 0 || waiting == 0));
        }
    }
}

fn count(output: &Output, waiting: &mut i32, closed: &mut i32) {
    match output {
        Output::AnswerPoll(_) | Output::RefusePoll => *waiting -= 1,
        Output::Closed(_) => *closed += 1,
        _ => {}
    }
}
