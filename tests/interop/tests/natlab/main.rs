//! Our relay in small networks of namespaces: NATs, addresses without a route, and what must not be reached through it.

mod behind_nat;
mod conference;
mod inward;
mod links;
mod loopback;
mod network;
mod own_addresses;
mod pairs;
mod site_kinds;
mod turn_client;
mod unroutable;
