use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sangam_types::{Frame, Mono, Text};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::json_parser::{JsonDecoder, encode_json};
use crate::msgpack_parser::{decode_msgpack, encode_msgpack};
use crate::packet::{Limits, Packet, PacketError, PacketKind};

/// Which parser both ends of a connection use. Nothing on the wire tells; it is the listener's setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parser {
    /// Text, with binary messages behind it.
    Json,
    /// One binary message for each packet.
    MessagePack,
}

impl Parser {
    /// Writes a packet once for all connections with this parser.
    #[must_use]
    pub fn encode(self, packet: &Packet) -> Vec<Frame> {
        match self {
            Self::Json => encode_json(packet),
            Self::MessagePack => vec![encode_msgpack(packet)],
        }
    }
}

/// Intervals and limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// For how long a client may be in no namespace: 45 s, as with Node's socket.io.
    pub connect_timeout: Duration,
    /// Namespaces of one connection, those asked for included: 16.
    pub namespaces_max: usize,
    /// Events of one namespace that wait for their acknowledgement: 1,024.
    pub acks_max: usize,
    /// How much one packet may have.
    pub limits: Limits,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(45),
            namespaces_max: 16,
            acks_max: 1_024,
            limits: Limits::default(),
        }
    }
}

/// Names an event that waits for its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AckId(pub u64);

/// What happens to a connection: exactly one of these, then drain [`ConnectionOutput`] to
/// [`ConnectionOutput::Wait`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionInput {
    /// A message of the session below.
    Received(Frame),
    /// The client may enter the namespace it asked for.
    Accept {
        /// Which.
        namespace: Text,
        /// Names the client in it.
        sid: Text,
        /// Names its session for recovery, if there is such a thing. Secret.
        pid: Option<Text>,
    },
    /// It may not.
    Refuse {
        /// Which.
        namespace: Text,
        /// Shown to the client's program.
        message: Text,
    },
    /// Send an event that is to be acknowledged within this time.
    Ask {
        /// In which namespace.
        namespace: Text,
        /// The list, its name first.
        arguments: Arguments,
        /// Until then.
        timeout: Duration,
        /// Named in the answer.
        ack: AckId,
    },
    /// Answer an event that asked for it.
    Answer {
        /// In which namespace.
        namespace: Text,
        /// As the event said.
        id: u64,
        /// The list.
        arguments: Arguments,
    },
    /// Put the client out of a namespace.
    Leave {
        /// Which.
        namespace: Text,
    },
    /// A deadline given by [`ConnectionOutput::Wait`] has passed. Harmless when early.
    Timeout,
}

/// What a connection wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionOutput {
    /// Send these messages, one behind the other.
    Send(Vec<Frame>),
    /// The client asks for a namespace: answer with [`ConnectionInput::Accept`] or [`ConnectionInput::Refuse`].
    Entering {
        /// Which.
        namespace: Text,
        /// What it shows for it: an object.
        auth: Option<Arguments>,
    },
    /// The client sent an event.
    Event {
        /// In which namespace.
        namespace: Text,
        /// The list, its name first. `None` for an event without one, which Node's parser lets pass.
        arguments: Option<Arguments>,
        /// It asks for an answer under this number.
        id: Option<u64>,
    },
    /// The client acknowledged what it was [asked](ConnectionInput::Ask).
    Acknowledged {
        /// Which question.
        ack: AckId,
        /// The list.
        arguments: Option<Arguments>,
    },
    /// It did not in time, or left, or too many wait.
    Unacknowledged {
        /// Which question.
        ack: AckId,
    },
    /// The client left a namespace.
    Left {
        /// Which.
        namespace: Text,
    },
    /// Close the session below. Nothing but [`ConnectionOutput::Wait`] follows.
    Close(ConnectionFault),
    /// Drained; call with [`ConnectionInput::Timeout`] at this deadline at the latest.
    Wait(Option<Mono>),
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFault {
    /// What came is no packet.
    Parse(PacketError),
    /// A packet for a namespace that the client is not in, or asks for twice.
    State,
    /// It entered none in time.
    NoNamespace,
    /// It asks for more namespaces than it may have.
    TooManyNamespaces,
}

/// The namespaces and acknowledgements of one client's session.
#[derive(Debug)]
pub struct Connection {
    options: ConnectionOptions,
    parser: Parser,
    decoder: JsonDecoder,
    namespaces: Vec<Namespace>,
    /// Until the first namespace is entered.
    connect_by: Option<Mono>,
    is_closed: bool,
    outputs: VecDeque<ConnectionOutput>,
}

#[derive(Debug)]
struct Namespace {
    name: Text,
    is_entered: bool,
    next_id: u64,
    /// By the number on the wire.
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    ack: AckId,
    until: Mono,
}

impl Connection {
    /// A connection in no namespace.
    #[must_use]
    pub fn new(parser: Parser, options: ConnectionOptions, now: Mono) -> Self {
        Self {
            options,
            parser,
            decoder: JsonDecoder::new(options.limits),
            namespaces: Vec::new(),
            connect_by: Some(now + options.connect_timeout),
            is_closed: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input; then drain [`poll_output`](Self::poll_output).
    pub fn handle_input(&mut self, now: Mono, input: ConnectionInput) {
        if self.is_closed {
            return;
        }
        match input {
            ConnectionInput::Received(frame) => self.receive(frame),
            ConnectionInput::Accept { namespace, sid, pid } => self.accept(&namespace, &sid, pid.as_ref()),
            ConnectionInput::Refuse { namespace, message } => self.refuse(&namespace, &message),
            ConnectionInput::Ask { namespace, arguments, timeout, ack } => {
                self.ask(&namespace, arguments, Waiting { ack, until: now + timeout });
            }
            ConnectionInput::Answer { namespace, id, arguments } => {
                if self.entered(&namespace).is_some() {
                    self.send(PacketKind::Ack, &namespace, Some(id), Some(arguments));
                }
            }
            ConnectionInput::Leave { namespace } => {
                if self.forget(&namespace).is_some() {
                    self.send(PacketKind::Disconnect, &namespace, None, None);
                }
            }
            ConnectionInput::Timeout => self.time_out(now),
        }
    }

    /// The next thing to do, [`ConnectionOutput::Wait`] when there is nothing more.
    pub fn poll_output(&mut self) -> ConnectionOutput {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        // An idle connection keeps no memory of a busy past.
        self.outputs = VecDeque::new();
        let waiting = self.namespaces.iter().flat_map(|namespace| namespace.waiting.values());
        ConnectionOutput::Wait(waiting.map(|waiting| waiting.until).chain(self.connect_by).min())
    }

    fn receive(&mut self, frame: Frame) {
        let decoded = match self.parser {
            Parser::Json => self.decoder.decode(frame),
            Parser::MessagePack => decode_msgpack(&frame, &self.options.limits).map(Some),
        };
        match decoded {
            Ok(Some(packet)) => self.take(packet),
            Ok(None) => {}
            Err(error) => self.close(ConnectionFault::Parse(error)),
        }
    }

    fn take(&mut self, packet: Packet) {
        let Packet { kind, namespace, id, arguments } = packet;
        let is_known = self.namespaces.iter().any(|known| known.name == namespace);
        if kind == PacketKind::Connect && !is_known {
            return self.enter(namespace, arguments);
        }
        if self.entered(&namespace).is_none() {
            return self.close(ConnectionFault::State);
        }
        match kind {
            PacketKind::Event => self.outputs.push_back(ConnectionOutput::Event { namespace, arguments, id }),
            PacketKind::Ack => self.acknowledge(&namespace, id, arguments),
            PacketKind::Disconnect => {
                self.forget(&namespace);
                self.outputs.push_back(ConnectionOutput::Left { namespace });
            }
            PacketKind::Connect | PacketKind::ConnectError => self.close(ConnectionFault::State),
        }
    }

    fn enter(&mut self, name: Text, auth: Option<Arguments>) {
        if self.namespaces.len() >= self.options.namespaces_max {
            return self.close(ConnectionFault::TooManyNamespaces);
        }
        let namespace = Namespace { name: name.clone(), is_entered: false, next_id: 0, waiting: BTreeMap::new() };
        self.namespaces.push(namespace);
        self.outputs.push_back(ConnectionOutput::Entering { namespace: name, auth });
    }

    fn accept(&mut self, name: &Text, sid: &Text, pid: Option<&Text>) {
        let asked = self.namespaces.iter_mut().find(|namespace| namespace.name == *name && !namespace.is_entered);
        let Some(namespace) = asked else { return };
        namespace.is_entered = true;
        self.connect_by = None;
        let members = [Some(("sid", sid)), pid.map(|pid| ("pid", pid))].into_iter().flatten();
        let members = members.map(|(member, text)| (member.to_owned(), Value::from(text.as_str())));
        self.send(PacketKind::Connect, name, None, object(members));
    }

    fn refuse(&mut self, name: &Text, message: &Text) {
        let before = self.namespaces.len();
        self.namespaces.retain(|namespace| namespace.name != *name || namespace.is_entered);
        if self.namespaces.len() < before {
            let message = ("message".to_owned(), Value::from(message.as_str()));
            self.send(PacketKind::ConnectError, name, None, object([message]));
        }
    }

    fn ask(&mut self, name: &Text, arguments: Arguments, waiting: Waiting) {
        let acks_max = self.options.acks_max;
        let Some(namespace) = self.entered(name).filter(|namespace| namespace.waiting.len() < acks_max) else {
            return self.outputs.push_back(ConnectionOutput::Unacknowledged { ack: waiting.ack });
        };
        let id = namespace.next_id;
        namespace.next_id += 1;
        namespace.waiting.insert(id, waiting);
        self.send(PacketKind::Event, name, Some(id), Some(arguments));
    }

    /// An answer to what was not asked, or too late, is nobody's.
    fn acknowledge(&mut self, name: &Text, id: Option<u64>, arguments: Option<Arguments>) {
        let waiting = self.entered(name).and_then(|namespace| namespace.waiting.remove(&id?));
        let acknowledged = waiting.map(|Waiting { ack, .. }| ConnectionOutput::Acknowledged { ack, arguments });
        self.outputs.extend(acknowledged);
    }

    /// Takes the client out of a namespace, asked for or entered.
    fn forget(&mut self, name: &Text) -> Option<()> {
        let at = self.namespaces.iter().position(|namespace| namespace.name == *name)?;
        let namespace = self.namespaces.swap_remove(at);
        let unacknowledged = |waiting: Waiting| ConnectionOutput::Unacknowledged { ack: waiting.ack };
        self.outputs.extend(namespace.waiting.into_values().map(unacknowledged));
        Some(())
    }

    fn time_out(&mut self, now: Mono) {
        if self.connect_by.is_some_and(|by| by <= now) {
            return self.close(ConnectionFault::NoNamespace);
        }
        for namespace in &mut self.namespaces {
            let late = namespace.waiting.extract_if(.., |_, waiting| waiting.until <= now);
            self.outputs.extend(late.map(|(_, Waiting { ack, .. })| ConnectionOutput::Unacknowledged { ack }));
        }
    }

    fn entered(&mut self, name: &Text) -> Option<&mut Namespace> {
        self.namespaces.iter_mut().find(|namespace| namespace.name == *name && namespace.is_entered)
    }

    fn send(&mut self, kind: PacketKind, namespace: &Text, id: Option<u64>, arguments: Option<Arguments>) {
        let packet = Packet { kind, namespace: namespace.clone(), id, arguments };
        self.outputs.push_back(ConnectionOutput::Send(self.parser.encode(&packet)));
    }

    fn close(&mut self, fault: ConnectionFault) {
        while let Some(name) = self.namespaces.first().map(|namespace| namespace.name.clone()) {
            self.forget(&name);
        }
        self.connect_by = None;
        self.is_closed = true;
        self.outputs.push_back(ConnectionOutput::Close(fault));
    }
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Option<Arguments> {
    let object = Value::Object(members.into_iter().collect());
    // What was just written as JSON is JSON.
    Arguments::new(Text::from(object.to_string())).ok()
}
