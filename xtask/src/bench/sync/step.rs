use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::contender::Contender;
use super::goal::Goal;
use super::plan::{Measure, Plan};
use super::postgres::Postgres;
use super::server::Server;
use super::table::{Figures, Row};
use crate::bench::generator;
use crate::bench::measure::Measure as _;
use crate::bench::place::{Core, Priority};
use crate::repository::Repository;

/// Where our programs are.
pub(super) struct Programs {
    pub(super) sangam: PathBuf,
    pub(super) generator: PathBuf,
}

impl Programs {
    pub(super) fn in_dir(dir: &Path) -> Self {
        Self { sangam: dir.join("sangam"), generator: dir.join("sangam-bench-sync") }
    }

    pub(super) fn are_there(&self) -> bool {
        self.sangam.exists() && self.generator.exists()
    }
}

/// What every step needs.
pub(super) struct Bench<'a> {
    pub(super) repository: &'a Repository,
    pub(super) programs: &'a Programs,
    pub(super) plan: &'a Plan,
    pub(super) priority: Priority,
    /// What tokens are signed with.
    pub(super) secret: String,
    /// Where all data lies.
    pub(super) disk: PathBuf,
    pub(super) has_pouch: bool,
    pub(super) postgres: Option<Postgres>,
}

/// What a contender did in one step; what it does not tell is `None`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Outcome {
    #[serde(alias = "cycles", alias = "heard")]
    pub(super) operations: u64,
    pub(super) seconds: f64,
    pub(super) cpu_nanos: Option<u64>,
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) resident_bytes_before: Option<u64>,
    pub(super) resident_bytes_peak: Option<u64>,
    /// All that the fan-out must have told.
    pub(super) expected: Option<u64>,
    pub(super) disk_bytes: Option<u64>,
    pub(super) disk_bytes_each: Option<f64>,
    /// Rows a second that SQLite reads.
    pub(super) read_per_second: Option<f64>,
}

impl Outcome {
    pub(super) fn per_second(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.operations as f64 / self.seconds)
    }

    /// Microseconds for each operation.
    pub(super) fn cpu_micros(&self) -> Option<f64> {
        Some(self.cpu_nanos? as f64 / 1e3 / self.operations as f64)
    }

    /// In units of 10^6 bytes.
    pub(super) fn resident_megabytes(&self) -> Option<f64> {
        Some(self.resident_bytes? as f64 / 1e6)
    }
}

/// What each contender did, in the order of the rounds.
#[derive(Default)]
pub(super) struct Readings {
    outcomes: BTreeMap<Contender, Vec<Outcome>>,
    /// Who could not do it in some round: none of its figures count.
    failed: BTreeSet<Contender>,
}

impl Readings {
    /// # Errors
    /// We could not do it. Somebody else who could not is left out.
    pub(super) fn add(&mut self, contender: Contender, outcome: Result<Outcome>) -> Result<()> {
        let done = outcome.and_then(|outcome| {
            ensure!(outcome.operations > 0, "{contender} did nothing at all: {outcome:?}");
            Ok(outcome)
        });
        match done {
            Ok(outcome) => self.outcomes.entry(contender).or_default().push(outcome),
            Err(error) if matches!(contender, Contender::Ours | Contender::OursSmall) => return Err(error),
            Err(error) => {
                eprintln!("{contender} could not do it: {error:#}");
                self.failed.insert(contender);
            }
        }
        Ok(())
    }

    /// Who is missing, a sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        self.failed
            .iter()
            .map(|who| format!("{who} could not do it in every round, so none of its figures count."))
            .collect()
    }

    /// One figure of each reading that has it.
    pub(super) fn row(
        &self,
        what: impl Into<String>,
        digits: usize,
        goals: &[Goal],
        figure: impl Fn(&Outcome) -> Option<f64>,
    ) -> Row {
        let each = |(&who, outcomes): (&Contender, &Vec<Outcome>)| (who, outcomes.iter().filter_map(&figure).collect());
        let counted = self.outcomes.iter().filter(|(who, _)| !self.failed.contains(who));
        Row { what: what.into(), figures: Figures::new(counted.map(each)), digits, goals: goals.to_vec() }
    }
}

/// Says what is done, as it takes its time.
pub(super) fn announce(plan: &Plan, measure: Measure, round: u16, who: impl std::fmt::Display) {
    eprintln!("{}, round {round} of {}: {who}", measure.name(), plan.rounds_of(measure));
}

impl Bench<'_> {
    /// Who serves replicas.
    pub(super) fn servers(&self) -> impl Iterator<Item = Contender> + use<> {
        [Some(Contender::Ours), self.has_pouch.then_some(Contender::Pouch)].into_iter().flatten()
    }

    /// Runs the generator against a server.
    pub(super) fn load<T: DeserializeOwned>(&self, server: &Server, command: &str, arguments: &[String]) -> Result<T> {
        let _raised = self.priority.raise(self.repository, server.pid());
        self.load_at(&server.target(), command, arguments)
            .with_context(|| format!("the server was {}", server.contender()))
    }

    /// Runs it against whatever it is told of.
    pub(super) fn load_at<T: DeserializeOwned>(
        &self,
        target: &[String],
        command: &str,
        arguments: &[String],
    ) -> Result<T> {
        let mut generator = self.priority.command(self.repository, Core::Generator, &self.programs.generator);
        generator.arg(command).args(target).args(arguments).env("SANGAM_BENCH_SECRET", &self.secret);
        generator::outcome_of(&mut generator)
    }

    /// A server that holds so many operations, and whom they were acknowledged to.
    pub(super) fn filled(&self, contender: Contender, operations: u64) -> Result<(Server, Filled)> {
        let server = Server::start(self, contender)?;
        let filled: Filled = self.load(&server, "fill", &[format!("--operations={operations}")])?;
        Ok((server, filled))
    }

    /// Pushes for a time; it counts once the server was asked whether it holds as much.
    pub(super) fn push(&self, server: &Server, replicas: u64, operations: u64, name: &str) -> Result<Outcome> {
        self.load(
            server,
            "push",
            &[
                format!("--replicas={replicas}"),
                format!("--operations={operations}"),
                format!("--warm-up-millis={}", self.plan.warm_up_millis),
                format!("--millis={}", self.plan.millis),
                format!("--name={name}"),
            ],
        )
    }

    /// Reads all of it, page by page.
    pub(super) fn pull(&self, server: &Server, limit: u64, device: &str) -> Result<Outcome> {
        let arguments =
            [format!("--limit={limit}"), format!("--operations={}", u64::MAX), format!("--device={device}")];
        self.load(server, "pull", &arguments)
    }

    /// What a server holds, from what it says to somebody new.
    pub(super) fn held(&self, server: &Server) -> Result<u64> {
        match server.contender() {
            Contender::Pouch => server.documents(),
            _ => Ok(self.pull(server, 1_000, "counter")?.operations),
        }
    }

    /// The same rows in SQLite, without a server.
    pub(super) fn floor(&self, operations: u64) -> Result<Outcome> {
        let mut floor = self.priority.command(self.repository, Core::Server, &self.programs.generator);
        floor.args([
            "floor",
            &format!("--operations={operations}"),
            &format!("--millis={}", self.plan.millis),
            "--dir",
        ]);
        let outcome: Outcome = generator::outcome_of(floor.arg(&self.disk))?;
        let disk_bytes_each = outcome.disk_bytes.map(|bytes| bytes as f64 / outcome.operations as f64);
        Ok(Outcome { disk_bytes_each, ..outcome })
    }
}

/// What was put into a server.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Filled {
    pub(super) operations: u64,
    pub(super) seconds: f64,
    /// Of each replica, the number of the last operation that was acknowledged.
    pub(super) acknowledged: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_tell_a_figure_has_none() {
        let mut readings = Readings::default();
        let outcome = Outcome { operations: 10, seconds: 2.0, cpu_nanos: Some(50_000), ..Outcome::default() };
        readings.add(Contender::Ours, Ok(outcome)).unwrap();
        readings.add(Contender::Postgres, Ok(Outcome { operations: 4, seconds: 1.0, ..Outcome::default() })).unwrap();
        let rates = readings.row("operations/s", 0, &[], Outcome::per_second).figures;
        assert_eq!((rates.of(Contender::Ours), rates.of(Contender::Postgres)), (&[5.0][..], &[4.0][..]));
        let cpu = readings.row("CPU", 0, &[], Outcome::cpu_micros).figures;
        assert_eq!((cpu.of(Contender::Ours), cpu.of(Contender::Postgres)), (&[5.0][..], &[][..]));
    }

    #[test]
    fn whoever_fails_is_left_out_and_named_unless_it_is_ours() {
        let mut readings = Readings::default();
        let outcome = Outcome { operations: 10, seconds: 2.0, ..Outcome::default() };
        readings.add(Contender::Ours, Ok(outcome.clone())).unwrap();
        readings.add(Contender::Pouch, Ok(outcome)).unwrap();
        readings.add(Contender::Pouch, Err(anyhow::anyhow!("the server hung up"))).unwrap();
        let rates = readings.row("operations/s", 0, &[], Outcome::per_second).figures;
        assert_eq!((rates.of(Contender::Ours), rates.of(Contender::Pouch)), (&[5.0][..], &[][..]));
        assert_eq!(readings.notes(), ["pouchdb-server could not do it in every round, so none of its figures count."]);
        assert!(readings.add(Contender::Ours, Ok(Outcome::default())).is_err());
    }
}
