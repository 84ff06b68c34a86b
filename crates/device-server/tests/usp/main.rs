//! Agents of USP against the server, through a real WebSocket, by bytes written down by hand from the field numbers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod agent;
mod door;
mod hostile;
mod life;
#[path = "../../../usp-proto/tests/wire/notation.rs"]
mod notation;
mod notifications;
mod onboarding;
#[allow(dead_code, reason = "what the tests of CWMP need of it is more")]
#[path = "../cwmp/rig.rs"]
mod rig;
mod simulated;
mod site;
mod tasks;
mod wire;
