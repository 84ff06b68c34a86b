//! Devices against the server by what they post and what they are answered, in SOAP written by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod alarms;
mod bounds;
mod calls;
mod calls_udp;
mod calls_xmpp;
mod certificates;
mod diagnostics;
mod enrolment;
mod files;
mod operators;
mod procedures;
mod profiles;
mod rig;
mod served;
mod sessions;
mod tasks;
mod wire;
