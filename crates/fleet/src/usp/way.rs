//! What carries an agent's records.

mod mqtt;
mod stomp;
mod websocket;
mod wire;

use std::time::Duration;

use bytes::Bytes;
use sangam_usp_proto::record::MqttVersion;
use sangam_usp_proto::{Connect, EndpointId};
use secrecy::SecretString;

use self::mqtt::MqttWay;
use self::stomp::StompWay;
use self::websocket::WebSocketWay;
use super::options::UspMtp;
use super::quirks::Quirks;
use super::server::Server;

/// An open connection of one agent.
pub(super) enum Way {
    WebSocket(WebSocketWay),
    Stomp(StompWay),
    Mqtt(MqttWay),
}

/// Who connects, and with what.
pub(super) struct Caller<'a> {
    pub(super) number: u32,
    pub(super) endpoint: &'a EndpointId,
    pub(super) quirks: Quirks,
    pub(super) user: &'a str,
    pub(super) password: Option<&'a SecretString>,
    /// Where the controller is reached at a broker.
    pub(super) destination: &'a str,
    /// Where the agent is.
    pub(super) own_destination: &'a str,
}

impl Caller<'_> {
    /// What was set, or else `usual`, with the id of this agent where it belongs.
    fn named(&self, set: &str, usual: &str) -> String {
        let text = if set.is_empty() { usual } else { set };
        text.replace("{endpoint}", self.endpoint.as_str())
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct NotOpened {
    /// Few different ones.
    pub(super) why: String,
    /// The server said how long to wait.
    pub(super) retry_after: Option<Duration>,
}

/// Why a connection is no more; few different ones.
#[derive(Debug)]
pub(super) struct Ended(pub(super) String);

impl Way {
    /// Connects; what to say in the Connect Record comes along.
    pub(super) async fn open(server: &Server, mtp: UspMtp, caller: &Caller<'_>) -> Result<(Self, Connect), NotOpened> {
        match mtp {
            UspMtp::WebSocket => Ok((Self::WebSocket(WebSocketWay::open(server, caller).await?), Connect::WebSocket)),
            UspMtp::Stomp => {
                let (way, destination) = StompWay::open(server, caller).await?;
                Ok((Self::Stomp(way), Connect::Stomp { destination }))
            }
            UspMtp::Mqtt5 | UspMtp::Mqtt311 => {
                let version = if mtp == UspMtp::Mqtt5 { MqttVersion::V5 } else { MqttVersion::V311 };
                let (way, topic) = MqttWay::open(server, caller, version).await?;
                Ok((Self::Mqtt(way), Connect::Mqtt { version, topic }))
            }
        }
    }

    /// Who the controller says that it is; over other transports than WebSocket it cannot.
    pub(super) async fn ask_controller(
        server: &Server,
        mtp: UspMtp,
        caller: &Caller<'_>,
    ) -> Result<Option<EndpointId>, NotOpened> {
        match mtp {
            UspMtp::WebSocket => WebSocketWay::ask_controller(server, caller).await,
            UspMtp::Stomp | UspMtp::Mqtt5 | UspMtp::Mqtt311 => Ok(None),
        }
    }

    pub(super) async fn send(&mut self, record: Bytes) -> Result<(), Ended> {
        match self {
            Self::WebSocket(way) => way.send(record).await,
            Self::Stomp(way) => way.send(record).await,
            Self::Mqtt(way) => way.send(record).await,
        }
    }

    /// The next record. Nothing is lost if it is not waited for to its end.
    pub(super) async fn next(&mut self) -> Result<Bytes, Ended> {
        match self {
            Self::WebSocket(way) => way.next().await,
            Self::Stomp(way) => way.next().await,
            Self::Mqtt(way) => way.next().await,
        }
    }

    /// Says goodbye as the transport has it.
    pub(super) async fn close(self) {
        match self {
            Self::WebSocket(way) => way.close().await,
            Self::Stomp(way) => way.close().await,
            Self::Mqtt(way) => way.close().await,
        }
    }
}

impl From<Ended> for NotOpened {
    fn from(Ended(why): Ended) -> Self {
        Self::of(why)
    }
}

impl NotOpened {
    pub(super) fn of(why: impl Into<String>) -> Self {
        Self { why: why.into(), retry_after: None }
    }
}

impl From<std::io::Error> for NotOpened {
    fn from(error: std::io::Error) -> Self {
        Self::of(if error.kind() == std::io::ErrorKind::InvalidData {
            "no TLS".to_owned()
        } else {
            error.kind().to_string()
        })
    }
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        Self(error.kind().to_string())
    }
}
