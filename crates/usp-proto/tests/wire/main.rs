//! Records and messages against bytes written by hand from the field numbers of usp-record-1-4 and usp-msg-1-4.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends that way")]

mod messages;
mod notation;
mod records;
mod refusals;
