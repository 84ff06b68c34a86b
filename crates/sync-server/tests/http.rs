//! The HTTP face of the server: its router over a real store, asked without a socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

#[path = "http/access.rs"]
mod access;
#[path = "http/bodies.rs"]
mod bodies;
#[path = "http/cors.rs"]
mod cors;
#[path = "http/figures.rs"]
mod figures;
#[path = "http/log.rs"]
mod log;
#[path = "http/rate.rs"]
mod rate;
#[path = "http/refusals.rs"]
mod refusals;
#[path = "http/side.rs"]
mod side;
#[path = "http/sync.rs"]
mod sync;
