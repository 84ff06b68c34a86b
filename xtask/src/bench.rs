//! What is measured, each as one subcommand that prints a table and keeps docs/BENCHMARKS.md current.

mod budget;
mod devices;
mod disk;
mod generator;
mod machine;
mod measure;
mod mesh;
mod place;
mod relay;
mod report;
mod running;
mod signal;
mod spread;
mod sync;

use anyhow::Result;
use clap::Subcommand;

use crate::Verdict;
use crate::repository::Repository;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Time to ready, idle memory, size, and time to build: each against its goal
    Budget(budget::Budget),
    /// CPU, memory and rates of our relay beside coturn and a plain forwarder, in turn
    Relay(relay::Relay),
    /// The relay's memory while allocations end and begin all the time: it must stay where it is
    RelayChurn(relay::Churn),
    /// Memory, CPU, storms and delivery of our Socket.IO server beside Node's, in turn
    Signal(signal::Signal),
    /// Rates, latencies, memory and disk of our sync server beside pouchdb-server, PostgreSQL and SQLite, in turn
    Sync(sync::SyncBench),
    /// Sessions a second and CPU of each for devices of TR-069, by what happens in them
    Devices(devices::Devices),
    /// Time to connect, memory, rate and CPU of our node's links beside aiortc's, in turn
    Mesh(mesh::Mesh),
}

impl Bench {
    pub(crate) fn run(&self, repository: &Repository) -> Result<Verdict> {
        match self {
            Self::Budget(budget) => budget.run(repository),
            Self::Relay(relay) => relay.run(repository),
            Self::RelayChurn(churn) => churn.run(repository),
            Self::Signal(signal) => signal.run(repository),
            Self::Sync(sync) => sync.run(repository),
            Self::Devices(devices) => devices.run(repository),
            Self::Mesh(mesh) => mesh.run(repository),
        }
    }
}

/// Measures once, quickly, on the binary that the tests use: shows that the measurement works and judges no figure.
pub(crate) fn smoke(repository: &Repository) -> Result<()> {
    let programs = repository.target().join("debug");
    budget::Budget::smoke(programs.join("sangam")).run(repository)?;
    relay::Relay::smoke(programs.clone()).run(repository)?;
    // Too short and with too few allocations for its verdict to mean anything.
    relay::Churn::smoke(programs.clone()).run(repository)?;
    signal::Signal::smoke(programs.clone()).run(repository)?;
    sync::SyncBench::smoke(programs.clone()).run(repository)?;
    devices::Devices::smoke(programs.clone()).run(repository)?;
    mesh::Mesh::smoke(programs).run(repository).map(|_: Verdict| ())
}

/// Other people's servers that no system package has.
///
/// # Errors
/// They cannot be installed.
pub(crate) fn install_peers(repository: &Repository) -> Result<()> {
    signal::install_node(repository)
}
