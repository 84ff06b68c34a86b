use std::time::Duration;

use sangam_usp_proto::controller::ControllerOptions;
use sangam_usp_proto::{EndpointId, UspLimits};

/// How USP agents are served.
#[derive(Clone, Debug)]
pub struct UspOptions {
    /// Our own endpoint id; `None`: agents are not served.
    pub endpoint: Option<EndpointId>,
    /// Bounds of records and messages.
    pub limits: UspLimits,
    /// Agents that may be connected at once; the next one is told to come back.
    pub agents_max: usize,
    /// Agents of which nobody knows yet who they are that may be connected at once.
    pub strangers_max: usize,
    /// How long an agent may take to say who it is.
    pub stranger_timeout: Duration,
    /// Agents that may be let in at the same time; others wait for their turn.
    pub opening_max: usize,
    /// How long one may wait for its turn to be let in.
    pub opening_timeout: Duration,
    /// How long a request may go without an answer.
    pub request_timeout: Duration,
    /// Whether session contexts are allowed.
    pub sessions: bool,
    /// Whether an agent is to say that it is here before anything else (R-MTP.8).
    pub connect_required: bool,
    /// Bytes that may wait to be sent to one agent.
    pub waiting_bytes_max: usize,
    /// How long a WebSocket may be silent before it is pinged; a random part of up to a quarter is taken off. One that is silent for as long again
    /// is gone.
    pub ping_interval: Duration,
    /// The URL at which agents reach our files (`https://acs.example:7547`), where their transport does not tell; `None`: such agents are told of no
    /// file of ours.
    pub files_url: Option<Box<str>>,
}

impl Default for UspOptions {
    fn default() -> Self {
        Self {
            endpoint: "self::sangam".parse().ok(),
            limits: UspLimits::default(),
            agents_max: 200_000,
            strangers_max: 1_000,
            stranger_timeout: Duration::from_secs(60),
            opening_max: 256,
            opening_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            sessions: true,
            connect_required: false,
            waiting_bytes_max: 4 << 20,
            ping_interval: Duration::from_secs(240),
            files_url: None,
        }
    }
}

impl UspOptions {
    /// Of one agent's controller; `begun` differs from one start of the process to the next.
    pub(super) fn controller(&self, begun_ms: u64) -> ControllerOptions {
        let session = self.sessions.then(Default::default);
        ControllerOptions {
            limits: self.limits.clone(),
            session,
            request_timeout: self.request_timeout,
            requests_max: 8,
            notifies_max: 16,
            notifies_remembered_max: 16,
            connect_required: self.connect_required,
            msg_id_prefix: format!("{begun_ms:x}-"),
            ..ControllerOptions::default()
        }
    }
}
