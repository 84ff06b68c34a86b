//! TR-069 on the wire: every message as the standard writes it, as devices write it, and as nobody should.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

mod acs_messages;
mod any_message;
mod cpe_messages;
mod envelope;
mod faults;
mod header;
mod hostile;
mod peek;
mod properties;
mod tolerance;
