//! The messages as bytes: published vectors, then properties, then what no client would send.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod deltas;
mod hostile;
mod json_wire;
mod round_trip;
mod samples;
mod tolerance;
mod vectors;
