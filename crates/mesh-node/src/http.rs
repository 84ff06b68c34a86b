//! The node's HTTP API.
//!
//! What a Synapse-NG node calls of another is open to everybody, with the original's paths, keys, status codes and error bodies
//! (`original/`); what shows or changes more, ours and `/ws`, is for those whom a [`Gate`] lets through (`own/`).
//! `docs/protocols/node-http.md` has each clause and its test.

mod answer;
mod body;
mod cors;
mod detail;
mod front;
mod gate;
mod options;
mod original;
mod own;
mod page;
mod router;
mod shared;
mod streams;

pub use gate::{Gate, LoopbackGate, Need};
pub use options::{HttpDeps, HttpOptions};
pub use router::router;
