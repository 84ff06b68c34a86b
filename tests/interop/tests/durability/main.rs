//! Nothing that was acknowledged is lost: by a kill, a power cut, a full disk, a sync that fails. Needs root, for disks that are cut.
//!
//! `SANGAM_CUTS=200` cuts more often than the few times of every run.

mod account;
mod broken_disk;
mod disk;
mod power;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use sangam_testkit::{Program, WAIT_MAX, wait_until};

/// How often something is cut or killed.
fn cuts() -> usize {
    std::env::var("SANGAM_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(4)
}

/// The program that commits for ever, `src/bin/torture.rs`.
fn torture(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torture"));
    command.arg(dir);
    command
}

/// The highest number after `word` among the lines that are whole.
fn highest(output: &str, word: &str) -> Option<u64> {
    let lines = output.lines().filter_map(|line| line.strip_prefix(word)?.trim().parse().ok());
    lines.max()
}

/// Waits until it has acknowledged at least up to `cursor`.
fn wait_for_acked(program: &Program, cursor: u64) -> Result<u64> {
    let what = format!("operation {cursor} to be acknowledged");
    wait_until(&what, WAIT_MAX, || Ok(highest(&program.output(), "acked ").filter(|acked| *acked >= cursor)))
        .with_context(|| program.output())
}
