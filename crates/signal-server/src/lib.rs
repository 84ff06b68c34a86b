//! Drives `sangam-signal-proto`: signaling over JSON WebSocket, Socket.IO and the rendezvous' HTTP, and ICE servers.
//!
//! One task owns the rooms (`hub.rs`). Each WebSocket of the JSON dialect has a task of its own (`socket.rs`) that decodes
//! what comes in and writes what waits in its bounded outbox (`outbox.rs`): a slow reader fills its own outbox and nobody
//! else's. Socket.IO clients are sessions of `sangam-socketio`, for which the rooms are an application (`socketio.rs`). A
//! node that polls is a socket for as long as its request takes (`rendezvous.rs`).
//! The wires are described in `docs/protocols/`: `signaling-json.md`, `signaling-socketio.md`, `rendezvous.md` and
//! `ice-servers.md`.

mod access;
mod clock;
pub mod dialect;
mod hub;
mod ice;
mod label;
mod options;
mod outbox;
mod part;
mod problem;
mod rendezvous;
mod room_choice;
mod rooms;
mod routes;
mod server;
mod socket;
mod socketio;

pub use options::{
    Access, Dialect, IceOptions, IceServer, Limits, Live, Open, Options, RelayEndpoint, RendezvousOptions,
    SocketioOptions,
};
pub use server::{Deps, SignalServer};
