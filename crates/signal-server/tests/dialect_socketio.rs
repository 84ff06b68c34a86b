//! The Socket.IO dialects: what the application's three kinds of clients send and look for, and what its server did.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

#[path = "dialect_socketio/decode.rs"]
mod decode;
#[path = "dialect_socketio/encode.rs"]
mod encode;
#[path = "dialect_socketio/guard.rs"]
mod guard;
#[path = "dialect_socketio/moderation.rs"]
mod moderation;
#[path = "dialect_socketio/original.rs"]
mod original;
#[path = "dialect_socketio/support.rs"]
mod support;
