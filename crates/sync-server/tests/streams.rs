//! Event streams and WebSockets on real sockets, over a real store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

#[path = "streams/access.rs"]
mod access;
#[path = "streams/ends.rs"]
mod ends;
#[path = "streams/events.rs"]
mod events;
#[path = "streams/live.rs"]
mod live;
#[path = "streams/messages.rs"]
mod messages;
#[path = "streams/old.rs"]
mod old;
#[path = "http/side.rs"]
#[allow(dead_code, reason = "the tests of HTTP use the rest")]
mod side;
#[path = "streams/support.rs"]
mod support;
