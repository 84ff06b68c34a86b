//! Drives `sangam-sync-proto`: the sync API over HTTP, server-sent events and WebSocket.
//!
//! One thread owns the store's writer (`committer.rs`): it takes every push that waits, decides them (`group.rs`), makes all
//! of them durable with one sync of the disk and only then lets them be answered. Pages of the log are read and encoded by the
//! store's readers and shared between replicas (`pages.rs`). What was committed goes to the streams of its database,
//! encoded once (`feed.rs`). Where each replica has got to is known in memory and written with later commits (`replicas.rs`).
//! The wire is described in `docs/protocols/sync.md`.

mod access;
mod access_log;
mod admin;
mod committer;
mod cors;
mod encoding;
mod endpoints;
mod feed;
mod flight;
mod gate;
pub mod group;
mod heads;
mod options;
mod packers;
mod pages;
mod part;
mod problem;
mod query;
mod rate;
mod replicas;
#[cfg(test)]
mod rig;
mod routes;
mod server;
mod service;
mod sse;
mod streams;
mod sweeper;
mod unpacking;
mod websocket;

pub use options::{Access, CorsOrigins, Live, Options, Streams};
pub use server::{Deps, SyncServer};
