//! The front over real loopback sockets: what a client sees.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails; a service may panic")]

mod client;
mod drain;
mod endless;
mod http1;
mod http2;
mod limits;
mod lingering;
mod proxies;
mod server;
mod tls;
