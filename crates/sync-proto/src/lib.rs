//! Offline-first sync: its messages, and the rules by which operations are accepted, refused and handed on.
//!
//! Nothing here reads a clock, a socket or a store. A driver loads what a push needs to know ([`rows`]), asks
//! [`Ledger`] what becomes of it, and makes the [`Change`] that comes back durable before it answers.
//!
//! - [`message`]: the CBOR messages of the wire, byte for byte as its clients write and read them.
//! - [`delta`]: bodies as what is different in them.
//! - [`json`]: the same operations as JSON, for server-sent events and WebSocket.
//! - [`Ledger`]: what is accepted, what is a repetition, what is a conflict.
//! - [`resume`]: from where a replica goes on that comes back.

pub mod delta;
pub mod json;
pub mod message;

mod ledger;
mod operation;
pub mod resume;
pub mod rows;
mod rules;

pub use ledger::{Decision, Ledger, NotDecided, Push, Refused, ServerBody};
pub use operation::{Kind, Name, Operation};
pub use rows::Change;
pub use rules::Rules;
