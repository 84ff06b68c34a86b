use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::mqtt::{self, MqttClient, MqttEvent, MqttFailure, MqttLimits, MqttOptions, MqttOutput};
use sangam_usp_proto::mtp::stomp::{ClientEvent, ClientFailure, ClientOptions, ClientOutput, StompClient, StompLimits};
use sangam_usp_proto::record::MqttVersion;
use sangam_usp_proto::{Connect, EndpointId};

use super::options::{BrokerOptions, BrokerWire};

/// One connection with a broker, whatever is spoken on it.
#[derive(Debug)]
pub(super) enum Speaker {
    Stomp { client: Box<StompClient>, last_receipt: u64, unconfirmed: usize },
    Mqtt { client: Box<MqttClient> },
}

/// What it has to say.
#[derive(Debug)]
pub(super) enum Said {
    /// Send these bytes.
    Transmit(Bytes),
    /// Records may be sent from now on.
    Connected,
    /// A record came.
    Record(Arrived),
    /// A message came that is none.
    NotARecord,
    /// The broker has the record of that number.
    Confirmed(u64),
    /// It does not take it.
    Rejected(u64),
    /// It is over: a label for counting, and in words.
    Failed(&'static str, String),
    /// Close the connection.
    Close,
    /// Nothing more until then.
    Wait(Option<Mono>),
}

/// A record that came from a broker.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) record: Bytes,
    /// Where it was sent to; of MQTT alone.
    pub(super) topic: Option<String>,
    /// Where an answer goes.
    pub(super) reply_to: Option<String>,
    /// What the broker is told once it is taken.
    pub(super) receipt: Option<u16>,
}

/// Records that STOMP brokers may have without having said so.
const UNCONFIRMED_MAX: usize = 1_000;

impl Speaker {
    /// On a stream that is open.
    pub(super) fn new(now: Mono, us: &EndpointId, options: &BrokerOptions, record_bytes_max: usize) -> Self {
        let login = options.login.as_ref();
        let credentials = login.map(|login| (login.user.to_string(), login.secret.expose().to_owned()));
        match &options.wire {
            BrokerWire::Stomp { vhost, destination, heart_beat } => {
                let limits = StompLimits { body_bytes_max: record_bytes_max + (1 << 10), ..StompLimits::default() };
                let settings = ClientOptions {
                    limits,
                    host: vhost.clone(),
                    credentials,
                    heart_beat: (*heart_beat, *heart_beat),
                    destination: Some(destination.clone()),
                    connect_within: options.answer_within,
                    ..ClientOptions::new(us.clone())
                };
                let client = Box::new(StompClient::new(now, settings));
                Self::Stomp { client, last_receipt: 0, unconfirmed: 0 }
            }
            BrokerWire::Mqtt { version, client_id, topic, keep_alive } => {
                let limits = MqttLimits { packet_bytes_max: record_bytes_max + (80 << 10), ..MqttLimits::default() };
                let settings = MqttOptions {
                    limits,
                    client_id: mqtt::client_id(*version, client_id, us),
                    credentials,
                    keep_alive: *keep_alive,
                    answer_within: options.answer_within,
                    ..MqttOptions::new(*version, us.clone())
                };
                let client = Box::new(MqttClient::new(now, at_topic(settings, topic)));
                Self::Mqtt { client }
            }
        }
    }

    pub(super) fn handle_bytes(&mut self, now: Mono, bytes: &[u8]) {
        match self {
            Self::Stomp { client, .. } => client.handle_bytes(now, bytes),
            Self::Mqtt { client } => client.handle_bytes(now, bytes),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Mono) {
        match self {
            Self::Stomp { client, .. } => client.handle_timeout(now),
            Self::Mqtt { client } => client.handle_timeout(now),
        }
    }

    /// Whether the broker has room for another record.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Stomp { unconfirmed, .. } => *unconfirmed < UNCONFIRMED_MAX,
            Self::Mqtt { client } => client.has_room(),
        }
    }

    /// Sends a record; `answer_at` is where its answer is awaited, if not where all are. Gives the number by which it is confirmed;
    /// `None`: it cannot be sent.
    pub(super) fn send(&mut self, now: Mono, to: &str, answer_at: Option<&str>, record: &Bytes) -> Option<u64> {
        match self {
            Self::Stomp { client, last_receipt, unconfirmed } => {
                let receipt = *last_receipt + 1;
                if !client.send_with_receipt(now, to, record.clone(), &receipt.to_string()) {
                    return None;
                }
                *last_receipt = receipt;
                *unconfirmed += 1;
                Some(receipt)
            }
            Self::Mqtt { client } => client.publish(now, to, answer_at, record).map(u64::from),
        }
    }

    /// A record was taken.
    pub(super) fn taken(&mut self, now: Mono, receipt: u16) {
        match self {
            Self::Stomp { .. } => {}
            Self::Mqtt { client } => client.taken(now, receipt),
        }
    }

    pub(super) fn close(&mut self, now: Mono) {
        match self {
            Self::Stomp { client, .. } => client.close(now),
            Self::Mqtt { client } => client.close(now),
        }
    }

    pub(super) fn poll(&mut self) -> Said {
        match self {
            Self::Stomp { client, unconfirmed, .. } => match client.poll_output() {
                ClientOutput::Transmit(bytes) => Said::Transmit(bytes),
                ClientOutput::Close => Said::Close,
                ClientOutput::Wait(until) => Said::Wait(until),
                ClientOutput::Event(event) => {
                    let said = of_stomp(event);
                    if matches!(said, Said::Confirmed(_)) {
                        *unconfirmed = unconfirmed.saturating_sub(1);
                    }
                    said
                }
            },
            Self::Mqtt { client } => match client.poll_output() {
                MqttOutput::Transmit(bytes) => Said::Transmit(bytes),
                MqttOutput::Close => Said::Close,
                MqttOutput::Wait(until) => Said::Wait(until),
                MqttOutput::Event(event) => of_mqtt(event),
            },
        }
    }
}

/// Where records are awaited: at one topic, or at one for each agent.
fn at_topic(options: MqttOptions, topic: &str) -> MqttOptions {
    if topic.contains(super::destinations::ENDPOINT) {
        let filter = topic.replace(super::destinations::ENDPOINT, "+");
        let filters = match options.version {
            MqttVersion::V5 => vec![filter],
            // The topic for answers is a level of its own at the end.
            MqttVersion::V311 => vec![format!("{filter}/#")],
        };
        // Where answers are awaited is said with each record.
        let nobody = topic.replace(super::destinations::ENDPOINT, "nobody");
        MqttOptions { filters, response_topic: Some(nobody), ..options }
    } else {
        MqttOptions { response_topic: Some(topic.to_owned()), ..options }
    }
}

fn of_stomp(event: ClientEvent) -> Said {
    match event {
        ClientEvent::Connected { .. } => Said::Connected,
        ClientEvent::Record { record, reply_to } => {
            Said::Record(Arrived { record, topic: None, reply_to, receipt: None })
        }
        ClientEvent::NotARecord => Said::NotARecord,
        ClientEvent::Receipt(receipt) => receipt.parse().map_or(Said::NotARecord, Said::Confirmed),
        ClientEvent::Failed(failure) => {
            let label = match &failure {
                ClientFailure::Refused(_) => "refused",
                ClientFailure::Malformed(fault) => fault.label(),
                ClientFailure::Silent => "silent",
                ClientFailure::Version => "version",
                ClientFailure::NoDestination => "no_destination",
            };
            Said::Failed(label, failure.to_string())
        }
    }
}

fn of_mqtt(event: MqttEvent) -> Said {
    match event {
        MqttEvent::Connected { .. } => Said::Connected,
        MqttEvent::Record { record, topic, reply_to, receipt } => {
            Said::Record(Arrived { record, topic: Some(topic), reply_to, receipt })
        }
        MqttEvent::NotARecord => Said::NotARecord,
        MqttEvent::Confirmed(id) => Said::Confirmed(id.into()),
        MqttEvent::Rejected(id, _) => Said::Rejected(id.into()),
        MqttEvent::Failed(failure) => {
            let label = match &failure {
                MqttFailure::Refused(..) => "refused",
                MqttFailure::Malformed(fault) => fault.label(),
                MqttFailure::Silent => "silent",
                MqttFailure::NoTopic => "no_destination",
                MqttFailure::NotSubscribed(_) => "not_subscribed",
            };
            Said::Failed(label, failure.to_string())
        }
    }
}

impl BrokerWire {
    /// How records reach an agent that is answered there.
    pub(super) fn connect(&self, reply_to: &str) -> Connect {
        match self {
            Self::Stomp { .. } => Connect::Stomp { destination: reply_to.to_owned() },
            Self::Mqtt { version, .. } => Connect::Mqtt { version: *version, topic: reply_to.to_owned() },
        }
    }

    /// A word for metrics and operators.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Stomp { .. } => "stomp",
            Self::Mqtt { .. } => "mqtt",
        }
    }
}
