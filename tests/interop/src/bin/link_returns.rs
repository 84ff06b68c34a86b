//! `cargo xtask links`: what happens to two linked nodes, and how long it takes until messages pass again, as a table.
//!
//! Exit code 0: each link returned within ten seconds. 1: one did not. 2: could not run.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use sangam_interop::exit_code;
use sangam_interop::returning::{Trouble, TroubledPair};

#[derive(Parser)]
#[command(
    name = "cargo xtask links",
    about = "How long links take to return. Exit code 1 if one takes over ten seconds"
)]
struct Arguments {
    /// How often each thing happens
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Seconds that a node's network is silent
    #[arg(long, default_value_t = 30)]
    cut: u64,
    /// Seconds that a node sleeps
    #[arg(long, default_value_t = 60)]
    sleep: u64,
    /// Only what has this in its name
    #[arg(long, default_value = "")]
    only: String,
    /// Prints what the nodes and the server said when one takes too long
    #[arg(long)]
    logs: bool,
}

/// As promised.
const RETURN_MAX: Duration = Duration::from_secs(10);

fn run(arguments: &Arguments) -> Result<bool> {
    let mut out = std::io::stdout();
    writeln!(out, "| What happens | Runs | Min | Median | Max |\n|---|---|---|---|---|")?;
    let mut is_kept = true;
    let all = Trouble::all(Duration::from_secs(arguments.cut), Duration::from_secs(arguments.sleep));
    for trouble in all.into_iter().filter(|trouble| trouble.to_string().contains(&arguments.only)) {
        let mut took = Vec::new();
        for _ in 0..arguments.runs.max(1) {
            let mut pair = TroubledPair::start(trouble)?;
            let one = pair.returns(trouble)?;
            if one > RETURN_MAX && arguments.logs {
                eprintln!("{trouble}: {one:?}\n{}", pair.log());
            }
            took.push(one);
        }
        took.sort_unstable();
        let shown = [took.first(), took.get(took.len() / 2), took.last()];
        let [min, median, max] = shown.map(|one| one.copied().unwrap_or_default());
        is_kept &= max <= RETURN_MAX;
        writeln!(out, "| {trouble} | {} | {min:.2?} | {median:.2?} | {max:.2?} |", took.len())?;
    }
    Ok(is_kept)
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}
