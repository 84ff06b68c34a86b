use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;

use super::frame::{Frame, FrameDecoder, Item, StompFault, StompLimits, unescape};
use super::heart_beat::{self, HeartBeat};
use super::{CONTENT_TYPE, ENDPOINT_ID, REPLY_TO_DEST, SUBSCRIBE_DEST};
use crate::endpoint_id::EndpointId;

/// Bounds, times and names of a [`StompServer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// Bounds of what is read.
    pub limits: StompLimits,
    /// After how long a client that has not said who it is is closed. Default 10 s.
    pub connect_within: Duration,
    /// How often it can send and wants to hear a sign of life. Default 60 s each.
    pub heart_beat: (Duration, Duration),
    /// Where records for the controller are sent to. Default `/usp/controller`.
    pub controller_destination: String,
    /// What it calls itself in `server`.
    pub name: String,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            limits: StompLimits::default(),
            connect_within: Duration::from_secs(10),
            heart_beat: (Duration::from_secs(60), Duration::from_secs(60)),
            controller_destination: "/usp/controller".to_owned(),
            name: "sangam".to_owned(),
        }
    }
}

/// What a server has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerOutput {
    /// Send these bytes to the client.
    Transmit(Bytes),
    /// Something happened.
    Event(ServerEvent),
    /// Close the connection once all is sent.
    Close,
    /// Nothing more; call [`StompServer::handle_timeout`] then.
    Wait(Option<Mono>),
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerEvent {
    /// A client says who it is: call [`StompServer::accept`] or [`StompServer::refuse`]. Nothing else of it is read before.
    Connect(ConnectRequest),
    /// The agent is reached from now on.
    Subscribed,
    /// The agent sent a record to the controller.
    Record(Bytes),
    /// The client did what it may not, or went silent; it is closed.
    Refused(StompRefusal),
    /// The client said goodbye.
    Disconnected,
}

/// Who a client says it is. The passcode is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The agent.
    pub endpoint: EndpointId,
    /// `login`, if it sent one.
    pub login: Option<String>,
    /// `passcode`, if it sent one.
    pub passcode: Option<String>,
    /// `host`, if it sent one.
    pub host: Option<String>,
}

impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("endpoint", &self.endpoint)
            .field("login", &self.login)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum StompRefusal {
    /// What it sent is no STOMP.
    #[error(transparent)]
    Malformed(#[from] StompFault),
    /// It did not say in time who it is.
    #[error("no STOMP frame came in time")]
    NotConnected,
    /// It went silent.
    #[error("no heart-beat came in time")]
    Silent,
    /// It began with something else than STOMP or CONNECT, or did so twice.
    #[error("the frame is not expected here")]
    OutOfPlace,
    /// It does not speak 1.2.
    #[error("STOMP 1.2 is not accepted")]
    Version,
    /// It names no endpoint id, or none that is one.
    #[error("endpoint-id is missing or is not one")]
    NoEndpoint,
    /// Its credentials are wrong.
    #[error("access refused")]
    Denied,
    /// A frame that endpoints do not send (R-STOMP.29, R-STOMP.30), or none at all.
    #[error("the frame is not supported")]
    NotSupported,
    /// A header that is required is missing or malformed.
    #[error("a header is missing or malformed")]
    BadHeader,
    /// A destination that is not its own.
    #[error("the destination is not yours")]
    NotYours,
    /// A SEND that carries no record.
    #[error("the message is no USP record")]
    NotARecord,
}

impl StompRefusal {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Malformed(fault) => fault.label(),
            Self::NotConnected => "connect_timeout",
            Self::Silent => "silent",
            Self::OutOfPlace => "out_of_place",
            Self::Version => "version",
            Self::NoEndpoint => "no_endpoint_id",
            Self::Denied => "denied",
            Self::NotSupported => "not_supported",
            Self::BadHeader => "bad_header",
            Self::NotYours => "foreign_destination",
            Self::NotARecord => "not_a_record",
        }
    }
}

/// One connection of our own endpoint for agents.
#[derive(Debug)]
pub struct StompServer {
    options: ServerOptions,
    decoder: FrameDecoder,
    state: State,
    heart_beat: HeartBeat,
    next_message: u64,
    outputs: VecDeque<ServerOutput>,
}

#[derive(Debug)]
enum State {
    /// Nothing is known of the client.
    Waiting {
        until: Mono,
    },
    /// The driver is asked; how often the client can send and wants to hear.
    Asking {
        theirs: (Duration, Duration),
    },
    Connected {
        destination: String,
        subscription: Option<String>,
    },
    Closed,
}

impl StompServer {
    /// For a connection that was accepted.
    #[must_use]
    pub fn new(now: Mono, options: ServerOptions) -> Self {
        Self {
            decoder: FrameDecoder::new(options.limits.clone()),
            state: State::Waiting { until: now + options.connect_within },
            heart_beat: HeartBeat::default(),
            next_message: 1,
            outputs: VecDeque::new(),
            options,
        }
    }

    /// Whether bytes may be read from the client: while the driver is asked who it is they stay where they are.
    #[must_use]
    pub const fn wants_bytes(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Connected { .. })
    }

    /// Bytes came from the client.
    pub fn handle_bytes(&mut self, now: Mono, bytes: &[u8]) {
        if matches!(self.state, State::Closed) {
            return;
        }
        self.heart_beat.handle_heard(now);
        self.decoder.push(bytes);
        // A driver leaves bytes where they are meanwhile; one that does not may not make us keep them without end.
        if matches!(self.state, State::Asking { .. }) && self.decoder.buffered() > self.options.limits.head_bytes_max {
            return self.fail(now, StompFault::HeadTooLarge.into(), None);
        }
        self.read(now);
    }

    /// The client is who it says it is. Its records are delivered at `destination`, which is told it and is nobody else's.
    pub fn accept(&mut self, now: Mono, destination: &str) {
        let State::Asking { theirs } = self.state else { return };
        self.heart_beat = HeartBeat::agreed(now, self.options.heart_beat, theirs);
        let connected = Frame::new("CONNECTED")
            .with("version", "1.2")
            .with("heart-beat", heart_beat::header(self.options.heart_beat))
            .with("server", &self.options.name)
            .with(SUBSCRIBE_DEST, destination);
        self.state = State::Connected { destination: destination.to_owned(), subscription: None };
        self.transmit(now, &connected);
        self.read(now);
    }

    /// The client is not who it says it is.
    pub fn refuse(&mut self, now: Mono) {
        if matches!(self.state, State::Asking { .. }) {
            self.fail(now, StompRefusal::Denied, None);
        }
    }

    /// Delivers a record of the controller. False: the client has not subscribed.
    pub fn deliver(&mut self, now: Mono, record: Bytes) -> bool {
        let State::Connected { destination, subscription: Some(subscription) } = &self.state else { return false };
        let message = Frame::new("MESSAGE")
            .with("subscription", subscription)
            .with("message-id", self.next_message.to_string())
            .with("destination", destination)
            .with(REPLY_TO_DEST, &self.options.controller_destination)
            .with_body(CONTENT_TYPE, record);
        self.next_message += 1;
        self.transmit(now, &message);
        true
    }

    /// Another session of the same agent took this one's place, or we stop.
    pub fn close(&mut self, now: Mono, reason: &str) {
        if !matches!(self.state, State::Closed) {
            self.transmit(now, &Frame::new("ERROR").with("message", reason));
            self.shut();
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Mono) {
        match self.state {
            State::Waiting { until } if until <= now => self.fail(now, StompRefusal::NotConnected, None),
            State::Connected { .. } if self.heart_beat.is_peer_gone(now) => {
                self.fail(now, StompRefusal::Silent, None);
            }
            State::Connected { .. } if self.heart_beat.is_send_due(now) => {
                self.heart_beat.handle_sent(now);
                self.outputs.push_back(ServerOutput::Transmit(Bytes::from_static(b"\n")));
            }
            State::Waiting { .. } | State::Asking { .. } | State::Connected { .. } | State::Closed => {}
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> ServerOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            ServerOutput::Wait(match self.state {
                State::Waiting { until } => Some(until),
                State::Connected { .. } => self.heart_beat.deadline(),
                State::Asking { .. } | State::Closed => None,
            })
        })
    }

    fn read(&mut self, now: Mono) {
        while self.wants_bytes() {
            match self.decoder.next_item() {
                Ok(Some(Item::Frame(frame))) => self.handle_frame(now, frame),
                Ok(Some(Item::HeartBeat)) => {}
                Ok(None) => return,
                Err(fault) => self.fail(now, fault.into(), None),
            }
        }
    }

    fn handle_frame(&mut self, now: Mono, frame: Frame) {
        let receipt = frame.header("receipt").map(str::to_owned);
        let is_goodbye = frame.command == "DISCONNECT";
        let done = match &self.state {
            State::Waiting { .. } => return self.connect(now, &frame),
            State::Connected { .. } => self.serve(frame),
            State::Asking { .. } | State::Closed => return,
        };
        match done {
            Err(refusal) => self.fail(now, refusal, receipt.as_deref()),
            Ok(()) => {
                if let Some(receipt) = receipt {
                    self.transmit(now, &Frame::new("RECEIPT").with("receipt-id", receipt));
                }
                if is_goodbye {
                    self.event(ServerEvent::Disconnected);
                    self.shut();
                }
            }
        }
    }

    fn connect(&mut self, now: Mono, frame: &Frame) {
        match Self::read_connect(frame) {
            Ok((request, theirs)) => {
                self.state = State::Asking { theirs };
                self.event(ServerEvent::Connect(request));
            }
            Err(refusal) => self.fail(now, refusal, None),
        }
    }

    fn read_connect(frame: &Frame) -> Result<(ConnectRequest, (Duration, Duration)), StompRefusal> {
        if !matches!(frame.command.as_str(), "STOMP" | "CONNECT") {
            return Err(StompRefusal::OutOfPlace);
        }
        let versions = frame.header("accept-version").unwrap_or_default();
        if !versions.split(',').any(|version| version.trim() == "1.2") {
            return Err(StompRefusal::Version);
        }
        let theirs = heart_beat::parse(frame.header("heart-beat")).ok_or(StompRefusal::BadHeader)?;
        // Headers of CONNECT are not escaped, and some clients escape them all the same.
        let endpoint = frame.header(ENDPOINT_ID).and_then(|id| id.parse().ok().or_else(|| unescape(id)?.parse().ok()));
        let header = |name: &str| frame.header(name).map(str::to_owned);
        let request = ConnectRequest {
            endpoint: endpoint.ok_or(StompRefusal::NoEndpoint)?,
            login: header("login"),
            passcode: header("passcode"),
            host: header("host"),
        };
        Ok((request, theirs))
    }

    fn serve(&mut self, frame: Frame) -> Result<(), StompRefusal> {
        let State::Connected { destination, subscription } = &mut self.state else {
            return Err(StompRefusal::OutOfPlace);
        };
        match frame.command.as_str() {
            "SUBSCRIBE" => {
                let id = frame.header("id").ok_or(StompRefusal::BadHeader)?;
                let ack = frame.header("ack").unwrap_or("auto");
                if frame.header("destination") != Some(destination) {
                    return Err(StompRefusal::NotYours);
                }
                if ack != "auto" || subscription.as_ref().is_some_and(|it| it != id) {
                    return Err(StompRefusal::BadHeader);
                }
                if subscription.replace(id.to_owned()).is_none() {
                    self.event(ServerEvent::Subscribed);
                }
            }
            "UNSUBSCRIBE" => {
                let id = frame.header("id").ok_or(StompRefusal::BadHeader)?;
                if subscription.as_deref() != Some(id) {
                    return Err(StompRefusal::BadHeader);
                }
                *subscription = None;
            }
            "SEND" => {
                let is_private = frame.header(REPLY_TO_DEST).is_none_or(|it| it == destination);
                if frame.header("destination") != Some(&self.options.controller_destination) || !is_private {
                    return Err(StompRefusal::NotYours);
                }
                let is_record = frame.header("content-type").is_none_or(|it| it == CONTENT_TYPE);
                if !is_record || frame.body.is_empty() {
                    return Err(StompRefusal::NotARecord);
                }
                self.event(ServerEvent::Record(frame.body));
            }
            "DISCONNECT" => {}
            "STOMP" | "CONNECT" => return Err(StompRefusal::OutOfPlace),
            _ => return Err(StompRefusal::NotSupported),
        }
        Ok(())
    }

    fn fail(&mut self, now: Mono, refusal: StompRefusal, receipt: Option<&str>) {
        self.event(ServerEvent::Refused(refusal));
        let mut error = Frame::new("ERROR").with("version", "1.2").with("message", refusal.to_string());
        if let Some(receipt) = receipt {
            error = error.with("receipt-id", receipt);
        }
        self.transmit(now, &error);
        self.shut();
    }

    fn shut(&mut self) {
        self.state = State::Closed;
        self.outputs.push_back(ServerOutput::Close);
    }

    fn transmit(&mut self, now: Mono, frame: &Frame) {
        self.heart_beat.handle_sent(now);
        self.outputs.push_back(ServerOutput::Transmit(frame.encode()));
    }

    fn event(&mut self, event: ServerEvent) {
        self.outputs.push_back(ServerOutput::Event(event));
    }
}
