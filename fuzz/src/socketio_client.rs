use std::time::Duration;

use bytes::Bytes;
use sangam_engineio_proto as engine;
use sangam_engineio_proto::{Packet, Session, TransportKind};
use sangam_socketio_proto as socket;
use sangam_socketio_proto::{Arguments, Connection, Parser};
use sangam_types::{Frame, Mono, Text};

/// What one client does to an Engine.IO session and the Socket.IO connection above it, line by line.
///
/// The first byte of the input: an even one begins over long polling, an odd one over WebSocket; from 0x80 on packets are
/// MessagePack. The first byte of a line says what happens: `r`, `b`: a text or binary message on the session's WebSocket;
/// `x`: one on a WebSocket that wants to take over; `w`, `v`: such a WebSocket opens, is gone; `p`, `q`: a GET, given up;
/// `o`: a POST with the rest; `a`: the server asks for an acknowledgement; `l`: it puts the client out of `/`; `c`: it
/// closes; `t`: as many seconds pass as the line has bytes.
///
/// Whatever it does, at most one GET waits, each POST is answered, nothing follows the end, events come from namespaces
/// that were entered, and no deadline lies in the past.
pub fn socketio_client(input: &[u8]) {
    let Some((&kind, lines)) = input.split_first() else { return };
    let transport = if kind % 2 == 0 { TransportKind::Polling } else { TransportKind::WebSocket };
    let parser = if kind < 0x80 { Parser::Json } else { Parser::MessagePack };
    let mut client = Client::new(transport, parser);
    for line in lines.split(|byte| *byte == b'\n') {
        client.line(line);
    }
    client.pass(Duration::from_secs(3_600));
    assert!(client.is_closed, "nobody answers a ping for an hour");
}

struct Client {
    session: Session,
    connection: Connection,
    now: Mono,
    gets_waiting: usize,
    is_closed: bool,
    entered: Vec<Text>,
    asked: u64,
}

impl Client {
    fn new(transport: TransportKind, parser: Parser) -> Self {
        let now = Mono::ZERO;
        let mut client = Self {
            session: Session::open("sid", transport, engine::Options::default(), now),
            connection: Connection::new(parser, socket::ConnectionOptions::default(), now),
            now,
            gets_waiting: usize::from(transport == TransportKind::Polling),
            is_closed: false,
            entered: Vec::new(),
            asked: 0,
        };
        client.drain_session();
        client
    }

    fn line(&mut self, line: &[u8]) {
        let Some((&what, rest)) = line.split_first() else { return };
        let text = || Frame::Text(Text::from(&*String::from_utf8_lossy(rest)));
        let binary = || Frame::Binary(Bytes::copy_from_slice(rest));
        match what {
            b'r' => self.session(engine::Input::Received(text())),
            b'b' => self.session(engine::Input::Received(binary())),
            b'x' => self.session(engine::Input::ProbeReceived(text())),
            b'w' => self.session(engine::Input::ProbeOpened),
            b'v' => self.session(engine::Input::ProbeGone),
            b'p' => {
                self.gets_waiting += 1;
                self.session(engine::Input::Polled);
            }
            b'q' if self.gets_waiting > 0 => {
                self.gets_waiting -= 1;
                self.session(engine::Input::PollGone);
            }
            b'o' => self.session(engine::Input::Posted(Bytes::copy_from_slice(rest))),
            b'a' => {
                self.asked += 1;
                let arguments = Arguments::new(Text::from_static(r#"["ready?"]"#)).expect("it is a list");
                let (ack, timeout) = (socket::AckId(self.asked), Duration::from_secs(5));
                let namespace = Text::from_static("/");
                self.connection(socket::ConnectionInput::Ask { namespace, arguments, timeout, ack });
            }
            b'l' => {
                self.entered.retain(|entered| entered.as_str() != "/");
                self.connection(socket::ConnectionInput::Leave { namespace: Text::from_static("/") });
            }
            b'c' => self.session(engine::Input::Close),
            b't' => self.pass(Duration::from_secs(rest.len() as u64)),
            _ => {}
        }
    }

    /// From deadline to deadline, as a driver waits.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.settle().filter(|at| *at <= end) {
            self.now = at;
            self.session.handle_input(at, engine::Input::Timeout);
            self.connection.handle_input(at, socket::ConnectionInput::Timeout);
        }
        self.now = end;
    }

    fn session(&mut self, input: engine::Input) {
        let is_post = matches!(input, engine::Input::Posted(_));
        self.session.handle_input(self.now, input);
        let answered = self.answer_post();
        assert_eq!(answered, is_post, "each POST is answered, first of all");
        self.settle();
    }

    /// Takes the answer to a POST, which comes before what it brought.
    fn answer_post(&mut self) -> bool {
        match self.session.poll_output() {
            engine::Output::AnswerPost | engine::Output::RefusePost => true,
            output => {
                self.take(output);
                false
            }
        }
    }

    /// Does what both want until they want nothing more, and says when to come back.
    fn settle(&mut self) -> Option<Mono> {
        self.drain_session();
        let connection = self.drain_connection();
        // What the connection sent or closed; the client says nothing meanwhile.
        let session = self.drain_session();
        session.into_iter().chain(connection).min()
    }

    fn drain_session(&mut self) -> Option<Mono> {
        loop {
            match self.session.poll_output() {
                engine::Output::Wait(deadline) => {
                    assert!(
                        deadline.is_none_or(|at| at > self.now),
                        "a deadline that is over would make a driver spin"
                    );
                    return deadline;
                }
                output => self.take(output),
            }
        }
    }

    fn take(&mut self, output: engine::Output) {
        match output {
            engine::Output::AnswerPoll(_) | engine::Output::RefusePoll => {
                self.gets_waiting = self.gets_waiting.checked_sub(1).expect("a GET waits");
            }
            engine::Output::Message(frame) => {
                assert!(!self.is_closed, "a message after the end");
                self.connection.handle_input(self.now, socket::ConnectionInput::Received(frame));
            }
            engine::Output::Closed(_) => {
                assert!(!std::mem::replace(&mut self.is_closed, true), "a second end");
                assert_eq!(self.gets_waiting, 0, "a GET that nobody answers");
            }
            _ => {}
        }
        assert!(self.gets_waiting <= 1, "more than one GET waits");
    }

    fn connection(&mut self, input: socket::ConnectionInput) {
        self.connection.handle_input(self.now, input);
        self.settle();
    }

    fn drain_connection(&mut self) -> Option<Mono> {
        use socket::ConnectionOutput as Output;
        loop {
            match self.connection.poll_output() {
                Output::Send(frames) => {
                    for frame in frames {
                        self.session.handle_input(self.now, engine::Input::Send(Packet::Message(frame).encode()));
                    }
                }
                Output::Entering { namespace, .. } => {
                    let (sid, pid) = (Text::from_static("sid"), None);
                    self.entered.push(namespace.clone());
                    let accept = socket::ConnectionInput::Accept { namespace, sid, pid };
                    self.connection.handle_input(self.now, accept);
                }
                Output::Event { namespace, .. } => {
                    assert!(self.entered.contains(&namespace), "an event from a namespace that was not entered");
                }
                Output::Left { namespace } => self.entered.retain(|entered| *entered != namespace),
                Output::Close(_) => self.session.handle_input(self.now, engine::Input::Close),
                Output::Acknowledged { .. } | Output::Unacknowledged { .. } => {}
                Output::Wait(deadline) => {
                    assert!(
                        deadline.is_none_or(|at| at > self.now),
                        "a deadline that is over would make a driver spin"
                    );
                    return deadline;
                }
            }
        }
    }
}
