//! Rooms as their operator sees and moderates them, and moderators among participants, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

#[path = "rooms/moderator.rs"]
mod moderator;
#[path = "rooms/operator.rs"]
mod operator;
#[path = "rooms/storm.rs"]
mod storm;
#[path = "rooms/visitors.rs"]
mod visitors;
