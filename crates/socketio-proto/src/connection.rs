use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sangam_types::{Frame, Mono, Text};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::json_parser::{JsonDecoder, encode_json_behind};
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
        self.encode_behind("", packet)
    }

    /// As [`Parser::encode`], with `prefix` before the text if there is one: what a session below would else copy the
    /// text for.
    #[must_use]
    pub fn encode_behind(self, prefix: &str, packet: &Packet) -> Vec<Frame> {
        match self {
            Self::Json => encode_json_behind(prefix, packet),
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

/// Names an event that waits for its acknowledgement: its number on the wire, which the driver gives, so that one
/// encoding of a question serves many connections.
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
        /// Shown beside it, as `data`: any JSON, without binary values.
        data: Option<Arguments>,
    },
    /// Send an event that is to be acknowledged within this time.
    Ask {
        /// In which namespace.
        namespace: Text,
        /// The list, its name first.
        arguments: Arguments,
        /// Until then.
        timeout: Duration,
        /// Its number: one that waits already is asked anew.
        ack: AckId,
    },
    /// Await the acknowledgement of an event that the driver sends itself, having encoded it once for many.
    Await {
        /// In which namespace.
        namespace: Text,
        /// Until then.
        timeout: Duration,
        /// Its number.
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
    /// What waits for its acknowledgement, and until when.
    waiting: BTreeMap<AckId, Mono>,
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
            ConnectionInput::Refuse { namespace, message, data } => self.refuse(&namespace, &message, data),
            ConnectionInput::Ask { namespace, arguments, timeout, ack } => {
                if self.wait(&namespace, ack, now + timeout) {
                    self.send(PacketKind::Event, &namespace, Some(ack.0), Some(arguments));
                }
            }
            ConnectionInput::Await { namespace, timeout, ack } => {
                self.wait(&namespace, ack, now + timeout);
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
        ConnectionOutput::Wait(waiting.copied().chain(self.connect_by).min())
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
        let namespace = Namespace { name: name.clone(), is_entered: false, waiting: BTreeMap::new() };
        self.namespaces.push(namespace);
        self.outputs.push_back(ConnectionOutput::Entering { namespace: name, auth });
    }

    fn accept(&mut self, name: &Text, sid: &Text, pid: Option<&Text>) {
        let asked = self.namespaces.iter_mut().find(|namespace| namespace.name == *name && !namespace.is_entered);
        let Some(namespace) = asked else { return };
        namespace.is_entered = true;
        self.connect_by = None;
        let pid = pid.map(|pid| ("pid", Value::from(pid.as_str()).to_string()));
        let members = [("sid", Value::from(sid.as_str()).to_string())].into_iter().chain(pid);
        self.send(PacketKind::Connect, name, None, object(members));
    }

    fn refuse(&mut self, name: &Text, message: &Text, data: Option<Arguments>) {
        let before = self.namespaces.len();
        self.namespaces.retain(|namespace| namespace.name != *name || namespace.is_entered);
        if self.namespaces.len() < before {
            let data = data.map(|data| ("data", data.json().to_owned()));
            let members = [("message", Value::from(message.as_str()).to_string())].into_iter().chain(data);
            self.send(PacketKind::ConnectError, name, None, object(members));
        }
    }

    /// Whether there is room to wait for one more.
    fn wait(&mut self, name: &Text, ack: AckId, until: Mono) -> bool {
        let acks_max = self.options.acks_max;
        match self.entered(name).filter(|namespace| namespace.waiting.len() < acks_max) {
            Some(namespace) => {
                namespace.waiting.insert(ack, until);
                true
            }
            None => {
                self.outputs.push_back(ConnectionOutput::Unacknowledged { ack });
                false
            }
        }
    }

    /// An answer to what was not asked, or too late, is nobody's.
    fn acknowledge(&mut self, name: &Text, id: Option<u64>, arguments: Option<Arguments>) {
        let Some(ack) = id.map(AckId) else { return };
        if self.entered(name).is_some_and(|namespace| namespace.waiting.remove(&ack).is_some()) {
            self.outputs.push_back(ConnectionOutput::Acknowledged { ack, arguments });
        }
    }

    /// Takes the client out of a namespace, asked for or entered.
    fn forget(&mut self, name: &Text) -> Option<()> {
        let at = self.namespaces.iter().position(|namespace| namespace.name == *name)?;
        let namespace = self.namespaces.swap_remove(at);
        self.outputs.extend(namespace.waiting.into_keys().map(|ack| ConnectionOutput::Unacknowledged { ack }));
        Some(())
    }

    fn time_out(&mut self, now: Mono) {
        if self.connect_by.is_some_and(|by| by <= now) {
            return self.close(ConnectionFault::NoNamespace);
        }
        for namespace in &mut self.namespaces {
            let late = namespace.waiting.extract_if(.., |_, until| *until <= now);
            self.outputs.extend(late.map(|(ack, _)| ConnectionOutput::Unacknowledged { ack }));
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

/// An object of names without escapes and JSON values, in the order in which Node writes them.
fn object(members: impl Iterator<Item = (&'static str, String)>) -> Option<Arguments> {
    let members: Vec<_> = members.map(|(name, json)| format!("\"{name}\":{json}")).collect();
    // What was just written as JSON is JSON.
    Arguments::new(Text::from(format!("{{{}}}", members.join(",")))).ok()
}
