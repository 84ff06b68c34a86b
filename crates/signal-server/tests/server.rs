//! The signaling server over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

#[path = "server/claims.rs"]
mod claims;
#[path = "server/hostile.rs"]
mod hostile;
#[path = "server/ice_servers.rs"]
mod ice_servers;
#[path = "server/life.rs"]
mod life;
#[path = "server/nodes.rs"]
mod nodes;
#[path = "server/original.rs"]
mod original;
#[path = "server/recovery.rs"]
mod recovery;
#[path = "server/rendezvous.rs"]
mod rendezvous;
#[path = "server/restart.rs"]
mod restart;
#[path = "server/socketio.rs"]
mod socketio;
#[path = "server/socketio_client.rs"]
mod socketio_client;
#[path = "server/strict.rs"]
mod strict;
#[path = "server/support.rs"]
mod support;
#[path = "server/tokens.rs"]
mod tokens;
#[path = "server/wire.rs"]
mod wire;
