//! Drives `sangam-signal-proto`: JSON WebSocket signaling, and ICE servers over HTTP.
//!
//! One task owns the rooms (`hub.rs`). Each socket has a task of its own (`socket.rs`) that decodes what comes in and
//! writes what waits in its bounded outbox (`outbox.rs`): a slow reader fills its own outbox and nobody else's.
//! The wire is described in `docs/protocols/signaling-json.md` and `docs/protocols/ice-servers.md`.

mod access;
mod admission;
mod clock;
pub mod dialect;
mod hub;
mod ice;
mod label;
mod options;
mod outbox;
mod pace;
mod part;
mod problem;
mod routes;
mod server;
mod socket;

pub use options::{Access, IceOptions, IceServer, Limits, Live, Options, RelayEndpoint};
pub use server::{Deps, SignalServer};
