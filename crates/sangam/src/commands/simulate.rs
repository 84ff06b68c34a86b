//! `sangam simulate`.

mod peers;
mod progress;
mod show;
mod sync;

use std::time::Duration;

use anyhow::{Context as _, bail};
use sangam_fleet::{Dialect, RoomsOptions, Trust, simulate_rooms};

use self::progress::Bar;
use crate::Verdict;
use crate::cli::simulate::{DialectChoice, RoomsArgs, SimulateArgs, SimulateCommand};
use crate::commands::probe::given::Given;
use crate::descriptor_limit;
use crate::output::print;

pub(crate) fn run(args: SimulateArgs) -> anyhow::Result<Verdict> {
    match args.command {
        SimulateCommand::Rooms(args) => rooms(&args),
        SimulateCommand::Sync(args) => sync::run(&args),
        SimulateCommand::Peers(args) => peers::run(&args),
    }
}

fn rooms(args: &RoomsArgs) -> anyhow::Result<Verdict> {
    let options = options(args)?;
    options.check()?;
    if let Some(complaint) = descriptor_limit::too_low_for(options.participants_total()) {
        bail!(complaint);
    }
    let trust = Trust::load(args.ca_file.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let bar = Bar::new(args.json);
    let report = runtime.block_on(simulate_rooms(options, &trust, &|progress| bar.show(&progress.into())));
    bar.clear();
    // A look-up of a name cannot be taken back and must not hold the end up.
    runtime.shutdown_background();
    let report = report?;
    let shown = if args.json { show::json(&report)?.to_string() } else { show::table(&report) };
    print(&format!("{shown}\n"))?;
    Ok(if report.is_fine() { Verdict::Fine } else { Verdict::No })
}

fn options(args: &RoomsArgs) -> anyhow::Result<RoomsOptions> {
    Ok(RoomsOptions {
        url: args.url.clone(),
        json_url: args.json_url.clone(),
        dialects: dialects(args),
        mixed: args.mixed,
        rooms: args.rooms,
        participants: args.participants,
        duration: Duration::from_secs(args.seconds),
        ramp_per_sec: args.ramp,
        chatter_per_sec: args.chatter,
        storm_interval: args.storms.map(Duration::from_secs),
        storm_share: args.storm_share,
        settle_timeout: args.settle,
        token: Given::SIMULATE_TOKEN.read(args.token_file.as_deref())?,
    })
}

fn dialects(args: &RoomsArgs) -> Vec<Dialect> {
    if !args.dialects.is_empty() {
        return args.dialects.iter().map(|choice| choice.dialect()).collect();
    }
    let mut dialects = Vec::new();
    if args.url.is_some() {
        dialects.extend([Dialect::Documented, Dialect::Newest]);
    }
    if args.json_url.is_some() {
        dialects.push(Dialect::Json);
    }
    dialects
}

impl DialectChoice {
    fn dialect(self) -> Dialect {
        match self {
            Self::Documented => Dialect::Documented,
            Self::Newest => Dialect::Newest,
            Self::Json => Dialect::Json,
        }
    }
}
