//! Our relay in small networks of namespaces: NATs, addresses without a route, and what must not be reached through it.

mod behind_nat;
mod conference;
mod inward;
mod loopback;
mod network;
mod own_addresses;
mod turn_client;
mod unroutable;
