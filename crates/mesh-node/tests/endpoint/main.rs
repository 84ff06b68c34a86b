//! The endpoint on this machine's loopback addresses. Relays are in the interop tests, against real servers.

mod host;
mod reflexive;
mod relay_failures;
mod support;
