//! The configuration in the words of each part of the server.

pub(crate) mod auth;
pub(crate) mod brokers;
pub(crate) mod devices;
pub(crate) mod front;
pub(crate) mod log;
pub(crate) mod node;
pub(crate) mod relay;
pub(crate) mod signal;
pub(crate) mod sync;
