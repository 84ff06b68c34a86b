//! Discovery against servers that behave as the originals do, on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod nodes;
mod originals;
mod rendezvous;
mod routes;
mod signaling;
