//! What `cargo xtask bench relay` and `relay-churn` run: one load generator for every server, and the floor they are compared with.
//!
//! Each command prints one line of JSON. Pinning and priority are the caller's affair (`taskset`, `chrt`).

mod churn;
mod control;
mod flood;
mod floor;
mod load;
mod service;
mod turn;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use sangam_bench_common::outcome::{exit_code, print};

#[derive(Parser)]
#[command(about = "Load generator and plain forwarder for `cargo xtask bench relay`")]
enum Command {
    /// Relay packets through a server and count what that costs
    Load(load::Load),
    /// Make many allocations and bind channels: time, CPU and memory of each
    Control(control::Control),
    /// Keep many allocations alive while ending and beginning them all the time, and read the server's memory
    Churn(churn::Churn),
    /// Ask for allocations without credentials from ever new sources: what the server keeps and answers
    Flood(flood::Flood),
    /// Be the floor: a forwarder that does nothing but receive and send
    Floor(floor::Floor),
}

impl Command {
    fn run(&self) -> Result<()> {
        match self {
            Self::Load(load) => print(&load.run()?),
            Self::Control(control) => print(&control.run()?),
            Self::Churn(churn) => print(&churn.run()?),
            Self::Flood(flood) => print(&flood.run()?),
            Self::Floor(floor) => floor.run(),
        }
    }
}

fn main() -> ExitCode {
    exit_code(Command::parse().run())
}
