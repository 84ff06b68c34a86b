//! The node's HTTP API as nodes, agents, pages and operators meet it.

#[cfg(test)]
#[path = "http/access.rs"]
mod access;
#[cfg(test)]
#[path = "http/bounds.rs"]
mod bounds;
#[cfg(test)]
#[path = "http/engine.rs"]
mod engine;
#[cfg(test)]
#[path = "http/original.rs"]
mod original;
#[cfg(test)]
#[path = "http/own.rs"]
mod own;
#[cfg(test)]
#[path = "http/streams.rs"]
mod streams;
