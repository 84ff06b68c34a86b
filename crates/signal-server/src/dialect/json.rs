//! The JSON dialect: one JSON object per WebSocket message, as the IF.swarm signaling server speaks it.
//!
//! `docs/protocols/signaling-json.md` has the messages and every deviation.

mod decode;
mod encode;
mod fault;
pub(crate) mod fields;
mod link_report;
pub(crate) mod session;

pub use decode::{Decoded, Wants, decode};
pub use encode::{Extras, depends_on_room, encode, encode_fault, encode_registered};
pub use fault::Fault;
pub use link_report::LinkReport;

/// What a client that wants `protocol` is told. Rises when a client has to know.
pub const PROTOCOL_VERSION: u32 = 1;
