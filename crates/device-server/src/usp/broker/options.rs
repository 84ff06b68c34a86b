use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use sangam_device_proto::secret::Login;
use sangam_usp_proto::record::MqttVersion;

/// A broker of somebody else at which agents are met.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerOptions {
    /// What is spoken there.
    pub wire: BrokerWire,
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// `None`: in the clear.
    pub tls: Option<BrokerTls>,
    /// What we log in with.
    pub login: Option<Login>,
    /// Whether the broker lets each agent publish under its own endpoint id alone: then it is believed.
    pub is_believed: bool,
    /// Where agents may be: they are answered nowhere else. `{endpoint}` stands for the agent's endpoint id; of STOMP a `*` at the end
    /// stands for a name without a slash; of MQTT these are filters.
    pub agents_at: Vec<String>,
    /// Agents that may be met there at once.
    pub agents_max: usize,
    /// Records of agents that may be at work at once; no more is read meanwhile.
    pub working_max: usize,
    /// Records of one agent that may wait for its one before; more are refused.
    pub per_agent_max: usize,
    /// Records to agents that may wait to be sent.
    pub waiting_max: usize,
    /// Bytes of these.
    pub waiting_bytes_max: usize,
    /// How long one may wait; after that nobody wants its answer.
    pub send_within: Duration,
    /// How long a connection may take to come about, and the broker to answer what needs an answer.
    pub answer_within: Duration,
    /// The wait before the first attempt to come back; each next one is twice as long, and half of it is up to chance.
    pub retry_min: Duration,
    /// The longest wait between two attempts.
    pub retry_max: Duration,
    /// How long agents are held to be there while the broker is not.
    pub outage_max: Duration,
}

/// What is spoken at a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerWire {
    /// STOMP 1.2.
    Stomp {
        /// The virtual host (`host` of STOMP).
        vhost: Option<String>,
        /// Where agents send to.
        destination: String,
        /// How often either side shows a sign of life; zero for none.
        heart_beat: Duration,
    },
    /// MQTT.
    Mqtt {
        /// Of which version.
        version: MqttVersion,
        /// What we are called among clients; empty: as TR-369 has it.
        client_id: String,
        /// The topic that agents publish to; if `{endpoint}` is in it, each has its own, and what comes there must be from it.
        topic: String,
        /// After how long without a packet a sign of life is sent; zero for none.
        keep_alive: Duration,
    },
}

/// Encryption of the connection with a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerTls {
    /// Authorities, in PEM; `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
}

impl BrokerOptions {
    /// With defaults for all but where it is and what is spoken.
    #[must_use]
    pub fn new(wire: BrokerWire, host: impl Into<String>, port: u16) -> Self {
        let agents_at = match wire {
            BrokerWire::Stomp { .. } => vec!["/queue/*".to_owned(), "/topic/*".to_owned()],
            BrokerWire::Mqtt { .. } => vec!["#".to_owned()],
        };
        Self {
            wire,
            host: host.into(),
            port,
            tls: None,
            login: None,
            is_believed: false,
            agents_at,
            agents_max: 100_000,
            working_max: 1_024,
            per_agent_max: 64,
            waiting_max: 10_000,
            waiting_bytes_max: 16 << 20,
            send_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(10),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            outage_max: Duration::from_secs(30),
        }
    }
}

/// Never what it logs in with.
impl fmt::Debug for BrokerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerOptions")
            .field("wire", &self.wire)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("user", &self.login.as_ref().map(|login| &login.user))
            .field("is_believed", &self.is_believed)
            .field("agents_at", &self.agents_at)
            .finish_non_exhaustive()
    }
}
