//! One file per command.

pub(crate) mod api;
pub(crate) mod config;
pub(crate) mod credentials;
pub(crate) mod devices;
pub(crate) mod init;
pub(crate) mod node;
pub(crate) mod probe;
pub(crate) mod relay;
pub(crate) mod rooms;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod sync;
pub(crate) mod token;
