//! Drives one Engine.IO session per client: HTTP long polling, WebSocket, the change from one to the other.
//!
//! Each session has one task (`session.rs`). It owns the core ([`sangam_engineio_proto::Session`]), what stands above it
//! ([`crate::upper::Upper`]) and its transport: a WebSocket (`socket.rs`), or the requests of long polling (`polling.rs`)
//! which `routes.rs` hands to it. What a session needs only while it polls goes when it is upgraded.

mod answer;
mod body;
mod clock;
mod cors;
mod options;
mod polling;
mod query;
mod routes;
mod session;
mod shared;
mod sid;
mod socket;
mod stats;
mod table;

use std::sync::Arc;

use axum::Router;

use crate::upper::UpperFactory;

pub use clock::Clock;
pub use cors::CorsPolicy;
pub use options::EngineOptions;
pub use stats::{EngineSnapshot, NotOpened};

use shared::Shared;

/// An Engine.IO server: routes for an HTTP front, and the sessions behind them.
pub struct Engine<F: UpperFactory> {
    shared: Arc<Shared<F>>,
}

impl<F: UpperFactory> Engine<F> {
    /// A server whose sessions carry what `factory` makes. What stands above is told the time by `clock`.
    #[must_use]
    pub fn new(options: EngineOptions, factory: F, clock: Clock) -> Self {
        Self { shared: Arc::new(Shared::new(options, factory, clock)) }
    }

    /// The routes `path` and `path/`. Requests must carry [`sangam_net::http::Client`] in their extensions.
    pub fn router(&self, path: &str) -> Router {
        routes::router(Arc::clone(&self.shared), path)
    }

    /// What stands on the sessions came from here.
    #[must_use]
    pub fn factory(&self) -> &F {
        &self.shared.factory
    }

    /// Its figures.
    #[must_use]
    pub fn stats(&self) -> EngineSnapshot {
        self.shared.snapshot()
    }

    /// Opens no more sessions, ends the open ones in the way after which clients reconnect by themselves, and waits
    /// until they are gone or [`EngineOptions::drain_limit`] has passed; says how many are left then.
    ///
    /// A WebSocket is closed with 1001 and `hint` (at most 123 bytes); a poll that waits is answered with what there is.
    /// Neither carries a close packet, behind which clients stay away.
    pub async fn drain(&self, hint: &str) -> usize {
        self.shared.begin_drain(hint);
        let emptied = self.shared.admission.emptied();
        if tokio::time::timeout(self.shared.options.drain_limit, emptied).await.is_err() {
            tracing::warn!("sessions are still open after {:?}; they are cut off", self.shared.options.drain_limit);
        }
        self.shared.admission.open()
    }
}

impl<F: UpperFactory> std::fmt::Debug for Engine<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
