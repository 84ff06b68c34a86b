//! Our sync server beside pouchdb-server, PostgreSQL and SQLite, the same work in turn.

mod contender;
mod goal;
mod large;
mod plan;
mod postgres;
mod pull;
mod push;
mod server;
mod step;
mod streams;
mod table;

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use self::large::Large;
use self::plan::{Measure, Plan};
use self::postgres::Postgres;
use self::step::{Bench, Programs};
use self::table::Table;
use super::measure::Measure as _;
use super::place::Priority;
use super::{disk, machine, report};
use crate::repository::Repository;
use crate::{Verdict, process};

#[derive(Args)]
pub(crate) struct SyncBench {
    /// How often each contender does what is quick; they take turns. Fan-out and restarts are measured twice at most, idle
    /// listeners and bytes on the disk once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// What to measure; everything if not given
    #[arg(long, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Entities of the large database (w9, w10, w11): putting them in takes longer than measuring it
    #[arg(long, default_value_t = Plan::ENTITIES)]
    entities: u64,
    /// Run at ordinary priority instead of SCHED_RR: gentler to whoever shares the machine, and the readings spread
    #[arg(long)]
    no_realtime: bool,
    /// A few operations, once, with whatever is installed: shows that the measurement works
    #[arg(long)]
    smoke: bool,
    /// Measure the programs in this directory instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Print only: leave docs/BENCHMARKS.md as it is
    #[arg(long)]
    dry: bool,
}

impl SyncBench {
    /// One short run on programs that are there: shows that the command works, whatever the figures are.
    pub(super) fn smoke(programs: PathBuf) -> Self {
        let (programs, entities) = (Some(programs), Plan::ENTITIES);
        Self { rounds: 1, only: Vec::new(), entities, no_realtime: true, smoke: true, programs, dry: true }
    }

    pub(super) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let plan =
            if self.smoke { Plan::smoke(&self.only) } else { Plan::full(self.rounds, &self.only, self.entities) };
        let publishes = !self.dry && !self.smoke;
        for measure in plan.measures.iter().filter(|_| publishes) {
            report::check_section(repository, &measure.section())?;
        }
        let machine = machine::description(repository);
        let programs = self.programs(repository)?;
        if self.smoke && !programs.are_there() {
            eprintln!("sync: our server and the generator are not built; nothing is measured");
            return Ok(Verdict::Pass);
        }
        let bench = self.bench(repository, &programs, &plan)?;
        let heading = self.heading(&bench, &machine)?;
        let mut missed = Vec::new();
        measure(&bench, |measure, table| {
            let text = table.text(&heading);
            println!("{text}");
            missed.extend(table.missed());
            if publishes { report::publish(repository, &measure.section(), &text) } else { Ok(()) }
        })?;
        // A smoke run has no goals.
        if missed.is_empty() || self.smoke {
            return Ok(Verdict::Pass);
        }
        println!("missed:\n- {}", missed.join("\n- "));
        Ok(Verdict::Fail)
    }

    fn programs(&self, repository: &Repository) -> Result<Programs> {
        Ok(match &self.programs {
            // Servers are started elsewhere.
            Some(dir) => Programs::in_dir(&dir.canonicalize().with_context(|| format!("no {}", dir.display()))?),
            None => build(repository)?,
        })
    }

    /// Gets ready who takes part. In a smoke run that is who is there already; else whoever cannot be had is said.
    fn bench<'a>(&self, repository: &'a Repository, programs: &'a Programs, plan: &'a Plan) -> Result<Bench<'a>> {
        let disk = disk::directory(repository)?;
        if !self.smoke
            && let Err(error) = server::install_pouch(repository)
        {
            eprintln!("pouchdb-server cannot be installed and is not measured: {error:#}");
        }
        let uses_postgres =
            plan.measures.iter().any(|m| matches!(m, Measure::PushOne | Measure::PushMany | Measure::Disk));
        let postgres = if !uses_postgres || (self.smoke && !postgres::is_installed()) {
            None
        } else {
            Postgres::start(repository, &disk).map_err(|error| eprintln!("PostgreSQL is not measured: {error:#}")).ok()
        };
        let priority = if self.no_realtime { Priority::Ordinary } else { Priority::realtime_if_allowed(repository) };
        let has_pouch = server::is_pouch_installed(repository);
        Ok(Bench { repository, programs, plan, priority, secret: secret()?, disk, has_pouch, postgres })
    }

    /// What stands above each table.
    fn heading(&self, bench: &Bench<'_>, machine: &str) -> Result<String> {
        let lasting = Duration::from_millis(bench.plan.millis.min(1_000));
        let syncs = disk::syncs_per_second(&bench.disk, lasting)?;
        let mut others = Vec::new();
        if bench.has_pouch {
            others.push(server::pouch_versions(bench.repository)?);
        }
        if let Some(postgres) = &bench.postgres {
            others.push(postgres.version(bench.repository)?);
        }
        let others: String = others.iter().map(|other| format!(", {other}")).collect();
        Ok(format!(
            "`{}` on {machine}{others}; fdatasync of a growing file: {syncs:.0}/s; server on core 1, generator on core 0, {}:",
            self.command_line(),
            bench.priority
        ))
    }

    /// What to type to measure the same again.
    fn command_line(&self) -> String {
        let mut line = format!("cargo xtask bench sync --rounds {}{}", self.rounds, Measure::flag(&self.only));
        if self.entities != Plan::ENTITIES {
            line.push_str(&format!(" --entities {}", self.entities));
        }
        for (is_set, flag) in [(self.no_realtime, " --no-realtime"), (self.smoke, " --smoke")] {
            line.push_str(if is_set { flag } else { "" });
        }
        line
    }
}

/// In release: the generator and the server.
fn build(repository: &Repository) -> Result<Programs> {
    for package in ["sangam-bench-sync", "sangam"] {
        process::must_pass(&mut repository.cargo(&["build", "--release", "--locked", "--package", package]))?;
    }
    Ok(Programs::in_dir(&repository.target().join("release")))
}

/// Another one each time.
fn secret() -> Result<String> {
    let mut bytes = [0_u8; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut secret = String::new();
    for byte in bytes {
        write!(secret, "{byte:02x}")?;
    }
    Ok(secret)
}

/// Hands over each table as soon as it is there.
fn measure(bench: &Bench<'_>, mut take: impl FnMut(Measure, &Table) -> Result<()>) -> Result<()> {
    let mut large: Option<Large> = None;
    for &measure in &bench.plan.measures {
        let table = match measure {
            Measure::PushOne => push::one(bench)?,
            Measure::PushMany => push::many(bench)?,
            Measure::Pull => pull::large(bench)?,
            Measure::First => pull::first(bench)?,
            Measure::Crowd => pull::crowd(bench)?,
            Measure::Fanout => streams::fanout(bench)?,
            Measure::Idle => streams::idle(bench)?,
            Measure::Cycle => streams::cycle(bench)?,
            Measure::Large | Measure::Restart | Measure::Disk => {
                let there = large.take().map_or_else(|| Large::fill(bench), Ok)?;
                let (there, table) = on_large(bench, measure, there)?;
                large = there;
                table
            }
        };
        take(measure, &table)?;
    }
    Ok(())
}

/// The last of them stops the server.
fn on_large(bench: &Bench<'_>, measure: Measure, large: Large) -> Result<(Option<Large>, Table)> {
    match measure {
        Measure::Restart => large.restart(bench).map(|(large, table)| (Some(large), table)),
        Measure::Disk => large.weigh(bench).map(|table| (None, table)),
        _ => {
            let table = large.push(bench)?;
            Ok((Some(large), table))
        }
    }
}
