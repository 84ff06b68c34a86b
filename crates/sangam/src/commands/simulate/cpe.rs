//! `sangam simulate cpe`.

mod show;

use std::time::Duration;

use anyhow::Context as _;
use sangam_fleet::{CpeModel, CpeOptions, CpeTasks, TaskWish, Trust, simulate_cpe};

use super::{Outcome, run_fleet};
use crate::Verdict;
use crate::cli::simulate::cpe::{CpeArgs, ModelChoice, OfficeArgs, Wishes};
use crate::commands::probe::given::Given;

pub(super) fn run(args: &CpeArgs) -> anyhow::Result<Verdict> {
    let options = options(args)?;
    options.check()?;
    let seed = options.seed;
    let trust = Trust::load(args.common.ca_file.as_deref())?;
    // A session is a connection, and a device that is asked for one has another.
    let files = u64::from(options.sessions_max.min(options.devices)) * 2;
    run_fleet(&args.common, files, async |show| {
        let report = simulate_cpe(options, &trust, &|progress| show(progress.into())).await?;
        let (json, table) = (show::json(&report, seed)?, show::table(&report, seed));
        Ok(Outcome { is_fine: report.is_fine(), json, table })
    })
}

fn options(args: &CpeArgs) -> anyhow::Result<CpeOptions> {
    Ok(CpeOptions {
        url: args.url.clone(),
        devices: args.devices,
        boot_within: args.boot_within,
        duration: Duration::from_secs(args.seconds),
        interval: args.interval,
        change_interval: args.change_every,
        model: match args.model {
            ModelChoice::Tr098 => CpeModel::Tr098,
            ModelChoice::Tr181 => CpeModel::Tr181,
            ModelChoice::Both => CpeModel::Both,
        },
        quirks: args.quirks,
        mishaps: args.faults,
        retry_wait: args.retry_wait,
        stun: args.stun.clone(),
        are_known: args.known,
        user: args.user.clone(),
        password: Given::SIMULATE_PASSWORD.read(args.password_file.as_deref())?,
        sessions_max: args.sessions_max,
        connection_requests: args.connection_requests,
        answer_timeout: args.answer_timeout,
        settle_timeout: args.settle,
        seed: args.seed.unwrap_or_else(rand::random),
        tasks: tasks(&args.office)?,
    })
}

/// What is ordered, in the order in which devices get it.
fn tasks(args: &OfficeArgs) -> anyhow::Result<Option<CpeTasks>> {
    let Some(api) = &args.api else { return Ok(None) };
    let token = Given::API_TOKEN.read(args.token_file.as_deref())?;
    let token = token.context("no token: give `--token-file FILE`, or set SANGAM_API_TOKEN")?;
    let is_wanted = |wish: TaskWish| {
        args.tasks.iter().any(|it| matches!(it, Wishes::All) || matches!(it, Wishes::One(one) if *one == wish))
    };
    Ok(Some(CpeTasks {
        api: api.clone(),
        token,
        wishes: TaskWish::ALL.into_iter().filter(|wish| is_wanted(*wish)).collect(),
        devices: args.task_devices,
        at_once: args.tasks_at_once,
        within: args.tasks_within,
        live_reads: args.live_reads,
    }))
}
