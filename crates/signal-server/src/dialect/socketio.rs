//! The Socket.IO dialects of one application: a documented client class, the newest hooks, and older hooks. They differ in
//! the names of some events. Nobody says which it speaks; each socket's own events tell (`ear.rs`), and a room may hold all.
//!
//! - [`Client`]: what one socket sends, as [`Decoded`]; its learned [`Ear`]; the guard against clients that send back what
//!   they are told
//! - [`encode()`]: what sockets with such an ear are told, once for all of them
//! - [`Original`]: the server that the application came with, line by line, for tests
//!
//! `docs/protocols/signaling-socketio.md` has the events and every deviation.

mod client;
mod decode;
mod ear;
mod echo;
mod encode;
mod event;
mod fault;
mod local;
mod original;
mod outgoing;
pub(crate) mod refusal;
mod signal;

pub use client::{Client, Dropped, GuardOptions};
pub use decode::{Decoded, Request};
pub use ear::{Ear, SessionNames, SignalNames};
pub use echo::Print;
pub use encode::encode;
pub use fault::{Fault, FaultCode};
pub use local::{Local, MONITOR_ROOM};
pub use original::{Original, Sent};
pub use outgoing::Outgoing;
