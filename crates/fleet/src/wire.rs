//! The one thing a participant knows of its wire.

use crate::connection::OpenError;
use crate::json_client::JsonClient;
use crate::message::{Heard, Said};
use crate::socketio_client::SocketIoClient;

/// A participant's connection.
pub(crate) enum Client {
    /// Socket.IO, in either spelling.
    SocketIo(SocketIoClient),
    /// JSON.
    Json(JsonClient),
}

/// By what a client comes back as the one it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    /// Names the client to the server alone.
    pub(crate) pid: String,
    /// The last event that was here.
    pub(crate) offset: String,
}

/// What a server owes a client that is cut off and comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Nothing: it joins anew.
    Nothing,
    /// The signals that are sent to it while it is known to be away. What the room was told meanwhile it learns as the
    /// room's state.
    Signals,
    /// Everything, also what was on its way.
    All,
}

/// The connection is no more.
#[derive(Debug)]
pub(crate) struct Ended;

impl Client {
    pub(crate) async fn say(&mut self, said: Said<'_>) -> Result<(), Ended> {
        match self {
            Self::SocketIo(client) => client.say(said).await,
            Self::Json(client) => client.say(said).await,
        }
    }

    /// What comes next. Nothing is lost if it is not waited for to its end.
    pub(crate) async fn hear(&mut self) -> Result<Heard, Ended> {
        match self {
            Self::SocketIo(client) => client.hear().await,
            Self::Json(client) => client.hear().await,
        }
    }

    pub(crate) async fn answer_ping(&mut self) -> Result<(), Ended> {
        match self {
            Self::SocketIo(client) => client.pong().await,
            Self::Json(client) => client.pong().await,
        }
    }

    /// Whether the server knows this connection for the one that it was.
    pub(crate) fn is_recovered(&self) -> bool {
        match self {
            Self::SocketIo(client) => client.is_recovered(),
            Self::Json(_) => false,
        }
    }

    pub(crate) fn resume(&self) -> Option<Resume> {
        match self {
            Self::SocketIo(client) => client.resume(),
            Self::Json(_) => None,
        }
    }

    /// What it may hope for if it is cut off now.
    pub(crate) fn promise(&self) -> Promise {
        match self {
            Self::SocketIo(client) if client.resume().is_some() => Promise::All,
            Self::Json(client) if client.knows_room() => Promise::Signals,
            Self::SocketIo(_) | Self::Json(_) => Promise::Nothing,
        }
    }

    /// Whether it hears what the room is told, and can tell it.
    pub(crate) fn knows_room(&self) -> bool {
        match self {
            Self::SocketIo(_) => true,
            Self::Json(client) => client.knows_room(),
        }
    }
}

/// Who a participant is on its wire.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Its room.
    pub(crate) room: String,
    /// Itself.
    pub(crate) id: String,
}

/// Why a connection did not come about.
pub(crate) type Opened = Result<Client, OpenError>;
