use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;

use super::frame::{Frame, FrameDecoder, Item, StompFault, StompLimits};
use super::heart_beat::{self, HeartBeat};
use super::{CONTENT_TYPE, ENDPOINT_ID, REPLY_TO_DEST, SUBSCRIBE_DEST};
use crate::endpoint_id::EndpointId;

/// How an endpoint connects to a broker. The passcode is not shown by `Debug`.
#[derive(Clone)]
pub struct ClientOptions {
    /// Bounds of what is read.
    pub limits: StompLimits,
    /// Who connects (R-STOMP.4).
    pub endpoint: EndpointId,
    /// `host` of STOMP, if one is configured (R-STOMP.5).
    pub host: Option<String>,
    /// `login` and `passcode`, where no certificate says who connects (R-STOMP.3).
    pub credentials: Option<(String, String)>,
    /// How often it can send and wants to hear a sign of life; zero for neither. Default 30 s each.
    pub heart_beat: (Duration, Duration),
    /// Where to subscribe if the broker does not say (R-STOMP.15).
    pub destination: Option<String>,
    /// After how long a broker that does not answer is given up. Default 10 s.
    pub connect_within: Duration,
}

impl ClientOptions {
    /// With defaults for all but who connects.
    #[must_use]
    pub fn new(endpoint: EndpointId) -> Self {
        Self {
            limits: StompLimits::default(),
            endpoint,
            host: None,
            credentials: None,
            heart_beat: (Duration::from_secs(30), Duration::from_secs(30)),
            destination: None,
            connect_within: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("endpoint", &self.endpoint)
            .field("host", &self.host)
            .field("login", &self.credentials.as_ref().map(|(login, _)| login))
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// What a client has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientOutput {
    /// Send these bytes to the broker.
    Transmit(Bytes),
    /// Something happened.
    Event(ClientEvent),
    /// Close the connection, and try again later (R-STOMP.7).
    Close,
    /// Nothing more; call [`StompClient::handle_timeout`] then.
    Wait(Option<Mono>),
}

/// What happened to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientEvent {
    /// It is connected and subscribed: records may be sent.
    Connected {
        /// Where it is reached.
        destination: String,
    },
    /// A record came.
    Record {
        /// The record.
        record: Bytes,
        /// Where an answer goes (R-STOMP.23); without it none can be given.
        reply_to: Option<String>,
    },
    /// A message came that is no record.
    NotARecord,
    /// The broker says that it did what was asked for with this receipt.
    Receipt(String),
    /// It is over.
    Failed(ClientFailure),
}

/// Why a connection to a broker is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFailure {
    /// The broker refused, in its words; at most 256 bytes of them.
    #[error("the broker says: {0}")]
    Refused(String),
    /// The broker sent what is no STOMP.
    #[error(transparent)]
    Malformed(#[from] StompFault),
    /// The broker says nothing.
    #[error("the broker says nothing")]
    Silent,
    /// The broker speaks another version than 1.2.
    #[error("the broker does not speak STOMP 1.2")]
    Version,
    /// There is nowhere to subscribe (R-STOMP.16).
    #[error("neither the broker nor the configuration names a destination")]
    NoDestination,
}

/// An endpoint at somebody's broker.
#[derive(Debug)]
pub struct StompClient {
    options: ClientOptions,
    decoder: FrameDecoder,
    state: State,
    heart_beat: HeartBeat,
    outputs: VecDeque<ClientOutput>,
}

#[derive(Debug)]
enum State {
    Connecting { until: Mono },
    Connected { destination: String },
    Closed,
}

impl StompClient {
    /// On a connection that is open: says who connects.
    #[must_use]
    pub fn new(now: Mono, options: ClientOptions) -> Self {
        let mut frame = Frame::new("STOMP")
            .with("accept-version", "1.2")
            .with("heart-beat", heart_beat::header(options.heart_beat))
            .with(ENDPOINT_ID, options.endpoint.as_str());
        // STOMP 1.2 requires a host; without one configured the name of the root.
        frame = frame.with("host", options.host.clone().unwrap_or_else(|| "/".to_owned()));
        if let Some((login, passcode)) = &options.credentials {
            frame = frame.with("login", login).with("passcode", passcode);
        }
        Self {
            decoder: FrameDecoder::new(options.limits.clone()),
            state: State::Connecting { until: now + options.connect_within },
            heart_beat: HeartBeat::default(),
            outputs: VecDeque::from([ClientOutput::Transmit(frame.encode())]),
            options,
        }
    }

    /// Bytes came from the broker.
    pub fn handle_bytes(&mut self, now: Mono, bytes: &[u8]) {
        self.heart_beat.handle_heard(now);
        self.decoder.push(bytes);
        while !matches!(self.state, State::Closed) {
            match self.decoder.next_item() {
                Ok(Some(Item::Frame(frame))) => self.handle_frame(now, frame),
                Ok(Some(Item::HeartBeat)) => {}
                Ok(None) => return,
                Err(fault) => self.fail(fault.into()),
            }
        }
    }

    /// Sends a record, and says where an answer is awaited (R-STOMP.18 to R-STOMP.22). False: it is not connected.
    pub fn send(&mut self, now: Mono, destination: &str, record: Bytes) -> bool {
        self.send_asking(now, destination, record, None)
    }

    /// The same; the broker says with that `receipt` that it has the record ([`ClientEvent::Receipt`]).
    pub fn send_with_receipt(&mut self, now: Mono, destination: &str, record: Bytes, receipt: &str) -> bool {
        self.send_asking(now, destination, record, Some(receipt))
    }

    fn send_asking(&mut self, now: Mono, destination: &str, record: Bytes, receipt: Option<&str>) -> bool {
        let State::Connected { destination: own } = &self.state else { return false };
        let mut frame = Frame::new("SEND").with("destination", destination).with(REPLY_TO_DEST, own);
        if let Some(receipt) = receipt {
            frame = frame.with("receipt", receipt);
        }
        self.transmit(now, &frame.with_body(CONTENT_TYPE, record));
        true
    }

    /// Says goodbye (R-STOMP.31).
    pub fn close(&mut self, now: Mono) {
        if !matches!(self.state, State::Closed) {
            self.transmit(now, &Frame::new("DISCONNECT"));
            self.state = State::Closed;
            self.outputs.push_back(ClientOutput::Close);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Mono) {
        match self.state {
            State::Connecting { until } if until <= now => self.fail(ClientFailure::Silent),
            State::Connected { .. } if self.heart_beat.is_peer_gone(now) => self.fail(ClientFailure::Silent),
            State::Connected { .. } if self.heart_beat.is_send_due(now) => {
                self.heart_beat.handle_sent(now);
                self.outputs.push_back(ClientOutput::Transmit(Bytes::from_static(b"\n")));
            }
            State::Connecting { .. } | State::Connected { .. } | State::Closed => {}
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> ClientOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            ClientOutput::Wait(match self.state {
                State::Connecting { until } => Some(until),
                State::Connected { .. } => self.heart_beat.deadline(),
                State::Closed => None,
            })
        })
    }

    fn handle_frame(&mut self, now: Mono, frame: Frame) {
        match (&self.state, frame.command.as_str()) {
            (_, "ERROR") => self.fail(ClientFailure::Refused(complaint(&frame))),
            (State::Connecting { .. }, "CONNECTED") => self.connected(now, &frame),
            (State::Connected { .. }, "MESSAGE") => self.message(frame),
            (State::Connected { .. }, "RECEIPT") => {
                let receipt = frame.header("receipt-id").unwrap_or_default().to_owned();
                self.event(ClientEvent::Receipt(receipt));
            }
            // A frame that does not belong here changes nothing.
            _ => {}
        }
    }

    fn connected(&mut self, now: Mono, frame: &Frame) {
        if frame.header("version") != Some("1.2") {
            return self.fail(ClientFailure::Version);
        }
        let Some(theirs) = heart_beat::parse(frame.header("heart-beat")) else {
            return self.fail(ClientFailure::Malformed(StompFault::BadHead));
        };
        self.heart_beat = HeartBeat::agreed(now, self.options.heart_beat, theirs);
        let told = frame.header(SUBSCRIBE_DEST).map(str::to_owned);
        let Some(destination) = told.or_else(|| self.options.destination.clone()).filter(|it| !it.is_empty()) else {
            self.transmit(now, &Frame::new("DISCONNECT"));
            return self.fail(ClientFailure::NoDestination);
        };
        let subscribe = Frame::new("SUBSCRIBE").with("id", "0").with("destination", &destination).with("ack", "auto");
        self.transmit(now, &subscribe);
        self.state = State::Connected { destination: destination.clone() };
        self.event(ClientEvent::Connected { destination });
    }

    fn message(&mut self, frame: Frame) {
        // Some brokers do not pass the type on.
        if frame.header("content-type").is_some_and(|it| it != CONTENT_TYPE) || frame.body.is_empty() {
            return self.event(ClientEvent::NotARecord);
        }
        let reply_to = frame.header(REPLY_TO_DEST).map(str::to_owned);
        self.event(ClientEvent::Record { record: frame.body, reply_to });
    }

    fn transmit(&mut self, now: Mono, frame: &Frame) {
        self.heart_beat.handle_sent(now);
        self.outputs.push_back(ClientOutput::Transmit(frame.encode()));
    }

    fn fail(&mut self, failure: ClientFailure) {
        self.state = State::Closed;
        self.event(ClientEvent::Failed(failure));
        self.outputs.push_back(ClientOutput::Close);
    }

    fn event(&mut self, event: ClientEvent) {
        self.outputs.push_back(ClientOutput::Event(event));
    }
}

/// What an ERROR says, shortened.
fn complaint(frame: &Frame) -> String {
    const BYTES_MAX: usize = 256;
    let body = String::from_utf8_lossy(&frame.body[..frame.body.len().min(BYTES_MAX)]);
    let text = frame.header("message").unwrap_or(&body);
    text[..text.floor_char_boundary(BYTES_MAX.min(text.len()))].to_owned()
}
