//! STOMP 1.2 against bytes written by hand, and our two ends with each other.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends that way")]

mod client;
mod frames;
mod server;
mod together;
