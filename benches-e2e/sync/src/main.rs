//! What `cargo xtask bench sync` runs: one load generator for every server, and SQLite itself in its own process.
//!
//! Each command prints one line of JSON. All work is on operations of one shape (`operation.rs`): ten collections, bodies of
//! 256 bytes. The HTTP client is its own and does as little as it can. Pinning and priority are the caller's affair
//! (`taskset`, `chrt`).

mod audit;
mod crowd;
mod cycle;
mod fanout;
mod fill;
mod floor;
mod http;
mod idle;
mod latency;
mod operation;
mod pull;
mod push;
mod target;
mod torn;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use sangam_bench_common::outcome::{exit_code, print};

#[derive(Parser)]
#[command(about = "Load generator for `cargo xtask bench sync`")]
enum Command {
    /// Replicas that push for a time, each waiting for its answers
    Push(push::Push),
    /// Put so many operations into a database, as fast as it goes
    Fill(fill::Fill),
    /// Replicas that push until the server is gone
    Torn(torn::Torn),
    /// Whether what was acknowledged is there
    Audit(audit::Audit),
    /// One replica that reads a whole database, page after page
    Pull(pull::Pull),
    /// New replicas that all read a whole database at once
    Crowd(crowd::Crowd),
    /// Listeners that hear of writes, and how late
    Fanout(fanout::Fanout),
    /// Memory and CPU of the server for each listener to which nothing is said
    Idle(idle::Idle),
    /// Handshakes and empty pulls
    Cycle(cycle::Cycle),
    /// The same rows in SQLite, in this process, without a server
    Floor(floor::Floor),
}

impl Command {
    async fn run(&self) -> Result<()> {
        match self {
            Self::Push(push) => print(&push.run().await?),
            Self::Fill(fill) => print(&fill.run().await?),
            Self::Torn(torn) => print(&torn.run().await?),
            Self::Audit(audit) => print(&audit.run().await?),
            Self::Pull(pull) => print(&pull.run().await?),
            Self::Crowd(crowd) => print(&crowd.run().await?),
            Self::Fanout(fanout) => print(&fanout.run().await?),
            Self::Idle(idle) => print(&idle.run().await?),
            Self::Cycle(cycle) => print(&cycle.run().await?),
            Self::Floor(floor) => print(&floor.run()?),
        }
    }
}

/// One thread: it has a core of its own, or shares the server's.
fn run(command: &Command) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(command.run())
}

fn main() -> ExitCode {
    exit_code(run(&Command::parse()))
}
