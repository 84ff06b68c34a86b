//! `sangam simulate`.

mod cpe;
mod peers;
mod percentiles;
mod progress;
mod rooms;
mod sync;
mod usp;

use anyhow::{Context as _, bail};
use serde_json::Value;

use self::progress::{Bar, Far};
use crate::Verdict;
use crate::cli::simulate::{CommonArgs, SimulateArgs, SimulateCommand};
use crate::commands::api::text::escaped;
use crate::descriptor_limit;
use crate::output::print;

pub(crate) fn run(args: SimulateArgs) -> anyhow::Result<Verdict> {
    match args.command {
        SimulateCommand::Rooms(args) => rooms::run(&args),
        SimulateCommand::Sync(args) => sync::run(&args),
        SimulateCommand::Peers(args) => peers::run(&args),
        SimulateCommand::Cpe(args) => cpe::run(&args),
        SimulateCommand::Usp(args) => usp::run(&args),
    }
}

/// What came of a fleet.
struct Outcome {
    is_fine: bool,
    json: Value,
    table: String,
}

/// Has a fleet do its work in a runtime of its own, shows how far it is, and prints what came of it. `files`: what it opens at once.
fn run_fleet(
    common: &CommonArgs,
    files: u64,
    simulate: impl AsyncFnOnce(&(dyn Fn(Far) + Sync)) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Verdict> {
    if let Some(complaint) = descriptor_limit::too_low_for(files) {
        bail!(complaint);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let bar = Bar::new(common.json);
    let outcome = runtime.block_on(simulate(&|far| bar.show(&far)));
    bar.clear();
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    let Outcome { is_fine, json, table } = outcome?;
    // The server had a say in these words: they must not steer the terminal.
    let table = || table.split('\n').map(escaped).collect::<Vec<_>>().join("\n");
    print(&format!("{}\n", if common.json { json.to_string() } else { table() }))?;
    Ok(if is_fine { Verdict::Fine } else { Verdict::No })
}
