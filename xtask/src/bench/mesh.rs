//! Links of our mesh node and of aiortc, the same work in turn.

mod plan;
mod step;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use self::plan::{Measure, Plan};
use self::step::{Bench, Kind, Readings};
use super::measure::Measure as _;
use super::place::Priority;
use super::{machine, report};
use crate::repository::Repository;
use crate::{Verdict, process};

#[derive(Args)]
pub(crate) struct Mesh {
    /// How often each kind of end does what is quick; they take turns. Memory is read twice at most
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// What to measure; everything if not given
    #[arg(long, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Run at ordinary priority instead of SCHED_RR: gentler to whoever shares the machine, and the readings spread
    #[arg(long)]
    no_realtime: bool,
    /// A few links, once: shows that the measurement works
    #[arg(long)]
    smoke: bool,
    /// Measure the program in this directory instead of building it
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Print only: leave docs/BENCHMARKS.md as it is
    #[arg(long)]
    dry: bool,
}

impl Mesh {
    /// One short run on programs that are there: shows that the command works, whatever the figures are.
    pub(super) fn smoke(programs: PathBuf) -> Self {
        Self { rounds: 1, only: Vec::new(), no_realtime: true, smoke: true, programs: Some(programs), dry: true }
    }

    pub(super) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let plan = if self.smoke { Plan::smoke(&self.only) } else { Plan::full(self.rounds, &self.only) };
        let publishes = !self.dry && !self.smoke;
        for measure in plan.measures.iter().filter(|_| publishes) {
            report::check_section(repository, &measure.section())?;
        }
        let machine = machine::description(repository);
        let priority = if self.no_realtime { Priority::Ordinary } else { Priority::realtime_if_allowed(repository) };
        let bench = Bench { repository, program: self.program(repository)?, plan: &plan, priority };
        if self.smoke && !bench.can_run() {
            eprintln!("mesh: the generator is not built, or we are not root; nothing is measured");
            return Ok(Verdict::Pass);
        }
        let kinds = bench.kinds(self.smoke)?;
        let heading = format!("`{}` on {machine}{}", self.command_line(), bench.versions(&kinds)?);
        let mut missed = Vec::new();
        for &measure in &plan.measures {
            let table = table::of(measure, &plan, &measure_in_turn(&bench, measure, &kinds)?);
            let text = table.text(&format!("{heading}; one end on core 0, the other on core 1, {priority}:"));
            println!("{text}");
            if publishes {
                report::publish(repository, &measure.section(), &text)?;
            }
            missed.extend(table.missed());
        }
        // A smoke run has no goals.
        if missed.is_empty() || self.smoke {
            return Ok(Verdict::Pass);
        }
        println!("missed:\n- {}", missed.join("\n- "));
        Ok(Verdict::Fail)
    }

    fn program(&self, repository: &Repository) -> Result<PathBuf> {
        const PROGRAM: &str = "sangam-bench-mesh";
        if let Some(dir) = &self.programs {
            // It is started elsewhere.
            return Ok(dir.canonicalize().with_context(|| format!("no {}", dir.display()))?.join(PROGRAM));
        }
        process::must_pass(&mut repository.cargo(&["build", "--release", "--locked", "--package", PROGRAM]))?;
        Ok(repository.target().join("release").join(PROGRAM))
    }

    /// What to type to measure the same again.
    fn command_line(&self) -> String {
        let mut line = format!("cargo xtask bench mesh --rounds {}{}", self.rounds, Measure::flag(&self.only));
        for (is_set, flag) in [(self.no_realtime, " --no-realtime"), (self.smoke, " --smoke")] {
            line.push_str(if is_set { flag } else { "" });
        }
        line
    }
}

fn measure_in_turn(bench: &Bench<'_>, measure: Measure, kinds: &[Kind]) -> Result<Readings> {
    let (mut readings, rounds) = (Readings::default(), bench.plan.rounds_of(measure));
    for round in 1..=rounds {
        for &kind in kinds {
            eprintln!("{}, round {round} of {rounds}: {kind}", measure.name());
            bench.take(measure, kind, &mut readings)?;
        }
    }
    Ok(readings)
}
