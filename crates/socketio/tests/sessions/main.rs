//! Sessions as an engine drives them: messages in, packets out, time and journal held by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail wherever it likes")]

mod bench;
mod outbox;
mod questions;
mod recovery;
mod recovery_after_restart;
mod rooms;
