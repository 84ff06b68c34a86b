//! What stands on an Engine.IO session, and what it may do with it.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;
use sangam_engineio_proto::CloseReason;
use sangam_net::http::Client;
use sangam_types::{Frame, Mono, Text};

/// Makes what stands on each session.
pub trait UpperFactory: Send + Sync + 'static {
    /// What stands on one session.
    type Upper: Upper;

    /// A session wants to begin.
    ///
    /// # Errors
    /// If it may not: the request is answered with Engine.IO's error 4 and this message.
    fn open(&self, opening: Opening) -> Result<Self::Upper, Forbidden>;
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Names the session on the wire.
    pub sid: Text,
    /// Who asks.
    pub client: Client,
    /// The headers of the request that begins it. Keep what is needed, not all: an idle session pays for it.
    pub headers: Arc<HeaderMap>,
    /// Its path and query as they came.
    pub uri: http::Uri,
    /// Wakes the session's task, from anywhere, at any time.
    pub waker: SessionWaker,
    /// Now.
    pub now: Mono,
}

impl Opening {
    /// The client's address, behind trusted proxies.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.client.addr
    }
}

/// The session may not begin, and what its client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden(pub Text);

/// What stands on one session, in that session's task. Never blocks.
pub trait Upper: Send + 'static {
    /// The session's client sent a message.
    fn received(&mut self, now: Mono, message: Frame, lower: &mut dyn Lower);

    /// Somebody used the waker, or the deadline has passed. Harmless when early.
    fn woken(&mut self, now: Mono, lower: &mut dyn Lower);

    /// When to be woken at the latest.
    fn deadline(&self) -> Option<Mono>;

    /// The session is over: the last call.
    fn closed(&mut self, now: Mono, reason: CloseReason);
}

/// The session below, while something above it runs.
pub trait Lower {
    /// Sends an encoded Engine.IO packet ([`sangam_engineio_proto::Packet::encode`]): encode once, send to many.
    fn send(&mut self, packet: Frame);

    /// Whether the transport takes more now, without queueing: volatile packets are dropped otherwise.
    fn is_writable(&self) -> bool;

    /// Bytes sent that the transport has not taken yet.
    fn queued_bytes(&self) -> usize;

    /// Closes the session after what was sent before.
    fn close(&mut self);
}

/// Wakes a session's task. Cheap to clone; waking twice before the task runs wakes it once.
#[derive(Clone, Debug)]
pub struct SessionWaker(Arc<tokio::sync::Notify>);

impl SessionWaker {
    /// A waker for whoever waits on `notify`.
    #[must_use]
    pub fn new(notify: Arc<tokio::sync::Notify>) -> Self {
        Self(notify)
    }

    /// Wakes it.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}
