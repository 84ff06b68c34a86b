use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;

use super::packet::{self, MqttFault, MqttLimits, Packet, PacketDecoder};
use super::properties::Properties;
use super::{CONTENT_TYPE, Offered, SUBSCRIBE_PROPERTY, connect_property, is_record, is_topic, reply_topic};
use crate::endpoint_id::EndpointId;
use crate::record::MqttVersion;

/// How an endpoint connects to a broker. The password is not shown by `Debug`.
#[derive(Clone)]
pub struct MqttOptions {
    /// Which version is spoken.
    pub version: MqttVersion,
    /// Bounds of what is read.
    pub limits: MqttLimits,
    /// Who connects (R-MQTT.13).
    pub endpoint: EndpointId,
    /// What it is called among clients; see [`super::client_id`].
    pub client_id: String,
    /// User name and password (R-MQTT.9).
    pub credentials: Option<(String, String)>,
    /// Filters that are subscribed to beside what the broker offers.
    pub filters: Vec<String>,
    /// The topic at which records are awaited, if the broker does not name one.
    pub response_topic: Option<String>,
    /// After how long without a packet a sign of life is sent. Default 60 s; up to 65,535 s, zero for none.
    pub keep_alive: Duration,
    /// Messages of either side that may be unacknowledged, 1 to 1,000. Default 64.
    pub in_flight_max: u16,
    /// After how long a broker that does not answer is given up. Default 10 s.
    pub answer_within: Duration,
}

impl MqttOptions {
    /// With defaults for all but who connects and how.
    #[must_use]
    pub fn new(version: MqttVersion, endpoint: EndpointId) -> Self {
        Self {
            client_id: super::client_id(version, "", &endpoint),
            version,
            limits: MqttLimits::default(),
            endpoint,
            credentials: None,
            filters: Vec::new(),
            response_topic: None,
            keep_alive: Duration::from_secs(60),
            in_flight_max: 64,
            answer_within: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for MqttOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttOptions")
            .field("version", &self.version)
            .field("endpoint", &self.endpoint)
            .field("client_id", &self.client_id)
            .field("user", &self.credentials.as_ref().map(|(user, _)| user))
            .field("filters", &self.filters)
            .field("response_topic", &self.response_topic)
            .finish_non_exhaustive()
    }
}

/// What a client has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MqttOutput {
    /// Send these bytes to the broker.
    Transmit(Bytes),
    /// Something happened.
    Event(MqttEvent),
    /// Close the connection, and try again later.
    Close,
    /// Nothing more; call [`MqttClient::handle_timeout`] then.
    Wait(Option<Mono>),
}

/// What happened to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MqttEvent {
    /// It is connected and subscribed: records may be sent.
    Connected {
        /// The topic at which it awaits records.
        reply_to: String,
    },
    /// A record came.
    Record {
        /// The record.
        record: Bytes,
        /// The topic that it came at; of 3.1.1 with the topic for answers at its end.
        topic: String,
        /// Where an answer goes; without it none can be given (R-MQTT.26a).
        reply_to: Option<String>,
        /// To be given to [`MqttClient::taken`] once the record is taken.
        receipt: Option<u16>,
    },
    /// A message came that is no record, or is one that the broker has kept from before.
    NotARecord,
    /// The broker has a record of ours.
    Confirmed(u16),
    /// The broker does not take a record of ours, and why by its number (MQTT 5 §3.4.2.1).
    Rejected(u16, u8),
    /// It is over.
    Failed(MqttFailure),
}

/// Why a connection to a broker is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MqttFailure {
    /// The broker does not let it in, or ends the connection; the number is that of MQTT, the text the broker's, at most 256
    /// bytes of it.
    #[error("the broker refuses with code {0}: {1}")]
    Refused(u8, String),
    /// The broker sent what is no MQTT.
    #[error(transparent)]
    Malformed(#[from] MqttFault),
    /// The broker says nothing.
    #[error("the broker says nothing")]
    Silent,
    /// There is nothing to subscribe to (R-MQTT.16).
    #[error("neither the broker nor the configuration names a topic")]
    NoTopic,
    /// The broker refused a subscription (R-MQTT.17), by the number of MQTT.
    #[error("the broker refuses a subscription with code {0}")]
    NotSubscribed(u8),
}

/// The first code that says that something went wrong (MQTT 5 §2.4).
const FAILURE: u8 = 0x80;

/// An endpoint at somebody's broker: one connection with a clean start. Records go with quality of service 1.
#[derive(Debug)]
pub struct MqttClient {
    options: MqttOptions,
    decoder: PacketDecoder,
    state: State,
    keep_alive: Duration,
    sent: Mono,
    /// Until when an answer to a sign of life is to come.
    ping_until: Option<Mono>,
    /// Packets that the broker takes.
    packet_bytes_max: usize,
    in_flight_max: usize,
    in_flight: Vec<u16>,
    last_id: u16,
    outputs: VecDeque<MqttOutput>,
}

#[derive(Debug)]
enum State {
    Connecting { until: Mono },
    Subscribing { until: Mono, reply_to: String },
    Connected { reply_to: String },
    Closed,
}

/// Far fewer than there are packet ids, so that a free one is found.
const IN_FLIGHT_MAX: u16 = 1_000;

/// The packet id of the one SUBSCRIBE of a connection.
const SUBSCRIBE_ID: u16 = 1;

impl MqttClient {
    /// On a connection that is open: says who connects.
    #[must_use]
    pub fn new(now: Mono, options: MqttOptions) -> Self {
        let keep_alive_secs = u16::try_from(options.keep_alive.as_secs()).unwrap_or(u16::MAX);
        let connect = packet::Connect {
            version: options.version,
            client_id: &options.client_id,
            credentials: options.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str())),
            keep_alive_secs,
            endpoint: connect_property(&options.endpoint),
            receive_max: options.in_flight_max.clamp(1, IN_FLIGHT_MAX),
            packet_bytes_max: u32::try_from(options.limits.packet_bytes_max).unwrap_or(u32::MAX),
        };
        Self {
            outputs: VecDeque::from([MqttOutput::Transmit(connect.encode())]),
            decoder: PacketDecoder::new(options.version, options.limits.clone()),
            state: State::Connecting { until: now + options.answer_within },
            keep_alive: Duration::from_secs(keep_alive_secs.into()),
            sent: now,
            ping_until: None,
            packet_bytes_max: usize::MAX,
            in_flight_max: options.in_flight_max.clamp(1, IN_FLIGHT_MAX).into(),
            in_flight: Vec::new(),
            last_id: SUBSCRIBE_ID,
            options,
        }
    }

    /// Bytes came from the broker.
    pub fn handle_bytes(&mut self, now: Mono, bytes: &[u8]) {
        self.decoder.push(bytes);
        while !matches!(self.state, State::Closed) {
            match self.decoder.next_packet() {
                Ok(Some(packet)) => self.handle_packet(now, packet),
                Ok(None) => return,
                Err(fault) => self.fail(fault.into()),
            }
        }
    }

    /// Whether a record may be sent: it is connected, and the broker has room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        matches!(self.state, State::Connected { .. }) && self.in_flight.len() < self.in_flight_max
    }

    /// Sends a record to `topic`, and says that an answer is awaited at `reply_to`, or where all records are if that is `None`.
    /// Gives the id by which it is [confirmed](MqttEvent::Confirmed); `None`: there is no room, the topic is none, or the record is
    /// larger than the broker takes.
    pub fn publish(&mut self, now: Mono, topic: &str, reply_to: Option<&str>, record: &[u8]) -> Option<u16> {
        let State::Connected { reply_to: own } = &self.state else { return None };
        if !self.has_room() {
            return None;
        }
        let reply_to = reply_to.unwrap_or(own).to_owned();
        let topic = match self.options.version {
            MqttVersion::V5 => topic.to_owned(),
            MqttVersion::V311 => super::topic_with_reply(topic, &reply_to),
        };
        if !is_topic(&topic) || !is_topic(&reply_to) {
            return None;
        }
        let id = self.free_id();
        let bytes = packet::publish(self.options.version, id, &topic, (CONTENT_TYPE, &reply_to), record);
        if bytes.len() > self.packet_bytes_max {
            return None;
        }
        self.in_flight.push(id);
        self.transmit(now, bytes);
        Some(id)
    }

    /// A record was taken: the broker need not say it again.
    pub fn taken(&mut self, now: Mono, receipt: u16) {
        if matches!(self.state, State::Connected { .. }) {
            self.transmit(now, packet::publish_ack(receipt));
        }
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Mono) {
        if !matches!(self.state, State::Closed) {
            self.transmit(now, Bytes::from_static(&packet::DISCONNECT));
            self.state = State::Closed;
            self.outputs.push_back(MqttOutput::Close);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Mono) {
        match &self.state {
            State::Connecting { until } | State::Subscribing { until, .. } if *until <= now => {
                self.fail(MqttFailure::Silent);
            }
            State::Connected { .. } if self.ping_until.is_some_and(|until| until <= now) => {
                self.fail(MqttFailure::Silent);
            }
            State::Connected { .. } if self.ping_due().is_some_and(|due| due <= now) => {
                self.ping_until = Some(now + self.options.answer_within);
                self.transmit(now, Bytes::from_static(&packet::PING));
            }
            State::Connecting { .. } | State::Subscribing { .. } | State::Connected { .. } | State::Closed => {}
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> MqttOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            MqttOutput::Wait(match self.state {
                State::Connecting { until } | State::Subscribing { until, .. } => Some(until),
                State::Connected { .. } => self.ping_until.into_iter().chain(self.ping_due()).min(),
                State::Closed => None,
            })
        })
    }

    /// When the next sign of life is due: while one is unanswered none is.
    fn ping_due(&self) -> Option<Mono> {
        // Three quarters: the broker waits one and a half times what was agreed on, and networks are slow.
        let every = self.keep_alive * 3 / 4;
        (!every.is_zero() && self.ping_until.is_none()).then(|| self.sent + every)
    }

    fn handle_packet(&mut self, now: Mono, packet: Packet) {
        match (&mut self.state, packet) {
            (State::Connecting { .. }, Packet::ConnAck { code: 0, properties }) => self.connected(now, &properties),
            (State::Connecting { .. }, Packet::ConnAck { code, properties }) => self.refused(code, &properties),
            (State::Subscribing { reply_to, .. }, Packet::SubAck { packet_id: SUBSCRIBE_ID, codes }) => {
                if let Some(code) = codes.into_iter().find(|code| *code >= FAILURE) {
                    return self.fail(MqttFailure::NotSubscribed(code));
                }
                let reply_to = std::mem::take(reply_to);
                self.state = State::Connected { reply_to: reply_to.clone() };
                self.event(MqttEvent::Connected { reply_to });
            }
            // Brokers may deliver before they say that they will.
            (State::Subscribing { .. } | State::Connected { .. }, packet @ Packet::Publish { .. }) => {
                self.published(now, packet);
            }
            (State::Connected { .. }, Packet::PubAck { packet_id, code }) => {
                let Some(at) = self.in_flight.iter().position(|id| *id == packet_id) else { return };
                self.in_flight.swap_remove(at);
                self.event(if code < FAILURE {
                    MqttEvent::Confirmed(packet_id)
                } else {
                    MqttEvent::Rejected(packet_id, code)
                });
            }
            (State::Subscribing { .. } | State::Connected { .. }, Packet::PingResp) => self.ping_until = None,
            (_, Packet::Disconnect { code, properties }) => self.refused(code, &properties),
            _ => self.fail(MqttFault::Unexpected.into()),
        }
    }

    fn connected(&mut self, now: Mono, properties: &Properties) {
        if let Some(secs) = properties.server_keep_alive {
            self.keep_alive = Duration::from_secs(secs.into());
        }
        if let Some(most) = properties.receive_maximum {
            self.in_flight_max = self.in_flight_max.min(most.into());
        }
        if let Some(most) = properties.maximum_packet_size {
            self.packet_bytes_max = most as usize;
        }
        let offered = Offered {
            configured: self.options.filters.iter().map(String::as_str).collect(),
            subscribe_topics: properties.user_values(SUBSCRIBE_PROPERTY).collect(),
            response_information: properties.response_information.as_deref(),
            response_topic: self.options.response_topic.as_deref(),
        };
        let filters = offered.filters(self.options.version);
        // Where only filters are named, the first that is a topic as well serves for answers.
        let reply_to = offered.reply_to(self.options.version).map(str::to_owned);
        let reply_to = reply_to.or_else(|| filters.iter().find(|filter| is_topic(filter)).cloned());
        let (Some(reply_to), false) = (reply_to, filters.is_empty()) else {
            self.transmit(now, Bytes::from_static(&packet::DISCONNECT));
            return self.fail(MqttFailure::NoTopic);
        };
        self.state = State::Subscribing { until: now + self.options.answer_within, reply_to };
        self.transmit(now, packet::subscribe(self.options.version, SUBSCRIBE_ID, &filters));
    }

    fn published(&mut self, now: Mono, packet: Packet) {
        let Packet::Publish { topic, packet_id, retained, properties, payload } = packet else { return };
        let version = self.options.version;
        // What is retained was said before, perhaps long ago: a record is of now.
        if retained || payload.is_empty() || !is_record(version, properties.content_type.as_deref()) {
            if let Some(packet_id) = packet_id {
                self.transmit(now, packet::publish_ack(packet_id));
            }
            return self.event(MqttEvent::NotARecord);
        }
        let reply_to = reply_topic(version, &topic, properties.response_topic.as_deref());
        self.event(MqttEvent::Record { record: payload, topic, reply_to, receipt: packet_id });
    }

    fn refused(&mut self, code: u8, properties: &Properties) {
        const BYTES_MAX: usize = 256;
        let reason = properties.reason.as_deref().unwrap_or_default();
        let reason = reason[..reason.floor_char_boundary(BYTES_MAX.min(reason.len()))].to_owned();
        self.fail(MqttFailure::Refused(code, reason));
    }

    /// The next packet id that nothing in flight has; there is always one, as fewer may be in flight than there are.
    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1).max(SUBSCRIBE_ID + 1);
            if !self.in_flight.contains(&self.last_id) {
                return self.last_id;
            }
        }
    }

    fn transmit(&mut self, now: Mono, bytes: Bytes) {
        self.sent = now;
        self.outputs.push_back(MqttOutput::Transmit(bytes));
    }

    fn fail(&mut self, failure: MqttFailure) {
        self.state = State::Closed;
        self.event(MqttEvent::Failed(failure));
        self.outputs.push_back(MqttOutput::Close);
    }

    fn event(&mut self, event: MqttEvent) {
        self.outputs.push_back(MqttOutput::Event(event));
    }
}
