//! The signaling server over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

#[path = "server/hostile.rs"]
mod hostile;
#[path = "server/ice_servers.rs"]
mod ice_servers;
#[path = "server/life.rs"]
mod life;
#[path = "server/original.rs"]
mod original;
#[path = "server/support.rs"]
mod support;
#[path = "server/wire.rs"]
mod wire;
