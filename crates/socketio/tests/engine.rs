//! The Engine.IO driver over real sockets, with an echo above it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

#[path = "engine/cors.rs"]
mod cors;
#[path = "engine/drain.rs"]
mod drain;
#[path = "engine/limits.rs"]
mod limits;
#[path = "engine/polling.rs"]
mod polling;
#[path = "engine/refusals.rs"]
mod refusals;
#[path = "engine/support.rs"]
mod support;
#[path = "engine/upgrade.rs"]
mod upgrade;
#[path = "engine/websocket.rs"]
mod websocket;
