//! Devices against the server by what they post and what they are answered, in SOAP written by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod calls;
mod enrolment;
mod files;
mod operators;
mod rig;
mod sessions;
mod tasks;
