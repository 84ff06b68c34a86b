use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sangam_cwmp_proto::SoapLimits;
use sangam_cwmp_proto::session::SessionOptions;
use sangam_device_proto::admission::AdmissionRules;
use sangam_device_proto::alarm::FloodRules;
use sangam_device_proto::enrol::EnrolRules;
use sangam_device_proto::profile::PursuitRules;
use sangam_device_proto::schema::SchemaRules;
use sangam_device_proto::secret::Login;
use sangam_device_proto::task::TaskRules;
use sangam_device_proto::values::ValueRules;

use crate::usp::{BrokerOptions, StompOptions, UspOptions};

/// What is settled at the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// What devices are told that they log in to.
    pub realm: String,
    /// How long a nonce of Digest is good for a new session.
    pub nonce_lifetime: Duration,
    /// Bounds of a message.
    pub soap: SoapLimits,
    /// Bounds of a session.
    pub session: SessionOptions,
    /// Names asked for in one GetParameterValues.
    pub names_at_once: usize,
    /// Sessions open at once.
    pub sessions_max: usize,
    /// How long the body of a message may take to come.
    pub body_timeout: Duration,
    /// Devices that may be known.
    pub devices_max: u64,
    /// Rows that may wait to be written.
    pub queue_rows_max: usize,
    /// Bytes of requests that may wait to be written.
    pub queue_bytes_max: usize,
    /// Rows after which no more is taken into one write.
    pub group_rows_max: usize,
    /// Who is told to come back, and when.
    pub admission: AdmissionRules,
    /// How tasks are tried.
    pub tasks: TaskRules,
    /// Bounds of what is kept of values.
    pub values: ValueRules,
    /// Bounds of names.
    pub schemas: SchemaRules,
    /// Schemas that may be known: one for each model and version of its software.
    pub schemas_max: u64,
    /// Devices that came last, kept in memory as they are stored: one that comes again is not read again. About 2 kB each.
    pub heads_max: usize,
    /// Schemas kept in memory.
    pub schemas_cached: usize,
    /// How often it is written when each device was seen last.
    pub seen_interval: Duration,
    /// How often it is looked whether something need be kept no longer.
    pub sweep_interval: Duration,
    /// How devices are called.
    pub calls: CallOptions,
    /// Files that devices fetch and bring.
    pub files: FileOptions,
    /// Agents of USP.
    pub usp: UspOptions,
    /// Brokers of others at which agents of USP are met.
    pub brokers: Vec<BrokerOptions>,
    /// Our own endpoint for agents that speak STOMP.
    pub stomp: StompOptions,
    /// What devices are to be set to.
    pub profiles: ProfileOptions,
    /// What is wrong with devices.
    pub alarms: AlarmOptions,
    /// Who hears what happens.
    pub news: NewsOptions,
    /// How long things are kept.
    pub keep: Keep,
}

/// Profiles and what is done with those who are not as they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileOptions {
    /// Profiles that there may be.
    pub profiles_max: usize,
    /// How patiently devices are told again.
    pub pursuit: PursuitRules,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self { profiles_max: 1_000, pursuit: PursuitRules::default() }
    }
}

/// When something is an alarm, and how many of them are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmOptions {
    /// After so many of its intervals in which a device did not come; 0: that is none.
    pub missed_informs: u32,
    /// The same of a device of which no interval is known.
    pub offline_after: Duration,
    /// After so many refused tasks, or wrong logins, of a device; 0: that is none.
    pub faults: u32,
    /// Within this time.
    pub faults_within: Duration,
    /// How often one device may have alarms written.
    pub device_flood: FloodRules,
    /// How often all of them together.
    pub fleet_flood: FloodRules,
    /// Alarms that may be open at once.
    pub open_max: usize,
}

impl Default for AlarmOptions {
    fn default() -> Self {
        let fleet_flood = FloodRules { burst: 2_000, one_each: Duration::from_millis(20), devices_max: 1 };
        Self {
            missed_informs: 3,
            offline_after: Duration::from_secs(25 * 3_600),
            faults: 3,
            faults_within: Duration::from_secs(3_600),
            device_flood: FloodRules::default(),
            fleet_flood,
            open_max: 100_000,
        }
    }
}

/// Who hears what happens, as it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewsOptions {
    /// Groups of changes that may wait for one who listens; who is behind by more is told so and listens no longer.
    pub queue: usize,
    /// Who may listen at once.
    pub listeners_max: usize,
}

impl Default for NewsOptions {
    fn default() -> Self {
        Self { queue: 1_024, listeners_max: 100 }
    }
}

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Values that a device had before.
    pub history: Duration,
    /// Rows of history of a device.
    pub history_rows: usize,
    /// Events.
    pub events: Duration,
    /// Events of a device.
    pub events_rows: usize,
    /// Events of all devices.
    pub events_total: u64,
    /// Tasks and diagnostics that have ended.
    pub tasks: Duration,
    /// Alarms that were cleared.
    pub alarms: Duration,
    /// Devices that are pending and were not heard of since.
    pub pending: Duration,
}

/// How devices are called: what asks one for a session (TR-069 Amendment 6 §3.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOptions {
    /// Calls under way at once.
    pub at_once: usize,
    /// Devices whose call waits, is under way, or was made within `interval`; of more, none is called.
    pub waiting_max: usize,
    /// How long a connection may take to come about, its name and its encryption included.
    pub connect_timeout: Duration,
    /// How long one answer may take.
    pub answer_timeout: Duration,
    /// From one call of a device to the next: sooner, devices refuse.
    pub interval: Duration,
    /// Whether devices are called at other addresses than the one that their last session came from.
    pub any_address: bool,
    /// Devices of which it is remembered where their last session came from.
    pub addresses_max: usize,
    /// Names looked up at once: each holds a thread for as long as its name server likes.
    pub lookups_max: usize,
    /// Copies of a datagram to a device behind NAT (TR-069 Amendment 6 Annex G).
    pub udp_copies: usize,
    /// From one copy to the next.
    pub udp_copy_interval: Duration,
    /// Bindings behind NAT that are remembered.
    pub bindings_max: usize,
    /// Where it stands how far datagrams are numbered; `None`: nowhere.
    pub stamp_file: Option<PathBuf>,
    /// The XMPP server that devices are called through (Annex K); `None`: through none.
    pub xmpp: Option<XmppOptions>,
    /// Requests that may wait for a task to end.
    pub waits_max: usize,
    /// How long one may wait for that.
    pub wait_max: Duration,
}

/// An XMPP server that devices are called through, as one of its components (XEP-0114).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmppOptions {
    /// Its host: a name or an address.
    pub host: String,
    /// Its port for components.
    pub port: u16,
    /// The name that it gave us.
    pub domain: String,
    /// What we share with it.
    pub secret: sangam_cwmp_proto::Secret,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a device may take to answer.
    pub answer_timeout: Duration,
    /// Requests that may wait for their answers.
    pub pending_max: usize,
    /// After a connection was lost, the next is tried after this long at first, and twice as long each time.
    pub retry_min: Duration,
    /// But no longer than this.
    pub retry_max: Duration,
}

impl XmppOptions {
    /// 3 s to connect, 10 s for an answer, 1,000 at once, 1 s to 60 s between tries.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16, domain: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            domain: domain.into(),
            secret: sangam_cwmp_proto::Secret::new(secret),
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(10),
            pending_max: 1_000,
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
        }
    }
}

impl Default for CallOptions {
    fn default() -> Self {
        Self {
            at_once: 64,
            waiting_max: 10_000,
            connect_timeout: Duration::from_secs(3),
            answer_timeout: Duration::from_secs(5),
            interval: Duration::from_secs(5),
            any_address: false,
            addresses_max: 1_000_000,
            lookups_max: 8,
            udp_copies: 3,
            udp_copy_interval: Duration::from_millis(500),
            bindings_max: 200_000,
            stamp_file: None,
            xmpp: None,
            waits_max: 10_000,
            wait_max: Duration::from_secs(60),
        }
    }
}

/// Files that devices fetch and bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// The directory where they are, made if it is not there; `None`: there are none.
    pub dir: Option<PathBuf>,
    /// Files that may be there at once.
    pub files_max: usize,
    /// Bytes of one file of an operator.
    pub file_bytes_max: u64,
    /// Bytes of one file that a device brings.
    pub upload_bytes_max: u64,
    /// Bytes of all files.
    pub total_bytes_max: u64,
    /// Transfers of devices under way at once; the next one is told to come back.
    pub transfers_max: usize,
    /// How long a transfer may stand still.
    pub stall_timeout: Duration,
    /// How long the credentials of one transfer are good; no transfer takes longer.
    pub grant_lifetime: Duration,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            dir: None,
            files_max: 10_000,
            file_bytes_max: 1 << 30,
            upload_bytes_max: 16 << 20,
            total_bytes_max: 64 << 30,
            transfers_max: 256,
            stall_timeout: Duration::from_secs(30),
            grant_lifetime: Duration::from_secs(3_600),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            realm: "sangam".to_owned(),
            nonce_lifetime: Duration::from_secs(300),
            soap: SoapLimits::default(),
            session: SessionOptions::default(),
            names_at_once: 32,
            sessions_max: 20_000,
            body_timeout: Duration::from_secs(30),
            devices_max: 1_000_000,
            queue_rows_max: 100_000,
            queue_bytes_max: 64 << 20,
            group_rows_max: 5_000,
            admission: AdmissionRules { retry_max: Duration::from_secs(120), ..AdmissionRules::default() },
            tasks: TaskRules { per_device_max: 1_000, ..TaskRules::default() },
            values: ValueRules::default(),
            schemas: SchemaRules::default(),
            schemas_max: 10_000,
            heads_max: 20_000,
            schemas_cached: 1_000,
            seen_interval: Duration::from_secs(1),
            sweep_interval: Duration::from_secs(60),
            calls: CallOptions::default(),
            files: FileOptions::default(),
            brokers: Vec::new(),
            stomp: StompOptions::default(),
            usp: UspOptions::default(),
            profiles: ProfileOptions::default(),
            alarms: AlarmOptions::default(),
            news: NewsOptions::default(),
            keep: Keep {
                history: days(30),
                history_rows: 10_000,
                events: days(30),
                events_rows: 1_000,
                events_total: 20_000_000,
                tasks: days(30),
                alarms: days(90),
                pending: days(7),
            },
        }
    }
}

/// What a reload replaces.
#[derive(Clone, Debug)]
pub struct Live {
    /// Who becomes a device of ours.
    pub enrol: EnrolRules,
    /// What devices come with from the factory.
    pub credentials: Credentials,
    /// Whether a password itself may be shown where the connection is not encrypted.
    pub basic_without_tls: bool,
    /// From one periodic Inform to the next, as devices are told; `None`: they are told nothing.
    pub periodic_interval: Option<Duration>,
}

/// Logins that devices come with from the factory.
#[derive(Clone, Debug, Default)]
pub struct Credentials(Arc<[Login]>);

impl Credentials {
    /// Any of these will do.
    #[must_use]
    pub fn new(logins: Vec<Login>) -> Self {
        Self(logins.into())
    }

    /// Those of a user.
    pub(crate) fn of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Login> {
        self.0.iter().filter(move |login| *login.user == *user)
    }
}
