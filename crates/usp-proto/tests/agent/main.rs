//! An agent over a small data model: asked by messages, and taken on by a controller.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends that way")]

mod changes;
mod device;
mod notifications;
mod paths;
mod reads;
mod with_controller;
