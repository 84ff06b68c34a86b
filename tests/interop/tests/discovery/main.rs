//! How nodes find each other: on a LAN of namespaces, at our server, beside other people's responders.
#![allow(clippy::panic, reason = "a test fails by panicking")]

mod heard;
mod lan;
mod probe;
mod server;
