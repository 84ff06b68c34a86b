//! Two ends of WebRTC links, each a process on a host of its own, and a driver that has them connect, transfer and idle.
//!
//! ```text
//! driver ── orders, what is said: lines of JSON over pipes ──► end (ours or another's)
//!    └───── carries offers and answers ────────────────────────► end
//! ```
//!
//! Both kinds of end are told the same, over the same pipes, and measured by their process ids.

mod driver;
mod end;
mod idle;
mod line;
mod process;
mod transfer;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use sangam_bench_common::outcome;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// One end, by the mesh node's own links: takes orders on standard input
    End,
    /// Time from the order to offer until both ends have an open channel
    Connect(driver::Connect),
    /// Bytes per second on one link, and what both ends spend for them
    Transfer(transfer::Transfer),
    /// What links that do nothing take of each end's memory
    Idle(idle::Idle),
}

fn main() -> ExitCode {
    outcome::exit_code(run())
}

fn run() -> Result<()> {
    match Arguments::parse().what {
        What::End => end::run(),
        What::Connect(connect) => outcome::print(&connect.run()?),
        What::Transfer(transfer) => outcome::print(&transfer.run()?),
        What::Idle(idle) => outcome::print(&idle.run()?),
    }
}
