//! Wires: pure decode and encode, with per-socket state of the dialect.

pub mod json;
