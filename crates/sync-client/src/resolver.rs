use bytes::Bytes;
use sangam_sync_proto::message::Conflict;

/// What becomes of a local change that the server refused, as it has a newer state of the entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The server's state stays: the local change is dropped and the server's state taken.
    KeepServer,
    /// The local change as it was, above the server's version.
    KeepLocal,
    /// Something else: this body, or a deletion.
    Replace(Option<Bytes>),
}

/// Decides conflicts.
pub trait Resolver: Send {
    /// What becomes of the refused change. `conflict.body` is empty if the entity is deleted at the server.
    fn resolve(&self, conflict: &Conflict) -> Resolution;
}

/// The server's state stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerWins;

/// The local change goes on top of the server's state.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientWins;

/// Whichever was made later by its own clock: the local change by this device's, the server's state by the server's.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastWriteWins;

impl Resolver for ServerWins {
    fn resolve(&self, _conflict: &Conflict) -> Resolution {
        Resolution::KeepServer
    }
}

impl Resolver for ClientWins {
    fn resolve(&self, _conflict: &Conflict) -> Resolution {
        Resolution::KeepLocal
    }
}

impl Resolver for LastWriteWins {
    fn resolve(&self, conflict: &Conflict) -> Resolution {
        let is_later = conflict.modified_ms.is_none_or(|server| conflict.op.timestamp_ms > server);
        if is_later { Resolution::KeepLocal } else { Resolution::KeepServer }
    }
}

impl<F: Fn(&Conflict) -> Resolution + Send> Resolver for F {
    fn resolve(&self, conflict: &Conflict) -> Resolution {
        self(conflict)
    }
}
