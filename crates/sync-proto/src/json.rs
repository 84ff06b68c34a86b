//! Operations and messages as JSON, for server-sent events and WebSocket.
//!
//! Bodies are arrays of byte numbers in `entityCbor`, as the clients read and write them. Numbers are whole and from 0 to
//! 2^63 - 1; of equal keys the last counts; null and absent are the same; unknown keys are skipped.
//!
//! A server [`read`]s what a client says ([`ClientMessage`]) and writes a [`ServerMessage`] or an [`Event`]. A client writes
//! [`ClientMessage::text`] and reads what it is told with [`Heard::read`] and [`HeardEvent::read`].

mod client;
mod fields;
mod heard;
mod operation;
mod server;
mod text;

pub use client::{BadMessage, ClientMessage, read};
pub use heard::{Heard, HeardEvent, NotHeard, ShortConflict};
pub use server::{Event, ServerMessage, cursor_of_event_id};
