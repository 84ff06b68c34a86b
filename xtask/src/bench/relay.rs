//! Our relay, coturn and a plain forwarder, the same work in turn.

mod churn;
mod plan;
mod server;
mod step;
mod tables;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

pub(super) use self::churn::Churn;
use self::plan::{Plan, Scenario};
use self::server::{Kind, Programs, RelayServer};
use self::step::{ControlOutcome, FloodOutcome, LoadOutcome};
use super::place::Priority;
use super::{machine, report};
use crate::repository::Repository;
use crate::{Verdict, process};

#[derive(Args)]
pub(crate) struct Relay {
    /// How often each server runs each scenario; the servers take turns within a round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Length of a step after its warm-up
    #[arg(long, default_value_t = 2_000)]
    millis: u64,
    /// Run at ordinary priority instead of SCHED_RR: gentler to whoever shares the machine, and the readings spread
    #[arg(long)]
    no_realtime: bool,
    /// A tenth of a second each, two clients' worth of everything: shows that the measurement works
    #[arg(long)]
    smoke: bool,
    /// Measure the programs in this directory instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Print only: leave docs/BENCHMARKS.md as it is
    #[arg(long)]
    dry: bool,
}

/// Everything that was measured, by server; the nth reading of one server belongs to the nth of the others.
#[derive(Default)]
struct Results {
    loads: BTreeMap<(Scenario, Kind), Vec<LoadOutcome>>,
    control: BTreeMap<Kind, Vec<ControlOutcome>>,
    flood: BTreeMap<Kind, Vec<FloodOutcome>>,
}

impl Relay {
    /// One short run on programs that are there: shows that the command works, whatever the figures are.
    pub(super) fn smoke(programs: PathBuf) -> Self {
        Self { rounds: 1, millis: 100, no_realtime: true, smoke: true, programs: Some(programs), dry: true }
    }

    pub(super) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let machine = machine::description(repository);
        let programs = match &self.programs {
            // Servers are started elsewhere.
            Some(dir) => Programs::in_dir(&dir.canonicalize().with_context(|| format!("no {}", dir.display()))?),
            None => build(repository)?,
        };
        let plan = if self.smoke { Plan::smoke() } else { Plan::full(self.rounds, self.millis) };
        let priority = if self.no_realtime { Priority::Ordinary } else { Priority::realtime_if_allowed(repository) };
        let results = measure(repository, &programs, &plan, priority)?;
        results.check()?;
        let command = format!("`{}` on {machine}", self.command_line());
        let text = tables::text(&command, priority, &Kind::versions(repository), &results);
        print!("{text}");
        if !self.dry && !self.smoke {
            report::publish(repository, "relay", &text)?;
        }
        let missed = if self.smoke { Vec::new() } else { tables::missed_goals(&results) };
        if missed.is_empty() {
            return Ok(Verdict::Pass);
        }
        println!("missed:\n- {}", missed.join("\n- "));
        Ok(Verdict::Fail)
    }

    /// What to type to measure the same again.
    fn command_line(&self) -> String {
        let realtime = if self.no_realtime { " --no-realtime" } else { "" };
        let smoke = if self.smoke { " --smoke" } else { "" };
        format!("cargo xtask bench relay --rounds {} --millis {}{realtime}{smoke}", self.rounds, self.millis)
    }
}

/// Ours, in release.
fn build(repository: &Repository) -> Result<Programs> {
    let packages = ["--package", "sangam", "--package", "sangam-bench-relay"];
    process::must_pass(repository.cargo(&["build", "--release", "--locked"]).args(packages))?;
    Ok(Programs::in_dir(&repository.target().join("release")))
}

fn measure(repository: &Repository, programs: &Programs, plan: &Plan, priority: Priority) -> Result<Results> {
    let mut results = Results::default();
    let kinds = Kind::available();
    let running =
        kinds.iter().map(|&kind| RelayServer::start(repository, programs, kind)).collect::<Result<Vec<_>>>()?;
    for round in 1..=plan.rounds {
        for &scenario in &plan.scenarios {
            for server in &running {
                eprintln!("round {round} of {}: {scenario}, {}", plan.rounds, server.kind());
                let outcome = step::load(repository, programs, server, plan, scenario, priority)?;
                results.loads.entry((scenario, server.kind())).or_default().push(outcome);
            }
        }
        for &kind in kinds.iter().filter(|kind| kind.speaks_turn()) {
            eprintln!("round {round} of {}: allocations and flood, {kind}", plan.rounds);
            // Fresh ones: what a server keeps of earlier clients for reuse would hide what new ones cost.
            let server = RelayServer::start(repository, programs, kind)?;
            let control = step::control(repository, programs, &server, plan, priority)?;
            results.control.entry(kind).or_default().push(control);
            let server = RelayServer::start(repository, programs, kind)?;
            let flood = step::flood(repository, programs, &server, plan, priority)?;
            results.flood.entry(kind).or_default().push(flood);
        }
    }
    Ok(results)
}

impl Results {
    /// Numbers that cannot be are an error of the measurement, not a slow server.
    fn check(&self) -> Result<()> {
        for ((scenario, kind), outcomes) in &self.loads {
            for outcome in outcomes {
                let counted = outcome.packets > 0 && outcome.packets <= outcome.sent && outcome.lost <= outcome.sent;
                ensure!(counted && outcome.cpu_nanos > 0, "{kind}, {scenario}: {outcome:?} cannot be");
            }
        }
        ensure!(self.control.values().flatten().all(|outcome| outcome.allocations > 0), "no allocation was made");
        ensure!(self.flood.values().flatten().all(|outcome| outcome.reply_bytes >= 20), "no challenge was answered");
        Ok(())
    }
}
