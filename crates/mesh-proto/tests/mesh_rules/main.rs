//! The rules of `docs/protocols/mesh-links.md`, one machine at a time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail wherever it likes, in its helping functions too"
)]

mod agents;
mod bench;
mod candidates;
mod dialling;
mod glare;
mod identity;
mod membership;
mod recovery;
mod sessions;
mod synapse;
