use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use super::machine;
use super::report::{self, Reading};
use super::running::Running;
use super::spread::Spread;
use crate::repository::Repository;
use crate::{Verdict, process};

#[derive(Args)]
pub(crate) struct Budget {
    /// How often each is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// How long the server idles before its memory is read
    #[arg(long, default_value_t = 5)]
    idle_secs: u64,
    /// Also build from nothing, into a directory of its own: takes minutes
    #[arg(long)]
    clean_build: bool,
    /// Measure this binary instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Print only: leave docs/BENCHMARKS.md as it is
    #[arg(long)]
    dry: bool,
}

const READY_MILLIS_GOAL: f64 = 200.0;
const IDLE_MB_GOAL: f64 = 40.0;
const BUILD_SECONDS_GOAL: f64 = 600.0;

impl Budget {
    pub(super) fn run(&self, repository: &Repository) -> Result<Verdict> {
        let machine = machine::description(repository);
        let built = if self.clean_build { Some(clean_build(repository)?) } else { None };
        let binary = match &self.binary {
            Some(binary) => binary.clone(),
            None => build(repository)?,
        };
        let readings = self.measure(repository, &binary, built)?;
        let table = report::table(&machine, &self.command_line(), &readings);
        print!("{table}");
        if !self.dry {
            report::publish(repository, "budget", &table)?;
        }
        let missed: Vec<_> =
            readings.iter().filter(|reading| !reading.meets_goal()).map(|reading| reading.what).collect();
        if missed.is_empty() {
            return Ok(Verdict::Pass);
        }
        println!("missed: {}", missed.join(", "));
        Ok(Verdict::Fail)
    }

    /// One short run on a binary that is there: shows that the command works, whatever the figures are.
    pub(super) fn smoke(binary: PathBuf) -> Self {
        Self { runs: 1, idle_secs: 0, clean_build: false, binary: Some(binary), dry: true }
    }

    fn measure(&self, repository: &Repository, binary: &PathBuf, built: Option<Duration>) -> Result<Vec<Reading>> {
        let (mut ready_millis, mut idle_mb) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            let running = Running::start(repository, binary)?;
            ready_millis.push(running.ready_after.as_secs_f64() * 1e3);
            idle_mb.push(megabytes(running.idle_bytes(Duration::from_secs(self.idle_secs))?));
        }
        let size = fs::metadata(binary).with_context(|| format!("cannot read {}", binary.display()))?.len();
        let rows = [
            ("from exec to `/ready` 200", "ms", Some(READY_MILLIS_GOAL), ready_millis),
            ("resident memory, idle", "MB", Some(IDLE_MB_GOAL), idle_mb),
            ("size of the binary", "MB", None, vec![megabytes(size)]),
            (
                "release build from nothing",
                "s",
                Some(BUILD_SECONDS_GOAL),
                built.map(|b| b.as_secs_f64()).into_iter().collect(),
            ),
        ];
        let readings = rows.into_iter().filter_map(|(what, unit, goal, readings)| {
            Some(Reading { what, unit, goal, spread: Spread::of(readings)? })
        });
        Ok(readings.collect())
    }

    /// What to type to measure the same again.
    fn command_line(&self) -> String {
        let Self { runs, idle_secs, clean_build, .. } = self;
        let build = if *clean_build { " --clean-build" } else { "" };
        format!("cargo xtask bench budget --runs {runs} --idle-secs {idle_secs}{build}")
    }
}

fn build(repository: &Repository) -> Result<PathBuf> {
    process::must_pass(&mut repository.cargo(&["build", "--release", "--locked", "--package", "sangam"]))?;
    Ok(repository.target().join("release/sangam"))
}

/// Wall time of a release build into an empty directory; dependencies are downloaded before the clock starts.
fn clean_build(repository: &Repository) -> Result<Duration> {
    let dir = repository.target().join("clean-build");
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    process::must_pass(&mut repository.cargo(&["fetch", "--locked"]))?;
    let mut command = repository.cargo(&["build", "--release", "--locked", "--offline", "--package", "sangam"]);
    let began = Instant::now();
    process::must_pass(command.arg("--target-dir").arg(&dir))?;
    let took = began.elapsed();
    fs::remove_dir_all(&dir)?;
    Ok(took)
}

/// In units of 10^6 bytes.
fn megabytes(bytes: u64) -> f64 {
    // Far below 2^52: exact.
    bytes as f64 / 1e6
}
