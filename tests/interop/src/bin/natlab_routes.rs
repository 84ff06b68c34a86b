//! `cargo xtask natlab-routes`: calls between peers behind NATs, one of whose candidates the relay cannot send to, as a table.
//!
//! Exit code 0: every call through our relay connected and passed its bytes. 1: one did not. 2: could not run.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use sangam_interop::exit_code;
use sangam_interop::natlab::{Call, RouteKind, UnroutableLab};

#[derive(Parser)]
#[command(about = "Calls between peers behind NATs, one of whose candidates the relay cannot send to")]
struct Arguments {
    /// Calls for each kind of route
    #[arg(long, default_value_t = 5)]
    calls: u32,
    /// Also through coturn, as the control: each call that fails takes its time, and none decides the exit code
    #[arg(long)]
    coturn: bool,
}

/// The calls through one relay with one kind of route.
struct Row {
    relay: &'static str,
    kind: RouteKind,
    calls: Vec<Result<Call>>,
    unroutable: Option<u64>,
}

impl Row {
    fn measure(relay: &'static str, kind: RouteKind, lab: &UnroutableLab, calls: u32) -> Result<Self> {
        let calls = (1..=calls).map(|number| {
            eprintln!("{relay}, {kind}: call {number}");
            lab.call().inspect_err(|error| eprintln!("{error:#}"))
        });
        Ok(Self { relay, kind, calls: calls.collect(), unroutable: lab.unroutable()? })
    }

    fn connected(&self) -> usize {
        self.calls.iter().flatten().count()
    }

    fn all_connected(&self) -> bool {
        self.connected() == self.calls.len()
    }

    fn text(&self) -> String {
        let mut millis: Vec<u64> = self.calls.iter().flatten().map(|call| call.open_millis).collect();
        millis.sort_unstable();
        let slowest = millis.last().map_or_else(|| "-".to_owned(), |slowest| slowest.to_string());
        let median = millis.get(millis.len() / 2).map_or_else(|| "-".to_owned(), ToString::to_string);
        let unroutable = self.unroutable.map_or_else(|| "-".to_owned(), |datagrams| datagrams.to_string());
        let (relay, kind, connected, calls) = (self.relay, self.kind, self.connected(), self.calls.len());
        format!("| {relay} | {kind} | {connected} of {calls} | {median} | {slowest} | {unroutable} |\n")
    }
}

const HEAD: &str = "| relay | route to private candidates | connected, 3 MB echoed | ms to open, median | slowest | unroutable datagrams |\n\
                    |---|---|---|---|---|---|\n";

fn run(arguments: &Arguments) -> Result<bool> {
    let mut rows = Vec::new();
    for kind in RouteKind::UNROUTABLE {
        rows.push(Row::measure("sangam", kind, &UnroutableLab::with_sangam(kind)?, arguments.calls)?);
    }
    if arguments.coturn {
        for kind in [RouteKind::Default].into_iter().chain(RouteKind::UNROUTABLE) {
            rows.push(Row::measure("coturn", kind, &UnroutableLab::with_coturn(kind)?, arguments.calls)?);
        }
    }
    let mut table = HEAD.to_owned();
    for row in &rows {
        table.write_str(&row.text()).context("a string takes it")?;
    }
    std::io::stdout().write_all(table.as_bytes())?;
    Ok(rows.iter().filter(|row| row.relay == "sangam").all(Row::all_connected))
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}
