//! Session contexts (TR-369 §6): two ends and a clock.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends that way")]

mod network;
mod properties;
mod rules;
