//! Each route as each kind of client sees it, without a socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod bounds;
mod device_files;
mod devices;
mod health;
mod metrics;
mod pages;
mod ready;
mod relay;
mod rooms;
mod server;
mod sync;
mod tokens;
