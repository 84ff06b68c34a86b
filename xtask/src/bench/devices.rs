//! What a session of a device costs our server.

mod server;
mod step;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use self::server::Server;
use self::step::{Kind, Outcome, Readings};
use super::place::Priority;
use super::{disk, generator, machine, report};
use crate::repository::Repository;
use crate::{Verdict, process};

#[derive(Args)]
pub(crate) struct Devices {
    /// How often all of it is measured, each time on a new server
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How many devices are enrolled and hold sessions
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    devices: u32,
    /// Sessions under way at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    at_once: u32,
    /// How long each kind of sessions counts
    #[arg(long, default_value_t = 3_000)]
    millis: u64,
    /// Run at ordinary priority instead of SCHED_RR: gentler to whoever shares the machine, and the readings spread
    #[arg(long)]
    no_realtime: bool,
    /// A few devices, once: shows that the measurement works
    #[arg(long)]
    smoke: bool,
    /// Measure the programs in this directory instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Print only: leave docs/BENCHMARKS.md as it is
    #[arg(long)]
    dry: bool,
}

/// The marks of the table in docs/BENCHMARKS.md.
const SECTION: &str = "devices";
const GENERATOR: &str = "sangam-bench-devices";

impl Devices {
    /// One short run on programs that are there: shows that the command works, whatever the figures are.
    pub(super) fn smoke(programs: PathBuf) -> Self {
        Self {
            rounds: 1,
            devices: 8,
            at_once: 4,
            millis: 200,
            no_realtime: true,
            smoke: true,
            programs: Some(programs),
            dry: true,
        }
    }

    pub(super) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let publishes = !self.dry && !self.smoke;
        if publishes {
            report::check_section(repository, SECTION)?;
        }
        let machine = machine::description(repository);
        let programs = self.programs(repository)?;
        if self.smoke && !(programs.join("sangam").exists() && programs.join(GENERATOR).exists()) {
            eprintln!("devices: our server and the generator are not built; nothing is measured");
            return Ok(Verdict::Pass);
        }
        let priority = if self.no_realtime { Priority::Ordinary } else { Priority::realtime_if_allowed(repository) };
        let syncs =
            disk::syncs_per_second(&disk::directory(repository)?, Duration::from_millis(self.millis.min(1_000)))?;
        let heading = format!(
            "`{}` on {machine}; fdatasync of a growing file: {syncs:.0}/s; server on core 1, generator on core 0, {priority}:",
            self.command_line()
        );
        let readings = self.measure(repository, &programs, priority)?;
        let text = table::text(&heading, &readings);
        println!("{text}");
        if publishes {
            report::publish(repository, SECTION, &text)?;
        }
        let missed = table::missed(&readings);
        // A smoke run has no goals.
        if missed.is_empty() || self.smoke {
            return Ok(Verdict::Pass);
        }
        println!("missed:\n- {}", missed.join("\n- "));
        Ok(Verdict::Fail)
    }

    fn measure(&self, repository: &Repository, programs: &std::path::Path, priority: Priority) -> Result<Readings> {
        let mut readings = Readings::default();
        for round in 1..=self.rounds {
            eprintln!("devices, round {round} of {}", self.rounds);
            let server = Server::start(repository, &programs.join("sangam"))?;
            let arguments = [
                format!("--server={}", server.devices),
                format!("--pid={}", server.pid()),
                format!("--login={}", server::LOGIN),
                format!("--devices={}", self.devices),
                format!("--at-once={}", self.at_once),
                format!("--warm-up-millis={}", self.millis / 5),
                format!("--millis={}", self.millis),
            ];
            let generator = programs.join(GENERATOR);
            let outcomes: Vec<Outcome> =
                generator::outcome(repository, &generator, server.pid(), priority, &arguments)?;
            for kind in Kind::ALL {
                let outcome = outcomes.iter().find(|outcome| outcome.name == kind.name());
                let outcome = outcome.filter(|outcome| outcome.sessions > 0);
                readings.add(kind, outcome.with_context(|| format!("no session of the kind {}", kind.name()))?);
            }
        }
        Ok(readings)
    }

    fn programs(&self, repository: &Repository) -> Result<PathBuf> {
        if let Some(dir) = &self.programs {
            // Servers are started elsewhere.
            return dir.canonicalize().with_context(|| format!("no {}", dir.display()));
        }
        for package in [GENERATOR, "sangam"] {
            process::must_pass(&mut repository.cargo(&["build", "--release", "--locked", "--package", package]))?;
        }
        Ok(repository.target().join("release"))
    }

    /// What to type to measure the same again.
    fn command_line(&self) -> String {
        let Self { rounds, devices, at_once, millis, .. } = self;
        let rest = if self.no_realtime { " --no-realtime" } else { "" };
        format!(
            "cargo xtask bench devices --rounds {rounds} --devices {devices} --at-once {at_once} --millis {millis}{rest}"
        )
    }
}
