use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;

use super::build;
use super::server::{Kind, Programs, RelayServer};
use super::step::generate;
use crate::Verdict;
use crate::bench::place::Priority;
use crate::bench::{machine, report};
use crate::repository::Repository;

#[derive(Args)]
pub(crate) struct Churn {
    /// How long memory is read, after the warm-up; credentials last an hour
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Kept alive all the time; each takes a descriptor here and one of the server
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=16_000))]
    allocations: u32,
    /// Before the first reading
    #[arg(long, default_value_t = 30.0)]
    warm_up_seconds: f64,
    /// Measure the programs in this directory instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Print only: leave docs/BENCHMARKS.md as it is
    #[arg(long)]
    dry: bool,
}

/// How far memory may move from its first reading, as a share of it.
const DRIFT_MAX: f64 = 0.05;

/// What the generator says.
#[derive(Debug, Deserialize)]
struct Outcome {
    allocations: u64,
    churned: u64,
    echoed: u64,
    lost: u64,
    resident_bytes: Vec<u64>,
}

/// Resident memory over the run, bytes.
#[derive(Debug, PartialEq)]
struct Course {
    first: f64,
    last: f64,
    min: f64,
    max: f64,
    /// Of the straight line that fits the readings best, bytes from one reading to the next.
    slope: f64,
}

impl Churn {
    /// One short run on programs that are there: shows that the command works, whatever the figures are.
    pub(in crate::bench) fn smoke(programs: PathBuf) -> Self {
        Self { minutes: 0.02, allocations: 128, warm_up_seconds: 0.2, programs: Some(programs), dry: true }
    }

    pub(in crate::bench) fn run(&self, repository: &Repository) -> Result<Verdict> {
        if !self.dry {
            report::check_section(repository, "relay-churn")?;
        }
        let machine = machine::description(repository);
        let programs = match &self.programs {
            Some(dir) => Programs::in_dir(&dir.canonicalize().with_context(|| format!("no {}", dir.display()))?),
            None => build(repository)?,
        };
        let server = RelayServer::start(repository, &programs, Kind::Ours)?;
        let arguments = [
            "churn".to_owned(),
            format!("--allocations={}", self.allocations),
            format!("--warm-up-seconds={}", self.warm_up_seconds),
            format!("--seconds={}", self.minutes * 60.0),
        ];
        let outcome: Outcome = generate(repository, &programs, &server, Priority::Ordinary, &arguments)?;
        ensure!(outcome.churned > 0, "no allocation ended: {outcome:?}");
        let course = Course::of(&outcome.resident_bytes).context("memory was never read")?;
        let text = self.text(&machine, &outcome, &course);
        print!("{text}");
        if !self.dry {
            report::publish(repository, "relay-churn", &text)?;
        }
        if course.stays_within(DRIFT_MAX) {
            return Ok(Verdict::Pass);
        }
        println!("missed: memory moved by more than {:.0} % of its first reading", DRIFT_MAX * 100.0);
        Ok(Verdict::Fail)
    }

    fn text(&self, machine: &str, outcome: &Outcome, course: &Course) -> String {
        let Self { minutes, allocations, warm_up_seconds, .. } = self;
        let command = format!(
            "cargo xtask bench relay-churn --minutes {minutes} --allocations {allocations} --warm-up-seconds {warm_up_seconds}"
        );
        let Outcome { allocations, churned, echoed, lost, .. } = outcome;
        let Course { first, last, min, max, slope } = course;
        let megabytes = |bytes: f64| format!("{:.2}", bytes / 1e6);
        let percent = |bytes: f64| format!("{:+.2}", 100.0 * (bytes - first) / first);
        let row = |what: &str, bytes: f64| format!("| {what} | {} MB | {} % |\n", megabytes(bytes), percent(bytes));
        let rows = [row("first", *first), row("last", *last), row("least", *min), row("most", *max)].concat();
        format!(
            "`{command}` on {machine}:\n\n{allocations} allocations alive; {churned} ended and begun anew, each with a \
             permission and a channel; {echoed} datagrams echoed, {lost} lost. {} readings of resident memory:\n\n\
             | reading | memory | against the first, at most ±{:.0} % |\n|---|---|---|\n{rows}| slope | {:+.1} kB a minute | |\n",
            outcome.resident_bytes.len(),
            DRIFT_MAX * 100.0,
            slope * 60.0 / 1e3,
        )
    }
}

impl Course {
    /// None without a reading.
    fn of(readings: &[u64]) -> Option<Self> {
        // Far below 2^52: exact.
        let readings: Vec<f64> = readings.iter().map(|&bytes| bytes as f64).collect();
        let (first, last) = (*readings.first()?, *readings.last()?);
        let min = readings.iter().copied().fold(f64::INFINITY, f64::min);
        let max = readings.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Self { first, last, min, max, slope: slope(&readings) })
    }

    fn stays_within(&self, share: f64) -> bool {
        self.min >= self.first * (1.0 - share) && self.max <= self.first * (1.0 + share)
    }
}

/// By least squares; 0 for fewer than two readings.
fn slope(readings: &[f64]) -> f64 {
    if readings.len() < 2 {
        return 0.0;
    }
    let count = readings.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, readings.iter().sum::<f64>() / count);
    let at = |index: usize| index as f64 - middle;
    let product: f64 = readings.iter().enumerate().map(|(index, reading)| at(index) * (reading - mean)).sum();
    product / (0..readings.len()).map(|index| at(index).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_course_knows_its_ends_its_extremes_and_its_slope() {
        let course = Course::of(&[100, 102, 104, 106]).unwrap();
        assert_eq!(course, Course { first: 100.0, last: 106.0, min: 100.0, max: 106.0, slope: 2.0 });
        assert_eq!(Course::of(&[7]).unwrap().slope, 0.0);
        assert_eq!(Course::of(&[]), None);
    }

    #[test]
    fn memory_that_moves_by_more_than_the_share_either_way_is_told() {
        let moves = |readings: &[u64]| !Course::of(readings).unwrap().stays_within(0.05);
        assert!(!moves(&[1_000, 950, 1_050, 1_000]));
        assert!(moves(&[1_000, 1_051, 1_000]) && moves(&[1_000, 949, 1_000]));
    }
}
