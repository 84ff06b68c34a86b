//! The USP Record: what travels on every transport (TR-369 §4, usp-record-1-4).
//!
//! [`Record::decode`] refuses before it allocates; what it gives is whole: both ids are there, one record type is, its
//! values are known. Whose record it is (`to_id`, `from_id`) is for the [`Controller`](crate::controller::Controller) or
//! the [`Agent`](crate::agent::Agent) to judge.

use std::fmt;

use bytes::Bytes;
use prost::Message as _;

use crate::error_code::ErrorCode;
use crate::limits::UspLimits;
use crate::shape::{self, Kind, Shape, WireFault, choice, many, one};

/// The version that our records name: the newest of the schema they are written by.
pub const VERSION: &str = "1.4";

/// Every version that is understood, as GetSupportedProtocol says it.
pub const SUPPORTED_VERSIONS: &str = "1.0,1.1,1.2,1.3,1.4";

/// A USP Record.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    /// Version of the protocol as `major.minor`.
    #[prost(string, tag = "1")]
    pub version: String,
    /// Whom it is for.
    #[prost(string, tag = "2")]
    pub to_id: String,
    /// Whom it is from, as it says itself.
    #[prost(string, tag = "3")]
    pub from_id: String,
    /// How the payload is secured.
    #[prost(enumeration = "PayloadSecurity", tag = "4")]
    pub payload_security: i32,
    /// MAC or signature of what is not the payload; empty where the transport protects it.
    #[prost(bytes = "bytes", tag = "5")]
    pub mac_signature: Bytes,
    /// The sender's certificate in PEM, if it signed.
    #[prost(bytes = "bytes", tag = "6")]
    pub sender_cert: Bytes,
    /// What it carries.
    #[prost(oneof = "RecordType", tags = "7, 8, 9, 10, 11, 12, 13")]
    pub record_type: Option<RecordType>,
}

/// How a payload is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum PayloadSecurity {
    /// Not by USP itself.
    Plaintext = 0,
    /// By TLS 1.2 or later inside a session context. Understood, not spoken: it is answered 7102.
    Tls12 = 1,
}

/// What a record carries.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum RecordType {
    /// A message on its own.
    #[prost(message, tag = "7")]
    NoSessionContext(NoSessionContext),
    /// A message, a part of one, or none, within a session context.
    #[prost(message, tag = "8")]
    SessionContext(SessionContext),
    /// The agent is here, over WebSocket.
    #[prost(message, tag = "9")]
    WebSocketConnect(Empty),
    /// The agent is here, over MQTT.
    #[prost(message, tag = "10")]
    MqttConnect(MqttConnect),
    /// The agent is here, over STOMP.
    #[prost(message, tag = "11")]
    StompConnect(StompConnect),
    /// The sender goes, or ends the session context.
    #[prost(message, tag = "12")]
    Disconnect(Disconnect),
    /// The agent is here, over a UNIX domain socket.
    #[prost(message, tag = "13")]
    UdsConnect(Empty),
}

/// A message on its own.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct NoSessionContext {
    /// The message. Never empty (R-E2E.26).
    #[prost(bytes = "bytes", tag = "2")]
    pub payload: Bytes,
}

/// A record of a session context (TR-369 §6).
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct SessionContext {
    /// Which session context between the two endpoints; greater than 1.
    #[prost(uint64, tag = "1")]
    pub session_id: u64,
    /// The number of this record, from 1.
    #[prost(uint64, tag = "2")]
    pub sequence_id: u64,
    /// The number that its sender waits for: acknowledges all before it.
    #[prost(uint64, tag = "3")]
    pub expected_id: u64,
    /// The number that its sender asks for again; 0 for none.
    #[prost(uint64, tag = "4")]
    pub retransmit_id: u64,
    /// Which part of a message it carries.
    #[prost(enumeration = "SarState", tag = "5")]
    pub payload_sar_state: i32,
    /// Which part of a payload record: as above in plaintext.
    #[prost(enumeration = "SarState", tag = "6")]
    pub payloadrec_sar_state: i32,
    /// The payload; one in plaintext.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub payload: Vec<Bytes>,
}

/// Segmentation and reassembly: which part this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum SarState {
    /// The whole.
    None = 0,
    /// The first of several.
    Begin = 1,
    /// Neither the first nor the last.
    InProcess = 2,
    /// The last.
    Complete = 3,
}

/// A record without fields.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Empty {}

/// Where an agent is reached by MQTT.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MqttConnect {
    /// The version of MQTT it speaks.
    #[prost(enumeration = "MqttVersion", tag = "1")]
    pub version: i32,
    /// A topic, without wildcards, that it is subscribed to.
    #[prost(string, tag = "2")]
    pub subscribed_topic: String,
}

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum MqttVersion {
    /// 3.1.1
    V311 = 0,
    /// 5.0
    V5 = 1,
}

/// Where an agent is reached by STOMP.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StompConnect {
    /// The version of STOMP: 0 is 1.2, the only one.
    #[prost(enumeration = "StompVersion", tag = "1")]
    pub version: i32,
    /// The destination that it is subscribed to.
    #[prost(string, tag = "2")]
    pub subscribed_destination: String,
}

/// A version of STOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, prost::Enumeration)]
pub enum StompVersion {
    /// 1.2
    V12 = 0,
}

/// Why the sender goes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Disconnect {
    /// In words.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// As a number of [`ErrorCode`].
    #[prost(fixed32, tag = "2")]
    pub reason_code: u32,
}

/// Why bytes are no record. Nothing of it may be answered but by what the transport asks for (1003 over WebSocket).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// Larger than [`UspLimits::record_bytes_max`].
    #[error("the record is too large")]
    TooLarge,
    /// Not the bytes of a record.
    #[error("the record is malformed: {0}")]
    Wire(WireFault),
    /// No version, which is required.
    #[error("the record names no version")]
    NoVersion,
    /// No sender or receiver, which are required.
    #[error("the record names no sender or no receiver")]
    NoEndpoint,
    /// No record type that is known.
    #[error("the record is of no known type")]
    NoType,
    /// A message on its own that is empty (R-E2E.26).
    #[error("the record is empty")]
    NoPayload,
    /// TLS asked for outside a session context (R-E2E.41).
    #[error("the record is secured outside a session context")]
    SecuredOutsideSession,
}

impl RecordFault {
    /// A label for counting, one of a fixed set.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "record_too_large",
            Self::Wire(fault) => fault.label(),
            Self::NoVersion => "no_version",
            Self::NoEndpoint => "no_endpoint",
            Self::NoType => "no_record_type",
            Self::NoPayload => "no_payload",
            Self::SecuredOutsideSession => "secured_outside_session",
        }
    }

    /// The code that says it.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooLarge => ErrorCode::ResourcesExceeded,
            Self::Wire(_) | Self::NoType => ErrorCode::RecordNotParsed,
            Self::NoVersion | Self::NoEndpoint | Self::NoPayload => ErrorCode::InvalidRecordValue,
            Self::SecuredOutsideSession => ErrorCode::SecureSessionNotSupported,
        }
    }
}

impl Record {
    /// A record of ours. Its payload is in the clear: the transport protects it.
    #[must_use]
    pub fn new(from_id: &str, to_id: &str, record_type: RecordType) -> Self {
        Self {
            version: VERSION.to_owned(),
            to_id: to_id.to_owned(),
            from_id: from_id.to_owned(),
            record_type: Some(record_type),
            ..Self::default()
        }
    }

    /// Reads a record. Payloads share `bytes`.
    ///
    /// # Errors
    /// What is wrong with it, by [`RecordFault`].
    pub fn decode_bounded(bytes: &Bytes, limits: &UspLimits) -> Result<Self, RecordFault> {
        if bytes.len() > limits.record_bytes_max {
            return Err(RecordFault::TooLarge);
        }
        RECORD.check(bytes, limits).map_err(RecordFault::Wire)?;
        let record = Self::decode(bytes.clone()).map_err(|_| RecordFault::Wire(WireFault::NotUtf8))?;
        if record.version.is_empty() {
            return Err(RecordFault::NoVersion);
        }
        if record.to_id.is_empty() || record.from_id.is_empty() {
            return Err(RecordFault::NoEndpoint);
        }
        match &record.record_type {
            None => return Err(RecordFault::NoType),
            Some(RecordType::NoSessionContext(it)) if it.payload.is_empty() => return Err(RecordFault::NoPayload),
            Some(RecordType::NoSessionContext(_)) if record.payload_security() == PayloadSecurity::Tls12 => {
                return Err(RecordFault::SecuredOutsideSession);
            }
            Some(_) => {}
        }
        Ok(record)
    }

    /// The bytes of it.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        Bytes::from(self.encode_to_vec())
    }
}

/// Whom a record says it is for and from, read without decoding the rest: for a driver that has to find the agent's state
/// behind a broker. `None` where that cannot be read.
#[must_use]
pub fn peek_ids(bytes: &[u8]) -> Option<(&str, &str)> {
    let (mut rest, mut to, mut from) = (bytes, None, None);
    while !rest.is_empty() && (to.is_none() || from.is_none()) {
        match shape::next_field(&mut rest).ok()? {
            (2, shape::Value::Bytes(id)) => to = Some(std::str::from_utf8(id).ok()?),
            (3, shape::Value::Bytes(id)) => from = Some(std::str::from_utf8(id).ok()?),
            _ => {}
        }
    }
    Some((to?, from?))
}

impl fmt::Debug for NoSessionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoSessionContext").field("payload_bytes", &self.payload.len()).finish()
    }
}

impl fmt::Debug for SessionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionContext")
            .field("session_id", &self.session_id)
            .field("sequence_id", &self.sequence_id)
            .field("expected_id", &self.expected_id)
            .field("retransmit_id", &self.retransmit_id)
            .field("payload_sar_state", &self.payload_sar_state())
            .field("payload_bytes", &self.payload.iter().map(Bytes::len).sum::<usize>())
            .finish()
    }
}

static EMPTY: Shape = Shape(&[]);
static NO_SESSION: Shape = Shape(&[one(2, Kind::Text)]);
static SESSION: Shape = Shape(&[
    one(1, Kind::Number),
    one(2, Kind::Number),
    one(3, Kind::Number),
    one(4, Kind::Number),
    one(5, Kind::Enumeration(3)),
    one(6, Kind::Enumeration(3)),
    many(7, Kind::Text),
]);
static MQTT: Shape = Shape(&[one(1, Kind::Enumeration(1)), one(2, Kind::Text)]);
static STOMP: Shape = Shape(&[one(1, Kind::Enumeration(0)), one(2, Kind::Text)]);
static DISCONNECT: Shape = Shape(&[one(1, Kind::Text), one(2, Kind::Fixed32)]);
static RECORD: Shape = Shape(&[
    one(1, Kind::Text),
    one(2, Kind::Text),
    one(3, Kind::Text),
    one(4, Kind::Enumeration(1)),
    one(5, Kind::Text),
    one(6, Kind::Text),
    choice(7, Kind::Message(&NO_SESSION)),
    choice(8, Kind::Message(&SESSION)),
    choice(9, Kind::Message(&EMPTY)),
    choice(10, Kind::Message(&MQTT)),
    choice(11, Kind::Message(&STOMP)),
    choice(12, Kind::Message(&DISCONNECT)),
    choice(13, Kind::Message(&EMPTY)),
]);
