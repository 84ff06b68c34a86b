//! An endpoint at a broker, over MQTT 5 and 3.1.1: bytes by hand from the standards.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends that way")]

mod client;
mod hostile;
