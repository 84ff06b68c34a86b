//! What both ends do with a record before they know what it says: whose it is, whether it may be, and which message is
//! in it.

use std::collections::VecDeque;

use bytes::Bytes;
use sangam_types::Mono;

use crate::endpoint_id::EndpointId;
use crate::error_code::ErrorCode;
use crate::limits::UspLimits;
use crate::message::{Error, Message, MessageFault, peek_request};
use crate::record::{
    Disconnect, MqttConnect, MqttVersion, NoSessionContext, PayloadSecurity, Record, RecordFault, RecordType,
    SessionContext,
};
use crate::session::{RestartReason, SendRefused, Session, SessionOptions, SessionOutput};

/// By which kind of record a message goes. An answer goes the way its request came (R-MSG.0a).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// A record on its own.
    NoSession,
    /// The session context.
    Session,
}

/// How an agent says that it is here, and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connect {
    /// Over WebSocket.
    WebSocket,
    /// Over MQTT, at a topic that it is subscribed to.
    Mqtt {
        /// Of which version.
        version: MqttVersion,
        /// The topic.
        topic: String,
    },
    /// Over STOMP 1.2, at a destination that it is subscribed to.
    Stomp {
        /// The destination.
        destination: String,
    },
    /// Over a UNIX domain socket.
    Uds,
}

impl Connect {
    pub(crate) fn to_record_type(&self) -> RecordType {
        use crate::record::{Empty, StompConnect};
        match self {
            Self::WebSocket => RecordType::WebSocketConnect(Empty {}),
            Self::Mqtt { version, topic } => {
                RecordType::MqttConnect(MqttConnect { version: (*version).into(), subscribed_topic: topic.clone() })
            }
            Self::Stomp { destination } => {
                RecordType::StompConnect(StompConnect { version: 0, subscribed_destination: destination.clone() })
            }
            Self::Uds => RecordType::UdsConnect(Empty {}),
        }
    }
}

/// Why something that came was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no record.
    #[error(transparent)]
    Record(#[from] RecordFault),
    /// There is no message in it.
    #[error(transparent)]
    Message(#[from] MessageFault),
    /// Its `to_id` is not ours (R-E2E.1).
    #[error("the record is for somebody else")]
    NotForUs,
    /// Its `from_id` is not what the transport proved.
    #[error("the record is from somebody else")]
    NotFromPeer,
    /// It came before a Connect Record (R-MTP.8).
    #[error("the record came before a Connect Record")]
    NotConnected,
    /// It is of a session context, and there may be none: answered 7106.
    #[error("a session context is not allowed")]
    SessionNotAllowed,
    /// It is secured by TLS within USP: answered 7102.
    #[error("secured payloads are not supported")]
    Secured,
    /// An answer to nothing that was asked (R-MSG.9).
    #[error("nobody asked for this answer")]
    Unrequested,
    /// A request that this end does not serve: answered 7001.
    #[error("the request is not for this kind of endpoint")]
    NotServed,
    /// A notification without what it is of: answered 7004.
    #[error("the notification says nothing")]
    EmptyNotify,
    /// More notifications wait to be stored than may.
    #[error("too many notifications are being stored")]
    TooManyNotifies,
    /// An answer could not be sent: the session context is full.
    #[error("the answer could not be sent")]
    AnswerNotSent,
}

impl Refusal {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Record(fault) => fault.label(),
            Self::Message(fault) => fault.label(),
            Self::NotForUs => "not_for_us",
            Self::NotFromPeer => "forged_from_id",
            Self::NotConnected => "not_connected",
            Self::SessionNotAllowed => "session_not_allowed",
            Self::Secured => "secured_payload",
            Self::Unrequested => "unrequested",
            Self::NotServed => "not_served",
            Self::EmptyNotify => "empty_notify",
            Self::TooManyNotifies => "too_many_notifies",
            Self::AnswerNotSent => "answer_not_sent",
        }
    }
}

/// What came of a record.
#[derive(Debug)]
pub(crate) enum Arrival {
    Transmit(Bytes),
    Message { message: Message, via: Via },
    Connect(Connect),
    Disconnect(Disconnect),
    Refused(Refusal),
    Restarted { reason: RestartReason, undelivered: usize },
}

/// Records to and from one peer.
#[derive(Debug)]
pub(crate) struct Exchange {
    us: EndpointId,
    peer: EndpointId,
    limits: UspLimits,
    /// `None`: no session context is allowed.
    session: Option<Session>,
    /// Messages of the session that are still to be read.
    payloads: VecDeque<Bytes>,
    arrivals: VecDeque<Arrival>,
}

impl Exchange {
    pub(crate) fn new(
        us: EndpointId,
        peer: EndpointId,
        limits: UspLimits,
        session: Option<SessionOptions>,
        first_session_id: u64,
    ) -> Self {
        let session = session.map(|options| Session::new(options, first_session_id));
        Self { us, peer, limits, session, payloads: VecDeque::new(), arrivals: VecDeque::new() }
    }

    pub(crate) fn us(&self) -> &EndpointId {
        &self.us
    }

    pub(crate) fn peer(&self) -> &EndpointId {
        &self.peer
    }

    pub(crate) fn poll(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }

    /// The way that requests of ours take.
    pub(crate) fn way(&self) -> Via {
        match &self.session {
            Some(session) if session.is_established() => Via::Session,
            _ => Via::NoSession,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.session.as_ref()?.deadline()
    }

    pub(crate) fn handle_channel_open(&mut self) {
        if let Some(session) = &mut self.session {
            session.handle_channel_open();
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Mono) {
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
        }
        self.drain_session();
    }

    pub(crate) fn handle_record(&mut self, now: Mono, bytes: &Bytes) {
        match Record::decode_bounded(bytes, &self.limits) {
            Ok(record) => self.judge(now, record),
            Err(fault) => self.refuse(fault.into()),
        }
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, now: Mono, via: Via, message: &Message) -> Result<(), SendRefused> {
        let payload = message.encode();
        match (via, &mut self.session) {
            (Via::Session, Some(session)) => {
                session.send(now, &payload)?;
                self.drain_session();
            }
            (Via::NoSession, _) | (Via::Session, None) => {
                self.transmit(RecordType::NoSessionContext(NoSessionContext { payload }));
            }
        }
        Ok(())
    }

    /// Sends a record that carries no message.
    pub(crate) fn transmit(&mut self, record_type: RecordType) {
        let record = Record::new(self.us.as_str(), self.peer.as_str(), record_type);
        self.arrivals.push_back(Arrival::Transmit(record.to_bytes()));
    }

    pub(crate) fn transmit_disconnect(&mut self, code: ErrorCode) {
        let disconnect = Disconnect { reason: code.text().to_owned(), reason_code: code.number() };
        self.transmit(RecordType::Disconnect(disconnect));
    }

    pub(crate) fn transmit_goodbye(&mut self, code: Option<ErrorCode>, reason: &str) {
        let reason_code = code.map_or(0, ErrorCode::number);
        self.transmit(RecordType::Disconnect(Disconnect { reason: reason.to_owned(), reason_code }));
    }

    fn judge(&mut self, now: Mono, record: Record) {
        if record.to_id != self.us.as_str() {
            return self.refuse(Refusal::NotForUs);
        }
        // Endpoints that share an id do not talk (R-ARC.2).
        if record.from_id != self.peer.as_str() || self.peer == self.us {
            return self.refuse(Refusal::NotFromPeer);
        }
        let security = record.payload_security();
        let connect = match record.record_type {
            Some(RecordType::NoSessionContext(it)) => return self.read(now, &it.payload, Via::NoSession),
            Some(RecordType::SessionContext(it)) => return self.handle_session(now, security, it),
            Some(RecordType::Disconnect(it)) => {
                if let Some(session) = &mut self.session {
                    session.forget();
                }
                return self.arrivals.push_back(Arrival::Disconnect(it));
            }
            Some(RecordType::WebSocketConnect(_)) => Connect::WebSocket,
            Some(RecordType::MqttConnect(it)) => Connect::Mqtt { version: it.version(), topic: it.subscribed_topic },
            Some(RecordType::StompConnect(it)) => Connect::Stomp { destination: it.subscribed_destination },
            Some(RecordType::UdsConnect(_)) => Connect::Uds,
            None => return self.refuse(RecordFault::NoType.into()),
        };
        self.arrivals.push_back(Arrival::Connect(connect));
    }

    fn handle_session(&mut self, now: Mono, security: PayloadSecurity, context: SessionContext) {
        if security == PayloadSecurity::Tls12 {
            self.refuse(Refusal::Secured);
        }
        match &mut self.session {
            Some(session) => {
                session.handle_record(now, security, context);
                self.read_session(now);
            }
            None if security == PayloadSecurity::Tls12 => {
                self.transmit_disconnect(ErrorCode::SecureSessionNotSupported);
            }
            None => {
                self.refuse(Refusal::SessionNotAllowed);
                self.transmit_disconnect(ErrorCode::SessionContextNotAllowed);
            }
        }
    }

    /// Takes what the session has to say, and reads the messages that came.
    fn read_session(&mut self, now: Mono) {
        self.drain_session();
        while let Some(payload) = self.payloads.pop_front() {
            self.read(now, &payload, Via::Session);
        }
    }

    fn drain_session(&mut self) {
        while let Some(session) = &mut self.session {
            match session.poll_output() {
                SessionOutput::Transmit(context) => self.transmit(RecordType::SessionContext(context)),
                SessionOutput::Message(payload) => self.payloads.push_back(payload),
                SessionOutput::Restarted { reason, undelivered } => {
                    self.arrivals.push_back(Arrival::Restarted { reason, undelivered });
                }
                SessionOutput::Disconnect(code) => self.transmit_disconnect(code),
                SessionOutput::Wait(_) => return,
            }
        }
    }

    fn read(&mut self, now: Mono, payload: &Bytes, via: Via) {
        match Message::decode(payload, &self.limits) {
            Ok(decoded) => self.arrivals.push_back(Arrival::Message { message: decoded.message, via }),
            Err(fault) => {
                self.refuse(fault.into());
                // R-MTP.5: both ids are right, so a request whose id can be told is answered.
                if let Some(msg_id) = peek_request(payload, &self.limits) {
                    self.answer(now, via, &Message::error(msg_id, Error::of(fault.code())));
                }
            }
        }
    }

    /// Sends an answer; if the session is full it is not sent, and the peer asks again.
    pub(crate) fn answer(&mut self, now: Mono, via: Via, message: &Message) {
        if self.send(now, via, message).is_err() {
            self.refuse(Refusal::AnswerNotSent);
        }
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        self.arrivals.push_back(Arrival::Refused(refusal));
    }
}
