use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// A rendezvous or a signaling server.
#[derive(Clone, Debug)]
pub struct Server {
    /// `http`/`https` for a rendezvous, `ws`/`wss` (or those) for signaling; a path such as `/r/<room>` stands before ours.
    pub url: String,
    /// Shown as `Authorization: Bearer …`.
    pub token: Option<SecretString>,
}

/// Announcing and browsing on the LAN.
#[derive(Clone, Debug)]
pub struct MdnsOptions {
    /// Whether it is done at all: announcing, browsing, and resolving the names of candidates.
    pub enabled: bool,
    /// The UDP port; 5353 for everybody else to see it (RFC 6762 §5).
    pub port: u16,
    /// Whether the loopback interface takes part. For tests, and for nodes of one host that has no network.
    pub loopback: bool,
    /// Services remembered at most; one more is counted and left out.
    pub services_max: usize,
    /// Names of candidates remembered at most; one more is not resolved.
    pub names_max: usize,
    /// Names asked for at the same time; others wait.
    pub name_queries_max: usize,
}

/// How peers are looked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// In this order they are numbered: [`sangam_mesh_proto::Via::Rendezvous`]. At most 256.
    pub rendezvous: Vec<Server>,
    /// In this order they are numbered: [`sangam_mesh_proto::Via::Signaling`]. At most 256.
    pub signaling: Vec<Server>,
    /// URLs of nodes that are greeted at the start and kept in mind for ever.
    pub bootstrap: Vec<String>,
    /// The LAN.
    pub mdns: MdnsOptions,
    /// Whether URLs that others tell may lead to this host, as when several nodes run on it. They may in any case if our own URL does.
    pub loopback: bool,
    /// Authorities (PEM) believed beside the system's.
    pub ca_file: Option<PathBuf>,
    /// A round of registering and visiting a node takes a uniform time between these two.
    pub round: (Duration, Duration),
    /// How long a request may take.
    pub request_timeout: Duration,
    /// The largest body of a state document, in bytes.
    pub state_bytes_max: usize,
    /// The largest body of any other answer, and the largest message of a signaling server, in bytes.
    pub answer_bytes_max: usize,
    /// URLs of nodes known at most; one more is counted and left out.
    pub urls_max: usize,
    /// Visits to nodes at the same time. Each holds one state document until the owner has taken it and dropped it.
    pub visits_max: usize,
    /// Peers whose routes are remembered; the one longest not seen makes room. Of one signaling server as many agents are kept in
    /// mind; more are counted.
    pub peers_max: usize,
    /// Signals that wait for one peer.
    pub queue_max: usize,
    /// Signals that wait for a signaling server that is away.
    pub signaling_queue_max: usize,
    /// Reports of links that wait for a signaling server; one more is dropped and counted.
    pub reports_max: usize,
    /// How long a signal waits for a signaling server to come back.
    pub signaling_patience: Duration,
    /// The pause after the first failure; doubled each time, with jitter of half of it.
    pub retry_first: Duration,
    /// The longest pause.
    pub retry_max: Duration,
}

impl Default for MdnsOptions {
    fn default() -> Self {
        Self { enabled: true, port: 5353, loopback: false, services_max: 1024, names_max: 1024, name_queries_max: 16 }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rendezvous: Vec::new(),
            signaling: Vec::new(),
            bootstrap: Vec::new(),
            mdns: MdnsOptions::default(),
            loopback: false,
            ca_file: None,
            round: (Duration::from_secs(5), Duration::from_secs(10)),
            request_timeout: Duration::from_secs(5),
            state_bytes_max: 4 * 1024 * 1024,
            answer_bytes_max: 1024 * 1024,
            urls_max: 256,
            visits_max: 4,
            peers_max: 4096,
            queue_max: 64,
            signaling_queue_max: 1024,
            reports_max: 64,
            signaling_patience: Duration::from_secs(5),
            retry_first: Duration::from_millis(200),
            retry_max: Duration::from_secs(3),
        }
    }
}
