//! Wires: pure decode and encode, with per-socket state of the dialect.

mod candidate;
mod depth;
pub mod json;
mod object;
pub mod rendezvous;
mod said;
mod sdp;
pub mod socketio;

pub use said::Said;
