//! The seam between agents and what carries their records: a transport opens a way for an endpoint, hands in what comes, and
//! carries what is queued.

use bytes::Bytes;
use sangam_device_proto::secret::Login;
use sangam_usp_proto::{Connect, Refusal};

#[allow(unused_imports, reason = "the transports take all they need from here")]
pub(crate) use super::hub::{Hub, Way};

/// One way to one agent, as a transport holds it.
pub(crate) trait Link: Send + Sync + 'static {
    /// How records reach the agent here: for the Connect record and the metrics.
    fn connect(&self) -> Connect;

    /// The beginning of the URL at which the agent reaches our files, with the scheme and host by which it calls us; `None`: it has not said, and
    /// what is configured counts.
    fn base(&self) -> Option<&str> {
        None
    }

    /// Queues a record. `false`: the way is gone, or as much waits as may. Never waits.
    fn send(&self, record: Bytes) -> bool;

    /// Ends the way once what is queued is sent; `why` is told where the transport can. Never waits, and may be called more than once.
    fn close(&self, why: Closing);
}

/// Why a way is ended by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Closing {
    /// A newer way to the same endpoint is there.
    Replaced,
    /// What came on it is no record (WebSocket: 1003). A transport says so itself where it finds out first.
    #[allow(dead_code, reason = "by transports that part ways otherwise than WebSocket")]
    Unreadable,
    /// The agent is not, or no longer, one that is served.
    Refused,
    /// The agent does not take what is sent to it.
    Stuck,
    /// The server ends: come back, not at once.
    Draining,
}

impl Closing {
    /// A label for counting, one of a fixed set.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Unreadable => "unreadable",
            Self::Refused => "refused",
            Self::Stuck => "stuck",
            Self::Draining => "draining",
        }
    }
}

/// What a transport has of an agent's proof of itself. Nothing of it is believed yet but a certificate.
#[derive(Clone, Debug, Default)]
pub(crate) enum Shown {
    /// Nothing; also where a broker stands between, which has asked for itself.
    #[default]
    Nothing,
    /// A name and a password.
    Login(Login),
    /// What a broker has that an operator believes: it lets each agent publish under its own endpoint id alone.
    Vouched,
    /// A certificate that the transport has verified, and that names the endpoint: by `urn:bbf:usp:id:`, or the device in its id.
    Certificate,
}

/// Why a way, or a record on it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LinkRefused {
    /// The server is ending.
    #[error("the server is ending")]
    Draining,
    /// As many agents are connected as may.
    #[error("as many agents are connected as may")]
    TooMany,
    /// The endpoint id is our own.
    #[error("the endpoint id is that of the controller")]
    Ourselves,
    /// It did not prove who it is: worth another try with a login.
    #[error("the agent did not prove who it is")]
    NotProven,
    /// An operator has blocked it.
    #[error("the device is blocked")]
    Blocked,
    /// As many new devices wait for an operator as may.
    #[error("as many new devices wait as may")]
    PendingFull,
    /// The device behind it belongs to another endpoint, or the endpoint to another device.
    #[error("the device is known by another endpoint")]
    OtherEndpoint,
    /// Too many come at once, or too many of whom nobody knows who they are: come back.
    #[error("too many agents come at once")]
    Busy,
    /// Who the agent says that it is cannot be, or is not what its endpoint id says.
    #[error("the agent says that it is somebody else")]
    BadIdentity,
    /// As many devices are known as may.
    #[error("as many devices are known as may")]
    DevicesFull,
    /// The store cannot be read or written.
    #[error("the store cannot be used now")]
    Unavailable,
    /// Another way has taken the place of this one.
    #[error("a newer way is there")]
    Replaced,
    /// A record was not taken. Those with [`sangam_usp_proto::mtp::websocket::close_code`] end the way, the others are ignored.
    #[error(transparent)]
    Record(#[from] Refusal),
}

impl LinkRefused {
    /// A label for counting, one of a fixed set.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::TooMany => "too_many_agents",
            Self::Ourselves => "our_endpoint_id",
            Self::NotProven => "not_proven",
            Self::Blocked => "blocked",
            Self::PendingFull => "pending_full",
            Self::OtherEndpoint => "other_endpoint",
            Self::Busy => "busy",
            Self::BadIdentity => "bad_identity",
            Self::DevicesFull => "devices_full",
            Self::Unavailable => "store",
            Self::Replaced => "replaced",
            Self::Record(refusal) => refusal.label(),
        }
    }
}
