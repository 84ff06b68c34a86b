use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::plan::{Measure, Plan};
use crate::bench::generator;
use crate::bench::measure::Measure as _;
use crate::bench::place::Priority;
use crate::process;
use crate::repository::Repository;

/// Whose ends are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Ours,
    Aiortc,
}

/// What every step needs.
pub(super) struct Bench<'a> {
    pub(super) repository: &'a Repository,
    pub(super) program: PathBuf,
    pub(super) plan: &'a Plan,
    pub(super) priority: Priority,
}

/// What the generator says of connects.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Connected {
    pub(super) millis: Vec<f64>,
}

/// What it says of idle links.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Idled {
    pub(super) offerer_resident_bytes_per_link: f64,
    pub(super) answerer_resident_bytes_per_link: f64,
    pub(super) offerer_anonymous_bytes_per_link: f64,
    pub(super) answerer_anonymous_bytes_per_link: f64,
}

/// What it says of a link kept full.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Transferred {
    pub(super) bytes: u64,
    pub(super) seconds: f64,
    pub(super) sender_cpu_nanos: u64,
    pub(super) receiver_cpu_nanos: u64,
}

/// Everything read for one measure; the nth reading of one kind belongs to the nth of the other.
#[derive(Debug, Default)]
pub(super) struct Readings {
    pub(super) connects: BTreeMap<Kind, Vec<Connected>>,
    pub(super) idles: BTreeMap<Kind, Vec<Idled>>,
    /// By the round trip in milliseconds.
    pub(super) transfers: BTreeMap<(u32, Kind), Vec<Transferred>>,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "sangam",
            Self::Aiortc => "aiortc",
        })
    }
}

impl Bench<'_> {
    /// The ends are on hosts of their own, which only root can make.
    pub(super) fn can_run(&self) -> bool {
        self.program.exists() && rustix::process::geteuid().is_root()
    }

    fn python(&self) -> PathBuf {
        self.repository.target().join("interop-venv/bin/python")
    }

    /// Who takes part: both, but in a smoke run only who is there.
    pub(super) fn kinds(&self, smoke: bool) -> Result<Vec<Kind>> {
        let has_python = self.python().exists();
        ensure!(has_python || smoke, "there is no aiortc in {}: run `cargo xtask setup`", self.python().display());
        Ok([Some(Kind::Ours), has_python.then_some(Kind::Aiortc)].into_iter().flatten().collect())
    }

    /// Of what is not ours.
    pub(super) fn versions(&self, kinds: &[Kind]) -> Result<String> {
        if !kinds.contains(&Kind::Aiortc) {
            return Ok(", no aiortc".to_owned());
        }
        const VERSIONS: &str = "import aiortc, platform; print(aiortc.__version__, platform.python_version())";
        let said = process::output_of(self.repository.command(self.python()).args(["-P", "-c", VERSIONS]))?;
        let (aiortc, python) = said.trim().split_once(' ').unwrap_or((said.trim(), "?"));
        Ok(format!(", aiortc {aiortc} on Python {python}"))
    }

    /// One reading of a kind; of transfers one for each round trip.
    pub(super) fn take(&self, measure: Measure, kind: Kind, readings: &mut Readings) -> Result<()> {
        let plan = self.plan;
        match measure {
            Measure::Connect => {
                let connected: Connected = self.run(measure, kind, &[format!("--connects={}", plan.connects)])?;
                ensure!(!connected.millis.is_empty(), "{connected:?} cannot be");
                readings.connects.entry(kind).or_default().push(connected);
            }
            Measure::Idle => {
                let arguments = [format!("--links={}", plan.links), format!("--settle-millis={}", plan.settle_millis)];
                readings.idles.entry(kind).or_default().push(self.run(measure, kind, &arguments)?);
            }
            Measure::Transfer => {
                for &round_trip in plan.round_trips {
                    let transferred = self.transfer(kind, round_trip)?;
                    readings.transfers.entry((round_trip, kind)).or_default().push(transferred);
                }
            }
        }
        Ok(())
    }

    fn transfer(&self, kind: Kind, round_trip: u32) -> Result<Transferred> {
        let arguments = [
            format!("--round-trip-millis={round_trip}"),
            format!("--warm-up-millis={}", self.plan.warm_up_millis),
            format!("--millis={}", self.plan.transfer_millis),
        ];
        let transferred: Transferred = self.run(Measure::Transfer, kind, &arguments)?;
        ensure!(transferred.bytes > 0 && transferred.sender_cpu_nanos > 0, "{transferred:?} cannot be");
        Ok(transferred)
    }

    fn run<T: DeserializeOwned>(&self, measure: Measure, kind: Kind, arguments: &[String]) -> Result<T> {
        let mut command = self.repository.command(&self.program);
        command.arg(measure.name()).args(arguments);
        if self.priority == Priority::Realtime {
            command.arg("--realtime");
        }
        if kind == Kind::Aiortc {
            command.arg("--python").arg(self.python());
            command.arg("--script").arg(self.repository.path("benches-e2e/mesh/peer/end.py"));
        }
        generator::outcome_of(&mut command)
    }
}
