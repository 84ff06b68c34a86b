//! Our relay in small networks of namespaces: NATs, addresses without a route, and what must not be reached through it.

mod network;
mod unroutable;
