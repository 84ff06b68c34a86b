//! A controller's side of one agent, with an agent that says what the test wants it to.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends that way")]

mod conversation;
mod notifies;
mod onboarding;
mod records;
mod requests;
