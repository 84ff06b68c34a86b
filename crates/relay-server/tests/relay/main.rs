//! The relay over real sockets on loopback.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod allocation;
mod client;
mod devices;
mod dual;
mod flood;
mod fronts;
mod hairpin;
mod lifecycle;
mod limits;
mod mobility;
mod networks;
mod peers;
mod readiness;
mod relay;
mod reservation;
mod sessions;
mod streams;
mod users;
