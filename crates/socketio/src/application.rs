//! What an application is to the server: a few callbacks, each in the task of the session it concerns.

use std::borrow::Cow;
use std::sync::Arc;

use sangam_engineio_proto::CloseReason;
use sangam_socketio_proto::{AckId, Arguments};
use sangam_types::Text;

use crate::socket::Socket;
use crate::upper::{Forbidden, Opening};

/// What events mean. Callbacks run in the task of the session they concern and never block.
///
/// The callbacks of one socket come one after the other, also across a recovery: its `disconnected` has returned before
/// the next `connected` with the same sid begins.
pub trait Application: Send + Sync + 'static {
    /// What the application keeps of a client, from its first request to the end of its session.
    type Guest: Send + 'static;

    /// A session begins. Keep of its request what is needed: an idle session pays for it.
    ///
    /// # Errors
    /// If it may not.
    fn open(&self, opening: &Opening) -> Result<Self::Guest, Forbidden>;

    /// The client asks for a namespace. Not called for one that [comes back](Socket::recovered) into it: it was asked when
    /// its session began, and [`connected`](Self::connected) may still put it out.
    fn enter(&self, entering: &mut Entering<'_, Self::Guest>) -> Entry;

    /// The client is in a namespace, anew or [back](Socket::recovered).
    fn connected(&self, socket: &mut Socket<'_, Self::Guest>);

    /// The client sent an event.
    fn event(&self, socket: &mut Socket<'_, Self::Guest>, event: Event);

    /// The client answered what it was [asked](Socket::ask).
    fn acknowledged(&self, _socket: &mut Socket<'_, Self::Guest>, _ack: AckId, _answer: Option<Arguments>) {}

    /// It did not in time, or too many questions wait. Not called for a socket that is gone.
    fn unacknowledged(&self, _socket: &mut Socket<'_, Self::Guest>, _ack: AckId) {}

    /// The socket is gone, if recoverable then perhaps not for good: either `connected` with the same sid follows, or
    /// [`expired`](Self::expired).
    fn disconnected(&self, _guest: &mut Self::Guest, _gone: &Gone, _reason: DisconnectReason, _recoverable: bool) {}

    /// A socket that could have come back did not. Also for those that a journal kept over a restart.
    fn expired(&self, _gone: &Gone) {}
}

/// A client that asks for a namespace.
#[derive(Debug)]
pub struct Entering<'a, G> {
    /// Which: `/`, or `/` and a name.
    pub namespace: &'a str,
    /// What it shows for it: an object.
    pub auth: Option<&'a Arguments>,
    /// What was kept of it.
    pub guest: &'a mut G,
}

/// Whether a client may enter a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It may.
    Accept,
    /// It may not.
    Refuse {
        /// Shown to the client's program.
        message: Text,
        /// Shown beside it: any JSON.
        data: Option<Arguments>,
    },
}

impl Entry {
    /// It may not.
    #[must_use]
    pub fn refuse(message: &'static str) -> Self {
        Self::Refuse { message: Text::from_static(message), data: None }
    }

    /// There is no such namespace, in Node's words.
    #[must_use]
    pub fn invalid_namespace() -> Self {
        Self::refuse("Invalid namespace")
    }
}

/// An event that a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The list, its name first.
    pub arguments: Arguments,
    /// It asks for an answer under this number: [`Socket::answer`].
    pub id: Option<u64>,
}

impl Event {
    /// Its name; empty for a number in the name's place.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.arguments.event_name().ok().flatten().unwrap_or_default()
    }
}

/// A socket that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Named it.
    pub sid: Arc<str>,
    /// Where it was.
    pub namespace: Text,
    /// The rooms it was in, its own not counted.
    pub rooms: Vec<Arc<str>>,
}

/// Why a socket is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The client sent that it leaves.
    ClientNamespaceDisconnect,
    /// The application put it out.
    ServerNamespaceDisconnect,
    /// The application ended the session, and the client may come back.
    Interrupted,
    /// The client sent what is no packet, or one that it may not send now.
    ParseError,
    /// The client is back on another session before this one was known to be lost.
    Superseded,
    /// It read too slowly.
    TooSlow,
    /// The session below ended by itself.
    Session(CloseReason),
}

impl DisconnectReason {
    /// As Node names it, where it has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::Interrupted => "interrupted",
            Self::ParseError => "parse error",
            Self::Superseded => "superseded",
            Self::TooSlow => "too slow",
            Self::Session(reason) => reason.as_str(),
        }
    }

    /// Whether the client may come back as if nothing had been.
    #[must_use]
    pub fn is_recoverable(self) -> bool {
        match self {
            Self::ClientNamespaceDisconnect | Self::ServerNamespaceDisconnect | Self::ParseError => false,
            Self::Superseded | Self::TooSlow | Self::Interrupted => true,
            Self::Session(reason) => reason != CloseReason::ParseError,
        }
    }
}
