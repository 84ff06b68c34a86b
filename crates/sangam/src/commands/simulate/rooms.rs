//! `sangam simulate rooms`.

mod show;

use std::time::Duration;

use sangam_fleet::{Dialect, RoomsOptions, Trust, simulate_rooms};

use super::{Outcome, run_fleet};
use crate::Verdict;
use crate::cli::simulate::rooms::{DialectChoice, RoomsArgs};
use crate::commands::probe::given::Given;

pub(super) fn run(args: &RoomsArgs) -> anyhow::Result<Verdict> {
    let options = options(args)?;
    options.check()?;
    let trust = Trust::load(args.common.ca_file.as_deref())?;
    run_fleet(&args.common, options.participants_total(), async |show| {
        let report = simulate_rooms(options, &trust, &|progress| show(progress.into())).await?;
        Ok(Outcome { is_fine: report.is_fine(), json: show::json(&report)?, table: show::table(&report) })
    })
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
