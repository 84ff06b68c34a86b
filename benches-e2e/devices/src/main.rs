//! What `cargo xtask bench devices` runs: devices of TR-069 in one thread, whose requests are written by hand and whose HTTP client
//! does as little as it can, so that what is measured is the server.
//!
//! It prints one line of JSON. Pinning and priority are the caller's affair (`taskset`, `chrt`).

mod device;
mod digest;
mod envelope;
mod http;
mod latency;
mod session;
mod steps;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use sangam_bench_common::outcome::{exit_code, print};

/// One thread: it has a core of its own.
fn run(steps: &steps::Steps) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    print(&runtime.block_on(steps.run())?)
}

fn main() -> ExitCode {
    exit_code(run(&steps::Steps::parse()))
}
